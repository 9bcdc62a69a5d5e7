// Depthwise convolutions with channels as lanes (conv2d/depthwise_lanes.h): some rows of outputs of a column.
//
// A pixel is loaded once for all rows that it belongs to, and a weight once for all of them:
//
//     for each tap v along the row that meets a pixel
//       loads the column of taps w[.., v]
//       row by row a vector of pixels, and adds its products to the sums of up to U rows
//
// Taps that meet nothing but zeros around the image are left out: of maps of 7 x 7 under a filter of 7 x 7
// they are four in ten.
#pragma once

#include "conv2d/depthwise_tile.h"

namespace pydl::PYDL_ISA {

inline constexpr int kLaneRows = 7;  // of a block: maps of 7, 14, 28, ... are usual

template <typename T>
struct LaneColumn {
    const vec<T>* w;      // read as w[u * taps + v]
    int64_t taps;         // of a row
    uint32_t rows;        // a bit for each row of pixels that is multiplied
    int64_t left, right;  // the taps along a row that are
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
    for (int i = 0; i < R; i++) acc[i] = column.bias;
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
struct LaneRows {
    int64_t taps, stride;
    void (*run)(const LaneColumn<T>&, const T* x, T* y);
};

// Rows that blocks compute, the last of which is moved back to end with the rows.
inline int64_t rows_of_blocks(int64_t rows) {
    return (rows + kLaneRows - 1) / kLaneRows * kLaneRows;
}

// In float64, they would seldom be worth their size.
template <typename T>
inline constexpr bool has_lane_rows = has_special_kernels && sizeof(T) == 4;

// Null where none fits.
template <typename T>
const LaneRows<T>* find_lane_rows([[maybe_unused]] const Axis& rows) {
    if constexpr (has_lane_rows<T>) {
        static constexpr LaneRows<T> kernels[] = {
            {5, 1, lane_rows<T, 5, 1>}, {7, 1, lane_rows<T, 7, 1>}, {5, 2, lane_rows<T, 5, 2>}};
        if (rows.dilation == 1 && rows.outputs >= kLaneRows)
            for (const auto& kernel : kernels)
                if (kernel.taps == rows.taps && kernel.stride == rows.stride) return &kernel;
    }
    return nullptr;
}

// Whether no weight times zero is other than zero.
template <typename T>
bool are_finite(const vec<T>* w, int64_t count) {
    vec<T> sum{};
    for (int64_t k = 0; k < count; k++) sum += w[k] - w[k];
    return !any(sum != sum);
}

}  // namespace pydl::PYDL_ISA
