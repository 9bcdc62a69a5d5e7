// Floats as whole numbers that are ordered alike.
#pragma once
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Numbers whose places are sooner counted one by one, where each byte has a pass that counts 256 values.
template <typename T>
inline constexpr int64_t kShortLine = sizeof(T) == 4 ? 144 : 160;
constexpr int kBuckets = 256;

template <typename T>
using Unsigned = std::make_unsigned_t<int_of<T>>;

// Of NaN, if the smallest comes first: the largest.
template <typename T>
inline constexpr Unsigned<T> nan_key = Unsigned<T>(-1);

// The bits of a float, or of a vector of them, as a number that is ordered as it is, or the other way round.
template <typename T, typename X>
PYDL_INLINE X to_key(X v, bool largest) {
    constexpr int bits = 8 * sizeof(T) - 1;
    const auto order = v ^ ((v >> bits) & int_of<T>(~(int_of<T>(1) << bits)));
    return largest ? order : ~order;
}

// The same with the smallest first, NaN the largest, -0 equal to 0, and without arithmetic that would take a
// denormal for 0: of the bits of one number or a vector of them.
template <typename T, typename Bits>
PYDL_INLINE Bits rising_key(Bits bits, bool largest) {
    constexpr int_of<T> sign = int_of<T>(1) << (8 * sizeof(T) - 1);
    const int_of<T> infinity = bit_cast<int_of<T>>(T(__builtin_inf()));
    if constexpr (std::is_integral_v<Bits>) {  // rarely: sooner foreseen than selected
        if (bits == sign) bits = 0;
        if ((bits & ~sign) > infinity) bits = ~sign;
    } else {
        bits = select(bits == sign, Bits{}, bits);
        bits = select((bits & ~sign) > infinity, Bits{} + ~sign, bits);
    }
    return to_key<T>(bits, !largest);
}

// The same order without signs.
template <typename T>
PYDL_INLINE Unsigned<T> unsigned_key(int_of<T> key) {
    return Unsigned<T>(key) ^ Unsigned<T>(Unsigned<T>(1) << (8 * sizeof(T) - 1));
}

}  // namespace pydl::PYDL_ISA
