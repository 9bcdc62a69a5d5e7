// Max pooling with windows of 2x2 with stride 2 and no padding: straight from the two rows.
#pragma once
#include "pooling/ahead.h"
#include "pooling/halving.h"
#include "pooling/max_pool_windows.h"
#include "simd/bytes.h"

namespace pydl::PYDL_ISA {

template <bool Beyond, typename T>
void max_pool_row_2x2(const T* upper, const T* lower, int64_t count, T* y, uint8_t* window, bool spills) {
    constexpr int64_t W = width<T>;
    const auto number = [](int k) { return broadcast<int_of<T>>(int_of<T>(k)); };
    for (int64_t q = 0; q < count; q += W) {
        // The last vector is moved back to end with the row; what it computes again is the same.
        if (q + W > count && count >= W) q = count - W;
        const int64_t n = 2 * (count - q);
        const vec<T> a = load_partial(upper + 2 * q, n), b = load_partial(upper + 2 * q + W, n - W);
        const vec<T> c = load_partial(lower + 2 * q, n), d = load_partial(lower + 2 * q + W, n - W);
        prefetch_row_pair<Beyond>(upper + 2 * q, lower + 2 * q);
        Best<T> best = {even_by_blocks(a, b), mask<T>{}};
        best.meet(odd_by_blocks(a, b), number(1));
        best.meet(even_by_blocks(c, d), number(2));
        best.meet(odd_by_blocks(c, d), number(3));
        store_partial(y + q, in_order(best.value), count - q);
        if (window) store_bytes<T>(window + q, in_order(best.element), spills ? W : count - q);
    }
}

template <bool Beyond, typename T>
void max_pool_forward_2x2(const MaxPoolForward<T>& pool) {
    const int64_t OH = pool.windows.rows.out, OW = pool.windows.columns.out;
    const int64_t* stride = pool.x.stride;
    parallel_for(pool.planes(), row_grain(4 * OH * OW), [&](int64_t begin, int64_t end) {
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* upper = volume_of(pool.x, plane);
            int64_t at = plane * OH * OW;
            for (int64_t p = 0; p < OH; ++p, upper += 2 * stride[3], at += OW)
                // Bytes beyond a row belong to the next one and are written again.
                max_pool_row_2x2<Beyond>(upper, upper + stride[3], OW, pool.y + at,
                                         pool.window ? pool.window + at : nullptr,
                                         (end - plane) * OH * OW - p * OW >= width<T>);
        }
    });
}

template <typename T>
void max_pool_forward_2x2(const MaxPoolForward<T>& pool) {
    if (is_beyond_caches(pool.x))
        max_pool_forward_2x2<true>(pool);
    else
        max_pool_forward_2x2<false>(pool);
}

// The same where rows are shorter than a vector.
template <int G, typename T>
void max_pool_forward_halving(const MaxPoolForward<T>& pool) {
    constexpr int64_t W = width<T>;
    const int64_t count = pool.planes() * pool.windows.outputs();
    const auto number = [](int k) { return broadcast<int_of<T>>(int_of<T>(k)); };
    parallel_for((count + W - 1) / W, row_grain(4 * W), [&](int64_t begin, int64_t end) {
        for (int64_t at = begin * W; at < end * W && at < count; at += W) {
            const Quarters<T> x = load_quarters<G>(pool.x.data + 4 * at, count - at);
            Best<T> best = {x.upper_left, mask<T>{}};
            best.meet(x.upper_right, number(1));
            best.meet(x.lower_left, number(2));
            best.meet(x.lower_right, number(3));
            store_partial(pool.y + at, best.value, count - at);
            if (pool.window) store_bytes<T>(pool.window + at, best.element, count - at);
        }
    });
}

}  // namespace pydl::PYDL_ISA
