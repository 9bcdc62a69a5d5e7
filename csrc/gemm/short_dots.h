// Dot products of a row with columns so short that a vector holds several of them:
//
//     B, columns of 3         a0 a1 a2 b0 b1 b2 c0 c1 c2 d0 d1 d2 e0 ..
//     spread to 4             a0 a1 a2  0 b0 b1 b2  0 c0 c1 c2  0 d0 d1 d2  0
//     times the row, and neighbours added, first of four such vectors, then of two, then of one
#pragma once

#include "gemm/pack.h"
#include "simd/permute.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

inline constexpr int64_t most_short = 8;  // numbers of a column

// The sums of `count` neighbours, a lane each: of as many vectors as that.
template <int count>
PYDL_INLINE vec<float> add_neighbours(vec<float> (&v)[count]) {
    if constexpr (count == 1) {
        return v[0];
    } else {
        vec<float> sums[count / 2];
#pragma GCC unroll 4
        for (int i = 0; i < count / 2; i++)
            sums[i] = even_lanes(v[2 * i], v[2 * i + 1]) + odd_lanes(v[2 * i], v[2 * i + 1]);
        return add_neighbours<count / 2>(sums);
    }
}

// Columns of at most P numbers, one behind the other.
template <int P>
[[gnu::noinline]] void spread_dots(const float* a, const float* b, int64_t depth, float* c, int64_t columns) {
    constexpr int64_t W = width<float>, together = W / P;
    const mask<float> lane = iota<int32_t>(), within = lane & (P - 1);
    const LanePick spread(within < int32_t(depth) ? lane / P * int32_t(depth) + within : -1);
    const vec<float> row = load_partial(a, depth), factor = LanePick(within)(row);
    const int64_t size = depth * columns, step = depth * together;
    const auto sums = [&](const auto& load_at, int64_t j) PYDL_INLINE_LAMBDA {
        vec<float> products[P];
#pragma GCC unroll 8
        for (int p = 0; p < P; p++) products[p] = spread(load_at(j * depth + p * step)) * factor;
        return add_neighbours<P>(products);
    };
    // Vectors read what follows their columns, which must be there.
    int64_t j = 0;
    for (; (j + W) * depth + W <= size; j += W)
        store(c + j, sums([&](int64_t at) PYDL_INLINE_LAMBDA { return load(b + at); }, j));
    for (; j < columns; j += W) {
        const auto exists = [&](int64_t at)
                                PYDL_INLINE_LAMBDA { return LaneRange<float>(0, size - at).load(b + at); };
        store_partial(c + j, sums(exists, j), columns - j);
    }
}

// Whether the columns are so short, and lie so. All of a product are computed in one way, whichever thread
// does it.
template <typename T>
bool are_short(const Matrix<const T>& b) {
    return picks_lanes && sizeof(T) == 4 && b.rows <= most_short && b.rows > 1 && b.row_stride == 1 &&
           b.column_stride == b.rows;
}

inline void short_dots(const float* a, const float* b, int64_t depth, float* c, int64_t columns) {
    (depth <= 2 ? spread_dots<2> : depth <= 4 ? spread_dots<4> : spread_dots<8>)(a, b, depth, c, columns);
}

}  // namespace pydl::PYDL_ISA
