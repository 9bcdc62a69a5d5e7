// A convolution whose groups have few features each: patches would not be used often enough to pay for
// gathering them, so the vectors of a tile are read where the frame has them.
//
// A cell is a vector of neighbouring outputs of one row; some cells at a time make a tile, all features of a
// group for each. Of a cell at the end of a row only the outputs that exist are stored.
#pragma once

#include "conv2d/product.h"

namespace pydl::PYDL_ISA {

constexpr int kFewFeatures = 4;
// In float64 with many registers, larger tiles are hardly faster than other ways, and would be the largest
// code.
template <typename T>
inline constexpr int most_direct_features = sizeof(T) == 4 || !many_registers ? 8 : kFewFeatures;

// Cells of a tile with MR features.
template <int MR>
inline constexpr int direct_cells = MR > kFewFeatures ? (many_registers ? 3 : 1)
                                    : MR > 2          ? (many_registers ? 4 : 2)
                                                      : 4;

template <typename T>
struct Cell {
    int64_t source;          // of tap (0, 0) in the frame
    int64_t target, length;  // of its outputs, relative to those of the first row
};

template <typename T, int NV>
struct CellVectors {
    const T* cell[NV];
    const int64_t* tap;
    PYDL_INLINE vec<T> operator()(int64_t k, int v) const { return load(cell[v] + tap[k]); }
};

// y[m * feature_stride + target + j * stride] = bias[m] + sum over k of  w[k][m] * frame[source + tap[k] + j]
// for j < length of each cell.
template <typename T, int MR, int NV>
void direct_tile(int64_t depth, const T* w, const T* bias, const T* frame, const int64_t* tap,
                 const Cell<T>* cells, T* y, int64_t feature_stride, int64_t stride) {
    vec<T> acc[MR][NV];
#pragma GCC unroll 8
    for (int m = 0; m < MR; m++)
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) acc[m][v] = broadcast<T>(bias[m]);
    CellVectors<T, NV> from;
    from.tap = tap;
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) from.cell[v] = frame + cells[v].source;
    outer_products<T, MR, NV>(acc, depth, PanelRows<T, MR>{w}, from);
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++)
#pragma GCC unroll 8
        for (int m = 0; m < MR; m++) {
            T* to = y + m * feature_stride + cells[v].target;
            if (stride == 1) {
                store_partial(to, acc[m][v], cells[v].length);
            } else {
                T lanes[width<T>];
                store(lanes, acc[m][v]);
                for (int64_t j = 0; j < cells[v].length; j++) to[j * stride] = lanes[j];
            }
        }
}

template <typename T>
struct DirectTiles {
    using Tile = void (*)(int64_t depth, const T* w, const T* bias, const T* frame, const int64_t* tap,
                          const Cell<T>* cells, T* y, int64_t feature_stride, int64_t stride);
    Tile of_some, of_one;
    int some;  // cells
};

// The tiles with 1, 2, ... features.
template <typename T, int... I>
const DirectTiles<T>& direct_tiles(int64_t features, std::integer_sequence<int, I...>) {
    static constexpr DirectTiles<T> tiles[] = {
        {direct_tile<T, I + 1, direct_cells<I + 1>>, direct_tile<T, I + 1, 1>, direct_cells<I + 1>}...};
    return tiles[features - 1];
}

// Rows whose pixels stay in the first-level caches.
template <typename T>
Parts direct_stripes(const Correlation<T>& conv) {
    const int64_t pixels = 1 + 16384 / conv.channels / conv.rows.stride / conv.columns.stride;
    return {conv.rows.outputs, 1 + pixels / conv.columns.outputs};
}

template <typename T>
void correlate_direct(const Correlation<T>& conv) {
    const auto& tiles =
        direct_tiles<T>(conv.features, std::make_integer_sequence<int, most_direct_features<T>>{});
    const int64_t M = conv.features, NV = tiles.some;
    constexpr int64_t W = width<T>;
    const int64_t I = conv.rows.outputs, J = conv.columns.outputs, K = conv.channels * conv.taps();
    const Images<T>& y = conv.y;

    const Parts stripes = direct_stripes(conv);
    const FrameLayout layout(conv.rows, conv.columns, stripes.size);
    const Scratch<int64_t> tap(K);
    for (int64_t c = 0, k = 0; c < conv.channels; c++)
        for (int64_t t = 0; t < conv.taps(); t++, k++) tap[k] = c * layout.channel() + layout.taps()[t];
    const Scratch<T> weights(conv.groups * K * M + 1), bias(conv.groups * M);
    for (int64_t g = 0, k = 0; g < conv.groups; g++) {
        for (int64_t c = 0; c < conv.channels; c++)
            for (int64_t u = 0; u < conv.rows.taps; u++)
                for (int64_t v = 0; v < conv.columns.taps; v++)
                    for (int64_t m = 0; m < M; m++, k++)
                        weights[k] = conv.weights(
                            g, m)[c * conv.w_stride[1] + u * conv.w_stride[2] + v * conv.w_stride[3]];
        for (int64_t m = 0; m < M; m++)
            bias[g * M + m] = conv.bias ? conv.bias[(g * M + m) * conv.bias_stride] : T(0);
    }
    // The cells of a stripe, row by row; where rows lie one behind another on both sides, they are one line,
    // such as the rows of images of one column.
    const bool flat = layout.pitch() == J && (J == 1 || y.stride[2] == J * y.stride[3]);
    const int64_t lines = flat ? 1 : stripes.size, length = flat ? stripes.size * J : J;
    const int64_t step = J == 1 ? y.stride[2] : y.stride[3];
    const int64_t row_cells = (length + W - 1) / W;
    const Scratch<Cell<T>> cells(lines * row_cells);
    for (int64_t k = 0; k < lines * row_cells; k++) {
        const int64_t i = k / row_cells, j = k % row_cells * W;
        cells[k] = {i * layout.pitch() + j, i * y.stride[2] + j * step, length - j < W ? length - j : W};
    }

    const int64_t work = lines * row_cells * W * (K + 4) * M;
    const auto run = [&](int64_t begin, int64_t end) {
        const Scratch<T> frame(conv.channels * layout.channel() + layout.pitch() + W);
        int64_t filled = -1;  // the stripe that the frame has the zeros of
        for (int64_t task = begin; task < end; task++) {
            const int64_t stripe = task % stripes.count, g = task / stripes.count % conv.groups;
            const int64_t n = task / stripes.count / conv.groups;
            const int64_t top = stripes.begin(stripe), rows = stripes.length(stripe, I);
            layout.fill(frame.data(), conv.x, n, g * conv.channels, conv.channels, top, rows,
                        stripe == filled);
            filled = stripe;
            const T* w = weights.data() + g * K * M;
            T* out = y.at(n, g * M) + top * y.stride[2];
            const int64_t own_cells = flat ? (rows * J + W - 1) / W : rows * row_cells;
            // A shorter stripe's line ends earlier.
            const Cell<T> last = {cells[own_cells - 1].source, cells[own_cells - 1].target,
                                  flat ? rows * J - (own_cells - 1) * W : cells[own_cells - 1].length};
            for (int64_t k = 0; k < own_cells;) {
                const bool whole = own_cells - k >= NV + flat;
                const Cell<T>* from = flat && k == own_cells - 1 ? &last : cells.data() + k;
                (whole ? tiles.of_some : tiles.of_one)(K, w, bias.data() + g * M, frame.data(), tap.data(),
                                                       from, out, y.stride[1], step);
                k += whole ? NV : 1;
            }
        }
    };
    parallel_for(conv.x.shape[0] * conv.groups * stripes.count, 1 + GemmBlocks<T>::thread_work / work, run);
}

}  // namespace pydl::PYDL_ISA
