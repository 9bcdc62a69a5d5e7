// Winograd's minimal filtering F(M x M, 3 x 3): a tile of M x M outputs of a 3 x 3 convolution from the
// (M + 2) x (M + 2) pixels under it with one multiplication for each of these, not 9 M M of them:
//
//     y = A' [ (G g G') * (B' d B) ] A         d pixels, g filter, y outputs, * element by element
//
//                   multiplications of a tile       the same, direct        saved
//     F(2 x 2)                  16                        36                2.25 times
//     F(4 x 4)                  36                       144                4    times
//
// (Winograd, "Arithmetic complexity of computations", 1980, chapter 4; Lavin and Gray, "Fast algorithms for
// convolutional neural networks", arXiv:1509.09308, 2015.) The sums over the channels are taken of the
// products, so that the transformation of outputs is done once for all channels.
//
// The transformations evaluate polynomials at M + 1 points and at infinity; which points is free. F(2, 3)
// takes 0, 1, -1. F(4, 3) takes 0, +-2/3, +-3/2: Lavin and Gray's 0, +-1, +-2 doubles the rounding errors,
// because powers of numbers far from 1 differ most.
//
// A line (one row or column of a tile) is an array of vectors whose lanes are different tiles. Lines have
// `pixels` pixels, the next tile's lie `step` further on, `places` transformed numbers and `outputs` outputs.
#pragma once

#include "simd.h"

namespace pydl::PYDL_ISA {

template <typename T, int M>
struct WinogradLine;

template <typename T>
struct WinogradLine<T, 2> {
    static constexpr int size = 4;
    static constexpr int taps = 3, pixels = 4, step = 2, places = 4, outputs = 2;
    using V = vec<T>;

    // B' d, in place.
    PYDL_INLINE static void transform_source(V (&d)[4]) {
        const V second = d[1];
        d[0] = d[0] - d[2];
        d[1] = second + d[2];
        d[2] = d[2] - second;
        d[3] = second - d[3];
    }
    // G g.
    PYDL_INLINE static void transform_filter(const V (&g)[3], V (&u)[4]) {
        const V outer = T(0.5) * (g[0] + g[2]), middle = T(0.5) * g[1];
        u[0] = g[0];
        u[1] = outer + middle;
        u[2] = outer - middle;
        u[3] = g[2];
    }
    // A' m.
    PYDL_INLINE static void transform_output(const V (&m)[4], V (&y)[2]) {
        y[0] = m[0] + (m[1] + m[2]);
        y[1] = (m[1] - m[2]) - m[3];
    }
};

template <typename T>
struct WinogradLine<T, 4> {
    static constexpr int size = 6;
    static constexpr int taps = 3, pixels = 6, step = 4, places = 6, outputs = 4;
    using V = vec<T>;
    // The points +-a and +-b, a b = 1, their squares, and the factors that G has for them.
    static constexpr T a = T(2) / T(3), b = T(1.5), aa = T(4) / T(9), bb = T(2.25);
    static constexpr T scale_a = T(1 / (2 * (4.0 / 9) * (4.0 / 9 - 2.25)));
    static constexpr T scale_b = T(1 / (2 * 2.25 * (2.25 - 4.0 / 9)));

    PYDL_INLINE static V constant(T value) { return broadcast<T>(value); }

    PYDL_INLINE static void transform_source(V (&d)[6]) {
        const V even_a = fma(constant(-bb), d[2], d[4]), odd_a = fma(constant(-bb), d[1], d[3]);
        const V even_b = fma(constant(-aa), d[2], d[4]), odd_b = fma(constant(-aa), d[1], d[3]);
        d[0] = fma(constant(-(aa + bb)), d[2], d[4] + d[0]);
        d[5] = fma(constant(-(aa + bb)), d[3], d[5] + d[1]);
        d[1] = fma(constant(a), odd_a, even_a);
        d[2] = fma(constant(-a), odd_a, even_a);
        d[3] = fma(constant(b), odd_b, even_b);
        d[4] = fma(constant(-b), odd_b, even_b);
    }
    PYDL_INLINE static void transform_filter(const V (&g)[3], V (&u)[6]) {
        const V even_a = scale_a * fma(constant(aa), g[2], g[0]), odd_a = (scale_a * a) * g[1];
        const V even_b = scale_b * fma(constant(bb), g[2], g[0]), odd_b = (scale_b * b) * g[1];
        u[0] = g[0];
        u[1] = even_a + odd_a;
        u[2] = even_a - odd_a;
        u[3] = even_b + odd_b;
        u[4] = even_b - odd_b;
        u[5] = g[2];
    }
    PYDL_INLINE static void transform_output(const V (&m)[6], V (&y)[4]) {
        const V even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
        y[0] = m[0] + (even_a + even_b);
        y[1] = fma(constant(a), odd_a, b * odd_b);
        y[2] = fma(constant(aa), even_a, bb * even_b);
        y[3] = fma(constant(a * aa), odd_a, fma(constant(b * bb), odd_b, m[5]));
    }
    // A dy, the gradient of A' m.
    PYDL_INLINE static void transform_slope(const V (&dy)[4], V (&m)[6]) {
        const V even_a = fma(constant(aa), dy[2], dy[0]), odd_a = fma(constant(a * aa), dy[3], a * dy[1]);
        const V even_b = fma(constant(bb), dy[2], dy[0]), odd_b = fma(constant(b * bb), dy[3], b * dy[1]);
        m[0] = dy[0];
        m[1] = even_a + odd_a;
        m[2] = even_a - odd_a;
        m[3] = even_b + odd_b;
        m[4] = even_b - odd_b;
        m[5] = dy[3];
    }
    // G' u, the gradient of G g.
    PYDL_INLINE static void transform_weight(const V (&u)[6], V (&dg)[3]) {
        const V even_a = scale_a * (u[1] + u[2]), odd_a = (scale_a * a) * (u[1] - u[2]);
        const V even_b = scale_b * (u[3] + u[4]), odd_b = (scale_b * b) * (u[3] - u[4]);
        dg[0] = u[0] + (even_a + even_b);
        dg[1] = odd_a + odd_b;
        dg[2] = fma(constant(aa), even_a, fma(constant(bb), even_b, u[5]));
    }
};

// Place (i, j) of a transformed tile lies at (i * size + j) * pitch, here and below.
//
// `width` tiles of pixels, of which (i, j) lies at i * row_pitch + j * column_pitch, from `from` to `to`.
template <typename T, int M>
PYDL_INLINE void winograd_source(const T* from, int64_t row_pitch, int64_t column_pitch, T* to,
                                 int64_t to_pitch) {
    using Line = WinogradLine<T, M>;
    constexpr int S = Line::size;
    vec<T> tile[S][S];
#pragma GCC unroll 6
    for (int i = 0; i < S; i++) {
#pragma GCC unroll 6
        for (int j = 0; j < S; j++) tile[i][j] = load(from + i * row_pitch + j * column_pitch);
        Line::transform_source(tile[i]);
    }
#pragma GCC unroll 6
    for (int j = 0; j < S; j++) {
        vec<T> column[S];
#pragma GCC unroll 6
        for (int i = 0; i < S; i++) column[i] = tile[i][j];
        Line::transform_source(column);
#pragma GCC unroll 6
        for (int i = 0; i < S; i++) store(to + (i * S + j) * to_pitch, column[i]);
    }
}

// `lanes` filters, whose taps (u, v) are the vectors at from + (u * taps + v) * from_pitch. Without Exact
// whole vectors are written, beyond the lanes.
template <typename T, typename Line, bool Exact>
PYDL_INLINE void winograd_filter(const T* from, int64_t from_pitch, T* to, int64_t to_pitch, int64_t lanes) {
    constexpr int U = Line::taps, P = Line::places;
    vec<T> half[U][P];
#pragma GCC unroll 3
    for (int u = 0; u < U; u++) {
        vec<T> row[U];
#pragma GCC unroll 3
        for (int v = 0; v < U; v++) row[v] = load(from + (u * U + v) * from_pitch);
        Line::transform_filter(row, half[u]);
    }
#pragma GCC unroll 10
    for (int j = 0; j < P; j++) {
        vec<T> column[U], whole[P];
#pragma GCC unroll 3
        for (int u = 0; u < U; u++) column[u] = half[u][j];
        Line::transform_filter(column, whole);
#pragma GCC unroll 10
        for (int i = 0; i < P; i++) {
            T* at = to + (i * P + j) * to_pitch;
            if constexpr (Exact)
                store_partial(at, whole[i], lanes);
            else
                store(at, whole[i]);
        }
    }
}

// y[i][j] of `width` tiles.
template <typename T, int M>
PYDL_INLINE void winograd_output(const T* from, int64_t from_pitch, vec<T> (&y)[M][M]) {
    using Line = WinogradLine<T, M>;
    constexpr int S = Line::size;
    vec<T> half[M][S];
#pragma GCC unroll 6
    for (int j = 0; j < S; j++) {
        vec<T> column[S], sums[M];
#pragma GCC unroll 6
        for (int i = 0; i < S; i++) column[i] = load(from + (i * S + j) * from_pitch);
        Line::transform_output(column, sums);
#pragma GCC unroll 4
        for (int i = 0; i < M; i++) half[i][j] = sums[i];
    }
#pragma GCC unroll 4
    for (int i = 0; i < M; i++) Line::transform_output(half[i], y[i]);
}

// A dy A' of `width` tiles of M x M slopes, laid out like pixels.
template <typename T, int M>
PYDL_INLINE void winograd_slope(const T* from, int64_t row_pitch, int64_t column_pitch, T* to,
                                int64_t to_pitch) {
    using Line = WinogradLine<T, M>;
    constexpr int S = Line::size;
    vec<T> half[M][S];
#pragma GCC unroll 4
    for (int i = 0; i < M; i++) {
        vec<T> row[M];
#pragma GCC unroll 4
        for (int j = 0; j < M; j++) row[j] = load(from + i * row_pitch + j * column_pitch);
        Line::transform_slope(row, half[i]);
    }
#pragma GCC unroll 6
    for (int j = 0; j < S; j++) {
        vec<T> column[M], whole[S];
#pragma GCC unroll 4
        for (int i = 0; i < M; i++) column[i] = half[i][j];
        Line::transform_slope(column, whole);
#pragma GCC unroll 6
        for (int i = 0; i < S; i++) store(to + (i * S + j) * to_pitch, whole[i]);
    }
}

// G' u G of `width` filters.
template <typename T, int M>
PYDL_INLINE void winograd_weight(const T* from, int64_t from_pitch, vec<T> (&dg)[3][3]) {
    using Line = WinogradLine<T, M>;
    constexpr int S = Line::size;
    vec<T> half[3][S];
#pragma GCC unroll 6
    for (int j = 0; j < S; j++) {
        vec<T> column[S], sums[3];
#pragma GCC unroll 6
        for (int i = 0; i < S; i++) column[i] = load(from + (i * S + j) * from_pitch);
        Line::transform_weight(column, sums);
#pragma GCC unroll 3
        for (int u = 0; u < 3; u++) half[u][j] = sums[u];
    }
#pragma GCC unroll 3
    for (int u = 0; u < 3; u++) Line::transform_weight(half[u], dg[u]);
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
