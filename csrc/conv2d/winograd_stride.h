// Winograd's algorithm for convolutions of stride 2 and for their gradients.
//
// Along a line, an output of stride 2 is a sum over neighbouring even pixels and one over odd pixels:
//
//     y[i] = (g0 e[i] + g2 e[i + 1] + ...) + (g1 o[i] + g3 o[i + 1] + ...)     e, o: pixels 2 i, 2 i + 1
//
// Each is a convolution of stride 1 with half the taps (conv2d/winograd_halves.h).
//
//              multiplications of a tile of 4 x 4 outputs     the same, direct     saved
//     3 x 3         9 x 9        F(4, 2), and odd pixels as they are    144        1.8 times
//     4 x 4     4 * 5 x 5        F(4, 2) twice                          256        2.6 times
//     7 x 7     4 * 7 x 7        F(4, 4) twice, a tap of them zero      784        4   times
//
// Where both sums have the same points, a product can add up even and odd pixels as if they were channels.
//
// The gradient of 3 x 3 has every other pixel from two slopes, the others from one, so that 4 x 4 slopes (and
// those to the right and below) make 8 x 8 pixels with 81 multiplications; that of 4 x 4 has all pixels from
// two slopes, which takes 100.
#pragma once

#include "conv2d/winograd_halves.h"

namespace pydl::PYDL_ISA {

// Three taps. Pixels in their order; places first those of F(4, 2), then those of the odd pixels.
template <typename T>
struct StrideLine {
    static constexpr int taps = 3, pixels = 9, step = 8, places = 9, outputs = 4;
    static constexpr int parts = 1, sums = 6;
    static constexpr int64_t depth = 256;
    using V = vec<T>;

    PYDL_INLINE static void transform_source(V (&d)[9]) {
        V even[5] = {d[0], d[2], d[4], d[6], d[8]};
        const V odd[4] = {d[1], d[3], d[5], d[7]};
        TwoTapLine<T>::transform_source(even);
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) d[k] = even[k];
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) d[5 + k] = odd[k];
    }
    PYDL_INLINE static void transform_filter(const V (&g)[3], V (&u)[9]) {
        const V outer[2] = {g[0], g[2]};
        V of_even[5];
        TwoTapLine<T>::transform_filter(outer, of_even);
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
    PYDL_INLINE static void transform_slope(const V (&dy)[4], V (&m)[9]) {
        V of_even[5];
        TwoTapLine<T>::transform_slope(dy, of_even);
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) m[k] = of_even[k];
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) m[5 + k] = dy[k];
    }
    // The products of the odd pixels added up.
    PYDL_INLINE static void transform_weight(const V (&u)[6], V (&dg)[3]) {
        const V of_even[5] = {u[0], u[1], u[2], u[3], u[4]};
        V outer[2];
        TwoTapLine<T>::transform_weight(of_even, outer);
        dg[0] = outer[0], dg[1] = u[5], dg[2] = outer[1];
    }
};

// Twice as many taps as Half has, or one less. Places first those of the even pixels.
template <typename T, typename Half, int Taps>
struct HalvesLine {
    static constexpr int outputs = Half::outputs, taps = Taps, step = 2 * outputs, pixels = step - 2 + taps;
    static constexpr int parts = 2, points = Half::places, places = 2 * points, sums = places;
    static constexpr int64_t depth = Half::depth;
    using V = vec<T>;

    PYDL_INLINE static void transform_source(V (&d)[places]) {
        V even[points], odd[points];
#pragma GCC unroll 7
        for (int k = 0; k < points; k++) {
            even[k] = d[2 * k];
            odd[k] = 2 * k + 1 < pixels ? d[2 * k + 1] : V{};
        }
        Half::transform_source(even);
        Half::transform_source(odd);
#pragma GCC unroll 7
        for (int k = 0; k < points; k++) d[k] = even[k], d[points + k] = odd[k];
    }
    PYDL_INLINE static void transform_filter(const V (&g)[taps], V (&u)[places]) {
        V even[Half::taps], odd[Half::taps], of_even[points], of_odd[points];
#pragma GCC unroll 4
        for (int k = 0; k < Half::taps; k++) {
            even[k] = g[2 * k];
            odd[k] = 2 * k + 1 < taps ? g[2 * k + 1] : V{};
        }
        Half::transform_filter(even, of_even);
        Half::transform_filter(odd, of_odd);
#pragma GCC unroll 7
        for (int k = 0; k < points; k++) u[k] = of_even[k], u[points + k] = of_odd[k];
    }
    PYDL_INLINE static void transform_output(const V (&m)[points], V (&y)[outputs]) {
        Half::transform_output(m, y);
    }
    PYDL_INLINE static void transform_slope(const V (&dy)[outputs], V (&m)[points]) {
        Half::transform_slope(dy, m);
    }
    PYDL_INLINE static void transform_weight(const V (&u)[places], V (&dg)[taps]) {
        V of_even[points], of_odd[points], even[Half::taps], odd[Half::taps];
#pragma GCC unroll 7
        for (int k = 0; k < points; k++) of_even[k] = u[k], of_odd[k] = u[points + k];
        Half::transform_weight(of_even, even);
        Half::transform_weight(of_odd, odd);
#pragma GCC unroll 8
        for (int k = 0; k < taps; k++) dg[k] = k % 2 == 0 ? even[k / 2] : odd[k / 2];
    }
};

// The gradient, of an axis with an odd number of zeros in front: pixel 2 i is g1 d[i], pixel 2 i + 1 is
// g2 d[i] + g0 d[i + 1].
template <typename T>
struct StrideGradientLine {
    static constexpr int taps = 3, pixels = 5, step = 4, places = 9, outputs = 8, before = 0;
    static constexpr int parts = 1;
    static constexpr int64_t depth = 256;
    using V = vec<T>;

    PYDL_INLINE static void transform_source(V (&d)[9]) {
        const V slopes[4] = {d[0], d[1], d[2], d[3]};
        V p[5] = {d[0], d[1], d[2], d[3], d[4]};
        TwoTapLine<T>::transform_source(p);
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) d[k] = p[k];
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) d[5 + k] = slopes[k];
    }
    PYDL_INLINE static void transform_filter(const V (&g)[3], V (&u)[9]) {
        const V turned[2] = {g[2], g[0]};
        V of_both[5];
        TwoTapLine<T>::transform_filter(turned, of_both);
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

// The same with four taps: pixel 2 i is g3 d[i - 1] + g1 d[i], pixel 2 i + 1 is g2 d[i] + g0 d[i + 1]. A line
// begins with slope -1.
template <typename T>
struct FourTapGradientLine {
    static constexpr int taps = 4, pixels = 6, step = 4, places = 10, outputs = 8, before = 1;
    static constexpr int parts = 1;
    static constexpr int64_t depth = 256;
    using V = vec<T>;

    PYDL_INLINE static void transform_source(V (&d)[10]) {
        V even[5] = {d[0], d[1], d[2], d[3], d[4]}, odd[5] = {d[1], d[2], d[3], d[4], d[5]};
        TwoTapLine<T>::transform_source(even);
        TwoTapLine<T>::transform_source(odd);
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) d[k] = even[k], d[5 + k] = odd[k];
    }
    PYDL_INLINE static void transform_filter(const V (&g)[4], V (&u)[10]) {
        const V even[2] = {g[3], g[1]}, odd[2] = {g[2], g[0]};
        V of_even[5], of_odd[5];
        TwoTapLine<T>::transform_filter(even, of_even);
        TwoTapLine<T>::transform_filter(odd, of_odd);
#pragma GCC unroll 5
        for (int k = 0; k < 5; k++) u[k] = of_even[k], u[5 + k] = of_odd[k];
    }
    PYDL_INLINE static void transform_output(const V (&m)[10], V (&y)[8]) {
        const V of_even[5] = {m[0], m[1], m[2], m[3], m[4]}, of_odd[5] = {m[5], m[6], m[7], m[8], m[9]};
        V even[4], odd[4];
        TwoTapLine<T>::transform_output(of_even, even);
        TwoTapLine<T>::transform_output(of_odd, odd);
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) y[2 * k] = even[k], y[2 * k + 1] = odd[k];
    }
};

}  // namespace pydl::PYDL_ISA
