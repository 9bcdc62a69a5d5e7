// Pooling with small windows, by strips of planes (pooling/strip_kernel.h): which strips there are, in which
// order, and for which windows.
#pragma once
#include "pooling/strip_kernel.h"

namespace pydl::PYDL_ISA {

// Bytes of x and y that strips go over before they come to the next rows: they stay in the second cache.
constexpr int64_t kPoolBand = 65536;

// Whether two slices share vectors, as their rows of windows are no more than a half: where vectors have many
// lanes.
template <typename T>
bool shares_strips(const PoolWindows& w) {
    return width<T> >= 16 && w.columns.stride == 2 && 2 * w.columns.out <= width<T>;
}

// All rows of windows of all slices: sums divided by `divisor`, or maxima where it is 0.
// Whether that is done: maxima are left to others where not all of x is finite.
template <typename T>
bool pool_strips(StripKernel<T> kernel, T divisor, const Array<const T, 5>& x, const PoolWindows& w, T* y,
                 uint8_t* window) {
    constexpr int64_t W = width<T>;
    const PoolAxis& rows = w.rows;
    const bool is_max = divisor == 0, narrow = shares_strips<T>(w);
    bool finite = true;
    const int64_t OD = w.depth.out, OH = rows.out, OW = w.columns.out, wide = w.columns.size;
    const int64_t row_stride = x.stride[3], row_bytes = int64_t(sizeof(T)) * (rows.stride * wide + OW);
    const int64_t most = 4 + kPoolBand / row_bytes, bands = (OH - 1) / most + 1, band = (OH - 1) / bands + 1;
    const int64_t slices = x.shape[0] * x.shape[1] * OD, outputs = OH * OW;
    const bool far = x.size() * int64_t(sizeof(T)) > kFarStrips;
    // Slices that lie evenly are taken some at once.
    const bool even = OD == 1 && has_even_planes(x) && bands == 1;
    const int64_t run = even ? slices_at_once(row_bytes * OH, OW <= W) : 1;
    const int64_t step = even ? plane_step(x) : 0;
    const auto x_of = [&](int64_t task) {
        const int64_t slice = task / bands;
        return volume_of(x, slice / OD) + slice % OD * w.depth.stride * x.stride[2] +
               rows.start(task % bands * band) * row_stride;
    };
    // Tasks are bands of slices or, where two share vectors, both.
    const int64_t shared = narrow ? 2 : 1;
    parallel_for(
        (slices * bands - 1) / shared + 1, row_grain(shared * rows.stride * wide * band),
        [&](int64_t begin, int64_t end) {
            begin *= shared, end = at_most(end * shared, slices * bands);
            const int64_t results = end / bands * outputs + at_most(end % bands * band, OH) * OW;
            for (int64_t task = begin, count; task < end; task += count) {
                count = at_most(run, end - task);
                // The last of an odd number of slices shares vectors with itself.
                const bool two = narrow && count > 1;
                if (two) count -= count % 2;
                const int64_t p = task % bands * band, stop = at_most(p + band, OH);
                if (p >= stop) continue;
                if (!__atomic_load_n(&finite, __ATOMIC_RELAXED)) return;
                const int64_t next = task + count < end ? task + count : task;
                const int64_t at = task / bands * outputs + p * OW;
                const T* const from = x_of(task);
                StripAhead<T> ahead = {x_of(next), y + next / bands * outputs + next % bands * band * OW,
                                       far};
                for (int64_t s = 0; s < OW; s += W) {
                    // The last vector is moved back to end with the row; what it computes again is
                    // the same.
                    const int64_t q = OW >= W ? at_most(s, OW - W) : 0;
                    const StripColumns<T> columns = narrow
                                                        ? StripColumns<T>::shared(w.columns, two ? step : 0)
                                                        : StripColumns<T>(w.columns, q);
                    const StripResults<T> to = {y + at + q, window != nullptr ? window + at + q : nullptr,
                                                OW,         results - at - q,
                                                divisor,    two ? outputs : 0};
                    if (!kernel({columns, from + columns.first, row_stride, rows.start(p), rows.size, to,
                                 stop - p, two ? count / 2 : count, step * (1 + two), outputs * (1 + two)},
                                ahead) &&
                        is_max)
                        __atomic_store_n(&finite, false, __ATOMIC_RELAXED);
                }
            }
        });
    return finite;
}

// The kernel for these windows, each of which sees some of the input, or null: not for rows that leave most
// of vectors empty, and not for float64, which would take as much room again.
template <typename Cell, typename T>
StripKernel<T> strip_kernel(const Array<const T, 5>& x, const PoolWindows& w) {
    if constexpr (has_special_kernels && std::is_same_v<T, float>) {
        const auto plain = [](const PoolAxis& axis) {
            return (axis.dilation == 1 || axis.kernel == 1) && axis.padding < axis.kernel;
        };
        if (!suits_strips<T>(w) || w.depth.kernel != 1 || !plain(w.depth) || !plain(w.rows) ||
            !plain(w.columns))
            return nullptr;
        if (x.stride[4] != 1) return nullptr;
        const auto is = [&](int64_t kernel, int64_t stride) {
            return w.rows.kernel == kernel && w.columns.kernel == kernel && w.rows.stride == stride &&
                   w.columns.stride == stride;
        };
        const int64_t OW = w.columns.out;
        if constexpr (width<T> >= 16) {
            if (shares_strips<T>(w)) {
                if (w.depth.out != 1 || !has_even_planes(x) || x.shape[0] * x.shape[1] < 2) return nullptr;
                if (4 * OW < width<T>) return nullptr;
                if (is(3, 2)) return pool_strip<Cell, 3, 2, 3, 2, true, T>;
                if (is(2, 2)) return pool_strip<Cell, 2, 2, 2, 2, true, T>;
                return nullptr;
            }
        }
        if (8 * OW < 3 * width<T>) return nullptr;
        if (is(3, 1)) return pool_strip<Cell, 3, 1, 3, 1, false, T>;
        if (is(3, 2)) return pool_strip<Cell, 3, 2, 3, 2, false, T>;
        if (is(2, 2)) return pool_strip<Cell, 2, 2, 2, 2, false, T>;
        if (is(2, 1)) return pool_strip<Cell, 2, 1, 2, 1, false, T>;
    }
    return nullptr;
}

// Whether there are such kernels, or those of 2x2 for wide rows.
template <typename Cell, typename T>
bool has_strips(const Array<const T, 5>& x, const PoolWindows& w) {
    const bool wide = std::is_same_v<T, float> && has_special_kernels && w.is_2x2() && !suits_strips<T>(w);
    return wide || strip_kernel<Cell>(x, w) != nullptr;
}

}  // namespace pydl::PYDL_ISA
