// Minimal filtering F(4, 2) and F(4, 4) along a line, of whose sums a convolution of stride 2 consists
// (conv2d/winograd_stride.h), and F(4, 4) of those of conv2d_winograd_split.cpp.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// F(4, 2), with the points 0, +-3/4 and 3/2.
template <typename T>
struct TwoTapLine {
    static constexpr int taps = 2, pixels = 5, places = 5, outputs = 4;
    static constexpr int64_t depth = 256;
    using V = vec<T>;
    static constexpr T a = T(0.75), c = T(1.5), aa = a * a, cc = c * c;
    static constexpr T scale_0 = T(1 / (0.5625 * 1.5)), scale_a = T(1 / (2 * 0.5625 * -0.75)),
                       scale_b = T(-1 / (2 * 0.5625 * 2.25)), scale_c = T(1 / (1.5 * (2.25 - 0.5625)));

    PYDL_INLINE static V constant(T value) { return broadcast<T>(value); }

    PYDL_INLINE static void transform_source(V (&d)[5]) {
        const V near = fma(constant(-c), d[2], d[3]), far = a * fma(constant(-c), d[1], d[2]);
        const V last = fma(constant(-aa), d[1], d[3]);
        d[0] = fma(constant(-c), fma(constant(-aa), d[0], d[2]), last);
        d[4] = fma(constant(-c), last, fma(constant(-aa), d[2], d[4]));
        d[1] = near + far;
        d[2] = near - far;
        d[3] = last;
    }
    PYDL_INLINE static void transform_filter(const V (&g)[2], V (&u)[5]) {
        u[0] = scale_0 * g[0];
        u[1] = scale_a * fma(constant(a), g[1], g[0]);
        u[2] = scale_b * fma(constant(-a), g[1], g[0]);
        u[3] = scale_c * fma(constant(c), g[1], g[0]);
        u[4] = g[1];
    }
    PYDL_INLINE static void transform_output(const V (&m)[5], V (&y)[4]) {
        const V sum = m[1] + m[2], difference = m[1] - m[2];
        y[0] = m[0] + (sum + m[3]);
        y[1] = fma(constant(a), difference, c * m[3]);
        y[2] = fma(constant(aa), sum, cc * m[3]);
        y[3] = fma(constant(a * aa), difference, fma(constant(c * cc), m[3], m[4]));
    }
    PYDL_INLINE static void transform_slope(const V (&dy)[4], V (&m)[5]) {
        const V even = fma(constant(aa), dy[2], dy[0]), odd = a * fma(constant(aa), dy[3], dy[1]);
        m[0] = dy[0];
        m[1] = even + odd;
        m[2] = even - odd;
        m[3] = fma(constant(c), fma(constant(cc), dy[3], dy[1]), fma(constant(cc), dy[2], dy[0]));
        m[4] = dy[3];
    }
    PYDL_INLINE static void transform_weight(const V (&u)[5], V (&dg)[2]) {
        const V first = scale_a * u[1], second = scale_b * u[2], third = scale_c * u[3];
        dg[0] = fma(constant(scale_0), u[0], third) + (first + second);
        dg[1] = fma(constant(a), first - second, fma(constant(c), third, u[4]));
    }
};

// F(4, 4), with the points +-1/4, +-3/4 and +-7/4. Sums are taken in short runs, as more points err more.
template <typename T>
struct FourTapLine {
    static constexpr int taps = 4, pixels = 7, step = 4, places = 7, outputs = 4;
    static constexpr int parts = 1, sums = places;
    static constexpr int64_t depth = 32;
    using V = vec<T>;
    static constexpr T a = T(0.25), b = T(0.75), c = T(1.75), aa = a * a, bb = b * b, cc = c * c;
    static constexpr T scale_a = T(1 / (2 * 0.25 * (0.0625 - 0.5625) * (0.0625 - 3.0625))),
                       scale_b = T(1 / (2 * 0.75 * (0.5625 - 0.0625) * (0.5625 - 3.0625))),
                       scale_c = T(1 / (2 * 1.75 * (3.0625 - 0.0625) * (3.0625 - 0.5625)));

    PYDL_INLINE static V constant(T value) { return broadcast<T>(value); }

    // The numbers of points p and -p, given the squares of the other two.
    PYDL_INLINE static void of_pair(const V (&d)[7], T p, T ss, T tt, V& plus, V& minus) {
        const V even = fma(constant(-(ss + tt)), d[2], fma(constant(ss * tt), d[0], d[4]));
        const V odd = fma(constant(-(ss + tt)), d[3], fma(constant(ss * tt), d[1], d[5]));
        plus = fma(constant(p), even, odd);
        minus = fma(constant(-p), even, odd);
    }
    PYDL_INLINE static void transform_source(V (&d)[7]) {
        V m[6];
        of_pair(d, a, bb, cc, m[0], m[1]);
        of_pair(d, b, aa, cc, m[2], m[3]);
        of_pair(d, c, aa, bb, m[4], m[5]);
        d[6] = fma(constant(-(aa + bb + cc)), d[4],
                   fma(constant(aa * bb + (aa + bb) * cc), d[2], fma(constant(-(aa * bb * cc)), d[0], d[6])));
#pragma GCC unroll 6
        for (int k = 0; k < 6; k++) d[k] = m[k];
    }
    PYDL_INLINE static void of_pair(const V (&g)[4], T p, T pp, T scale, V& plus, V& minus) {
        const V even = scale * fma(constant(pp), g[2], g[0]),
                odd = (scale * p) * fma(constant(pp), g[3], g[1]);
        plus = odd + even;
        minus = odd - even;
    }
    PYDL_INLINE static void transform_filter(const V (&g)[4], V (&u)[7]) {
        of_pair(g, a, aa, scale_a, u[0], u[1]);
        of_pair(g, b, bb, scale_b, u[2], u[3]);
        of_pair(g, c, cc, scale_c, u[4], u[5]);
        u[6] = g[3];
    }
    PYDL_INLINE static void transform_output(const V (&m)[7], V (&y)[4]) {
        const V even_a = m[0] + m[1], even_b = m[2] + m[3], even_c = m[4] + m[5];
        const V odd_a = a * (m[0] - m[1]), odd_b = b * (m[2] - m[3]), odd_c = c * (m[4] - m[5]);
        y[0] = even_a + (even_b + even_c);
        y[1] = odd_a + (odd_b + odd_c);
        y[2] = fma(constant(aa), even_a, fma(constant(bb), even_b, cc * even_c));
        y[3] = fma(constant(aa), odd_a, fma(constant(bb), odd_b, fma(constant(cc), odd_c, m[6])));
    }
    PYDL_INLINE static void of_slopes(const V (&dy)[4], T p, T pp, V& plus, V& minus) {
        const V even = fma(constant(pp), dy[2], dy[0]), odd = fma(constant(pp), dy[3], dy[1]);
        plus = fma(constant(p), odd, even);
        minus = fma(constant(-p), odd, even);
    }
    PYDL_INLINE static void transform_slope(const V (&dy)[4], V (&m)[7]) {
        of_slopes(dy, a, aa, m[0], m[1]);
        of_slopes(dy, b, bb, m[2], m[3]);
        of_slopes(dy, c, cc, m[4], m[5]);
        m[6] = dy[3];
    }
    PYDL_INLINE static void transform_weight(const V (&u)[7], V (&dg)[4]) {
        const V even_a = scale_a * (u[0] - u[1]), odd_a = (scale_a * a) * (u[0] + u[1]);
        const V even_b = scale_b * (u[2] - u[3]), odd_b = (scale_b * b) * (u[2] + u[3]);
        const V even_c = scale_c * (u[4] - u[5]), odd_c = (scale_c * c) * (u[4] + u[5]);
        dg[0] = even_a + (even_b + even_c);
        dg[1] = odd_a + (odd_b + odd_c);
        dg[2] = fma(constant(aa), even_a, fma(constant(bb), even_b, cc * even_c));
        dg[3] = fma(constant(aa), odd_a, fma(constant(bb), odd_b, fma(constant(cc), odd_c, u[6])));
    }
};

}  // namespace pydl::PYDL_ISA
