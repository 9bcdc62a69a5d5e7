// Between the space of pixels and that of products: whole tiles (conv2d/winograd_line.h).
//
// Place (i, j) of a transformed tile lies at (i * places + j) * pitch. Loops over lines are unrolled where a
// tile of 6 x 6 stays in registers by that; a larger one waits in memory.
#pragma once

#include "conv2d/winograd_line.h"

namespace pydl::PYDL_ISA {

// Which lines the columns of a tile are, where they are not those of its rows.
template <typename T, typename Line>
struct RowsOfLine {
    using type = Line;
};
template <typename T, typename Line>
using RowsOf = typename RowsOfLine<T, Line>::type;

// Tiles of a single row, whose lines are Line.
template <typename Line>
struct InOneRow : Line {};

template <typename T>
struct SinglePixel {
    static constexpr int taps = 1, pixels = 1, step = 1, places = 1, outputs = 1, parts = 1, sums = 1;
    using V = vec<T>;

    PYDL_INLINE static void transform_source(V (&)[1]) {}
    PYDL_INLINE static void transform_filter(const V (&g)[1], V (&u)[1]) { u[0] = g[0]; }
    PYDL_INLINE static void transform_output(const V (&m)[1], V (&y)[1]) { y[0] = m[0]; }
    PYDL_INLINE static void transform_slope(const V (&dy)[1], V (&m)[1]) { m[0] = dy[0]; }
    PYDL_INLINE static void transform_weight(const V (&u)[1], V (&dg)[1]) { dg[0] = u[0]; }
};
template <typename T, typename Line>
struct RowsOfLine<T, InOneRow<Line>> {
    using type = SinglePixel<T>;
};

// Where transformed number (i, j) is multiplied, and as which part of a channel.
template <typename Rows, typename Line>
constexpr int place_of(int i, int j) {
    constexpr int P = Line::places / Line::parts;
    return i % (Rows::places / Rows::parts) * P + j % P;
}
template <typename Rows, typename Line>
constexpr int part_of(int i, int j) {
    return j / (Line::places / Line::parts) * Rows::parts + i / (Rows::places / Rows::parts);
}

// f(0), f(1), ... for so many lines of a tile.
template <typename Line, int count, typename F>
PYDL_INLINE void for_lines(const F& f) {
    if constexpr (Line::places <= 6) {
#pragma GCC unroll 6
        for (int i = 0; i < count; i++) f(i);
    } else {
#pragma GCC unroll 1
        for (int i = 0; i < count; i++) f(i);
    }
}

// `width` tiles of pixels, of which (i, j) lies at i * row_pitch + j * column_pitch, from `from` to `to`.
template <typename T, typename Line>
PYDL_INLINE void winograd_source(const T* from, int64_t row_pitch, int64_t column_pitch, T* to,
                                 int64_t to_pitch) {
    using Rows = RowsOf<T, Line>;
    constexpr int P = Line::places, R = Rows::places;
    vec<T> half[Rows::pixels][P];
    for_lines<Line, Rows::pixels>([&](int i) PYDL_INLINE_LAMBDA {
        vec<T> row[P];
#pragma GCC unroll 10
        for (int j = 0; j < Line::pixels; j++) row[j] = load(from + i * row_pitch + j * column_pitch);
        Line::transform_source(row);
#pragma GCC unroll 10
        for (int j = 0; j < P; j++) half[i][j] = row[j];
    });
    for_lines<Line, P>([&](int j) PYDL_INLINE_LAMBDA {
        vec<T> column[R];
#pragma GCC unroll 10
        for (int i = 0; i < Rows::pixels; i++) column[i] = half[i][j];
        Rows::transform_source(column);
#pragma GCC unroll 10
        for (int i = 0; i < R; i++) store(to + (i * P + j) * to_pitch, column[i]);
    });
}

// `lanes` filters, whose taps (u, v) are the vectors at from + (u * V + v) * from_pitch. Without Exact
// whole vectors are written, beyond the lanes. Parts lie part_pitch apart.
template <typename T, typename Line, bool Exact>
PYDL_INLINE void winograd_filter(const T* from, int64_t from_pitch, T* to, int64_t to_pitch,
                                 int64_t part_pitch, int64_t lanes) {
    using Rows = RowsOf<T, Line>;
    constexpr int U = Rows::taps, V = Line::taps, P = Line::places, R = Rows::places;
    vec<T> half[U][P];
    for_lines<Line, U>([&](int u) PYDL_INLINE_LAMBDA {
        vec<T> row[V], whole[P];
#pragma GCC unroll 7
        for (int v = 0; v < V; v++) row[v] = load(from + (u * V + v) * from_pitch);
        Line::transform_filter(row, whole);
#pragma GCC unroll 14
        for (int j = 0; j < P; j++) half[u][j] = whole[j];
    });
    for_lines<Line, P>([&](int j) PYDL_INLINE_LAMBDA {
        vec<T> column[U], whole[R];
#pragma GCC unroll 7
        for (int u = 0; u < U; u++) column[u] = half[u][j];
        Rows::transform_filter(column, whole);
#pragma GCC unroll 14
        for (int i = 0; i < R; i++) {
            T* at = to + place_of<Rows, Line>(i, j) * to_pitch + part_of<Rows, Line>(i, j) * part_pitch;
            if constexpr (Exact)
                store_partial(at, whole[i], lanes);
            else
                store(at, whole[i]);
        }
    });
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
    using Rows = RowsOf<T, Line>;
    constexpr int P = Line::places / Line::parts, M = Line::outputs;
    constexpr int R = Rows::places / Rows::parts, row_M = Rows::outputs;
    vec<T> half[row_M][P];
    for_lines<Line, row_M>([&](int i) PYDL_INLINE_LAMBDA {
        vec<T> row[M], whole[P];
#pragma GCC unroll 4
        for (int j = 0; j < M; j++) row[j] = load(from + i * row_pitch + j * column_pitch);
        Line::transform_slope(row, whole);
#pragma GCC unroll 10
        for (int j = 0; j < P; j++) half[i][j] = whole[j];
    });
    for_lines<Line, P>([&](int j) PYDL_INLINE_LAMBDA {
        vec<T> column[row_M], whole[R];
#pragma GCC unroll 4
        for (int i = 0; i < row_M; i++) column[i] = half[i][j];
        Rows::transform_slope(column, whole);
#pragma GCC unroll 10
        for (int i = 0; i < R; i++) store(to + (i * P + j) * to_pitch, whole[i]);
    });
}

// dg (+)= G' u G of `width` filters, whose numbers are `sums` of each line: tap (u, v) at dg + (u * V + v) *
// dg_pitch.
template <typename T, typename Line>
PYDL_INLINE void winograd_weight(const T* from, int64_t from_pitch, T* dg, int64_t dg_pitch,
                                 bool accumulate) {
    using Rows = RowsOf<T, Line>;
    constexpr int P = Line::sums, R = Rows::sums, U = Rows::taps, V = Line::taps;
    vec<T> half[U][P];
    for_lines<Line, P>([&](int j) PYDL_INLINE_LAMBDA {
        vec<T> column[R], sums[U];
#pragma GCC unroll 10
        for (int i = 0; i < R; i++) column[i] = load(from + (i * P + j) * from_pitch);
        Rows::transform_weight(column, sums);
#pragma GCC unroll 5
        for (int u = 0; u < U; u++) half[u][j] = sums[u];
    });
    for_lines<Line, U>([&](int u) PYDL_INLINE_LAMBDA {
        vec<T> sums[V];
        Line::transform_weight(half[u], sums);
#pragma GCC unroll 5
        for (int v = 0; v < V; v++) {
            T* const to = dg + (u * V + v) * dg_pitch;
            store(to, accumulate ? load(to) + sums[v] : sums[v]);
        }
    });
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
