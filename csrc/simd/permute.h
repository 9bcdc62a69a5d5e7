// Lanes picked by numbers that are known at run time.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Whether that takes one instruction.
#if defined(__AVX512F__)
inline constexpr bool picks_lanes = true;
#else
inline constexpr bool picks_lanes = false;
#endif

// Lane i of the result is lane number index[i], below 2 * width, of a and what follows of b.
PYDL_INLINE vec<float> lanes_at(vec<float> a, vec<float> b, mask<float> index) {
#if defined(__AVX512F__)
    return (vec<float>)_mm512_permutex2var_ps((__m512)a, (__m512i)index, (__m512)b);
#else
    vec<float> v{};
    for (int i = 0; i < width<float>; i++)
        v[i] = index[i] < width<float> ? a[index[i]] : b[index[i] - width<float>];
    return v;
#endif
}

// The same, and zero where the number is negative.
PYDL_INLINE vec<float> lanes_at_or_zero(vec<float> a, vec<float> b, mask<float> index) {
#if defined(__AVX512F__)
    const __mmask16 exists = _mm512_cmpge_epi32_mask((__m512i)index, _mm512_setzero_si512());
    return (vec<float>)_mm512_maskz_permutex2var_ps(exists, (__m512)a, (__m512i)index, (__m512)b);
#else
    vec<float> v{};
    for (int i = 0; i < width<float>; i++)
        if (index[i] >= 0) v[i] = index[i] < width<float> ? a[index[i]] : b[index[i] - width<float>];
    return v;
#endif
}

}  // namespace pydl::PYDL_ISA
