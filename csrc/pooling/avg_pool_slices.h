// Average pooling of volumes, slice by slice (pooling/slices.h), where all windows have the same divisor.
#pragma once
#include "pooling/avg_pool_backward.h"
#include "pooling/slices.h"

namespace pydl::PYDL_ISA {

// Slices first, whose sums are then added up.
template <typename T>
void avg_pool_forward_slices(const AvgPoolForward<T>& pool) {
    const PoolWindows& w = pool.windows;
    const PoolAxis& depth = w.depth;
    const int64_t outputs = w.rows.out * w.columns.out;
    const Scratch<T> sums(pool.planes() * depth.size * outputs);
    avg_pool_forward<T>(slices_of(pool.x), sums.data(), windows_of_slices(w), true, 1);
    const Divide<T> mean(pool.divisors.first());
    for_slices(pool.planes(), depth.out, depth.kernel * outputs,
               [&](int64_t slice, int64_t plane, int64_t z) {
                   const T* const from = sums.data() + (plane * depth.size + depth.start(z)) * outputs;
                   for (int64_t at = 0; at < outputs; at += width<T>) {
                       vec<T> sum{};
                       for (int64_t k = depth.first(z); k < depth.last(z); ++k)
                           sum += load_partial(from + k * outputs + at, outputs - at);
                       store_partial(pool.y + slice * outputs + at, mean(sum), outputs - at);
                   }
               });
}

// Whether that is done.
template <typename T>
bool avg_pools_slices(const Array<const T, 5>& x, T* y, const PoolWindows& w, bool count_include_pad,
                      int64_t divisor_override) {
    if constexpr (has_slices<T>) {
        if (!suits_slices(x, w, has_strips<LaneSum<T>>(slices_of(x), windows_of_slices(w)))) return false;
        const Divisors<T> divisors(w, count_include_pad, divisor_override);
        if (!divisors.uniform()) return false;
        avg_pool_forward_slices<T>({x, y, w, divisors});
        return true;
    }
    return false;
}

// What the windows over a slice have for it is added up first.
template <typename T>
void avg_pool_backward_slices(const AvgPoolBackward<T>& pool) {
    const PoolWindows& w = pool.windows;
    const PoolAxis& depth = w.depth;
    const int64_t D = depth.size, outputs = w.rows.out * w.columns.out;
    const Scratch<T> shares(pool.planes() * D * outputs);
    const Divide<T> mean(pool.divisors.first());
    for_slices(pool.planes(), D, depth.kernel * outputs, [&](int64_t slice, int64_t plane, int64_t d) {
        const T* const g = volume_of(pool.dy, plane);
        // The last window over slice d, and the first.
        const int64_t last = at_most((d + depth.padding) / depth.stride, depth.out - 1);
        const int64_t before = d + depth.padding - depth.kernel;
        const int64_t first = before < 0 ? 0 : before / depth.stride + 1;
        for (int64_t at = 0; at < outputs; at += width<T>) {
            vec<T> sum{};
            for (int64_t z = first; z <= last; ++z) sum += load_partial(g + z * outputs + at, outputs - at);
            store_partial(shares.data() + slice * outputs + at, mean(sum), outputs - at);
        }
    });
    const Array<const T, 5> planes = {shares.data(),
                                      {1, pool.planes() * D, 1, w.rows.out, w.columns.out},
                                      {0, outputs, 0, w.columns.out, 1}};
    avg_pool_backward<T>(planes, pool.dx, windows_of_slices(w), true, 1);
}

// Whether that is done.
template <typename T>
bool avg_spreads_slices(const Array<const T, 5>& dy, T* dx, const PoolWindows& w, bool count_include_pad,
                        int64_t divisor_override) {
    if constexpr (has_slices<T>) {
        const PoolWindows flat = windows_of_slices(w);
        const bool fast = flat.is_2x2() || gather_kernel<false, T>(flat).run != nullptr;
        if (!is_contiguous_volume(dy) || !suits_slices(dy, w, fast)) return false;
        const Divisors<T> divisors(w, count_include_pad, divisor_override);
        if (!divisors.uniform()) return false;
        avg_pool_backward_slices<T>({dy, dx, w, divisors});
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
