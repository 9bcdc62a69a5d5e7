// One-sided limits of vectors.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// x, or the limit where x is beyond it; NaN stays NaN. One instruction, where a comparison and a choice are
// two.
template <typename V>
PYDL_INLINE V at_least(V x, lane<V> low) {
    const V limit = fill<V>(low);
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<V, vec<float>>) return (V)_mm512_max_ps((__m512)limit, (__m512)x);
    if constexpr (std::is_same_v<V, vec<double>>) return (V)_mm512_max_pd((__m512d)limit, (__m512d)x);
#elif defined(__AVX2__)
    if constexpr (std::is_same_v<V, vec<float>>) return (V)_mm256_max_ps((__m256)limit, (__m256)x);
    if constexpr (std::is_same_v<V, vec<double>>) return (V)_mm256_max_pd((__m256d)limit, (__m256d)x);
#endif
    return x < limit ? limit : x;
}
template <typename V>
PYDL_INLINE V at_most(V x, lane<V> high) {
    const V limit = fill<V>(high);
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<V, vec<float>>) return (V)_mm512_min_ps((__m512)limit, (__m512)x);
    if constexpr (std::is_same_v<V, vec<double>>) return (V)_mm512_min_pd((__m512d)limit, (__m512d)x);
#elif defined(__AVX2__)
    if constexpr (std::is_same_v<V, vec<float>>) return (V)_mm256_min_ps((__m256)limit, (__m256)x);
    if constexpr (std::is_same_v<V, vec<double>>) return (V)_mm256_min_pd((__m256d)limit, (__m256d)x);
#endif
    return x > limit ? limit : x;
}

}  // namespace pydl::PYDL_ISA
