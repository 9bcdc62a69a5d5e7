// Between the space of pixels and that of products: whole tiles (conv2d_winograd_line.h).
//
// Place (i, j) of a transformed tile lies at (i * places + j) * pitch. Loops are unrolled where a tile of 6 x
// 6 stays in registers by that; a larger one waits in memory.
#pragma once

#include "conv2d_winograd_line.h"

namespace pydl::PYDL_ISA {

// Where transformed number (i, j) is multiplied, and as which part of a channel.
template <typename Line>
constexpr int place_of(int i, int j) {
    constexpr int P = Line::places / Line::parts;
    return i % P * P + j % P;
}
template <typename Line>
constexpr int part_of(int i, int j) {
    constexpr int P = Line::places / Line::parts;
    return j / P * Line::parts + i / P;
}

// `width` tiles of pixels, of which (i, j) lies at i * row_pitch + j * column_pitch, from `from` to `to`.
template <typename T, typename Line>
PYDL_INLINE void winograd_source(const T* from, int64_t row_pitch, int64_t column_pitch, T* to,
                                 int64_t to_pitch) {
    constexpr int P = Line::places, pixels = Line::pixels;
    vec<T> half[pixels][P];
#pragma GCC unroll 6
    for (int i = 0; i < pixels; i++) {
        vec<T> row[P];
#pragma GCC unroll 10
        for (int j = 0; j < pixels; j++) row[j] = load(from + i * row_pitch + j * column_pitch);
        Line::transform_source(row);
#pragma GCC unroll 10
        for (int j = 0; j < P; j++) half[i][j] = row[j];
    }
#pragma GCC unroll 6
    for (int j = 0; j < P; j++) {
        vec<T> column[P];
#pragma GCC unroll 10
        for (int i = 0; i < pixels; i++) column[i] = half[i][j];
        Line::transform_source(column);
#pragma GCC unroll 10
        for (int i = 0; i < P; i++) store(to + (i * P + j) * to_pitch, column[i]);
    }
}

// `lanes` filters, whose taps (u, v) are the vectors at from + (u * taps + v) * from_pitch. Without Exact
// whole vectors are written, beyond the lanes. Parts lie part_pitch apart.
template <typename T, typename Line, bool Exact>
PYDL_INLINE void winograd_filter(const T* from, int64_t from_pitch, T* to, int64_t to_pitch,
                                 int64_t part_pitch, int64_t lanes) {
    constexpr int U = Line::taps, P = Line::places;
    vec<T> half[U][P];
#pragma GCC unroll 3
    for (int u = 0; u < U; u++) {
        vec<T> row[U], whole[P];
#pragma GCC unroll 5
        for (int v = 0; v < U; v++) row[v] = load(from + (u * U + v) * from_pitch);
        Line::transform_filter(row, whole);
#pragma GCC unroll 14
        for (int j = 0; j < P; j++) half[u][j] = whole[j];
    }
#pragma GCC unroll 6
    for (int j = 0; j < P; j++) {
        vec<T> column[U], whole[P];
#pragma GCC unroll 5
        for (int u = 0; u < U; u++) column[u] = half[u][j];
        Line::transform_filter(column, whole);
#pragma GCC unroll 14
        for (int i = 0; i < P; i++) {
            T* at = to + place_of<Line>(i, j) * to_pitch + part_of<Line>(i, j) * part_pitch;
            if constexpr (Exact)
                store_partial(at, whole[i], lanes);
            else
                store(at, whole[i]);
        }
    }
}

// y[i][j] of `width` tiles.
template <typename T, typename Line>
PYDL_INLINE void winograd_output(const T* from, int64_t from_pitch,
                                 vec<T> (&y)[Line::outputs][Line::outputs]) {
    constexpr int P = Line::places, M = Line::outputs;
    vec<T> half[M][P];
#pragma GCC unroll 6
    for (int j = 0; j < P; j++) {
        vec<T> column[P], sums[M];
#pragma GCC unroll 8
        for (int i = 0; i < P; i++) column[i] = load(from + (i * P + j) * from_pitch);
        Line::transform_output(column, sums);
#pragma GCC unroll 4
        for (int i = 0; i < M; i++) half[i][j] = sums[i];
    }
#pragma GCC unroll 4
    for (int i = 0; i < M; i++) Line::transform_output(half[i], y[i]);
}

// A dy A' of `width` tiles of slopes, laid out like pixels; parts have the same.
template <typename T, typename Line>
PYDL_INLINE void winograd_slope(const T* from, int64_t row_pitch, int64_t column_pitch, T* to,
                                int64_t to_pitch) {
    constexpr int P = Line::places / Line::parts, M = Line::outputs;
    vec<T> half[M][P];
#pragma GCC unroll 4
    for (int i = 0; i < M; i++) {
        vec<T> row[M], whole[P];
#pragma GCC unroll 4
        for (int j = 0; j < M; j++) row[j] = load(from + i * row_pitch + j * column_pitch);
        Line::transform_slope(row, whole);
#pragma GCC unroll 10
        for (int j = 0; j < P; j++) half[i][j] = whole[j];
    }
#pragma GCC unroll 6
    for (int j = 0; j < P; j++) {
        vec<T> column[M], whole[P];
#pragma GCC unroll 4
        for (int i = 0; i < M; i++) column[i] = half[i][j];
        Line::transform_slope(column, whole);
#pragma GCC unroll 10
        for (int i = 0; i < P; i++) store(to + (i * P + j) * to_pitch, whole[i]);
    }
}

// G' u G of `width` filters, where u has sums * sums numbers: tap (u, v) goes to dg + (u * taps + v) * width.
template <typename T, typename Line>
PYDL_INLINE void winograd_weight(const T* from, int64_t from_pitch, T* dg) {
    constexpr int P = Line::sums, U = Line::taps;
    vec<T> half[U][P];
#pragma GCC unroll 6
    for (int j = 0; j < P; j++) {
        vec<T> column[P], sums[U];
#pragma GCC unroll 10
        for (int i = 0; i < P; i++) column[i] = load(from + (i * P + j) * from_pitch);
        Line::transform_weight(column, sums);
#pragma GCC unroll 5
        for (int u = 0; u < U; u++) half[u][j] = sums[u];
    }
#pragma GCC unroll 3
    for (int u = 0; u < U; u++) {
        vec<T> sums[U];
        Line::transform_weight(half[u], sums);
#pragma GCC unroll 5
        for (int v = 0; v < U; v++) store(dg + (u * U + v) * width<T>, sums[v]);
    }
}

// The columns of M * width neighbouring pixels at `from`: column[j] holds pixels j, M + j, 2 M + j, ...
template <typename T, int M>
PYDL_INLINE void split_columns(const T* from, vec<T> (&column)[M]) {
    if constexpr (M == 1) {
        column[0] = load(from);
    } else {
        vec<T> low[M / 2], high[M / 2];
        split_columns<T, M / 2>(from, low);
        split_columns<T, M / 2>(from + M / 2 * width<T>, high);
#pragma GCC unroll 4
        for (int j = 0; j < M / 2; j++) {
            column[j] = even_lanes(low[j], high[j]);
            column[j + M / 2] = odd_lanes(low[j], high[j]);
        }
    }
}

template <typename V, int... I>
PYDL_INLINE V next_lanes(V a, V b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (I + 1)...);
}
// Lanes 1, 2, ... of a and the first of b.
template <typename T>
PYDL_INLINE vec<T> next_lanes(vec<T> a, vec<T> b) {
    return next_lanes(a, b, std::make_integer_sequence<int, width<T>>{});
}

// The inverse of split_columns: stores M * width neighbouring pixels.
template <typename T, int M>
PYDL_INLINE void join_columns(T* to, const vec<T> (&column)[M]) {
    if constexpr (M == 1) {
        store(to, column[0]);
    } else {
        vec<T> low[M / 2], high[M / 2];
#pragma GCC unroll 4
        for (int j = 0; j < M / 2; j++) {
            low[j] = zip_low(column[j], column[j + M / 2]);
            high[j] = zip_high(column[j], column[j + M / 2]);
        }
        join_columns<T, M / 2>(to, low);
        join_columns<T, M / 2>(to + M / 2 * width<T>, high);
    }
}

}  // namespace pydl::PYDL_ISA
