// The register tiles of conv2d/framed_features.h: their lanes are output channels, their rows pixels.
#pragma once

#include "gemm/tile.h"

namespace pydl::PYDL_ISA {

// Where a pixel finds its number of the frame, and which row of weights that is multiplied by.
struct FramedStep {
    int32_t place, weight;
};

// Where the sums of a tile's rows go, to + order[i] * stride, and what is added to them: one row for all or,
// if start_mask is not 0 but -1, rows that lie like the sums.
template <typename T>
struct FramedSums {
    T* to;
    int64_t stride;
    const T* start;
    int64_t start_mask;
};

// to[i][lane] = start[i][lane] + sum over k of  pixel[i][step[k].place] * w[step[k].weight][lane], for
// i < rows <= MR.
template <typename T>
using FramedTile = void (*)(int64_t depth, const T* const* pixel, const FramedStep* step, const T* w,
                            const FramedSums<T>& sums, const int64_t* order, int64_t rows);

template <typename T, int MR, int NV>
void framed_tile(int64_t depth, const T* const* pixel, const FramedStep* step, const T* w,
                 const FramedSums<T>& sums, const int64_t* order, int64_t rows) {
    constexpr int64_t W = width<T>;
    vec<T> acc[MR][NV] = {};
    const T* at[MR];
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++) at[i] = pixel[i];
#pragma GCC unroll 1
    for (const FramedStep* end = step + depth; step != end; step++) {
        const T* weights = w + int64_t(step->weight) * (NV * W);
        vec<T> row[NV];
#pragma GCC unroll 3
        for (int v = 0; v < NV; v++) row[v] = load(weights + v * W);
        const int64_t place = step->place;
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++) {
            const vec<T> factor = broadcast<T>(at[i][place]);
#pragma GCC unroll 3
            for (int v = 0; v < NV; v++) acc[i][v] = fma(factor, row[v], acc[i][v]);
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++) {
        if (i >= rows) return;
        const int64_t place = order[i] * sums.stride;
        const T* start = sums.start + (place & sums.start_mask);
        T* to = sums.to + place;
#pragma GCC unroll 3
        for (int v = 0; v < NV; v++) store(to + v * W, acc[i][v] + load(start + v * W));
    }
}

// A pointer for each of more rows than 12 would not stay in a register, and for a single vector, for which
// there is no time to load it again, not for each of more than eight.
template <typename T>
constexpr int most_framed_rows(int vectors) {
    return vectors < 3 && many_registers ? (vectors == 1 ? 8 : 12) : most_tile_rows<T>(vectors);
}
// Rows of a tile come in steps of these: a few of a last tile may be computed in vain.
template <typename T>
constexpr int framed_tile_step(int vectors) {
    return most_framed_rows<T>(vectors) % 4 == 0 ? 4 : 3;
}

template <typename T, int NV, int... I>
FramedTile<T> find_framed_tile(int64_t rows, std::integer_sequence<int, I...>) {
    constexpr int step = framed_tile_step<T>(NV);
    static constexpr FramedTile<T> tiles[] = {framed_tile<T, (I + 1) * step, NV>...};
    return tiles[(rows - 1) / step];
}
template <typename T, int NV = 1>
FramedTile<T> framed_tile_of(int64_t rows, int64_t vectors) {
    if constexpr (NV < most_tile_vectors<T>)
        if (vectors > NV) return framed_tile_of<T, NV + 1>(rows, vectors);
    constexpr int sizes = most_framed_rows<T>(NV) / framed_tile_step<T>(NV);
    return find_framed_tile<T, NV>(rows, std::make_integer_sequence<int, sizes>{});
}

}  // namespace pydl::PYDL_ISA
