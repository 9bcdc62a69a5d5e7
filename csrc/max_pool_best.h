// The largest of some elements and which one it is, for a window in each lane.
#pragma once
#include "simd.h"

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
};

}  // namespace pydl::PYDL_ISA
