// What is computed lane by lane in an instruction or a few; exp, tanh and the like are in simd/math.h.
// Included by simd/simd.h.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// a * b + c, rounded once where the instruction set can (all but SSE2 and generic).
PYDL_INLINE float fma(float a, float b, float c) {
    if constexpr (has_fma) return __builtin_fmaf(a, b, c);
    return a * b + c;
}
PYDL_INLINE double fma(double a, double b, double c) {
    if constexpr (has_fma) return __builtin_fma(a, b, c);
    return a * b + c;
}
PYDL_INLINE vec<float> fma(vec<float> a, vec<float> b, vec<float> c) {
#if defined(__AVX512F__)
    return (vec<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    return (vec<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(PYDL_NEON)
    return (vec<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}
PYDL_INLINE vec<double> fma(vec<double> a, vec<double> b, vec<double> c) {
#if defined(__AVX512F__)
    return (vec<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    return (vec<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(PYDL_NEON)
    return (vec<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}

// m ? a : b in every lane.
template <typename M, typename X>
PYDL_INLINE X select(M m, X a, X b) {
    return m ? a : b;
}

// NaN in either argument gives NaN, like torch.minimum and torch.maximum: the comparison alone, one
// instruction, gives b where either is NaN, and setting all bits of a lane makes NaN of it where a is.
template <typename X>
PYDL_INLINE X nan_of(X a, X otherwise) {
    if constexpr (std::is_arithmetic_v<X>)
        return a != a ? a : otherwise;
    else
        return bit_cast<X>(bit_cast<mask<lane<X>>>(otherwise) | (a != a));
}
template <typename X>
PYDL_INLINE X min(X a, X b) {
    const X smaller = a < b ? a : b;
    if constexpr (std::is_floating_point_v<lane<X>>) return nan_of(a, smaller);
    return smaller;
}
template <typename X>
PYDL_INLINE X max(X a, X b) {
    const X larger = a > b ? a : b;
    if constexpr (std::is_floating_point_v<lane<X>>) return nan_of(a, larger);
    return larger;
}

// x, or the limit where x is beyond it; NaN stays NaN. One instruction of x86, for which compilers take a
// comparison and a choice, because the limit is a constant.
template <typename X>
PYDL_INLINE X at_least(X x, lane<X> low) {
    const X limit = fill<X>(low);
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<X, vec<float>>)
        return (X)_mm512_maskz_max_ps(__mmask16(-1), (__m512)limit, (__m512)x);
    if constexpr (std::is_same_v<X, vec<double>>)
        return (X)_mm512_maskz_max_pd(__mmask8(-1), (__m512d)limit, (__m512d)x);
#elif defined(__AVX2__)
    if constexpr (std::is_same_v<X, vec<float>>) return (X)_mm256_max_ps((__m256)limit, (__m256)x);
    if constexpr (std::is_same_v<X, vec<double>>) return (X)_mm256_max_pd((__m256d)limit, (__m256d)x);
#elif defined(PYDL_X86)
    if constexpr (std::is_same_v<X, vec<float>>) return (X)_mm_max_ps((__m128)limit, (__m128)x);
    if constexpr (std::is_same_v<X, vec<double>>) return (X)_mm_max_pd((__m128d)limit, (__m128d)x);
#endif
    return limit > x ? limit : x;
}
template <typename X>
PYDL_INLINE X at_most(X x, lane<X> high) {
    const X limit = fill<X>(high);
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<X, vec<float>>)
        return (X)_mm512_maskz_min_ps(__mmask16(-1), (__m512)limit, (__m512)x);
    if constexpr (std::is_same_v<X, vec<double>>)
        return (X)_mm512_maskz_min_pd(__mmask8(-1), (__m512d)limit, (__m512d)x);
#elif defined(__AVX2__)
    if constexpr (std::is_same_v<X, vec<float>>) return (X)_mm256_min_ps((__m256)limit, (__m256)x);
    if constexpr (std::is_same_v<X, vec<double>>) return (X)_mm256_min_pd((__m256d)limit, (__m256d)x);
#elif defined(PYDL_X86)
    if constexpr (std::is_same_v<X, vec<float>>) return (X)_mm_min_ps((__m128)limit, (__m128)x);
    if constexpr (std::is_same_v<X, vec<double>>) return (X)_mm_min_pd((__m128d)limit, (__m128d)x);
#endif
    return limit < x ? limit : x;
}
// x between low and high.
template <typename X>
PYDL_INLINE X clamp(X x, lane<X> low, lane<X> high) {
    return at_least(at_most(x, high), low);
}

PYDL_INLINE float abs(float x) {
    return __builtin_fabsf(x);
}
PYDL_INLINE double abs(double x) {
    return __builtin_fabs(x);
}
template <typename X>
PYDL_INLINE X abs(X x) {
    using T = lane<X>;
    if constexpr (std::is_floating_point_v<T>)
        return bit_cast<X>(bit_cast<mask<T>>(x) & ~bit_cast<mask<T>>(fill<X>(T(-0.0))));
    return x < 0 ? -x : x;
}

// |magnitude| with the sign of sign.
template <typename X>
PYDL_INLINE X copysign(X magnitude, X sign) {
    using T = lane<X>;
    if constexpr (std::is_arithmetic_v<X>) {
        if constexpr (sizeof(T) == 4)
            return __builtin_copysignf(magnitude, sign);
        else
            return __builtin_copysign(magnitude, sign);
    } else {
        const mask<T> bit = bit_cast<mask<T>>(fill<X>(T(-0.0)));
        return bit_cast<X>((bit_cast<mask<T>>(magnitude) & ~bit) | (bit_cast<mask<T>>(sign) & bit));
    }
}

PYDL_INLINE float sqrt(float x) {
    return __builtin_sqrtf(x);
}
PYDL_INLINE double sqrt(double x) {
    return __builtin_sqrt(x);
}
PYDL_INLINE vec<float> sqrt(vec<float> x) {
#if defined(__AVX512F__)
    return (vec<float>)_mm512_maskz_sqrt_ps(__mmask16(-1), (__m512)x);
#elif defined(__AVX2__)
    return (vec<float>)_mm256_sqrt_ps((__m256)x);
#elif defined(PYDL_X86)
    return (vec<float>)_mm_sqrt_ps((__m128)x);
#elif defined(PYDL_NEON)
    return (vec<float>)vsqrtq_f32((float32x4_t)x);
#else
    for (int i = 0; i < width<float>; i++) x[i] = sqrt(x[i]);
    return x;
#endif
}
PYDL_INLINE vec<double> sqrt(vec<double> x) {
#if defined(__AVX512F__)
    return (vec<double>)_mm512_maskz_sqrt_pd(__mmask8(-1), (__m512d)x);
#elif defined(__AVX2__)
    return (vec<double>)_mm256_sqrt_pd((__m256d)x);
#elif defined(PYDL_X86)
    return (vec<double>)_mm_sqrt_pd((__m128d)x);
#elif defined(PYDL_NEON)
    return (vec<double>)vsqrtq_f64((float64x2_t)x);
#else
    for (int i = 0; i < width<double>; i++) x[i] = sqrt(x[i]);
    return x;
#endif
}

// x * 2^k in one instruction, where there is one.
#if defined(__AVX512F__)
inline constexpr bool has_scalef = true;
PYDL_INLINE vec<float> scalef(vec<float> x, vec<float> k) {
    return (vec<float>)_mm512_maskz_scalef_ps(__mmask16(-1), (__m512)x, (__m512)k);
}
PYDL_INLINE vec<double> scalef(vec<double> x, vec<double> k) {
    return (vec<double>)_mm512_maskz_scalef_pd(__mmask8(-1), (__m512d)x, (__m512d)k);
}
#else
inline constexpr bool has_scalef = false;
template <typename V>
V scalef(V x, V k) = delete;
#endif

// True where any / every lane of a comparison holds.
PYDL_INLINE bool any(bool m) {
    return m;
}
PYDL_INLINE bool all(bool m) {
    return m;
}
template <typename M>
PYDL_INLINE bool any(M m) {
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)m, (__m512i)m) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_epi8((__m256i)m) != 0;
#elif defined(PYDL_X86)
    return _mm_movemask_epi8((__m128i)m) != 0;
#elif defined(PYDL_NEON)
    return vmaxvq_u32((uint32x4_t)m) != 0;
#else
    const auto halves = bit_cast<vec<int64_t>>(m);
    return (halves[0] | halves[1]) != 0;
#endif
}
template <typename M>
PYDL_INLINE bool all(M m) {
    return !any(~m);
}

}  // namespace pydl::PYDL_ISA
