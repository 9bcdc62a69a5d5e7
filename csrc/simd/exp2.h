// 2^x of vectors, to 1 / 1.2 units in the last place.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// The rest of x by the nearest integer is exact, so there is no second part of ln 2 to subtract.
template <typename T>
PYDL_INLINE vec<T> exp2_of(vec<T> x) {
    using F = detail::Format<T>;
    x = clamp(x, T(sizeof(T) == 4 ? -151 : -1076), T(sizeof(T) == 4 ? 129 : 1025));  // beyond: 0, infinity
    const vec<T> k = (x + F::integer_shift) - F::integer_shift, r = x - k;
    if constexpr (sizeof(T) == 4) {
        return detail::scale<T>(fma(r, detail::polynomial(r, F::power_terms), broadcast<T>(1)), k);
    } else {
        const vec<T> t = r * T(0.69314718055994530942);
        return detail::scale<T>(T(1) + fma(t * t, detail::polynomial(t, F::exp_terms), t), k);
    }
}
PYDL_INLINE vec<float> exp2(vec<float> x) {
    return exp2_of<float>(x);
}
PYDL_INLINE vec<double> exp2(vec<double> x) {
    return exp2_of<double>(x);
}

}  // namespace pydl::PYDL_ISA
