// Winograd's minimal filtering F(M x M, R x R): a tile of M x M outputs of an R x R convolution from the
// (M + R - 1) x (M + R - 1) pixels under it with one multiplication for each of these, not R R M M of them:
//
//     y = A' [ (G g G') * (B' d B) ] A         d pixels, g filter, y outputs, * element by element
//
//                          multiplications of a tile       the same, direct        saved
//     F(2 x 2, 3 x 3)                16                          36                2.25 times
//     F(4 x 4, 3 x 3)                36                         144                4    times
//     F(4 x 4, 5 x 5)                64                         400                6.25 times
//
// (Winograd, "Arithmetic complexity of computations", 1980, chapter 4; Lavin and Gray, "Fast algorithms for
// convolutional neural networks", arXiv:1509.09308, 2015.) The sums over the channels are taken of the
// products, so that the transformation of outputs is done once for all channels.
//
// The transformations evaluate polynomials at M + R - 2 points and at infinity; which points is free. F(2, 3)
// takes 0, 1, -1. F(4, 3) takes 0, +-2/3, +-3/2: Lavin and Gray's 0, +-1, +-2 doubles the rounding errors,
// because powers of numbers far from 1 differ most. F(4, 5) takes 0, +-1/2, +-1, +-2, whose powers are exact.
// More points err more: what F(4, 3) does to the rounding errors of a sum over channels, F(4, 5) does nearly
// three times as much. Its sums are therefore taken in runs of `depth`, which keeps them small.
//
// A line (one row or column of a tile) is an array of vectors whose lanes are different tiles. Lines have
// `pixels` pixels, the next tile's lie `step` further on, `places` transformed numbers and `outputs` outputs.
// With `parts` the numbers are those of so many sums with the same points, one behind another: of channels
// of their own. Of a weight gradient, the last of `sums` has all numbers from there on.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Outputs that a tile has beside its own ones, in the places of the next tile's (conv2d/winograd_overlap.h).
template <typename Line>
inline constexpr int winograd_overlap = 0;

// F(M, R).
template <typename T, int M, int R = 3>
struct WinogradLine;

template <typename T>
struct WinogradLine<T, 2, 3> {
    static constexpr int taps = 3, pixels = 4, step = 2, places = 4, outputs = 2;
    static constexpr int parts = 1;
    static constexpr int64_t depth = 256;
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
struct WinogradLine<T, 4, 3> {
    static constexpr int taps = 3, pixels = 6, step = 4, places = 6, outputs = 4;
    static constexpr int parts = 1, sums = places;
    static constexpr int64_t depth = 256;
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

template <typename T>
struct WinogradLine<T, 4, 5> {
    static constexpr int taps = 5, pixels = 8, step = 4, places = 8, outputs = 4;
    static constexpr int parts = 1, sums = places;
    static constexpr int64_t depth = 16;
    using V = vec<T>;
    // The factors that G has for the points +-1/2, +-1 and +-2.
    static constexpr T scale_a = T(32 / 45.0), scale_b = T(-2 / 9.0), scale_c = T(1 / 90.0);

    PYDL_INLINE static V constant(T value) { return broadcast<T>(value); }

    PYDL_INLINE static void transform_source(V (&d)[8]) {
        const V even_a = fma(constant(-5), d[4], fma(constant(4), d[2], d[6]));
        const V odd_a = fma(constant(-5), d[3], fma(constant(4), d[1], d[5]));
        const V even_b = fma(constant(-4.25), d[4], d[6] + d[2]);
        const V odd_b = fma(constant(-4.25), d[3], d[5] + d[1]);
        const V even_c = fma(constant(-1.25), d[4], fma(constant(0.25), d[2], d[6]));
        const V odd_c = fma(constant(-1.25), d[3], fma(constant(0.25), d[1], d[5]));
        d[0] = fma(constant(5.25), d[4] - d[2], d[0] - d[6]);
        d[7] = fma(constant(5.25), d[3] - d[5], d[7] - d[1]);
        d[1] = fma(constant(0.5), odd_a, even_a);
        d[2] = fma(constant(-0.5), odd_a, even_a);
        d[3] = even_b + odd_b;
        d[4] = even_b - odd_b;
        d[5] = fma(constant(2), odd_c, even_c);
        d[6] = fma(constant(-2), odd_c, even_c);
    }
    PYDL_INLINE static void transform_filter(const V (&g)[5], V (&u)[8]) {
        const V even_a = scale_a * fma(constant(0.0625), g[4], fma(constant(0.25), g[2], g[0]));
        const V odd_a = (scale_a / 2) * fma(constant(0.25), g[3], g[1]);
        const V even_b = scale_b * (g[0] + g[2] + g[4]), odd_b = scale_b * (g[1] + g[3]);
        const V even_c = scale_c * fma(constant(16), g[4], fma(constant(4), g[2], g[0]));
        const V odd_c = (scale_c * 2) * fma(constant(4), g[3], g[1]);
        u[0] = g[0];
        u[1] = even_a + odd_a;
        u[2] = even_a - odd_a;
        u[3] = even_b + odd_b;
        u[4] = even_b - odd_b;
        u[5] = even_c + odd_c;
        u[6] = even_c - odd_c;
        u[7] = g[4];
    }
    PYDL_INLINE static void transform_output(const V (&m)[8], V (&y)[4]) {
        const V even_a = m[1] + m[2], even_b = m[3] + m[4], even_c = m[5] + m[6];
        const V odd_a = m[1] - m[2], odd_b = m[3] - m[4], odd_c = m[5] - m[6];
        y[0] = (m[0] + even_b) + (even_a + even_c);
        y[1] = fma(constant(0.5), odd_a, fma(constant(2), odd_c, odd_b));
        y[2] = fma(constant(0.25), even_a, fma(constant(4), even_c, even_b));
        y[3] = fma(constant(0.125), odd_a, fma(constant(8), odd_c, odd_b + m[7]));
    }
    PYDL_INLINE static void transform_slope(const V (&dy)[4], V (&m)[8]) {
        const V even_a = fma(constant(0.25), dy[2], dy[0]),
                odd_a = fma(constant(0.125), dy[3], T(0.5) * dy[1]);
        const V even_b = dy[0] + dy[2], odd_b = dy[1] + dy[3];
        const V even_c = fma(constant(4), dy[2], dy[0]), odd_c = fma(constant(8), dy[3], T(2) * dy[1]);
        m[0] = dy[0];
        m[1] = even_a + odd_a;
        m[2] = even_a - odd_a;
        m[3] = even_b + odd_b;
        m[4] = even_b - odd_b;
        m[5] = even_c + odd_c;
        m[6] = even_c - odd_c;
        m[7] = dy[3];
    }
    PYDL_INLINE static void transform_weight(const V (&u)[8], V (&dg)[5]) {
        const V even_a = scale_a * (u[1] + u[2]), odd_a = (scale_a / 2) * (u[1] - u[2]);
        const V even_b = scale_b * (u[3] + u[4]), odd_b = scale_b * (u[3] - u[4]);
        const V even_c = scale_c * (u[5] + u[6]), odd_c = (scale_c * 2) * (u[5] - u[6]);
        dg[0] = (u[0] + even_b) + (even_a + even_c);
        dg[1] = odd_a + (odd_b + odd_c);
        dg[2] = fma(constant(0.25), even_a, fma(constant(4), even_c, even_b));
        dg[3] = fma(constant(0.25), odd_a, fma(constant(4), odd_c, odd_b));
        dg[4] = fma(constant(0.0625), even_a, fma(constant(16), even_c, even_b + u[7]));
    }
};

}  // namespace pydl::PYDL_ISA
