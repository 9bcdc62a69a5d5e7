// Average pooling of planes and volumes, for avg_pool2d and avg_pool3d. See pydl/ops/avg_pool2d.py.
//
// A mean is a sum along the row, then down the rows and slices, for `width` windows at once
// (pooling/frame.h). Backward mirrors it: dy / divisor is summed over the windows that hold a row, then along
// the row.
#pragma once
#include "pooling/along.h"
#include "pooling/avg_divisors.h"
#include "pooling/avg_pool_lanes.h"
#include "pooling/avg_pool_lines.h"
#include "pooling/fold.h"
#include "pooling/frame.h"
#include "pooling/halving.h"
#include "pooling/rows.h"
#include "pooling/shifted.h"
#include "pooling/strips.h"

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

template <typename T>
struct AvgPoolForward {
    Array<const T, 5> x;
    T* y;  // contiguous
    PoolWindows windows;
    const Divisors<T>& divisors;

    int64_t planes() const { return x.shape[0] * x.shape[1]; }
};

// Windows of 2x2 with stride 2 and no padding: straight from the two rows.
template <typename T>
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
                    prefetch_row_pair(a, b);
                    const vec<T> sum = even_by_blocks(left, right) + odd_by_blocks(left, right);
                    store_partial(y + q, mean(in_order(sum)), OW - q);
                }
        }
    });
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

// One window that is the whole volume.
template <typename T>
void avg_pool_forward_whole(const AvgPoolForward<T>& pool) {
    constexpr int64_t W = width<T>;
    const int64_t size = pool.windows.input(), planes = pool.planes();
    parallel_for((planes + W - 1) / W, row_grain(W * size), [&](int64_t begin, int64_t end) {
        const Divide<T> mean(pool.divisors.first());
        const Volumes<const T> volumes(pool.x);
        const mask<T> last = iota<int_of<T>>() >= broadcast<int_of<T>>(int_of<T>(W - size % W));
        for (int64_t plane = begin * W; plane < end * W && plane < planes; plane += W) {
            vec<T> sum[W];
            for (int64_t i = 0; i < W; ++i) {
                sum[i] = vec<T>{};
                if (plane + i >= planes) continue;
                const T* x = volumes.at(plane + i);
                if (size < W) {
                    sum[i] = load_partial(x, size);
                    continue;
                }
                // The rest are the last lanes of a vector that ends with the volume.
                vec<T> even = load(x), odd = select(last, load(x + size - W), vec<T>{});
                int64_t k = W;
                for (; k + 2 * W <= size; k += 2 * W) {
                    prefetch(x + k + kAheadOfPool);
                    prefetch(x + k + W + kAheadOfPool);
                    even += load(x + k), odd += load(x + k + W);
                }
                if (k + W <= size) even += load(x + k);
                sum[i] = even + odd;
            }
            store_partial(
                pool.y + plane,
                mean(combine_lanes<T>(sum, [](vec<T> a, vec<T> b) PYDL_INLINE_LAMBDA { return a + b; })),
                planes - plane);
        }
    });
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

// Whether that is done: there is a kernel for the windows, all of which have the same divisor.
template <typename T>
bool avg_pool_forward_strips(const AvgPoolForward<T>& pool) {
    if (!pool.divisors.uniform()) return false;
    const auto kernel = strip_kernel<LaneSum<T>>(pool.x, pool.windows);
    if (kernel == nullptr) return false;
    return pool_strips<T>(kernel, pool.divisors.first(), pool.x, pool.windows, pool.y, nullptr);
}

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

// Sums of two vectors.
template <typename T>
struct Sum {
    static constexpr bool loses_nan = false;
    using Exact = Sum;
    PYDL_INLINE vec<T> operator()(vec<T> a, vec<T> b) const { return a + b; }
};

// Rows, wide ones of which are read in order. Whether that is done.
template <typename T>
bool avg_pool_forward_rows(const AvgPoolForward<T>& pool) {
    const PoolWindows& w = pool.windows;
    const Divisors<T>& divisors = pool.divisors;
    const Divide<T> mean(divisors.first());
    if (divisors.uniform() && w.columns.out > 3 * width<T> &&
        pools_shifted<Sum<T>>(pool.x, pool.y, w, T(0),
                              [=](vec<T> sum, int64_t, int64_t, int64_t)
                                  PYDL_INLINE_LAMBDA { return mean(sum); }))
        return true;
    if (avg_pool_forward_strips(pool)) return true;
    if (!std::is_same_v<T, float> || !suits_rows(pool.x, w) || w.columns.out < 28 || w.rows.kernel == 1)
        return false;
    pool_rows(pool.x, pool.y, w, T(0), Sum<T>(),
              [&](vec<T> sum, int64_t z, int64_t p, int64_t q) PYDL_INLINE_LAMBDA {
                  return divisors.uniform() ? mean(sum)
                                            : sum / (broadcast<T>(divisors.down(z, p)) * divisors.along(q));
              });
    return true;
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
    else if (suits_strips_of_2x2<T>(w) && avg_pool_forward_strips(pool))
        return;
    else if (has_own_pools<T> && w.is_2x2() && x.stride[4] == 1 && w.columns.out >= width<T> / 4)
        avg_pool_forward_2x2(pool);
    else if (has_own_pools<T> && w.is_whole() && is_contiguous_volume(x))
        avg_pool_forward_whole(pool);
    else if (avg_pool_forward_rows(pool))
        return;
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
