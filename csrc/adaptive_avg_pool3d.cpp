// adaptive_avg_pool3d: the mean of windows that share the input evenly. See pydl/ops/adaptive_avg_pool3d.py.
#include "adaptive_pool.h"
#include "avg_pool.h"
#include "avg_pool_backward.h"
#include "kernel.h"
#include "pool_lines.h"

namespace pydl::PYDL_ISA {

// Sums of rows of windows, a line in each lane, become means.
template <typename T>
void means_of_lines(const Array<const T, 5>& x, const LaneWindows& w, const Divisors<T>& divisors, T* y) {
    constexpr int64_t W = width<T>;
    const int64_t OW = w.columns.out;
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

template <typename T>
void means_one_by_one(const Array<const T, 5>& x, const LaneWindows& w, const Divisors<T>& divisors, T* y) {
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
    if (w.suits_frames()) return avg_pool_forward<T>(x, y.data, w.side_by_side(), true, 0);
    const Divisors<T> divisors(w);
    const LaneWindows windows(w);
    if (suits_lines<T>(w, x.stride[4])) return means_of_lines(x, windows, divisors, y.data);
    if (suits_lanes<T>(x, w.input(), w.lane_rows() * w.columns.size) && !w.has_wide_columns())
        return avg_pool_forward_lanes(x, y.data, windows, divisors);
    means_one_by_one(x, windows, divisors, y.data);
}
PYDL_KERNEL(adaptive_avg_pool3d_forward, "x, y")

template <typename T>
void copy_row(const T* from, int64_t n, T* to) {
    constexpr int64_t W = width<T>;
    if (n < W) return store_partial(to, load(from), n);
    for (int64_t k = 0; k + W < n; k += W) store(to + k, load(from + k));
    store(to + n - W, load(from + n - W));
}

template <typename T>
void adaptive_avg_pool3d_backward(Array<const T, 5> dy, Array<T, 5> dx) {
    const AdaptiveWindows w = adaptive_windows(
        dx.shape, dy.shape,
        "adaptive_avg_pool3d_backward: dx and dy must have the same N and C and some elements");
    require(dx.contiguous(), "adaptive_avg_pool3d_backward: dx must be contiguous");
    if (dx.size() == 0) return;
    if (w.suits_frames()) return avg_pool_backward<T>(dy, dx.data, w.side_by_side(), true, 0);
    // Wide windows are runs of equal numbers, and so are those of rows of some vectors.
    const int64_t wide = 2 * w.columns.size > 3 * width<T> ? 4 : 6;
    if (w.columns.size < wide * w.columns.out &&
        suits_lanes<T>(dy, w.input(), w.lane_rows() * w.columns.size))
        return avg_pool_backward_lanes(dy, dx.data, LaneWindows(w), Divisors<T>(w));
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, W = w.columns.size, H = w.rows.size;
    const WindowBounds slices(w.depth), rows(w.rows), columns(w.columns);
    const Divisors<T> divisors(w);
    parallel_for(dx.shape[0] * dx.shape[1], row_grain(w.input()), [&](int64_t begin, int64_t end) {
        // dy / size of the window, spread along the rows; rows of dx are sums of these.
        const int64_t room = W + 2 * width<T>;
        const Scratch<T> lines(OD * OH * room), shares(OW + width<T>);
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* g = volume_of(dy, plane);
            for (int64_t z = 0; z < OD; ++z)
                for (int64_t p = 0; p < OH; ++p) {
                    T* line = lines.data() + (z * OH + p) * room;
                    const T* from = g + z * dy.stride[2] + p * dy.stride[3];
                    const vec<T> down = broadcast<T>(divisors.down(z, p));
                    for (int64_t q = 0; q < OW; q += width<T>)
                        store(shares.data() + q,
                              load_strided(from + q * dy.stride[4], dy.stride[4], at_most(OW - q, width<T>)) /
                                  (down * divisors.along(q)));
                    int64_t done = 0;  // columns that a window before has part of
                    for (int64_t q = 0; q < OW; ++q) {
                        const int64_t first = columns.begin(q), last = columns.end(q);
                        const T share = shares[q];
                        for (int64_t c = first; c < done && c < last; ++c) line[c] += share;
                        // Whole vectors: what is written too far is written again.
                        for (int64_t c = first < done ? done : first; c < last; c += width<T>)
                            store(line + c, broadcast<T>(share));
                        done = last;
                    }
                }
            T* to = dx.data + plane * w.input();
            int64_t z0 = 0, z1 = 0;  // the slices of windows that hold slice d, and the rows that hold row h
            for (int64_t d = 0; d < w.depth.size; ++d) {
                slices.advance(d, z0, z1);
                int64_t p0 = 0, p1 = 0;
                for (int64_t h = 0; h < H; ++h, to += W) {
                    rows.advance(h, p0, p1);
                    if (z1 - z0 == 1 && p1 - p0 == 1) {
                        copy_row(lines.data() + (z0 * OH + p0) * room, W, to);
                        continue;
                    }
                    for (int64_t c = 0; c < W; c += width<T>) {
                        vec<T> total{};
                        for (int64_t z = z0; z < z1; ++z)
                            for (int64_t p = p0; p < p1; ++p)
                                total += load(lines.data() + (z * OH + p) * room + c);
                        store_partial(to + c, total, W - c);
                    }
                }
            }
        }
    });
}
PYDL_KERNEL(adaptive_avg_pool3d_backward, "dy, dx")

}  // namespace pydl::PYDL_ISA
