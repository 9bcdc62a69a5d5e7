// What average pooling works on and the plainest way to do it, a window after the other.
#pragma once
#include "pooling/avg_divisors.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct AvgPoolForward {
    Array<const T, 5> x;
    T* y;  // contiguous
    PoolWindows windows;
    const Divisors<T>& divisors;

    int64_t planes() const { return x.shape[0] * x.shape[1]; }
};

// One window after the other: those with the numbers [begin, end).
template <typename T>
void avg_pool_forward_simple(const AvgPoolForward<T>& pool, int64_t begin, int64_t end) {
    const PoolAxis &depth = pool.windows.depth, &rows = pool.windows.rows, &columns = pool.windows.columns;
    const int64_t OH = rows.out, OW = columns.out, volume = depth.out * OH * OW;
    const int64_t* stride = pool.x.stride;
    for (int64_t at = begin; at < end; ++at) {
        const T* x = volume_of(pool.x, at / volume);
        const int64_t z = at % volume / (OH * OW), p = at % volume / OW % OH, q = at % OW;
        T sum = T(0);
        for (int64_t k = depth.first(z); k < depth.last(z); ++k)
            for (int64_t i = rows.first(p); i < rows.last(p); ++i)
                for (int64_t j = columns.first(q); j < columns.last(q); ++j)
                    sum += x[(depth.start(z) + k) * stride[2] + (rows.start(p) + i) * stride[3] +
                             (columns.start(q) + j) * stride[4]];
        pool.y[at] = sum / (pool.divisors.down(z, p) * pool.divisors.along(q)[0]);
    }
}

}  // namespace pydl::PYDL_ISA
