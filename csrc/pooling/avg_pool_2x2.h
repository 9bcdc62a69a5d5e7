// Average pooling with windows of 2x2 with stride 2 and no padding.
#pragma once
#include "pooling/ahead.h"
#include "pooling/avg_pool_windows.h"
#include "pooling/halving.h"

namespace pydl::PYDL_ISA {

// Straight from the two rows.
template <bool Beyond, typename T>
void avg_pool_forward_2x2(const AvgPoolForward<T>& pool) {
    constexpr int64_t W = width<T>;
    const int64_t OH = pool.windows.rows.out, OW = pool.windows.columns.out;
    const int64_t* stride = pool.x.stride;
    const Divide<T> mean(pool.divisors.first());
    parallel_for(pool.planes(), row_grain(4 * OH * OW), [&](int64_t begin, int64_t end) {
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* upper = volume_of(pool.x, plane);
            T* y = pool.y + plane * OH * OW;
            for (int64_t p = 0; p < OH; ++p, upper += 2 * stride[3], y += OW)
                for (int64_t q = 0; q < OW; q += W) {
                    const T *a = upper + 2 * q, *b = a + stride[3];
                    const int64_t n = 2 * (OW - q);
                    const vec<T> left = load_partial(a, n) + load_partial(b, n);
                    const vec<T> right = load_partial(a + W, n - W) + load_partial(b + W, n - W);
                    prefetch_row_pair<Beyond>(a, b);
                    const vec<T> sum = even_by_blocks(left, right) + odd_by_blocks(left, right);
                    store_partial(y + q, mean(in_order(sum)), OW - q);
                }
        }
    });
}

template <typename T>
void avg_pool_forward_2x2(const AvgPoolForward<T>& pool) {
    if (is_beyond_caches(pool.x))
        avg_pool_forward_2x2<true>(pool);
    else
        avg_pool_forward_2x2<false>(pool);
}

// The same where rows are shorter than a vector.
template <int G, typename T>
void avg_pool_forward_halving(const AvgPoolForward<T>& pool) {
    constexpr int64_t W = width<T>;
    const int64_t count = pool.planes() * pool.windows.rows.out * pool.windows.columns.out;
    const Divide<T> mean(pool.divisors.first());
    parallel_for((count + W - 1) / W, row_grain(4 * W), [&](int64_t begin, int64_t end) {
        for (int64_t at = begin * W; at < end * W && at < count; at += W) {
            const Quarters<T> x = load_quarters<G>(pool.x.data + 4 * at, count - at);
            const vec<T> sum = (x.upper_left + x.lower_left) + (x.upper_right + x.lower_right);
            store_partial(pool.y + at, mean(sum), count - at);
        }
    });
}

}  // namespace pydl::PYDL_ISA
