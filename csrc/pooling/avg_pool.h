// Average pooling of planes and volumes, for avg_pool2d and avg_pool3d. See pydl/ops/avg_pool2d.py.
//
// A mean is a sum along the row, then down the rows and slices, for `width` windows at once
// (pooling/frame.h). Backward mirrors it: dy / divisor is summed over the windows that hold a row, then along
// the row.
#pragma once
#include "pooling/along.h"
#include "pooling/avg_pool_2x2.h"
#include "pooling/avg_pool_lanes.h"
#include "pooling/avg_pool_lines.h"
#include "pooling/avg_pool_windows.h"
#include "pooling/fold.h"
#include "pooling/frame.h"
#include "pooling/rows.h"
#include "pooling/strips.h"
#include "reductions/reduce.h"

namespace pydl::PYDL_ISA {

// out[at] = sum over t of in[offset[t] + at].
template <int Taps, typename T>
void add_taps(const T* in, const int64_t* offset, int64_t taps, int64_t positions, T* out) {
    // A table of its own, which no store can change.
    const T* tap[Taps > 0 ? Taps : 1];
    for (int t = 0; t < Taps; ++t) tap[t] = in + offset[t];
    for (int64_t at = 0; at < positions; at += width<T>) {
        vec<T> sum{};
        if constexpr (Taps > 0) {
#pragma GCC unroll 4
            for (int t = 0; t < Taps; ++t) sum += load(tap[t] + at);
        } else {
            for (int64_t t = 0; t < taps; ++t) sum += load(in + offset[t] + at);
        }
        store(out + at, sum);
    }
}
template <typename T>
void add_taps(const T* in, const int64_t* offset, int64_t taps, int64_t positions, T* out) {
    const auto run = taps == 1   ? add_taps<1, T>
                     : taps == 2 ? add_taps<2, T>
                     : taps == 3 ? add_taps<3, T>
                                 : add_taps<0, T>;
    run(in, offset, taps, positions, out);
}

// ---- forward ----

// One window that is the whole volume: means of rows, by the loops of sum.cpp, where they are compiled.
extern template void reduce<Addition<float>>(const char*, NdArray<const float>, NdArray<float>, int64_t);
extern template void reduce<Addition<double>>(const char*, NdArray<const double>, NdArray<double>, int64_t);
template <typename T>
void avg_pool_forward_whole(const AvgPoolForward<T>& pool) {
    const Array<const T, 5>& x = pool.x;
    const int64_t shape[5] = {x.shape[0], x.shape[1], 1, 1, 1}, stride[5] = {x.shape[1], 1, 1, 1, 1};
    reduce<Addition<T>>("avg_pool: one window", NdArray<const T>{{5, x.shape, x.stride}, x.data},
                        NdArray<T>{{5, shape, stride}, pool.y}, int64_t(pool.divisors.first()));
}

template <typename T>
void avg_pool_forward_frames(const AvgPoolForward<T>& pool) {
    const PoolWindows& w = pool.windows;
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out;
    const int64_t KD = w.depth.kernel, KH = w.rows.kernel, KW = w.columns.kernel;
    const PoolBlocks blocks(pool.planes() * OD, OH, w.rows.reach(), OW + w.columns.reach(),
                            w.depth.kernel * w.rows.stride * (w.columns.stride + 1));
    const bool uniform = pool.divisors.uniform();
    const Divide<T> mean(pool.divisors.first());
    parallel_for(
        blocks.count, row_grain(blocks.slices * blocks.run * OW * (KW * w.rows.stride + KD * KH)),
        [&](int64_t begin, int64_t end) {
            InputFrame<T> frame(w, blocks, T(0));
            const FrameShape& shape = frame.shape();
            const Scratch<T> along(KD * w.rows.stride * shape.phase() + width<T>),
                sum(shape.phase() + width<T>);
            const Scratch<int64_t> right(KW), down(KD * KH);
            for (int64_t j = 0; j < KW; ++j) right[j] = frame.offset(0, 0, j);
            for (int64_t k = 0; k < KD; ++k)
                for (int64_t i = 0; i < KH; ++i) down[k * KH + i] = frame.line_offset(k, i);
            for (int64_t block = begin; block < end; ++block) {
                const int64_t item = blocks.first_item(block), items = blocks.items_of(block);
                const int64_t top = blocks.first_row(block), rows = blocks.rows_of(block);
                for (int64_t s = 0; s < items; ++s)
                    frame.fill(s, volume_of(pool.x, (item + s) / OD), pool.x.stride, (item + s) % OD, top,
                               rows);
                for (int64_t phase = 0; phase < KD * w.rows.stride; ++phase)
                    add_taps(frame.data() + phase * w.columns.stride * shape.phase(), right.data(), KW,
                             items * shape.rows * shape.pitch - w.columns.reach(),
                             along.data() + phase * shape.phase());
                add_taps(along.data(), down.data(), KD * KH, shape.positions(items, rows, OW), sum.data());
                for (int64_t s = 0; s < items; ++s) {
                    T* y = pool.y + ((item + s) * OH + top) * OW;
                    const T* from = sum.data() + shape.row(s, 0);
                    if (uniform && shape.pitch == OW) {
                        for (int64_t k = 0; k < rows * OW; k += width<T>)
                            store_partial(y + k, mean(load(from + k)), rows * OW - k);
                        continue;
                    }
                    for (int64_t p = 0; p < rows; ++p, y += OW, from += shape.pitch) {
                        const vec<T> deep = broadcast<T>(pool.divisors.down((item + s) % OD, top + p));
                        for (int64_t q = 0; q < OW; q += width<T>) {
                            const vec<T> total = load(from + q);
                            store_partial(y + q,
                                          uniform ? mean(total) : total / (deep * pool.divisors.along(q)),
                                          OW - q);
                        }
                    }
                }
            }
        });
}

// Lines (pooling/along.h).
template <typename T>
void avg_pool_forward_along(const AvgPoolForward<T>& pool) {
    const Divisors<T>& divisors = pool.divisors;
    const bool uniform = divisors.uniform();
    const Divide<T> mean(divisors.first());
    const T down = divisors.down(0, 0);
    T* const y = pool.y;
    using Sum = LaneSum<T>;
    pool_along<Sum>(PoolLines<T>(pool.x, pool.windows.columns), [=, &divisors](
                                                                    int64_t at, int64_t left, int64_t q,
                                                                    const Sum& sum) PYDL_INLINE_LAMBDA {
        store_partial(y + at,
                      uniform ? mean(sum.value) : sum.value / (broadcast<T>(down) * divisors.along(q)), left);
    });
}

// Whether that is done: there is a kernel for the windows, all of which have the same divisor.
template <typename T>
bool avg_pool_forward_strips(const AvgPoolForward<T>& pool) {
    const auto kernel = strip_kernel<LaneSum<T>>(pool.x, pool.windows);
    if (kernel == nullptr || !pool.divisors.uniform()) return false;
    return pool_strips<T>(kernel, pool.divisors.first(), pool.x, pool.windows, pool.y, nullptr);
}

// Wide rows, which are read in order.
template <typename T>
void avg_pool_forward_rows(const AvgPoolForward<T>& pool) {
    const Divisors<T>& divisors = pool.divisors;
    const Divide<T> mean(divisors.first());
    pool_rows(
        pool.x, pool.y, pool.windows, T(0), [](vec<T> a, vec<T> b) PYDL_INLINE_LAMBDA { return a + b; },
        [&](vec<T> sum, int64_t z, int64_t p, int64_t q) PYDL_INLINE_LAMBDA {
            return divisors.uniform() ? mean(sum)
                                      : sum / (broadcast<T>(divisors.down(z, p)) * divisors.along(q));
        });
}

// Rows of vectors are as fast for wide rows of small windows, and read and write memory in order.
inline bool lanes_are_faster(const PoolWindows& w) {
    return w.columns.out < 28 || w.columns.stride > 2 || w.columns.kernel > 4;
}

template <typename T>
void avg_pool_forward(const Array<const T, 5>& x, T* y, const PoolWindows& w, bool count_include_pad,
                      int64_t divisor_override) {
    const Divisors<T> divisors(w, count_include_pad, divisor_override);
    const AvgPoolForward<T> pool = {x, y, w, divisors};
    if constexpr (has_along<T>)
        if (suits_along(x, w)) return avg_pool_forward_along(pool);
    if (suits_fold(x, w))
        return pool_folded(
            x, w,
            [&](const Array<const T, 5>& lines, const PoolWindows& windows, int64_t at) {
                avg_pool_forward(lines, y + at, windows, true, divisor_override);
            },
            [&](int64_t at) { avg_pool_forward_simple(pool, at, at + 1); });
    if (is_halving_run<T>(w, x))
        with_group<T>(w.columns.out, [&](auto G) { avg_pool_forward_halving<G>(pool); });
    else if (avg_pool_forward_strips(pool))
        return;
    else if (has_own_pools<T> && w.is_2x2() && x.stride[4] == 1 && w.columns.out >= width<T> / 4)
        avg_pool_forward_2x2(pool);
    else if (has_own_pools<T> && w.is_whole() && is_contiguous_volume(x))
        avg_pool_forward_whole(pool);
    else if (std::is_same_v<T, float> && suits_rows(pool.x, w) && w.columns.out >= 28 && w.rows.kernel > 1)
        avg_pool_forward_rows(pool);
    else if (w.rows.kernel > 2 && suits_lines<T>(w, x.stride[4]) && !see_padding_alone(w))
        avg_pool_forward_lines(x, LaneWindows(w), divisors, y);
    else if (lanes_are_faster(w) && suits_lanes<T>(x, w) && !see_padding_alone(w))
        avg_pool_forward_lanes(x, y, LaneWindows(w), divisors);
    else if (frame_fits(w))
        avg_pool_forward_frames(pool);
    else
        parallel_for(pool.planes() * w.outputs(), 1,
                     [&](int64_t begin, int64_t end) { avg_pool_forward_simple(pool, begin, end); });
}

}  // namespace pydl::PYDL_ISA
