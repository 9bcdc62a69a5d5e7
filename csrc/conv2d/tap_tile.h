// The register tile of conv2d_weight_gradient.cpp: its lanes are output channels, its rows taps, and pixels
// are added up.
#pragma once

#include "gemm/tile.h"

namespace pydl::PYDL_ISA {

// Output pixels that lie at even distances where every tap reads them: `length` from `source` on; their
// slopes are rows of dy from `slope` on.
struct Piece {
    int64_t source, length, slope;
};

// c[t][o] (+)= sum over the pixels p of all pieces of  tap[t][p * step] * dy[p][o].
template <typename T>
using TapTile = void (*)(const T* const* tap, int64_t step, const Piece* pieces, int64_t count, const T* dy,
                         int64_t dy_stride, T* c, int64_t c_stride);

template <typename T, int MR, int NV>
void tap_tile(const T* const* tap, int64_t step, const Piece* pieces, int64_t count, const T* dy,
              int64_t dy_stride, T* c, int64_t c_stride) {
    vec<T> acc[MR][NV] = {};
    for (int64_t p = 0; p < count; p++) {
        const T* row[MR];
#pragma GCC unroll 32
        for (int i = 0; i < MR; i++) row[i] = tap[i] + pieces[p].source;
        const T* from = dy + pieces[p].slope * dy_stride;
        const int64_t end = pieces[p].length * step;
#pragma GCC unroll 1
        for (int64_t place = 0; place < end; place += step, from += dy_stride) {
            vec<T> slope[NV];
#pragma GCC unroll 16
            for (int v = 0; v < NV; v++) slope[v] = load(from + v * width<T>);
#pragma GCC unroll 32
            for (int i = 0; i < MR; i++) {
                const vec<T> factor = broadcast<T>(row[i][place]);
#pragma GCC unroll 16
                for (int v = 0; v < NV; v++) acc[i][v] = fma(factor, slope[v], acc[i][v]);
            }
        }
    }
    store_tile<T, MR, NV>(acc, c, c_stride, NV * width<T>, true);
}

template <typename T, typename Shapes>
struct TapTileTable;
template <typename T, int... I>
struct TapTileTable<T, std::integer_sequence<int, I...>> {
    static constexpr TapTile<T> entry[] = {tap_tile<T, I / tile_vectors<T> + 1, I % tile_vectors<T> + 1>...};
};
template <typename T>
inline TapTile<T> tap_tile_function(int64_t rows, int64_t columns) {
    using Table = TapTileTable<T, std::make_integer_sequence<int, tile_rows<T> * tile_vectors<T>>>;
    return Table::entry[(rows - 1) * tile_vectors<T> + (columns - 1) / width<T>];
}

}  // namespace pydl::PYDL_ISA
