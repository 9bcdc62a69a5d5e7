// Numbers that are doubles in registers and of either type in memory: floats are summed in double precision,
// which costs nothing once the numbers come from memory, and leaves one rounding however many there are.
#pragma once
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// width<double> numbers from p as doubles.
PYDL_INLINE vec<double> read_double(const double* p) {
    return load(p);
}
PYDL_INLINE vec<double> read_double(const double* p, int64_t n) {
    return load_partial(p, n);
}
// Half a vector of floats.
typedef float HalfVec
    __attribute__((vector_size(sizeof(float) * width<double>), aligned(alignof(float)), may_alias));

// Left to itself the compiler widens a half of it after the other. (The mask spares a warning.)
PYDL_INLINE vec<double> widened(HalfVec v) {
#if defined(__AVX512F__)
    return vec<double>(_mm512_maskz_cvtps_pd(0xff, __m256(v)));
#elif defined(__AVX2__)
    return vec<double>(_mm256_cvtps_pd(__m128(v)));
#else
    return __builtin_convertvector(v, vec<double>);
#endif
}
// Its half from lane First on.
template <int First, int... I>
PYDL_INLINE vec<double> widened_half(vec<float> v, std::integer_sequence<int, I...>) {
    return widened(__builtin_shufflevector(v, v, First + I...));
}
PYDL_INLINE vec<double> low_half(vec<float> v) {
    return widened_half<0>(v, std::make_integer_sequence<int, width<double>>{});
}
PYDL_INLINE vec<double> high_half(vec<float> v) {
    return widened_half<width<double>>(v, std::make_integer_sequence<int, width<double>>{});
}
PYDL_INLINE vec<double> read_double(const float* p) {
    return widened(*reinterpret_cast<const HalfVec*>(p));
}
PYDL_INLINE vec<double> read_double(const float* p, int64_t n) {
    return low_half(load_partial(p, n));
}

// y[i] = v[i], rounded, for the first n lanes.
template <typename T>
PYDL_INLINE void store_doubles(T* y, vec<double> v, int64_t n) {
    typedef T Rounded __attribute__((vector_size(width<double> * sizeof(T))));
    const Rounded rounded = __builtin_convertvector(v, Rounded);
    __builtin_memcpy(y, &rounded, size_t(n) * sizeof(T));
}

}  // namespace pydl::PYDL_ISA
