// The largest of some elements and which one it is, for a window in each lane.
#pragma once
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// The best of the elements seen so far in each of `width` windows, and its number. Where NaN is met it beats
// every number.
template <typename T, bool MeetsNan = true>
struct Best {
    static constexpr bool numbered = true;
    static constexpr T padding = -__builtin_inff();
    vec<T> value;
    mask<T> element;

    // The first of equal values stays.
    PYDL_INLINE void meet(vec<T> x, mask<T> number) {
        mask<T> wins = x > value;
        if constexpr (MeetsNan) wins |= x != x;
        value = select(wins, x, value);
        element = select(wins, number, element);
    }
    // The best of other elements of the window, in any order: the first of equals wins, the last of NaN.
    PYDL_INLINE void join(const Best& other) {
        const vec<T> x = other.value;
        const mask<T> later = other.element > element;
        const mask<T> wins = (x > value) | ((x == value) & ~later) | ((x != x) & ((value == value) | later));
        value = select(wins, x, value);
        element = select(wins, other.element, element);
    }
};

}  // namespace pydl::PYDL_ISA
