// adaptive_avg_pool3d: the mean of windows that share the input evenly. See pydl/ops/adaptive_avg_pool3d.py.
#include "kernel.h"
#include "pooling/adaptive_pool.h"
#include "pooling/avg_pool.h"
#include "pooling/avg_pool_backward.h"
#include "pooling/avg_pool_spread.h"
#include "pooling/lines.h"

namespace pydl::PYDL_ISA {

template <typename T>
void copy_numbers(const T* from, int64_t count, T* to) {
    parallel_for(count, kElementwiseGrain, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; k += width<T>)
            store_partial(to + k, load_partial(from + k, end - k), end - k);
    });
}

// Windows of many columns or of few planes.
template <typename T>
void avg_pool_one_by_one(const Array<const T, 5>& x, const LaneWindows& w, const Divisors<T>& divisors,
                         T* y) {
    const int64_t OW = w.columns.out;
    pool_one_by_one<LaneSum<T>>(x, w, [&](int64_t first, int64_t count, const auto& sum) {
        vec<T> divisor = broadcast<T>(T(1));
        for (int64_t l = 0; l < count; ++l) {
            const WindowRow row(w, (first + l) / OW);
            divisor[l] = divisors.down(row.z, row.p) * divisors.along((first + l) % OW)[0];
        }
        store_partial(y + first, sum.value / divisor, count);
    });
}

template <typename T>
void adaptive_avg_pool3d_forward(Array<const T, 5> x, Array<T, 5> y) {
    const AdaptiveWindows w =
        adaptive_windows(x.shape, y.shape,
                         "adaptive_avg_pool3d_forward: x and y must have the same N and C and some elements");
    require(y.contiguous(), "adaptive_avg_pool3d_forward: y must be contiguous");
    if (y.size() == 0) return;
    if (has_special_kernels && w.is_identity() && x.contiguous())
        return copy_numbers(x.data, x.size(), y.data);
    if (w.suits_frames()) return avg_pool_forward<T>(x, y.data, w.side_by_side(), true, 0);
    const Divisors<T> divisors(w);
    const LaneWindows windows(w);
    if (suits_lines<T>(w, x.stride[4])) return avg_pool_forward_lines(x, windows, divisors, y.data);
    if (suits_lanes<T>(x, w.input(), w.lane_rows() * w.columns.size) && !w.has_wide_columns())
        return avg_pool_forward_lanes(x, y.data, windows, divisors);
    avg_pool_one_by_one(x, windows, divisors, y.data);
}
PYDL_KERNEL(adaptive_avg_pool3d_forward, "x, y")

template <typename T>
void adaptive_avg_pool3d_backward(Array<const T, 5> dy, Array<T, 5> dx) {
    const AdaptiveWindows w = adaptive_windows(
        dx.shape, dy.shape,
        "adaptive_avg_pool3d_backward: dx and dy must have the same N and C and some elements");
    require(dx.contiguous(), "adaptive_avg_pool3d_backward: dx must be contiguous");
    if (dx.size() == 0) return;
    if (has_special_kernels && w.is_identity() && dy.contiguous())
        return copy_numbers(dy.data, dy.size(), dx.data);
    if (w.suits_frames()) return avg_pool_backward<T>(dy, dx.data, w.side_by_side(), true, 0);
    if (!suits_spreading(w) && suits_lanes<T>(dy, w.input(), w.lane_rows() * w.columns.size))
        return avg_pool_backward_lanes(dy, dx.data, LaneWindows(w), Divisors<T>(w));
    avg_pool_spread(dy, w, dx.data);
}
PYDL_KERNEL(adaptive_avg_pool3d_backward, "dy, dx")

}  // namespace pydl::PYDL_ISA
