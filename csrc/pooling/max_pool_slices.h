// Max pooling of volumes: slices first (pooling/slices.h), whose winners are then compared.
#pragma once
#include "pooling/max_pool.h"
#include "pooling/slices.h"

namespace pydl::PYDL_ISA {

template <typename T>
void max_pool_forward_slices(const MaxPoolForward<T>& pool) {
    constexpr int64_t W = width<T>;
    using I = int_of<T>;
    const PoolWindows& w = pool.windows;
    const PoolAxis& depth = w.depth;
    const int64_t outputs = w.rows.out * w.columns.out, count = pool.planes() * depth.size * outputs;
    const Scratch<T> values(count);
    const Scratch<uint8_t> numbers(pool.window ? count : 0);
    max_pool_numbers<T>({slices_of(pool.x), values.data(), pool.window ? numbers.data() : nullptr, nullptr,
                         windows_of_slices(w)});
    for_slices(
        pool.planes(), depth.out, depth.kernel * outputs, [&](int64_t slice, int64_t plane, int64_t z) {
            const int64_t first = depth.first(z), last = depth.last(z);
            for (int64_t at = 0; at < outputs; at += W) {
                const int64_t n = outputs - at;
                const auto winner = [&](int64_t k) PYDL_INLINE_LAMBDA {
                    const int64_t from =
                        (plane * depth.size + depth.start(z) + k * depth.dilation) * outputs + at;
                    Best<T> best = {load_partial(values.data() + from, n), mask<T>{}};
                    if (pool.window)
                        best.element =
                            load_bytes<T>(numbers.data() + from, n) + I(k * w.rows.kernel * w.columns.kernel);
                    return best;
                };
                Best<T> best = winner(first);
                for (int64_t k = first + 1; k < last; ++k) {
                    const Best<T> other = winner(k);
                    best.meet(other.value, other.element);
                }
                store_partial(pool.y + slice * outputs + at, best.value, n);
                if (pool.window) store_bytes<T>(pool.window + slice * outputs + at, best.element, n);
            }
        });
}

// Whether that is done. Wide rows without numbers are read once, for all slices (pooling/rows.h), and narrow
// slices of windows of 2x2 are hardly faster than volumes in lanes (pooling/lanes.h).
template <typename T>
bool max_pools_slices(const MaxPoolForward<T>& pool) {
    if constexpr (has_slices<T>) {
        const PoolWindows& w = pool.windows;
        if (pool.indices || (!pool.window && suits_rows(pool.x, w) && w.columns.out >= 24)) return false;
        const PoolWindows flat = windows_of_slices(w);
        const bool fast = has_strips<Best<T, false>>(slices_of(pool.x), flat);
        if ((flat.is_2x2() && suits_strips<T>(flat)) || !suits_slices(pool.x, w, fast)) return false;
        max_pool_forward_slices(pool);
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
