// Winograd's algorithm for 3 x 3 convolutions of stride 2 and for their gradients.
//
// Along a line, an output of stride 2 is a sum over two neighbouring even pixels and one over an odd pixel:
//
//     y[i] = (g0 e[i] + g2 e[i + 1]) + g1 o[i]         e, o: pixels 2 i, 2 i + 1
//
// The first is a convolution with two taps, of which F(4, 2) makes four outputs with 5 multiplications, not
// 8; the other's 4 are made as they are. A tile of 4 x 4 outputs thus takes 9 x 9 = 81 multiplications, not
// 144. Its points are 0, +-3/4 and 3/2; their rounding errors are those of F(4 x 4, 3 x 3).
//
// The gradient has every other pixel from two slopes, the others from one, so that 4 x 4 slopes (and those
// to the right and below) make 8 x 8 pixels with as many multiplications.
#pragma once

#include "simd.h"

namespace pydl::PYDL_ISA {

// F(4, 2).
template <typename T>
struct TwoTapLine {
    using V = vec<T>;
    static constexpr T a = T(0.75), c = T(1.5), aa = a * a, cc = c * c;
    static constexpr T scale_0 = T(1 / (0.5625 * 1.5)), scale_a = T(1 / (2 * 0.5625 * -0.75)),
                       scale_b = T(-1 / (2 * 0.5625 * 2.25)), scale_c = T(1 / (1.5 * (2.25 - 0.5625)));

    PYDL_INLINE static V constant(T value) { return broadcast<T>(value); }

    PYDL_INLINE static void transform_source(const V (&e)[5], V (&p)[5]) {
        const V near = fma(constant(-c), e[2], e[3]), far = a * fma(constant(-c), e[1], e[2]);
        const V last = fma(constant(-aa), e[1], e[3]);
        p[0] = fma(constant(-c), fma(constant(-aa), e[0], e[2]), last);
        p[1] = near + far;
        p[2] = near - far;
        p[3] = last;
        p[4] = fma(constant(-c), last, fma(constant(-aa), e[2], e[4]));
    }
    PYDL_INLINE static void transform_filter(V first, V second, V (&u)[5]) {
        u[0] = scale_0 * first;
        u[1] = scale_a * fma(constant(a), second, first);
        u[2] = scale_b * fma(constant(-a), second, first);
        u[3] = scale_c * fma(constant(c), second, first);
        u[4] = second;
    }
    PYDL_INLINE static void transform_output(const V (&m)[5], V (&y)[4]) {
        const V sum = m[1] + m[2], difference = m[1] - m[2];
        y[0] = m[0] + (sum + m[3]);
        y[1] = fma(constant(a), difference, c * m[3]);
        y[2] = fma(constant(aa), sum, cc * m[3]);
        y[3] = fma(constant(a * aa), difference, fma(constant(c * cc), m[3], m[4]));
    }
};

// Pixels in their order; places first those of F(4, 2), then those of the odd pixels.
template <typename T>
struct StrideLine {
    static constexpr int taps = 3, pixels = 9, step = 8, places = 9, outputs = 4;
    static constexpr int64_t depth = 256;
    using V = vec<T>;

    PYDL_INLINE static void transform_source(V (&d)[9]) {
        const V even[5] = {d[0], d[2], d[4], d[6], d[8]}, odd[4] = {d[1], d[3], d[5], d[7]};
        V p[5];
        TwoTapLine<T>::transform_source(even, p);
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) d[k] = p[k];
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) d[5 + k] = odd[k];
    }
    PYDL_INLINE static void transform_filter(const V (&g)[3], V (&u)[9]) {
        V of_even[5];
        TwoTapLine<T>::transform_filter(g[0], g[2], of_even);
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) u[k] = of_even[k];
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) u[5 + k] = g[1];
    }
    PYDL_INLINE static void transform_output(const V (&m)[9], V (&y)[4]) {
        const V of_even[5] = {m[0], m[1], m[2], m[3], m[4]};
        TwoTapLine<T>::transform_output(of_even, y);
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) y[k] += m[5 + k];
    }
};

// The gradient, of an axis with an odd number of zeros in front: pixel 2 i is g1 d[i], pixel 2 i + 1 is
// g2 d[i] + g0 d[i + 1].
template <typename T>
struct StrideGradientLine {
    static constexpr int taps = 3, pixels = 5, step = 4, places = 9, outputs = 8;
    static constexpr int64_t depth = 256;
    using V = vec<T>;

    PYDL_INLINE static void transform_source(V (&d)[9]) {
        const V slopes[5] = {d[0], d[1], d[2], d[3], d[4]};
        V p[5];
        TwoTapLine<T>::transform_source(slopes, p);
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) d[k] = p[k];
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) d[5 + k] = slopes[k];
    }
    PYDL_INLINE static void transform_filter(const V (&g)[3], V (&u)[9]) {
        V of_both[5];
        TwoTapLine<T>::transform_filter(g[2], g[0], of_both);
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) u[k] = of_both[k];
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) u[5 + k] = g[1];
    }
    PYDL_INLINE static void transform_output(const V (&m)[9], V (&y)[8]) {
        const V of_both[5] = {m[0], m[1], m[2], m[3], m[4]};
        V sums[4];
        TwoTapLine<T>::transform_output(of_both, sums);
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) y[2 * k] = m[5 + k], y[2 * k + 1] = sums[k];
    }
};

}  // namespace pydl::PYDL_ISA
