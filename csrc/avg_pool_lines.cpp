// Means of windows of many elements: see pooling/avg_pool_lines.h.
#include "pooling/avg_pool_lines.h"

#include "elementwise/turned_copy.h"
#include "pooling/avg_pool_halved.h"

namespace pydl::PYDL_ISA {

// Sums of rows of windows, a line in each lane, become means.
template <typename T>
void avg_pool_forward_lines(const Array<const T, 5>& x, const LaneWindows& w, const Divisors<T>& divisors,
                            T* y) {
    constexpr int64_t W = width<T>;
    const int64_t OW = w.columns.out;
    if constexpr (has_lines<T>) {
        if (are_halved(w.columns)) return avg_pool_forward_halved(x, w, divisors, y);
        pool_lines<LaneSum<T>>(x, w, [&](int64_t first, int64_t count, const auto& sum) {
            T down[W] = {};
            WindowRow row(w, first);
            for (int64_t l = 0; l < count; ++l, row.advance(w)) down[l] = divisors.down(row.z, row.p);
            for (int64_t q = 0; q < OW; ++q)
                store(sum.value + q * W,
                      load(sum.value + q * W) / (load(down) * broadcast<T>(divisors.along(q)[0])));
            copy_columns(sum.value, W, y + first * OW, OW, count, OW);
        });
    }
}

template void avg_pool_forward_lines(const Array<const float, 5>&, const LaneWindows&, const Divisors<float>&,
                                     float*);
#if !defined(PYDL_FLOAT32_ALONE)
template void avg_pool_forward_lines(const Array<const double, 5>&, const LaneWindows&,
                                     const Divisors<double>&, double*);
#endif

}  // namespace pydl::PYDL_ISA
