// Vectors rounded to whole numbers.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// The nearest one, of two the even one; the next below; the next above; the next towards 0. As the
// instructions of x86 count them.
enum Rounding { kNearest, kDown, kUp, kInwards };

namespace detail {

// By adding 2^23 (double: 2^52), which leaves no place behind the point.
template <int rounding, typename T>
PYDL_INLINE vec<T> rounded_by_sums(vec<T> x) {
    const T shift = sizeof(T) == 4 ? T(0x1p23) : T(0x1p52);
    const vec<T> size = abs(x), none{};
    vec<T> whole = copysign((size + shift) - shift, x);
    if constexpr (rounding == kInwards)
        whole -= select(abs(whole) > size, copysign(fill<vec<T>>(T(1)), x), none);
    if constexpr (rounding == kDown) whole -= select(whole > x, fill<vec<T>>(T(1)), none);
    if constexpr (rounding == kUp) whole += select(whole < x, fill<vec<T>>(T(1)), none);
    return select(size < shift, copysign(whole, x), x);
}

template <int rounding>
PYDL_INLINE vec<float> rounded(vec<float> x) {
#if defined(__AVX512F__)
    return (vec<float>)_mm512_maskz_roundscale_ps(__mmask16(-1), (__m512)x, rounding | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__)
    return (vec<float>)_mm256_round_ps((__m256)x, rounding | _MM_FROUND_NO_EXC);
#else
    return rounded_by_sums<rounding, float>(x);
#endif
}
template <int rounding>
PYDL_INLINE vec<double> rounded(vec<double> x) {
#if defined(__AVX512F__)
    return (vec<double>)_mm512_maskz_roundscale_pd(__mmask8(-1), (__m512d)x, rounding | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__)
    return (vec<double>)_mm256_round_pd((__m256d)x, rounding | _MM_FROUND_NO_EXC);
#else
    return rounded_by_sums<rounding, double>(x);
#endif
}

}  // namespace detail

// Denormal floats, which count as 0 in kernels, have a whole number below and above, too.
template <int rounding, typename T>
PYDL_INLINE vec<T> rounded(vec<T> x) {
    const vec<T> whole = detail::rounded<rounding>(x);
    if constexpr (sizeof(T) == 4 && (rounding == kDown || rounding == kUp)) {
        const vec<uint32_t> zero{}, first = zero + (rounding == kDown ? 0x80000001u : 1u);
        const auto denormal = bit_cast<vec<uint32_t>>(x) - first < zero + 0x7fffffu;
        return select(denormal, fill<vec<T>>(T(rounding == kDown ? -1 : 1)), whole);
    } else {
        return whole;
    }
}

}  // namespace pydl::PYDL_ISA
