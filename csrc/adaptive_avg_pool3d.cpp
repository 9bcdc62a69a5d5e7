// adaptive_avg_pool3d: the mean of windows that share the input evenly. See pydl/ops/adaptive_avg_pool3d.py.
#include "adaptive_pool.h"
#include "avg_pool.h"
#include "avg_pool_backward.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

// The sums of `columns` columns over the rows of a window.
template <typename T>
void add_rows(const T* x, const int64_t (&stride)[5], int64_t slices, int64_t rows, int64_t columns, T* sum) {
    constexpr int64_t W = width<T>;
    const auto add = [&](int64_t c, const auto& load_at) PYDL_INLINE_LAMBDA {
        vec<T> total{};
        for (int64_t d = 0; d < slices; ++d) {
            const T* row = x + d * stride[2] + c * stride[4];
            for (int64_t h = 0; h < rows; ++h, row += stride[3]) total += load_at(row);
        }
        return total;
    };
    int64_t c = 0;
    if (stride[4] == 1)
        for (; c + W <= columns; c += W)
            store(sum + c, add(c, [](const T* row) PYDL_INLINE_LAMBDA { return load(row); }));
    for (; c < columns; c += W) {
        const int64_t n = at_most(columns - c, W);
        store_partial(
            sum + c, add(c, [&](const T* row) PYDL_INLINE_LAMBDA { return load_strided(row, stride[4], n); }),
            n);
    }
}

// The sums of `count` runs of `length` numbers side by side. An even length is halved first: neighbours are
// added, `width` pairs at once.
template <typename T>
void add_runs(T* x, int64_t length, int64_t count, T* y) {
    for (; length % 2 == 0; length /= 2) {
        const int64_t pairs = count * length / 2;
        for (int64_t k = 0; k < pairs; k += width<T>) {
            const vec<T> a = load(x + 2 * k), b = load(x + 2 * k + width<T>);
            store(x + k, even_lanes(a, b) + odd_lanes(a, b));
        }
    }
    for (int64_t k = 0; k < count; ++k, x += length) {
        T total = x[0];
        for (int64_t i = 1; i < length; ++i) total += x[i];
        y[k] = total;
    }
}

template <typename T>
void adaptive_avg_pool3d_forward(Array<const T, 5> x, Array<T, 5> y) {
    const AdaptiveWindows w =
        adaptive_windows(x.shape, y.shape,
                         "adaptive_avg_pool3d_forward: x and y must have the same N and C and some elements");
    require(y.contiguous(), "adaptive_avg_pool3d_forward: y must be contiguous");
    if (y.size() == 0) return;
    if (w.suits_frames()) return avg_pool_forward<T>(x, y.data, w.side_by_side(), true, 0);
    if (suits_lanes<T>(x, w.input(), w.lane_rows() * w.columns.size))
        return avg_pool_forward_lanes(
            x, y.data, LaneWindows{LaneAxis(w.depth), LaneAxis(w.rows), LaneAxis(w.columns)}, Divisors<T>(w));
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, W = w.columns.size;
    const WindowBounds slices(w.depth), rows(w.rows), columns(w.columns);
    const int64_t length = w.columns.divides() ? W / OW : 0;
    const int64_t grain = row_grain(W * (w.rows.size / OH + 1));
    parallel_for(x.shape[0] * x.shape[1] * OD * OH, grain, [&](int64_t begin, int64_t end) {
        // Some rows of windows at a time.
        const int64_t batch = at_most(1 + 2048 / W, end - begin);
        const Scratch<T> sum(batch * W + 2 * width<T>);
        const Scratch<int64_t> lines(batch);
        int64_t plane = begin / OH / OD, z = begin / OH % OD, p = begin % OH;
        for (int64_t first = begin; first < end; first += batch) {
            const int64_t count = at_most(batch, end - first);
            for (int64_t r = 0; r < count; ++r) {
                add_rows(volume_of(x, plane) + slices.begin(z) * x.stride[2] + rows.begin(p) * x.stride[3],
                         x.stride, slices.length(z), rows.length(p), W, sum.data() + r * W);
                lines[r] = slices.length(z) * rows.length(p);
                if (++p < OH) continue;
                p = 0;
                if (++z == OD) z = 0, ++plane;
            }
            T* mean = y.data + first * OW;
            if (length > 0) add_runs(sum.data(), length, count * OW, mean);
            for (int64_t r = 0; r < count; ++r, mean += OW) {
                if (length > 0) {
                    const Divide<T> divide(T(lines[r] * length));
                    for (int64_t q = 0; q < OW; q += width<T>)
                        store_partial(mean + q, divide(load_partial(mean + q, OW - q)), OW - q);
                    continue;
                }
                const T* line = sum.data() + r * W;
                for (int64_t q = 0; q < OW; ++q) {
                    T total = T(0);
                    for (int64_t c = columns.begin(q); c < columns.end(q); ++c) total += line[c];
                    mean[q] = total / T(lines[r] * columns.length(q));
                }
            }
        }
    });
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
    // Wide windows are runs of equal numbers.
    if (w.columns.size < 6 * w.columns.out && suits_lanes<T>(dy, w.input(), w.lane_rows() * w.columns.size))
        return avg_pool_backward_lanes(dy, dx.data,
                                       LaneWindows{LaneAxis(w.depth), LaneAxis(w.rows), LaneAxis(w.columns)},
                                       Divisors<T>(w));
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, W = w.columns.size, H = w.rows.size;
    const WindowBounds slices(w.depth), rows(w.rows), columns(w.columns);
    parallel_for(dx.shape[0] * dx.shape[1], row_grain(w.input()), [&](int64_t begin, int64_t end) {
        // dy / size of the window, spread along the rows; rows of dx are sums of these.
        const int64_t room = W + 2 * width<T>;
        const Scratch<T> lines(OD * OH * room);
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* g = volume_of(dy, plane);
            for (int64_t z = 0; z < OD; ++z)
                for (int64_t p = 0; p < OH; ++p) {
                    T* line = lines.data() + (z * OH + p) * room;
                    const int64_t count = slices.length(z) * rows.length(p);
                    int64_t done = 0;  // columns that a window before has part of
                    for (int64_t q = 0; q < OW; ++q) {
                        const int64_t first = columns.begin(q), last = columns.end(q);
                        const T share = g[z * dy.stride[2] + p * dy.stride[3] + q * dy.stride[4]] /
                                        T(count * (last - first));
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
