// Elementary functions of vectors, without a call per lane. Included by simd/simd.h.
//
// Every function takes a vector or a scalar; a scalar is computed as one lane of a vector, so that the tail
// of an array gets the same bits as its middle. Largest error against the exact value in units in the last
// place, float / double, on instruction sets with fused multiply-add (SSE2 rounds products separately and
// stays within one ulp more):
//     exp 1.1 / 1.1   expm1 2 / 2.1   log 1 / 1   log1p 3 / 3   tanh 3 / 3   sigmoid 3 / 3
// NaN gives NaN, infinities their limits, overflow gives infinity. Results below the smallest normal number
// are denormal (exp, sigmoid), or zero while FlushDenormals is on. log sees a denormal float as zero.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

namespace detail {

template <typename T>
struct Format;

template <>
struct Format<float> {
    using bits = uint32_t;
    static constexpr int mantissa = 23;
    static constexpr bits bias = 127;
    static constexpr bits one = 0x3f800000, sqrt_half = 0x3f3504f3, mantissa_mask = 0x007fffff;
    static constexpr float integer_shift =
        0x1.8p23f;  // adding it rounds to an integer, held in the low mantissa bits
    static constexpr float exponent_shift = 0x1p23f;
    static constexpr float smallest_normal = 0x1p-126f, infinity = __builtin_inff(), nan = __builtin_nanf("");
    // ln 2 in two parts; the first has so few bits that its product with an exponent is exact.
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
    static constexpr float exp_low = -104.5f, exp_high = 89.0f;  // beyond: zero, infinity
    static constexpr float expm1_low = -30.0f, tanh_high = 10.0f;
    static constexpr float normal_high = 13.2f, normal_middle = 3.0f;

    // (e^r - 1 - r) / r^2 on |r| <= ln(2)/2; (2^r - 1) / r on |r| <= 1/2; (2 atanh s - 2 s) / s^3 in s^2 for
    // |s| <= 0.1716, and for |s| <= 1/3; P(X > x) e^(x^2/2) for X ~ N(0, 1) in (x - m)/(x + m) on
    // [0, normal_high]: interpolation at Chebyshev nodes in 50 digits, lowest power first.
    static constexpr float exp_terms[] = {5.0e-1f, 1.666657667e-1f, 4.166655421e-2f, 8.363232884e-3f,
                                          1.392625083e-3f};
    static constexpr float power_terms[] = {6.93147188e-1f,  2.402265076e-1f, 5.550357114e-2f,
                                            9.618082557e-3f, 1.339086336e-3f, 1.545316295e-4f};
    static constexpr float log_terms[] = {6.666668515e-1f, 3.998873482e-1f, 2.958202356e-1f};
    static constexpr float log1p_terms[] = {6.666664034e-1f, 4.000756064e-1f, 2.823661981e-1f,
                                            2.685149802e-1f};
    static constexpr float normal_terms[] = {
        1.215139478e-1f, -2.064026219e-1f, 1.232250162e-1f,  -4.621325403e-2f, 6.132236287e-3f,
        2.904479037e-3f, -9.84372195e-4f,  -3.396745735e-4f, 1.162496159e-4f,  5.415193896e-5f};
};

template <>
struct Format<double> {
    using bits = uint64_t;
    static constexpr int mantissa = 52;
    static constexpr bits bias = 1023;
    static constexpr bits one = 0x3ff0000000000000, sqrt_half = 0x3fe6a09e667f3bcd,
                          mantissa_mask = 0x000fffffffffffff;
    static constexpr double integer_shift = 0x1.8p52;
    static constexpr double exponent_shift = 0x1p52;
    static constexpr double smallest_normal = 0x1p-1022, infinity = __builtin_inf(), nan = __builtin_nan("");
    static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
    static constexpr double exp_low = -746.0, exp_high = 710.0;
    static constexpr double expm1_low = -60.0, tanh_high = 22.0;
    static constexpr double normal_high = 38.7, normal_middle = 5.0;

    static constexpr double exp_terms[] = {
        5.00000000000000103e-1, 1.66666666666666675e-1, 4.16666666666238205e-2, 8.3333333333300382e-3,
        1.38888889173670806e-3, 1.9841269863171556e-4,  2.48015210578682052e-5, 2.75572682769056962e-6,
        2.76202015910315488e-7, 2.5100472505694996e-8};
    static constexpr double log_terms[] = {
        6.66666666666666973e-1, 3.99999999998982728e-1, 2.85714286265336159e-1, 2.22222110437768582e-1,
        1.8182895750119194e-1,  1.53315016111453277e-1, 1.46191661348879714e-1};
    static constexpr double log1p_terms[] = {
        6.66666666666666586e-1, 4.00000000000145827e-1, 2.85714285671087572e-1, 2.2222222717427863e-1,
        1.81817894361328582e-1, 1.53855700649586231e-1, 1.33141442096549362e-1, 1.20010728095907125e-1,
        8.80073848614467388e-2, 1.61640456119435322e-1};
    static constexpr double normal_terms[] = {
        7.69193049750062918e-2, -1.43457555264011966e-1,  1.16068811886003292e-1,  -8.08838772641274212e-2,
        4.78553522841700316e-2, -2.34139004876921034e-2,  8.99137055059022125e-3,  -2.37884435669403213e-3,
        2.19550737615516406e-4, 1.34276843441033961e-4,   -6.04274827325174618e-5, 9.61305724748730774e-7,
        6.64442096678437485e-6, -1.27007512580064752e-6,  -6.75078087246889487e-7, 2.43346809962839488e-7,
        7.71070979653021969e-8, -3.91698602487495431e-8,  -1.09959072677932529e-8, 5.69168556234000409e-9,
        1.82717773122181268e-9, -5.70749260515042386e-10, -2.32500334036919472e-10};
};

template <typename V, typename T, size_t N>
PYDL_INLINE V polynomial(V x, const T (&terms)[N]) {
    V sum = fill<V>(terms[N - 1]);
#pragma GCC unroll 32
    for (int i = int(N) - 2; i >= 0; i--) sum = fma(sum, x, fill<V>(terms[i]));
    return sum;
}

// 2^k for integral k in the normal range.
template <typename T, typename V>
PYDL_INLINE V power_of_two(V k) {
    using F = Format<T>;
    const auto shifted = bit_cast<vec<typename F::bits>>(k + (F::integer_shift + T(F::bias)));
    return bit_cast<V>(shifted << F::mantissa);
}

// x * 2^k, rounded once, also where 2^k itself is no normal number.
template <typename T, typename V>
PYDL_INLINE V scale(V x, V k) {
    if constexpr (has_scalef) {
        return scalef(x, k);
    } else {
        const T shift = Format<T>::integer_shift;
        const V half = fma(k, fill<V>(T(0.5)), fill<V>(shift)) - shift;
        return x * power_of_two<T>(half) * power_of_two<T>(k - half);
    }
}

// x = k ln 2 + r with |r| <= ln(2)/2, and e^r - 1.
template <typename V>
struct Reduced {
    V k, expm1;
};
template <typename T, typename V>
PYDL_INLINE Reduced<V> reduce_exponent(V x) {
    using F = Format<T>;
    const V k = fma(x, fill<V>(T(1.44269504088896340736)), fill<V>(F::integer_shift)) - F::integer_shift;
    const V r = fma(k, fill<V>(-F::ln2_low), fma(k, fill<V>(-F::ln2_high), x));
    return {k, fma(r * r, polynomial(r, F::exp_terms), r)};
}

// e^x for x from exp_low to exp_high, or NaN.
template <typename T, typename V>
PYDL_INLINE V exp_between(V x) {
    const Reduced<V> e = reduce_exponent<T>(x);
    return scale<T>(T(1) + e.expm1, e.k);
}

template <typename T, typename V>
PYDL_INLINE V exp(V x) {
    return exp_between<T>(clamp(x, Format<T>::exp_low, Format<T>::exp_high));
}

// -|x| and e^-|x|
template <typename T, typename V>
PYDL_INLINE V below_zero(V x) {
    return bit_cast<V>(bit_cast<mask<T>>(x) | bit_cast<mask<T>>(fill<V>(T(-0.0))));
}
template <typename T, typename V>
PYDL_INLINE V exp_below_zero(V x) {
    return exp_between<T>(at_least(below_zero<T>(x), Format<T>::exp_low));
}

template <typename T, typename V>
PYDL_INLINE V expm1(V x) {
    using F = Format<T>;
    const V clamped = clamp(x, F::expm1_low, F::exp_high);
    const Reduced<V> e = reduce_exponent<T>(clamped);
    // Half the result, because 2^k may overflow where e^x does not.
    const V power = scale<T>(fill<V>(T(1)), e.k - T(1));
    return copysign(T(2) * fma(e.expm1, power, power - T(0.5)), x);
}

// x = m 2^e with m in [sqrt(1/2), sqrt(2)), by adding 1 - sqrt(1/2) to the bits before cutting them. Kernels
// flush the denormals of float, and only those of double are scaled.
template <typename V>
struct Mantissa {
    V m, e;
};
template <typename T, typename V>
PYDL_INLINE Mantissa<V> split_exponent(V x) {
    using F = Format<T>;
    using Bits = vec<typename F::bits>;
    V shift = fill<V>(F::exponent_shift + T(F::bias));
    if constexpr (sizeof(T) == 8) {
        const auto denormal = x < F::smallest_normal;
        x = select(denormal, x * F::exponent_shift, x);
        shift = select(denormal, shift + T(F::mantissa), shift);
    }
    const Bits moved = bit_cast<Bits>(x) + (F::one - F::sqrt_half);
    const V biased = bit_cast<V>((moved >> F::mantissa) | bit_cast<typename F::bits>(F::exponent_shift));
    return {bit_cast<V>((moved & F::mantissa_mask) + F::sqrt_half), biased - shift};
}

// ln x = e ln 2 + f - correction, in which f is exact: ln(1 + f) = f - s (f - z R(z)).
template <typename V>
struct LogParts {
    V e, f, correction;
};
template <typename T, typename V>
PYDL_INLINE LogParts<V> log_parts(V x) {
    const Mantissa<V> split = split_exponent<T>(x);
    const V f = split.m - T(1);
    const V s = f / (split.m + T(1));
    const V z = s * s;
    return {split.e, f, s * fma(-z, polynomial(z, Format<T>::log_terms), f)};
}

// `value`, a logarithm of x, or what there is where x is no positive number.
template <typename T, typename V>
PYDL_INLINE V log_or_limit(V x, V value) {
    using F = Format<T>;
    const V finite = select(x < F::infinity, value, x);
    if constexpr (sizeof(T) == 4) {
        const V none = select(abs(x) < F::smallest_normal, fill<V>(-F::infinity), x + F::nan);
        return select(x >= F::smallest_normal, finite, none);
    } else {
        return select(x > T(0), finite, select(x == T(0), fill<V>(-F::infinity), x + F::nan));
    }
}

template <typename T, typename V>
PYDL_INLINE V log(V x) {
    using F = Format<T>;
    const LogParts<V> of = log_parts<T>(x);
    return log_or_limit<T>(
        x, fma(of.e, fill<V>(F::ln2_high), of.f - fma(of.e, fill<V>(-F::ln2_low), of.correction)));
}

template <typename T, typename V>
PYDL_INLINE V log1p(V x) {
    // u = 1 + x lost the low part of x; its weight in log(u) is 1/u.
    const V u = T(1) + x;
    const V lost = select(x > T(1), T(1) - (u - x), x - (u - T(1)));
    const V value = log<T>(u) + lost / u;
    const V tiny = select(abs(x) < T(sizeof(T) == 4 ? 0x1p-24 : 0x1p-53), x, value);
    return select((u > T(0)) & (u < Format<T>::infinity), tiny, log<T>(u));
}

// log(1 + e^-|x|): of y = e^-|x|, at most 1, it is 2 atanh(s) with s = y / (2 + y), at most 1/3.
template <typename T, typename V>
PYDL_INLINE V log1p_exp(V x) {
    const V y = exp_below_zero<T>(x), s = y / (T(2) + y), z = s * s;
    return fma(s * z, polynomial(z, Format<T>::log1p_terms), s + s);
}

// tanh |x| = -t / (2 + t) with t = e^(-2|x|) - 1: no cancellation anywhere.
template <typename T, typename V>
PYDL_INLINE V tanh(V x) {
    const Reduced<V> e = reduce_exponent<T>(T(-2) * at_most(abs(x), Format<T>::tanh_high));
    const V power = scale<T>(fill<V>(T(1)), e.k);
    const V t = fma(e.expm1, power, power - T(1));
    return copysign(t / (T(2) + t), x);
}

template <typename T, typename V>
PYDL_INLINE V sigmoid(V x) {
    const V e = exp_below_zero<T>(x);
    return select(x < T(0), e, fill<V>(T(1))) / (T(1) + e);
}

template <typename V>
struct Normal {
    V bell, tail, below;
};
template <typename T, typename V>
PYDL_INLINE Normal<V> normal(V x) {
    using F = Format<T>;
    const V below = below_zero<T>(x), a = at_least(below, -F::normal_high);
    V bell;
    if constexpr (sizeof(T) == 4) {
        // As a power of 2, whose rest is exact: fewer steps. 2^k is a normal number down to the limit.
        const V half = a * T(-0.72134752044448170368);  // log2(e) / 2
        const V k = fma(a, half, fill<V>(F::integer_shift)) - F::integer_shift;
        const V r = fma(a, half, -k);
        bell = power_of_two<T>(k) * fma(r, polynomial(r, F::power_terms), fill<V>(T(1)));
    } else {
        const Reduced<V> e = reduce_exponent<T>(T(-0.5) * (a * a));
        bell = scale<T>(T(1) + e.expm1, e.k);
    }
    return {bell, bell * polynomial((a + F::normal_middle) / (a - F::normal_middle), F::normal_terms), a};
}

template <typename X, typename F>
PYDL_INLINE X per_lane(X x, F f) {
    if constexpr (std::is_arithmetic_v<X>)
        return f(broadcast<X>(x))[0];
    else
        return f(x);
}

}  // namespace detail

template <typename X>
PYDL_INLINE X exp(X x) {
    return detail::per_lane(x, [](auto v) PYDL_INLINE_LAMBDA { return detail::exp<lane<X>>(v); });
}
template <typename X>
PYDL_INLINE X expm1(X x) {
    return detail::per_lane(x, [](auto v) PYDL_INLINE_LAMBDA { return detail::expm1<lane<X>>(v); });
}
template <typename X>
PYDL_INLINE X log(X x) {
    return detail::per_lane(x, [](auto v) PYDL_INLINE_LAMBDA { return detail::log<lane<X>>(v); });
}
template <typename X>
PYDL_INLINE X log1p(X x) {
    return detail::per_lane(x, [](auto v) PYDL_INLINE_LAMBDA { return detail::log1p<lane<X>>(v); });
}
template <typename X>
PYDL_INLINE X tanh(X x) {
    return detail::per_lane(x, [](auto v) PYDL_INLINE_LAMBDA { return detail::tanh<lane<X>>(v); });
}
// 1 / (1 + e^-x)
template <typename X>
PYDL_INLINE X sigmoid(X x) {
    return detail::per_lane(x, [](auto v) PYDL_INLINE_LAMBDA { return detail::sigmoid<lane<X>>(v); });
}
// log(1 + e^-|x|), to 2 / 2 units in the last place
template <typename X>
PYDL_INLINE X log1p_exp(X x) {
    return detail::per_lane(x, [](auto v) PYDL_INLINE_LAMBDA { return detail::log1p_exp<lane<X>>(v); });
}
// e^(-x^2/2), P(X > |x|) for X ~ N(0, 1), which is 0 where it is no normal number (double: below 1e-320), and
// -|x|, at most as far from 0 as the tail is a number.
template <typename V>
PYDL_INLINE detail::Normal<V> normal(V x) {
    return detail::normal<lane<V>>(x);
}

}  // namespace pydl::PYDL_ISA
