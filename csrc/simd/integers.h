// Whole numbers of 64 bits as doubles and back, by a trick that needs no instruction for it: beside 3 * 2^51
// a double has integers of less than 2^51 in its last bits.
#pragma once
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kMostExact = int64_t(1) << 51;
constexpr double kIntegersBeside = 3 * double(kMostExact);

// Bits that are 0 in all lanes if all are from -2^51 to 2^51 - 1. They may be joined with those of others by
// |.
PYDL_INLINE vec<int64_t> beyond_exact(vec<int64_t> x) {
    typedef uint64_t Unsigned __attribute__((vector_size(sizeof(x))));  // the sum may go beyond what fits
    return bit_cast<vec<int64_t>>((bit_cast<Unsigned>(x) + uint64_t(kMostExact)) & uint64_t(-2 * kMostExact));
}

PYDL_INLINE vec<double> to_doubles(vec<int64_t> x) {
    return bit_cast<vec<double>>(x + bit_cast<int64_t>(kIntegersBeside)) - kIntegersBeside;
}

// Of doubles that are such integers.
PYDL_INLINE vec<int64_t> to_integers(vec<double> x) {
    return bit_cast<vec<int64_t>>(x + kIntegersBeside) - bit_cast<int64_t>(kIntegersBeside);
}

PYDL_INLINE vec<double> nearest_integers(vec<double> x) {
    return (x + kIntegersBeside) - kIntegersBeside;
}

// The integers that are left without what is behind the point, for |x| < 2^51.
PYDL_INLINE vec<double> without_fraction(vec<double> x) {
    const vec<double> size = abs(x), n = nearest_integers(size);
    return copysign(select(n > size, n - 1.0, n), x);
}

}  // namespace pydl::PYDL_ISA
