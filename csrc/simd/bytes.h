// Small numbers that are lanes in registers and bytes in memory.
#pragma once
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct ByteVec {
    typedef uint8_t type __attribute__((vector_size(width<T>)));
};

// Lane i is byte i.
template <typename T>
PYDL_INLINE mask<T> widen_bytes(const uint8_t* p) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return (mask<T>)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p));
    if constexpr (sizeof(T) == 8) return (mask<T>)_mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i*)p));
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4) return (mask<T>)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p));
    if constexpr (sizeof(T) == 8) {
        int four;
        __builtin_memcpy(&four, p, 4);
        return (mask<T>)_mm256_cvtepu8_epi64(_mm_cvtsi32_si128(four));
    }
#else
    typename ByteVec<T>::type bytes;
    __builtin_memcpy(&bytes, p, width<T>);
    return __builtin_convertvector(bytes, mask<T>);
#endif
}

// The lowest byte of every lane.
template <typename T>
PYDL_INLINE void narrow_bytes(uint8_t* p, mask<T> v) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) _mm_storeu_si128((__m128i*)p, _mm512_cvtepi32_epi8((__m512i)v));
    if constexpr (sizeof(T) == 8) _mm_storel_epi64((__m128i*)p, _mm512_cvtepi64_epi8((__m512i)v));
#elif defined(__AVX2__)
    // The lowest bytes of each half to its front, then both fronts together.
    const __m256i front =
        sizeof(T) == 4 ? _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4,
                                          8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)
                       : _mm256_setr_epi8(0, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 8,
                                          -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i halves = _mm256_shuffle_epi8((__m256i)v, front);
    const __m128i low = _mm256_castsi256_si128(halves), high = _mm256_extracti128_si256(halves, 1);
    if constexpr (sizeof(T) == 4) {
        _mm_storel_epi64((__m128i*)p, _mm_unpacklo_epi32(low, high));
    } else {
        const int four = _mm_cvtsi128_si32(_mm_unpacklo_epi16(low, high));
        __builtin_memcpy(p, &four, 4);
    }
#else
    const auto bytes = __builtin_convertvector(v, typename ByteVec<T>::type);
    __builtin_memcpy(p, &bytes, width<T>);
#endif
}

// n < Limit bytes, without a loop over single ones.
template <int Limit>
PYDL_INLINE void copy_bytes(uint8_t* to, const uint8_t* from, int64_t n) {
    if constexpr (Limit > 1) {
        constexpr int part = Limit / 2;
        if (n & part) {
            __builtin_memcpy(to, from, part);
            to += part, from += part;
        }
        copy_bytes<part>(to, from, n);
    }
}

// As many bytes as a vec<T> has lanes, widened to its lanes. At most n of them are read, the others zero.
template <typename T>
PYDL_INLINE mask<T> load_bytes(const uint8_t* p, int64_t n) {
    if (n >= width<T>) return widen_bytes<T>(p);
    uint8_t bytes[width<T>] = {};
    copy_bytes<width<T>>(bytes, p, n);
    return widen_bytes<T>(bytes);
}

// The first n lanes, as bytes.
template <typename T>
PYDL_INLINE void store_bytes(uint8_t* p, mask<T> v, int64_t n) {
    if (n >= width<T>) return narrow_bytes<T>(p, v);
    uint8_t bytes[width<T>];
    narrow_bytes<T>(bytes, v);
    copy_bytes<width<T>>(p, bytes, n);
}

}  // namespace pydl::PYDL_ISA
