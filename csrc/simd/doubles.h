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
PYDL_INLINE vec<double> read_double(const float* p) {
    typedef float Half
        __attribute__((vector_size(sizeof(float) * width<double>), aligned(alignof(float)), may_alias));
    return __builtin_convertvector(*reinterpret_cast<const Half*>(p), vec<double>);
}
template <int... I>
PYDL_INLINE vec<double> low_half(vec<float> v, std::integer_sequence<int, I...>) {
    return __builtin_convertvector(__builtin_shufflevector(v, v, I...), vec<double>);
}
PYDL_INLINE vec<double> read_double(const float* p, int64_t n) {
    return low_half(load_partial(p, n), std::make_integer_sequence<int, width<double>>{});
}

// y[i] = v[i], rounded, for the first n lanes.
template <typename T>
PYDL_INLINE void store_doubles(T* y, vec<double> v, int64_t n) {
    typedef T Rounded __attribute__((vector_size(width<double> * sizeof(T))));
    const Rounded rounded = __builtin_convertvector(v, Rounded);
    __builtin_memcpy(y, &rounded, size_t(n) * sizeof(T));
}

}  // namespace pydl::PYDL_ISA
