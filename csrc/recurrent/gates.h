// sigmoid and tanh for the gates of recurrent layers, where they take as long as the products if they are
// slow: every unit needs three to five in every step.
//
// Half the instructions of those in simd/math.h: powers of two are made by one shift, because results below
// the smallest normal number do not matter here, and there are no cases apart. What limits them is how long
// one step waits for another, hence the polynomial as a tree. Within 4 units in the last place of results,
// sigmoid in float within 6 where it is below 1e-16; NaN gives NaN, infinities give exactly 0, 1 and -1.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

namespace detail {

// terms[first] + terms[first + 1] r + ..., `count` of them; squared: r, r^2, r^4.
template <int first, int count, typename V, typename T, size_t N>
PYDL_INLINE V tree(const V* squared, const T (&terms)[N]) {
    if constexpr (count == 1) {
        return fill<V>(terms[first]);
    } else {
        constexpr int level = count > 4 ? 2 : count > 2 ? 1 : 0, half = 1 << level;
        return fma(tree<first + half, count - half>(squared, terms), squared[level],
                   tree<first, half>(squared, terms));
    }
}

// (e^r - 1 - r) / r^2 on |r| <= ln(2)/2, where it is enough that e^r is right: fewer terms do.
template <typename T>
struct SigmoidTerms : Format<T> {};
template <>
struct SigmoidTerms<float> {
    static constexpr float exp_terms[] = {4.999914765e-1f, 1.666645706e-1f, 4.18983251e-2f, 8.374648168e-3f};
};

// e^(sign x) = power + power * expm1, for x that is clamped so that power is 0, a normal number or infinity.
template <typename T, int sign, typename Terms>
struct GateExp {
    vec<T> power, expm1;

    PYDL_INLINE GateExp(vec<T> x, T low, T high) {
        using F = Format<T>;
        constexpr int terms = sizeof(Terms::exp_terms) / sizeof(T);
        x = at_most(at_least(x, low), high);
        const vec<T> shifted =
            fma(x, fill<vec<T>>(T(sign * 1.44269504088896340736)), fill<vec<T>>(F::integer_shift));
        const vec<T> k = shifted - F::integer_shift;
        const vec<T> r = reduce(sign < 0 ? -x : x, k);
        const vec<T> r2 = r * r, r4 = r2 * r2, squared[] = {r, r2, r4};
        if constexpr (terms <= 4)
            expm1 = fma(tree<0, terms>(squared, Terms::exp_terms), r2, r);
        else
            expm1 = fma(tree<2, terms - 2>(squared, Terms::exp_terms), r4,
                        fma(tree<0, 2>(squared, Terms::exp_terms), r2, r));
        power = bit_cast<vec<T>>((bit_cast<vec<typename F::bits>>(shifted) << F::mantissa) + F::one);
    }

  private:
    // x - k ln 2. The float nearest to ln 2 is so near that, if nothing else is rounded, one step is enough.
    PYDL_INLINE static vec<T> reduce(vec<T> x, vec<T> k) {
        using F = Format<T>;
        if constexpr (sizeof(T) == 4 && has_fma) return fma(k, fill<vec<T>>(T(-0.69314718055994530942)), x);
        return fma(k, fill<vec<T>>(-F::ln2_low), fma(k, fill<vec<T>>(-F::ln2_high), x));
    }
};

}  // namespace detail

// 1 / (1 + e^-x). Where e^-x is larger than any number, so is its power of two.
template <typename T>
PYDL_INLINE vec<T> gate_sigmoid(vec<T> x) {
    const detail::GateExp<T, -1, detail::SigmoidTerms<T>> e(x, sizeof(T) == 4 ? T(-89) : T(-710),
                                                            sizeof(T) == 4 ? T(87) : T(708));
    return T(1) / (T(1) + fma(e.expm1, e.power, e.power));
}

// t / (2 + t) with t = e^2x - 1.
template <typename T>
PYDL_INLINE vec<T> gate_tanh(vec<T> x) {
    constexpr T high = 2 * detail::Format<T>::tanh_high;
    const detail::GateExp<T, 1, detail::Format<T>> e(x + x, -high, high);
    const vec<T> t = fma(e.expm1, e.power, e.power - T(1));
    return t / (T(2) + t);
}

}  // namespace pydl::PYDL_ISA
