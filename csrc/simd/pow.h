// Powers of vectors: a^b = e^(b log |a|), with the logarithm and its product with b in two parts each.
//
// Largest error in units in the last place, float / double, with fused multiply-add: 1.5 / 12 (12 only where
// the result is near the largest or smallest number). Special values as in C: pow(a, 0) = pow(1, b) = 1, a
// negative a needs an integer b, and 0 and infinities give their limits.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

namespace detail {

// log(x) as a sum, for a positive normal number (double: any positive number).
template <typename V>
struct Logarithm {
    V high, low;
};
template <typename T, typename V>
PYDL_INLINE Logarithm<V> split_log(V x) {
    using F = Format<T>;
    const Mantissa<V> split = split_exponent<T>(x);
    const V f = split.m - T(1), d = split.m + T(1);
    const V inverse = T(1) / d;
    // s = f / d, and what its two roundings lost.
    const V s = f * inverse;
    const V rest = fma(-s, d, f) - s * (split.m - (d - T(1)));
    const V s_low = rest * inverse;
    const V z = s * s;
    const V tail = fma(s * z, polynomial(z, F::log_terms), s_low + s_low);
    const V base = split.e * F::ln2_high, twice = s + s;
    const V high = base + twice;
    const V back = high - base;
    const V lost = (base - (high - back)) + (twice - back);
    return {high, fma(split.e, fill<V>(F::ln2_low), tail) + lost};
}

// Whether |v| is an integer: as all large numbers are, and those that survive a rounding to one.
template <typename T, typename V>
PYDL_INLINE auto is_integer(V size) {
    const T shift = Format<T>::exponent_shift;
    return (size >= shift) | ((size + shift) - shift == size);
}

template <typename T, typename V>
PYDL_INLINE V pow(V a, V b) {
    using F = Format<T>;
    const V size = abs(a), infinity = fill<V>(F::infinity), one = fill<V>(T(1));
    const T smallest = sizeof(T) == 4 ? F::smallest_normal : T(0);
    const auto zero = sizeof(T) == 4 ? size < smallest : size == T(0);
    const Logarithm<V> log = split_log<T>(size);
    const V high = select(zero, -infinity, select(size == infinity, infinity, log.high));
    const V product = b * high;
    const V clamped = clamp(product, F::exp_low, F::exp_high);
    const V k =
        fma(clamped, fill<V>(T(1.44269504088896340736)), fill<V>(F::integer_shift)) - F::integer_shift;
    // Beyond the range of exp the small part may be no number, and does not matter.
    const V exact = fma(b, log.low, fma(b, high, -product));
    const V low = select(clamped == product, exact, V{});
    const V r = fma(k, fill<V>(-F::ln2_low), fma(k, fill<V>(-F::ln2_high), clamped)) + low;
    const V magnitude = scale<T>(T(1) + fma(r * r, polynomial(r, F::exp_terms), r), k);

    const V b_size = abs(b);
    const auto integer = is_integer<T>(b_size);
    const auto odd = integer & ~is_integer<T>(b_size * T(0.5));
    V y = select(odd, copysign(magnitude, a), magnitude);
    y = select((a < T(0)) & (size < F::infinity) & ~zero & ~integer, fill<V>(F::nan), y);
    y = select((a != a) | (b != b), a + b, y);
    y = select((size == one) & (b_size == infinity), one, y);
    return select((b == T(0)) | (a == one), one, y);
}

}  // namespace detail

template <typename X>
PYDL_INLINE X pow(X a, X b) {
    return detail::pow<lane<X>>(a, b);
}

}  // namespace pydl::PYDL_ISA
