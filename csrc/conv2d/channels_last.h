// A convolution whose images have the channels of a pixel side by side, so that nothing is gathered or
// turned.
//
// The lanes of a tile are output channels, its rows neighbouring pixels of one output row:
//
//     y[pixel, o] = b[o] + sum over (u, v, c) of  x[pixel of tap (u, v), c] * w[(u, v, c), o]
//
// Step by step a tile reads one number of each of its pixels and a row of weights. The numbers of one row of
// taps are neighbours in x; the zeros around the images are already in x.
//
//   for each task: some pieces of output rows            (in parallel)
//     for each panel of weights: L output channels
//       for each piece, for each tile: its sums, the bias, what is to be added, ReLU
//
// An element is one chain of multiply-adds that begins with the bias.
#pragma once

#include "array.h"
#include "gemm/blocked.h"
#include "gemm/rows_apart.h"

namespace pydl::PYDL_ISA {

// Multiply-adds of a task below which another thread costs more than it brings.
inline constexpr int64_t channels_last_thread_work = 100000;

// y = b + the convolution + add, and ReLU. Weights as panels (P, U, V, C, L): panel p has the output channels
// from p L on. b and add may be null.
template <typename T>
struct ChannelsLast {
    Array<const T, 4> x;
    Array<const T, 5> w;
    const T* b;
    Array<const T, 4> add;
    Array<T, 4> y;
    int64_t row_stride, column_stride, row_dilation, column_dilation;
    bool relu;

    int64_t panel_columns(int64_t p) const {
        const int64_t left = y.shape[1] - p * w.shape[4];
        return left < w.shape[4] ? left : w.shape[4];
    }
    int64_t depth() const { return w.shape[1] * w.shape[2] * w.shape[3]; }
};

// Neighbouring outputs of one row. x: tap (0, 0) of the first pixel's first channel.
template <typename T>
struct PixelTile {
    const T* x;
    int64_t x_pixel;     // from one pixel to the next
    const int64_t* run;  // where runs of `depth` numbers begin, relative to x
    int64_t runs, depth;
    const T* w;
    int64_t w_pitch;
    const T *b, *add;
    int64_t add_pixel;
    T* y;
    int64_t y_pixel;
    int64_t columns;  // output channels
    bool relu;
};

template <typename T, int MR, int NV>
void pixel_tile(const PixelTile<T>& t) {
    constexpr int64_t W = width<T>;
    const int64_t lanes = t.columns - (NV - 1) * W;  // of the last vector
    vec<T> acc[MR][NV];
#pragma GCC unroll 2
    for (int v = 0; v < NV; v++) {
        const vec<T> bias = t.b == nullptr ? vec<T>{} : load_partial(t.b + v * W, t.columns - v * W);
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++) acc[i][v] = bias;
    }
    const T* w = t.w;
    const int64_t pitch = t.w_pitch, depth = t.depth;
    for (int64_t r = 0; r < t.runs; r++) {
        RowsApart<T, MR> rows(t.x + t.run[r], t.x_pixel);
#pragma GCC unroll 1
        for (int64_t k = 0; k < depth; k++) {
            vec<T> row[NV];
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) row[v] = load(w + v * W);
#pragma GCC unroll 14
            for (int i = 0; i < MR; i++) {
                const vec<T> factor = broadcast<T>(rows[i]);
#pragma GCC unroll 2
                for (int v = 0; v < NV; v++) acc[i][v] = fma(factor, row[v], acc[i][v]);
            }
            rows.advance();
            w += pitch;
        }
    }
    const auto finish = [&t](vec<T> sum)
                            PYDL_INLINE_LAMBDA { return t.relu ? select(sum <= T(0), vec<T>{}, sum) : sum; };
    T* y = forget(t.y);
    if (t.add != nullptr) {
        const T* add = t.add;
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++, add += t.add_pixel) {
#pragma GCC unroll 2
            for (int v = 0; v < NV - 1; v++) acc[i][v] += load(add + v * W);
            acc[i][NV - 1] += load_partial(add + (NV - 1) * W, lanes);
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++, y += t.y_pixel) {
#pragma GCC unroll 2
        for (int v = 0; v < NV - 1; v++) store(y + v * W, finish(acc[i][v]));
        store_partial(y + (NV - 1) * W, finish(acc[i][NV - 1]), lanes);
    }
}

template <typename T, int NV, typename Rows>
struct PixelTiles;
template <typename T, int NV, int... I>
struct PixelTiles<T, NV, std::integer_sequence<int, I...>> {
    static constexpr void (*of_rows[])(const PixelTile<T>&) = {pixel_tile<T, I + 1, NV>...};
};

template <typename T, int NV>
void run_pixel_tile(const PixelTile<T>& tile, int64_t pixels) {
    PixelTiles<T, NV, std::make_integer_sequence<int, most_tile_rows<T>(NV)>>::of_rows[pixels - 1](tile);
}

template <typename T>
void correlate_channels_last(const ChannelsLast<T>& conv) {
    constexpr int64_t W = width<T>, least_pixels = 56;
    const Array<const T, 4>& x = conv.x;
    const Array<T, 4>& y = conv.y;
    const int64_t U = conv.w.shape[1], V = conv.w.shape[2], C = conv.w.shape[3], L = conv.w.shape[4];
    const int64_t P = conv.w.shape[0];
    // Where rows of pixels lie one behind another, they are one row, and so are whole images.
    int64_t N = y.shape[0], I = y.shape[2], J = y.shape[3];
    const bool adds = conv.add.data != nullptr;
    const int64_t x_pixel = x.stride[3] * conv.column_stride, x_row = x.stride[2] * conv.row_stride;
    if (x_row == J * x_pixel && y.stride[2] == J * y.stride[3] &&
        (!adds || conv.add.stride[2] == J * conv.add.stride[3]))
        J *= I, I = 1;
    if (I == 1 && x.stride[0] == J * x_pixel && y.stride[0] == J * y.stride[3] &&
        (!adds || conv.add.stride[0] == J * conv.add.stride[3]))
        J *= N, N = 1;

    const bool joined =
        C == 1 ? x.stride[3] == conv.column_dilation : conv.column_dilation == 1 && x.stride[3] == C;
    const int64_t runs = joined || V == 1 ? U : U * V, depth = U * V * C / runs;
    const Scratch<int64_t> run(runs);
    for (int64_t r = 0; r < runs; r++)
        run[r] = r * U / runs * conv.row_dilation * x.stride[2] +
                 (runs == U ? 0 : r % V * conv.column_dilation * x.stride[3]);

    const Parts pieces(J, least_pixels);
    const int64_t items = N * I * pieces.count;
    int64_t band = (least_pixels - 1) / pieces.size + 1;
    while (band > 1 && Parts(items, band).count * P < num_threads()) band = (band + 1) / 2;
    const Parts bands(items, band);
    parallel_for(
        bands.count * P, 1 + channels_last_thread_work / (bands.size * pieces.size * conv.depth() * L),
        [&](int64_t begin, int64_t end) {
            PixelTile<T> tile;
            tile.x_pixel = x_pixel;
            tile.run = run.data(), tile.runs = runs, tile.depth = depth;
            tile.w_pitch = L;
            tile.add_pixel = adds ? conv.add.stride[3] : 0;
            tile.y_pixel = y.stride[3];
            tile.relu = conv.relu;
            for (int64_t task = begin; task < end; task++) {
                const int64_t p = task % P, b = task / P;
                for (int64_t v = 0; v < conv.panel_columns(p); v += 2 * W) {
                    const int64_t left = conv.panel_columns(p) - v, o = p * L + v;
                    tile.columns = left < 2 * W ? left : 2 * W;
                    tile.w = conv.w.data + p * conv.depth() * L + v;
                    tile.b = conv.b == nullptr ? nullptr : conv.b + o;
                    const int64_t first = bands.begin(b), last = first + bands.length(b, items);
                    for (int64_t item = first; item < last; item++) {
                        const int64_t row = item / pieces.count, n = row / I, i = row % I;
                        const int64_t j = pieces.begin(item % pieces.count);
                        const Parts tiles(pieces.length(item % pieces.count, J),
                                          most_tile_rows<T>(tile.columns > W ? 2 : 1));
                        for (int64_t t = 0; t < tiles.count; t++) {
                            const int64_t at = j + tiles.begin(t);
                            tile.x = x.data + n * x.stride[0] + i * x_row + at * x_pixel;
                            tile.y = y.data + n * y.stride[0] + i * y.stride[2] + at * y.stride[3] + o;
                            tile.add = !adds ? nullptr
                                             : conv.add.data + n * conv.add.stride[0] +
                                                   i * conv.add.stride[2] + at * conv.add.stride[3] + o;
                            const int64_t pixels = tiles.length(t, pieces.length(item % pieces.count, J));
                            if (tile.columns > W)
                                run_pixel_tile<T, 2>(tile, pixels);
                            else
                                run_pixel_tile<T, 1>(tile, pixels);
                        }
                    }
                }
            }
        });
}

}  // namespace pydl::PYDL_ISA
