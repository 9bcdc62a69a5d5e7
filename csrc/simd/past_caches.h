// Writing to memory past the caches: for results that are larger than these, of which the processor would
// otherwise first read what was there before.
#pragma once
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Bytes of a result from which on it is not kept in the caches, which it would only push other things out of.
constexpr int64_t kPastCaches = int64_t(1) << 25;

// Any number of bytes. finish_past_caches() makes them visible to other threads.
#if defined(PYDL_X86)
PYDL_INLINE void store_line_past_caches(void* to, const void* from) {
#if defined(__AVX512F__)
    _mm512_stream_si512(static_cast<__m512i*>(to), _mm512_loadu_si512(from));
#else
    for (int k = 0; k < 64; k += PYDL_VECTOR_BYTES) {
        char* line = static_cast<char*>(to) + k;
        const char* source = static_cast<const char*>(from) + k;
#if defined(__AVX2__)
        _mm256_stream_si256(reinterpret_cast<__m256i*>(line),
                            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source)));
#else
        _mm_stream_si128(reinterpret_cast<__m128i*>(line),
                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(source)));
#endif
    }
#endif
}
// A whole vector, to where its size divides the address.
template <typename T>
PYDL_INLINE void store_past_caches(T* to, std::common_type_t<vec<T>> v) {
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to), (__m512i)v);
#elif defined(__AVX2__)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to), (__m256i)v);
#else
    _mm_stream_si128(reinterpret_cast<__m128i*>(to), (__m128i)v);
#endif
}
inline void store_past_caches(char* to, const char* from, int64_t bytes) {
    int64_t i = -reinterpret_cast<intptr_t>(to) & 63;  // up to the first whole line
    if (i > bytes) i = bytes;
    __builtin_memcpy(to, from, size_t(i));
    for (; i + 64 <= bytes; i += 64) store_line_past_caches(to + i, from + i);
    __builtin_memcpy(to + i, from + i, size_t(bytes - i));
}
inline void finish_past_caches() {
    _mm_sfence();
}
#else
template <typename T>
PYDL_INLINE void store_past_caches(T* to, std::common_type_t<vec<T>> v) {
    store(to, v);
}
inline void store_past_caches(char* to, const char* from, int64_t bytes) {
    __builtin_memcpy(to, from, size_t(bytes));
}
inline void finish_past_caches() {}
#endif

}  // namespace pydl::PYDL_ISA
