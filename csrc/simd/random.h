// Random words from counters: Philox4x32-10. The same bits on every instruction set.
//
// A block of 64 words comes from 16 consecutive counters of 64 bits, each of which gives 4 words:
//     word 16 w + j of block b is word w of counter 16 b + j / 2 + 8 (j mod 2)
// so that vectors of 64-bit lanes, which the multiplication needs, fit together without moving between lanes.
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kRandomBlock = 64;

using Wide = vec<uint64_t>;

// The 64-bit products of the lower halves of the lanes.
PYDL_INLINE Wide multiply_low(Wide a, Wide b) {
#if defined(__AVX512F__)
    return (Wide)_mm512_maskz_mul_epu32(__mmask8(-1), (__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (Wide)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(PYDL_X86)
    return (Wide)_mm_mul_epu32((__m128i)a, (__m128i)b);
#elif defined(PYDL_NEON)
    return (Wide)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#else
    return (a & uint64_t(0xffffffff)) * (b & uint64_t(0xffffffff));
#endif
}

// One counter in each lane; after mix() its four words, in the lower halves of the lanes.
struct Philox {
    Wide word[4];

    PYDL_INLINE explicit Philox(Wide counter) : word{counter, counter >> 32, Wide{}, Wide{}} {}

    PYDL_INLINE void round(uint32_t key0, uint32_t key1) {
        const Wide a = multiply_low(word[0], Wide{} + uint64_t(0xD2511F53));
        const Wide b = multiply_low(word[2], Wide{} + uint64_t(0xCD9E8D57));
        word[0] = (b >> 32) ^ word[1] ^ uint64_t(key0);
        word[1] = b;  // the upper halves are of no account
        word[2] = (a >> 32) ^ word[3] ^ uint64_t(key1);
        word[3] = a;
    }
};

// The 64 words of a block. Compiled once and not into every kernel.
[[gnu::noinline]] inline void random_block(uint64_t key, uint64_t block, uint32_t* words) {
    constexpr int W = width<uint64_t>, kParts = 8 / W;
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
        const Wide first = iota<uint64_t>() + (block * 16 + uint64_t(part * W));
        Philox even(first), odd(first + uint64_t(8));
        uint32_t key0 = uint32_t(key), key1 = uint32_t(key >> 32);
#pragma GCC unroll 10
        for (int round = 0; round < 10; ++round) {
            even.round(key0, key1);
            odd.round(key0, key1);
            key0 += 0x9E3779B9;
            key1 += 0xBB67AE85;
        }
#pragma GCC unroll 4
        for (int w = 0; w < 4; ++w) {
            const Wide both = (even.word[w] & uint64_t(0xffffffff)) | (odd.word[w] << 32);
            store(words + 16 * w + 2 * W * part, bit_cast<vec<uint32_t>>(both));
        }
    }
}

}  // namespace pydl::PYDL_ISA
