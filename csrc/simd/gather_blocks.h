// Vectors of 64 bytes made of blocks of 16 that lie apart, as those of several rows.
#pragma once

#include "simd/halves.h"
#include "simd/lanes.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

#if defined(__AVX512F__)
// The i-th block from at(i); of the first `count` of them and zeros. Blocks join 32 bytes at half of what it
// costs to join 64, so there are two halves.
template <typename T, typename At>
PYDL_INLINE vec<T> gather_blocks(At at, int count) {
    const auto block = [&](int i)
                           PYDL_INLINE_LAMBDA { return (__m128i)load_block<T>(at(i), block_lanes<T>); };
    const auto half = [&](int i) PYDL_INLINE_LAMBDA {
        const __m256i first = _mm256_zextsi128_si256(block(i));
        return count > i + 1 ? _mm256_inserti128_si256(first, block(i + 1), 1) : first;
    };
    const __m512i first = _mm512_zextsi256_si512(half(0));
    return (vec<T>)(count > 2 ? _mm512_inserti64x4(first, half(2), 1) : first);
}
#else
template <typename T, typename At>
PYDL_INLINE vec<T> gather_blocks(At at, int) {
    return load_blocks<T>(at);
}
#endif

}  // namespace pydl::PYDL_ISA
