// The lanes of a mask as the bits of a number.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Bit i is set where lane i of the mask is.
template <typename M>
PYDL_INLINE uint32_t lane_bits(M m) {
    [[maybe_unused]] constexpr bool wide = sizeof(lane<M>) == 8;
#if defined(__AVX512F__)
    if constexpr (wide) return uint32_t(_mm512_movepi64_mask((__m512i)m));
    return uint32_t(_mm512_movepi32_mask((__m512i)m));
#elif defined(__AVX2__)
    if constexpr (wide) return uint32_t(_mm256_movemask_pd((__m256d)m));
    return uint32_t(_mm256_movemask_ps((__m256)m));
#elif defined(PYDL_X86)
    if constexpr (wide) return uint32_t(_mm_movemask_pd((__m128d)m));
    return uint32_t(_mm_movemask_ps((__m128)m));
#else
    uint32_t bits = 0;
    for (int i = 0; i < width<lane<M> >; ++i) bits |= uint32_t(m[i] != 0) << i;
    return bits;
#endif
}

// The number of the first lane that is set; there must be one.
template <typename M>
PYDL_INLINE int first_lane(M m) {
    return __builtin_ctz(lane_bits(m));
}

}  // namespace pydl::PYDL_ISA
