// What max pooling works on and the plainest way to do it, a window after the other.
#pragma once
#include "pooling/max_pool_best.h"
#include "pooling/pooling.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct MaxPoolForward {
    Array<const T, 5> x;
    T* y;              // these are contiguous
    uint8_t* window;   // or null
    int64_t* indices;  // or null
    PoolWindows windows;

    int64_t planes() const { return x.shape[0] * x.shape[1]; }
    // The number of an element that wins, as window and indices hold it.
    void set(int64_t at, int64_t number, int64_t z, int64_t p, int64_t q) const {
        const PoolAxis &depth = windows.depth, &rows = windows.rows, &columns = windows.columns;
        if (window) window[at] = uint8_t(number);
        if (!indices) return;
        const int64_t k = number / columns.kernel / rows.kernel, i = number / columns.kernel % rows.kernel;
        const int64_t d = depth.start(z) + k * depth.dilation, h = rows.start(p) + i * rows.dilation;
        indices[at] = (d * rows.size + h) * columns.size + columns.start(q) +
                      number % columns.kernel * columns.dilation;
    }
    // The element that wins where all are -inf: the first inside the input.
    int64_t first(int64_t z, int64_t p, int64_t q) const {
        const PoolAxis &depth = windows.depth, &rows = windows.rows, &columns = windows.columns;
        return (depth.first(z) * rows.kernel + rows.first(p)) * columns.kernel + columns.first(q);
    }
};

// One window after the other: those with the numbers [begin, end).
template <typename T>
void max_pool_forward_simple(const MaxPoolForward<T>& pool, int64_t begin, int64_t end) {
    const PoolAxis &depth = pool.windows.depth, &rows = pool.windows.rows, &columns = pool.windows.columns;
    const int64_t OH = rows.out, OW = columns.out, volume = pool.windows.outputs();
    for (int64_t at = begin; at < end; ++at) {
        const T* x = volume_of(pool.x, at / volume);
        const int64_t z = at % volume / (OH * OW), p = at % volume / OW % OH, q = at % OW;
        T best = -__builtin_inff();
        int64_t winner = pool.first(z, p, q);
        for (int64_t k = depth.first(z); k < depth.last(z); ++k)
            for (int64_t i = rows.first(p); i < rows.last(p); ++i) {
                const T* row = x + (depth.start(z) + k * depth.dilation) * pool.x.stride[2] +
                               (rows.start(p) + i * rows.dilation) * pool.x.stride[3];
                for (int64_t j = columns.first(q); j < columns.last(q); ++j) {
                    const T value = row[(columns.start(q) + j * columns.dilation) * pool.x.stride[4]];
                    if (value > best || value != value) {
                        best = value;
                        winner = (k * rows.kernel + i) * columns.kernel + j;
                    }
                }
            }
        pool.y[at] = best;
        pool.set(at, winner, z, p, q);
    }
}

// The positions of the elements whose numbers are known.
template <typename T>
void indices_of_numbers(const MaxPoolForward<T>& pool, const uint8_t* window) {
    const PoolAxis &depth = pool.windows.depth, &rows = pool.windows.rows, &columns = pool.windows.columns;
    int64_t distance[256];
    set_distances(pool.windows, distance, 0);
    parallel_for(pool.planes() * depth.out * rows.out, row_grain(2 * columns.out),
                 [&](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row) {
                         const int64_t z = row / rows.out % depth.out, p = row % rows.out;
                         int64_t corner =
                             (depth.start(z) * rows.size + rows.start(p)) * columns.size - columns.padding;
                         const uint8_t* number = window + row * columns.out;
                         int64_t* to = pool.indices + row * columns.out;
                         for (int64_t q = 0; q < columns.out; ++q, corner += columns.stride)
                             to[q] = corner + distance[number[q]];
                     }
                 });
}

}  // namespace pydl::PYDL_ISA
