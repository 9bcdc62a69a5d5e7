// The product of one row with weights that are read where they lie: every unit's weights are a run in memory,
// so its sum is a dot product along it. Packing them into panels, whose lanes are units, takes as long as
// several steps in time; here instead the lanes of many sums are added up together.
#pragma once

#include "gemm/gemm.h"
#include "simd/lanes.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Sums of neighbours: of the two lanes beside each other in the blocks of a, then of b; and of the two
// blocks.
template <typename V>
PYDL_INLINE V add_lanes_beside(V a, V b) {
    return even_by_blocks(a, b) + odd_by_blocks(a, b);
}
template <typename V, int... I>
PYDL_INLINE V add_blocks_beside(V a, V b, std::integer_sequence<int, I...>) {
    constexpr int B = block_lanes<lane<V>>;
    return __builtin_shufflevector(a, b, (I / B * 2 * B + I % B)...) +
           __builtin_shufflevector(a, b, ((I / B * 2 + 1) * B + I % B)...);
}

// Lane i of the result is the sum of all lanes of v[i]: all sums together, because that takes far less work
// than one after another. The first step is only for `block_lanes` of them, which so leave the registers.
template <typename V>
PYDL_INLINE V add_up_blocks(const V* v) {
    if constexpr (block_lanes<lane<V>> == 2)
        return add_lanes_beside(v[0], v[1]);
    else
        return add_lanes_beside(add_lanes_beside(v[0], v[1]), add_lanes_beside(v[2], v[3]));
}
template <int count, typename V>
PYDL_INLINE V join_blocks(const V* v) {
    constexpr auto lanes = std::make_integer_sequence<int, width<lane<V>>>{};
    if constexpr (count == 1)
        return v[0];
    else
        return add_blocks_beside(join_blocks<count / 2>(v), join_blocks<count / 2>(v + count / 2), lanes);
}

// Units whose sums are made together.
template <typename T>
inline constexpr int dot_units = width<T> < 8 ? 8 : width<T>;

// sums[u] (+)= the dot product of row u of `weights` with h, for u < dot_units, of which `units` exist, if
// they are not more; the other sums become garbage.
template <typename T>
[[gnu::noinline]] void dots_with_units(const T* weights, int64_t stride, int64_t units, int64_t depth,
                                       const T* h, T* sums, bool accumulate) {
    constexpr int W = width<T>, B = block_lanes<T>, at_once = 8;
    vec<T> block[dot_units<T> / B];
#pragma GCC unroll 4
    for (int first = 0; first < dot_units<T>; first += at_once) {
        const T* row[at_once];
#pragma GCC unroll 8
        for (int u = 0; u < at_once; u++) row[u] = weights + (first + u < units ? first + u : 0) * stride;
        vec<T> sum[at_once] = {};
        const auto step = [&](int64_t k, int64_t lanes) PYDL_INLINE_LAMBDA {
            const vec<T> factor = load_partial(h + k, lanes);
#pragma GCC unroll 8
            for (int u = 0; u < at_once; u++) sum[u] = fma(factor, load_partial(row[u] + k, lanes), sum[u]);
        };
        int64_t k = 0;
        for (; k + W <= depth; k += W) step(k, W);
        if (k < depth) step(k, depth - k);
#pragma GCC unroll 4
        for (int b = 0; b < at_once / B; b++) block[first / B + b] = add_up_blocks(sum + b * B);
    }
#pragma GCC unroll 4
    for (int v = 0; v < dot_units<T> / W; v++) {
        const vec<T> sum = join_blocks<W / B>(block + v * (W / B));
        store(sums + v * W, accumulate ? load(sums + v * W) + sum : sum);
    }
}

// The sums of units [begin, end) in `gates` gates, from weights (gates * H, H): from the first to the last,
// or back. To and fro by turns, what one step reads last is still near when the next one begins.
template <typename T>
[[gnu::noinline]] void dots_with_gates(const T* weights, int64_t gates, int64_t H, int64_t begin, int64_t end,
                                       const T* h, T* sums, int64_t sum_stride, bool back, bool accumulate) {
    const int64_t groups = (end - begin + dot_units<T> - 1) / dot_units<T>, all = gates * groups;
    for (int64_t k = 0; k < all; k++) {
        const int64_t item = back ? all - 1 - k : k, gate = item / groups;
        const int64_t u = begin + item % groups * dot_units<T>;
        dots_with_units<T>(weights + (gate * H + u) * H, H, H - u, H, h, sums + gate * sum_stride + u,
                           accumulate);
    }
}

// The part of the sums that comes from x, with weights (gates * H, D), for each row of x. Gates lie apart
// where their last units fill no vector.
template <typename T>
[[gnu::noinline]] void products_with_gates(Matrix<const T> x, const T* weights, int64_t gates, int64_t H,
                                           T* sums, int64_t sum_stride, int64_t row_size) {
    const int64_t D = x.columns, units = sum_stride == H ? gates * H : H;
    for (int64_t gate = 0; gate < gates; gate += units / H)
        gemm<T>(x, {weights + gate * H * D, D, units, 1, D},
                {sums + gate * sum_stride, x.rows, units, row_size, 1});
}

}  // namespace pydl::PYDL_ISA
