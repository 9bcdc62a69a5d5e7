// The gradient of average pooling: see pooling/avg_pool.h.
#pragma once
#include "pooling/avg_pool.h"
#include "pooling/avg_pool_spread.h"
#include "pooling/gather.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct AvgPoolBackward {
    Array<const T, 5> dy;
    T* dx;  // contiguous
    PoolWindows windows;
    const Divisors<T>& divisors;

    int64_t planes() const { return dy.shape[0] * dy.shape[1]; }
};

// Windows of 2x2 with stride 2 and no padding: each number of dy is written to four places.
template <typename T>
void avg_pool_backward_2x2(const AvgPoolBackward<T>& pool) {
    constexpr int64_t W = width<T>;
    const int64_t H = pool.windows.rows.size, wide = pool.windows.columns.size;
    const int64_t OH = pool.windows.rows.out, OW = pool.windows.columns.out;
    const Divide<T> share(pool.divisors.first());
    parallel_for(pool.planes(), row_grain(H * wide), [&](int64_t begin, int64_t end) {
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* g = volume_of(pool.dy, plane);
            T* upper = pool.dx + plane * H * wide;
            for (int64_t p = 0; p < OH; ++p, g += pool.dy.stride[3], upper += 2 * wide) {
                T* lower = upper + wide;
                for (int64_t q = 0; q < OW; q += W) {
                    const int64_t n = OW - q;
                    const vec<T> v =
                        share(load_strided(g + q * pool.dy.stride[4], pool.dy.stride[4], n < W ? n : W));
                    const vec<T> w = by_blocks(v);
                    const vec<T> left = zip_by_blocks<false>(w, w), right = zip_by_blocks<true>(w, w);
                    store_partial(upper + 2 * q, left, 2 * n);
                    store_partial(upper + 2 * q + W, right, 2 * n - W);
                    store_partial(lower + 2 * q, left, 2 * n);
                    store_partial(lower + 2 * q + W, right, 2 * n - W);
                }
                if (2 * OW < wide) {
                    fill_row(upper + 2 * OW, wide - 2 * OW, T(0));
                    fill_row(lower + 2 * OW, wide - 2 * OW, T(0));
                }
            }
            if (2 * OH < H) fill_row(upper, (H - 2 * OH) * wide, T(0));
        }
    });
}

// The same where rows are shorter than a vector.
template <int G, typename T>
void avg_pool_backward_halving(const AvgPoolBackward<T>& pool) {
    constexpr int64_t W = width<T>;
    const int64_t count = pool.planes() * pool.windows.rows.out * pool.windows.columns.out;
    const Divide<T> share(pool.divisors.first());
    parallel_for((count + W - 1) / W, row_grain(4 * W), [&](int64_t begin, int64_t end) {
        for (int64_t at = begin * W; at < end * W && at < count; at += W) {
            const vec<T> g = share(load_partial(pool.dy.data + at, count - at));
            store_quarters<G, T>(pool.dx + 4 * at, {g, g, g, g}, count - at);
        }
    });
}

// One window that is the whole volume. Volumes lie side by side, and vectors are stored where whole ones lie,
// some of which begin in one volume and end in the next.
template <typename T>
void avg_pool_backward_whole(const AvgPoolBackward<T>& pool) {
    constexpr int64_t W = width<T>;
    using I = int_of<T>;
    const int64_t size = pool.windows.input(), planes = pool.planes();
    parallel_for((planes + W - 1) / W, row_grain(W * size), [&](int64_t begin, int64_t end) {
        const Divide<T> mean(pool.divisors.first());
        const Volumes<const T> volumes(pool.dy);
        T* to = pool.dx + begin * W * size;
        int64_t filled = 0;  // lanes of `line`, which is to be stored next
        vec<T> line{};
        for (int64_t plane = begin * W; plane < end * W && plane < planes; ++plane) {
            const vec<T> share = mean(broadcast<T>(*volumes.at(plane)));
            line = select(iota<I>() < broadcast<I>(I(filled)), line, share);
            filled += size;
            for (; filled >= W; filled -= W, to += W, line = share) store(to, line);
        }
        store_partial(to, line, filled);
    });
}

// The windows' shares, dy / divisor, in a frame, one phase for each depth slot.
template <typename T>
class ShareFrame {
  public:
    ShareFrame(const AvgPoolBackward<T>& pool, const PoolBlocks& blocks)
        : pool_(pool),
          mean_(pool.divisors.first()),
          shape_(window_frame(pool.windows, blocks)),
          slots_(depth_slots(pool.windows.depth)),
          frame_(slots_ * shape_.phase() + 2 * width<T>) {
        fill_row(frame_.data(), slots_ * shape_.phase() + 2 * width<T>, T(0));
    }
    const FrameShape& shape() const { return shape_; }
    int64_t slots() const { return slots_; }
    const T* data() const { return frame_.data(); }

    // Slice s for `rows` positions from row `top` on of slice d of volume `plane`.
    void fill(int64_t s, int64_t plane, int64_t d, int64_t top, int64_t rows) {
        const PoolWindows& w = pool_.windows;
        const Divisors<T>& divisors = pool_.divisors;
        const int64_t OH = w.rows.out, OW = w.columns.out, step = pool_.dy.stride[4];
        const T* g = volume_of(pool_.dy, plane);
        for_depth_slots(w.depth, d, slots_, [&](int64_t slot, int64_t k, int64_t z) {
            for (int64_t r = 0; r < rows + w.rows.reach(); ++r) {
                const int64_t p = top + r - w.rows.reach();
                T* to = frame_.data() + slot * shape_.phase() + shape_.row(s, r) + w.columns.reach();
                if (k < 0 || p < 0 || p >= OH) {
                    fill_row(to, OW, T(0));
                    continue;
                }
                const T* row = g + z * pool_.dy.stride[2] + p * pool_.dy.stride[3];
                const vec<T> down = broadcast<T>(divisors.down(z, p));
                for (int64_t q = 0; q < OW; q += width<T>) {
                    const int64_t n = OW - q;
                    const vec<T> v = load_strided(row + q * step, step, n < width<T> ? n : width<T>);
                    store_partial(to + q, divisors.uniform() ? mean_(v) : v / (down * divisors.along(q)), n);
                }
            }
        });
    }

  private:
    const AvgPoolBackward<T>& pool_;
    Divide<T> mean_;
    FrameShape shape_;
    int64_t slots_;
    Scratch<T> frame_;
};

template <typename T>
void avg_pool_backward_frames(const AvgPoolBackward<T>& pool) {
    const PoolWindows& w = pool.windows;
    const WindowPlaces places(w);
    const int64_t D = w.depth.size, reach = w.columns.reach();
    const PoolBlocks blocks(pool.planes() * D, places.rows, w.rows.reach(), places.columns + reach,
                            depth_slots(w.depth) + w.rows.stride * w.columns.stride);
    parallel_for(blocks.count,
                 row_grain(blocks.slices * blocks.run * places.columns * (w.rows.kernel + w.columns.kernel)),
                 [&](int64_t begin, int64_t end) {
                     ShareFrame<T> frame(pool, blocks);
                     const FrameShape& shape = frame.shape();
                     const int64_t phases = w.rows.stride * w.columns.stride;
                     const Scratch<T> down(shape.phase() + 2 * width<T>),
                         dx(phases * shape.phase() + width<T>);
                     const Scratch<int64_t> offset(frame.slots() * w.rows.kernel + w.columns.kernel);
                     for (int64_t block = begin; block < end; ++block) {
                         const int64_t item = blocks.first_item(block), items = blocks.items_of(block);
                         const int64_t top = blocks.first_row(block), rows = blocks.rows_of(block);
                         const int64_t positions = shape.positions(items, rows, places.columns);
                         for (int64_t s = 0; s < items; ++s)
                             frame.fill(s, (item + s) / D, (item + s) % D, top, rows);
                         for (int64_t a = 0; a < w.rows.stride; ++a) {
                             int64_t taps = 0;
                             for (int64_t slot = 0; slot < frame.slots(); ++slot)
                                 for (int64_t i = 0; i < w.rows.kernel; ++i)
                                     if (w.rows.phase(i) == a)
                                         offset[taps++] = slot * shape.phase() +
                                                          (w.rows.reach() - w.rows.place(i)) * shape.pitch;
                             add_taps(frame.data(), offset.data(), taps, positions + reach, down.data());
                             for (int64_t b = 0; b < w.columns.stride; ++b) {
                                 taps = 0;
                                 for (int64_t j = 0; j < w.columns.kernel; ++j)
                                     if (w.columns.phase(j) == b) offset[taps++] = reach - w.columns.place(j);
                                 add_taps(down.data(), offset.data(), taps, positions,
                                          dx.data() + (a * w.columns.stride + b) * shape.phase());
                             }
                         }
                         merge_block(w, shape, dx.data(), blocks, block, pool.dx);
                     }
                 });
}

// Small windows: elements collect from those that they lie in.
template <typename T>
void avg_pool_backward_strips(const AvgPoolBackward<T>& pool, const GatherKernel<T>& kernel) {
    const auto shares = [](const void* self, int64_t plane, int64_t z, int64_t p, T* share) {
        const auto& pool = *static_cast<const AvgPoolBackward<T>*>(self);
        const int64_t OW = pool.windows.columns.out, step = pool.dy.stride[4];
        const T* row = volume_of(pool.dy, plane) + z * pool.dy.stride[2] + p * pool.dy.stride[3];
        const vec<T> down = broadcast<T>(pool.divisors.down(z, p));
        for (int64_t q = 0; q < OW; q += width<T>)
            store_partial(share + q,
                          load_strided(row + q * step, step, at_most(OW - q, width<T>)) /
                              (down * pool.divisors.along(q)),
                          OW - q);
    };
    const bool direct = pool.divisors.uniform() && pool.dy.stride[4] == 1;
    gather_strips<T>(kernel, pool.windows, pool.dy, nullptr, pool.dx, direct ? nullptr : +shares, &pool,
                     direct ? pool.divisors.first() : T(1));
}

// One window after the other.
template <typename T>
void avg_pool_backward_simple(const AvgPoolBackward<T>& pool) {
    const PoolAxis &depth = pool.windows.depth, &rows = pool.windows.rows, &columns = pool.windows.columns;
    const int64_t size = pool.windows.input();
    const int64_t* stride = pool.dy.stride;
    parallel_for(pool.planes(), 1, [&](int64_t begin, int64_t end) {
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* g = volume_of(pool.dy, plane);
            T* dx = pool.dx + plane * size;
            fill_row(dx, size, T(0));
            for (int64_t z = 0; z < depth.out; ++z)
                for (int64_t p = 0; p < rows.out; ++p)
                    for (int64_t q = 0; q < columns.out; ++q) {
                        const T share = g[z * stride[2] + p * stride[3] + q * stride[4]] /
                                        (pool.divisors.down(z, p) * pool.divisors.along(q)[0]);
                        for (int64_t k = depth.first(z); k < depth.last(z); ++k)
                            for (int64_t i = rows.first(p); i < rows.last(p); ++i) {
                                T* row = dx + ((depth.start(z) + k) * rows.size + rows.start(p) + i) *
                                                  columns.size;
                                for (int64_t j = columns.first(q); j < columns.last(q); ++j)
                                    row[columns.start(q) + j] += share;
                            }
                    }
        }
    });
}

template <typename T>
void avg_pool_backward(const Array<const T, 5>& dy, T* dx, const PoolWindows& w, bool count_include_pad,
                       int64_t divisor_override) {
    const Divisors<T> divisors(w, count_include_pad, divisor_override);
    const AvgPoolBackward<T> pool = {dy, dx, w, divisors};
    if constexpr (has_along<T>)
        if (divisors.uniform() && suits_along(dy, w))
            return spread_along(SpreadLines<T>{PoolLines<T>(dy, w.columns), nullptr, divisors.first(), dx});
    if (is_halving_run<T>(w, dy))
        with_group<T>(w.columns.out, [&](auto G) { avg_pool_backward_halving<G>(pool); });
    else if (const auto kernel = gather_kernel<false, T>(w); kernel.run != nullptr)
        avg_pool_backward_strips(pool, kernel);
    else if (has_own_pools<T> && w.is_2x2() && w.columns.out >= width<T> / 4)
        avg_pool_backward_2x2(pool);
    else if (w.is_whole())
        avg_pool_backward_whole(pool);
    else if (const AdaptiveWindows even = {{w.depth.size, w.depth.out},
                                           {w.rows.size, w.rows.out},
                                           {w.columns.size, w.columns.out}};
             divisor_override == 0 && w.lies_side_by_side() && suits_spreading(even))
        avg_pool_spread(dy, even, dx);
    else if (lanes_are_faster(w) && suits_lanes<T>(dy, w) && !see_padding_alone(w))
        avg_pool_backward_lanes(dy, dx, LaneWindows(w), divisors);
    else if (frame_fits(w))
        avg_pool_backward_frames(pool);
    else
        avg_pool_backward_simple(pool);
}

}  // namespace pydl::PYDL_ISA
