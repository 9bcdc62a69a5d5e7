// The rows of A of a register tile that lie apart, as single numbers for one step after the other.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Three rows share a pointer: the others of them are one and two strides away, which an x86 address can say.
// So nine rows need four registers; the compiler, left alone, gives each row a pointer and spills them.
template <typename T, int MR>
struct RowsApart {
    static constexpr int groups = (MR + 2) / 3;
    const T* step[groups];
    int64_t stride;
    RowsApart(const T* a, int64_t a_stride) : stride(a_stride) {
#pragma GCC unroll 8
        for (int g = 0; g < groups; g++) step[g] = a + 3 * g * a_stride;
    }
    PYDL_INLINE T operator[](int i) const { return step[i / 3][i % 3 * stride]; }
    PYDL_INLINE void advance(int64_t by = 1) {
#pragma GCC unroll 8
        for (int g = 0; g < groups; g++) step[g] = forget(step[g] + by);
    }
};

}  // namespace pydl::PYDL_ISA
