// Depthwise convolutions with channels as lanes (conv2d/depthwise_lanes.h): some rows of outputs of a column.
//
// A pixel is loaded once for all rows that it belongs to, and a weight once for all of them:
//
//     for each tap v along the row that meets a pixel
//       loads the column of taps w[.., v]
//       row by row a vector of pixels, and adds its products to the sums of up to U rows
//
// Taps that meet nothing but zeros around the image are left out: of maps of 7 x 7 under a filter of 7 x 7
// they are four in ten. Filters with more rows than there are registers for are parts of 7, 5 or 3 rows, each
// added to what those before it have left (conv2d/tap_parts.h), and so are long rows of taps, so that what a
// part reads stays in the first-level cache.
#pragma once

#include "conv2d/depthwise_tile.h"
#include "conv2d/tap_parts.h"

namespace pydl::PYDL_ISA {

inline constexpr int kLaneRows = 7;       // of a block: maps of 7, 14, 28, ... are usual
inline constexpr int64_t kLaneTaps = 16;  // of a row of taps, at once

template <typename T>
struct LaneColumn {
    const vec<T>* w;      // read as w[u * taps + v]
    int64_t taps;         // of a row
    uint32_t rows;        // a bit for each row of pixels that is multiplied
    int64_t left, right;  // the taps along a row that are
    bool goes_on;         // sums are added to what is there, else to the bias
    vec<T> bias;
    int64_t x_row, x_tap, y_row;
};

template <typename T, int U, int Stride>
void lane_rows(const LaneColumn<T>& column, const T* x, T* y) {
    const int64_t taps = column.taps, x_row = column.x_row, y_row = column.y_row;
    const uint32_t rows = column.rows;
    constexpr int R = kLaneRows;
    vec<T> acc[R];
#pragma GCC unroll 8
    for (int i = 0; i < R; i++) acc[i] = column.goes_on ? load(y + i * y_row) : column.bias;
    const vec<T>* w = column.w + column.left;
    x += column.left * column.x_tap;
    for (int64_t v = column.left; v < column.right; v++, w++, x += column.x_tap) {
        vec<T> weight[U];
#pragma GCC unroll 8
        for (int u = 0; u < U; u++) weight[u] = in_register(w[u * taps]);
        const T* row = x;
#pragma GCC unroll 32
        for (int h = 0; h < (R - 1) * Stride + U; h++, row += x_row)
            if (rows & 1u << h) add_pixels<T, U, Stride, R>(acc, weight, row, h);
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; i++, y += y_row) store(y, acc[i]);
}

template <typename T>
using LaneRows = void (*)(const LaneColumn<T>&, const T* x, T* y);

// Dilated rows of outputs are divided into those that read the same rows, each with blocks of its own, the
// last of which is moved back to end with them.
inline int64_t lane_row_blocks(const Axis& rows) {
    int64_t blocks = 0;
    for (int64_t r = 0; r < rows.dilation; r++)
        blocks += ((rows.outputs - r - 1) / rows.dilation + kLaneRows) / kLaneRows;
    return blocks;
}

// In float64, they would seldom be worth their size.
template <typename T>
inline constexpr bool has_lane_rows = has_special_kernels && sizeof(T) == 4;

// The one for a part of so many taps.
template <typename T>
LaneRows<T> lane_rows_of_part(int64_t taps, int64_t stride) {
    if (stride == 2) return lane_rows<T, 5, 2>;
    return taps == 3 ? lane_rows<T, 3, 1> : taps == 5 ? lane_rows<T, 5, 1> : lane_rows<T, 7, 1>;
}

// Whether outputs with such rows may be computed so.
template <typename T>
bool suits_lane_rows([[maybe_unused]] const Axis& rows) {
    if constexpr (has_lane_rows<T>)
        return rows.outputs / rows.dilation >= kLaneRows &&
               (rows.stride == 1 ? rows.taps >= 5 : rows.stride == 2 && rows.taps == 5 && rows.dilation == 1);
    return false;
}

// Whether no weight times zero is other than zero.
template <typename T>
bool are_finite(const vec<T>* w, int64_t count) {
    vec<T> sum{};
    for (int64_t k = 0; k < count; k++) sum += w[k] - w[k];
    return !any(sum != sum);
}

}  // namespace pydl::PYDL_ISA
