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

}  // namespace pydl::PYDL_ISA
