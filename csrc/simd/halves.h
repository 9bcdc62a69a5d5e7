// Half vectors. Some processors with registers of 64 bytes take two cycles for what 32 take one.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

inline constexpr bool has_halves = PYDL_VECTOR_BYTES == 64;

template <typename T>
struct HalfOf {
    typedef T type __attribute__((vector_size(32)));
};
template <typename T>
using half_vec = typename HalfOf<T>::type;

// The first n lanes of half vectors in memory.
template <typename T>
class FirstOfHalf;

#if defined(__AVX512F__)
// The first lanes of v.
PYDL_INLINE half_vec<float> first_half(vec<float> v) {
    return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
}
PYDL_INLINE half_vec<double> first_half(vec<double> v) {
    return (half_vec<double>)_mm512_castpd512_pd256((__m512d)v);
}
PYDL_INLINE half_vec<float> second_half(vec<float> v) {
    return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
}
PYDL_INLINE vec<float> join_halves(half_vec<float> first, half_vec<float> second) {
    return (vec<float>)_mm512_insertf32x8(_mm512_castps256_ps512((__m256)first), (__m256)second, 1);
}
PYDL_INLINE half_vec<float> fma(half_vec<float> a, half_vec<float> b, half_vec<float> c) {
    return (half_vec<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
PYDL_INLINE half_vec<double> fma(half_vec<double> a, half_vec<double> b, half_vec<double> c) {
    return (half_vec<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
// As load_partial() and store_partial(), for no more lanes than there are.
PYDL_INLINE half_vec<float> load_half(const float* p, int64_t n) {
    return (half_vec<float>)_mm256_maskz_loadu_ps(__mmask8((1u << n) - 1), p);
}
PYDL_INLINE half_vec<double> load_half(const double* p, int64_t n) {
    return (half_vec<double>)_mm256_maskz_loadu_pd(__mmask8((1u << n) - 1), p);
}
PYDL_INLINE void store_half(float* p, half_vec<float> v, int64_t n) {
    _mm256_mask_storeu_ps(p, __mmask8((1u << n) - 1), (__m256)v);
}
PYDL_INLINE void store_half(double* p, half_vec<double> v, int64_t n) {
    _mm256_mask_storeu_pd(p, __mmask8((1u << n) - 1), (__m256d)v);
}
template <>
class FirstOfHalf<float> {
  public:
    PYDL_INLINE explicit FirstOfHalf(int64_t n) : lanes_(__mmask8((1u << n) - 1)) {}
    PYDL_INLINE half_vec<float> load(const float* p) const {
        return (half_vec<float>)_mm256_maskz_loadu_ps(lanes_, p);
    }
    PYDL_INLINE void store(float* p, half_vec<float> v) const { _mm256_mask_storeu_ps(p, lanes_, (__m256)v); }

  private:
    __mmask8 lanes_;
};
#endif

}  // namespace pydl::PYDL_ISA
