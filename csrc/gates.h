// sigmoid and tanh for the gates of recurrent layers, where they take as long as the products if they are
// slow: every unit needs three to five in every step.
//
// Half the instructions of those in simd_math.h: powers of two are made by one shift, because results below
// the smallest normal number do not matter here, and there are no cases apart. Within 4 units in the last
// place of results that are normal numbers; NaN gives NaN, infinities give exactly 0, 1 and -1.
#pragma once

#include "simd.h"

namespace pydl::PYDL_ISA {

namespace detail {

// e^x = power + power * expm1, for x that is clamped so that power is 0, a normal number or infinity.
template <typename T>
struct GateExp {
    vec<T> power, expm1;

    PYDL_INLINE GateExp(vec<T> x, T low, T high) {
        using F = Format<T>;
        x = x < low ? fill<vec<T>>(low) : x;  // NaN stays
        x = x > high ? fill<vec<T>>(high) : x;
        const vec<T> shifted =
            fma(x, fill<vec<T>>(T(1.44269504088896340736)), fill<vec<T>>(F::integer_shift));
        const vec<T> k = shifted - F::integer_shift;
        const vec<T> r = fma(k, fill<vec<T>>(-F::ln2_low), fma(k, fill<vec<T>>(-F::ln2_high), x));
        expm1 = fma(r * r, polynomial(r, F::exp_terms), r);
        power = bit_cast<vec<T>>((bit_cast<vec<typename F::bits>>(shifted) << F::mantissa) + F::one);
    }
};

}  // namespace detail

// 1 / (1 + e^-x). Where e^-x is larger than any number, so is its power of two.
template <typename T>
PYDL_INLINE vec<T> gate_sigmoid(vec<T> x) {
    const detail::GateExp<T> e(-x, sizeof(T) == 4 ? T(-87) : T(-708), sizeof(T) == 4 ? T(89) : T(710));
    return T(1) / (T(1) + fma(e.expm1, e.power, e.power));
}

// t / (2 + t) with t = e^2x - 1.
template <typename T>
PYDL_INLINE vec<T> gate_tanh(vec<T> x) {
    constexpr T high = 2 * detail::Format<T>::tanh_high;
    const detail::GateExp<T> e(x + x, -high, high);
    const vec<T> t = fma(e.expm1, e.power, e.power - T(1));
    return t / (T(2) + t);
}

}  // namespace pydl::PYDL_ISA
