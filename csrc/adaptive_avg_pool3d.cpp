// adaptive_avg_pool3d: the mean of windows that share the input evenly. See pydl/ops/adaptive_avg_pool3d.py.
#include "adaptive_pool.h"
#include "avg_pool.h"
#include "avg_pool_backward.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void adaptive_avg_pool3d_forward(Array<const T, 5> x, Array<T, 5> y) {
    const AdaptiveWindows w =
        adaptive_windows(x.shape, y.shape,
                         "adaptive_avg_pool3d_forward: x and y must have the same N and C and some elements");
    require(y.contiguous(), "adaptive_avg_pool3d_forward: y must be contiguous");
    if (y.size() == 0) return;
    if (w.suits_frames()) return avg_pool_forward<T>(x, y.data, w.side_by_side(), true, 0);
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, W = w.columns.size;
    const WindowBounds bounds(w.columns);
    parallel_for(x.shape[0] * x.shape[1] * OD * OH, row_grain(W * (w.rows.size / OH + 1)),
                 [&](int64_t begin, int64_t end) {
                     const Scratch<T> sum(W);
                     for (int64_t item = begin; item < end; ++item) {
                         const int64_t z = item / OH % OD, p = item % OH;
                         const T* volume = volume_of(x, item / OH / OD);
                         const int64_t front = w.depth.begin(z), back = w.depth.end(z);
                         const int64_t top = w.rows.begin(p), bottom = w.rows.end(p);
                         for (int64_t c = 0; c < W; c += width<T>) {
                             const int64_t n = W - c;
                             vec<T> total{};
                             for (int64_t d = front; d < back; ++d)
                                 for (int64_t h = top; h < bottom; ++h)
                                     total += load_strided(
                                         volume + d * x.stride[2] + h * x.stride[3] + c * x.stride[4],
                                         x.stride[4], n < width<T> ? n : width<T>);
                             store_partial(sum.data() + c, total, n);
                         }
                         const int64_t lines = (back - front) * (bottom - top);
                         for (int64_t q = 0; q < OW; ++q) {
                             T total = T(0);
                             for (int64_t c = bounds.begin(q); c < bounds.end(q); ++c) total += sum[c];
                             y.data[item * OW + q] = total / T(lines * (bounds.end(q) - bounds.begin(q)));
                         }
                     }
                 });
}
PYDL_KERNEL(adaptive_avg_pool3d_forward, "x, y")

template <typename T>
void adaptive_avg_pool3d_backward(Array<const T, 5> dy, Array<T, 5> dx) {
    const AdaptiveWindows w = adaptive_windows(
        dx.shape, dy.shape,
        "adaptive_avg_pool3d_backward: dx and dy must have the same N and C and some elements");
    require(dx.contiguous(), "adaptive_avg_pool3d_backward: dx must be contiguous");
    if (dx.size() == 0) return;
    if (w.suits_frames()) return avg_pool_backward<T>(dy, dx.data, w.side_by_side(), true, 0);
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, W = w.columns.size;
    const WindowBounds bounds(w.columns);
    parallel_for(dx.shape[0] * dx.shape[1], row_grain(w.input()), [&](int64_t begin, int64_t end) {
        // dy / size of the window, spread along the rows; rows of x are sums of these.
        const Scratch<T> spread(OD * OH * W);
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* g = volume_of(dy, plane);
            for (int64_t z = 0; z < OD; ++z)
                for (int64_t p = 0; p < OH; ++p) {
                    T* row = spread.data() + (z * OH + p) * W;
                    for (int64_t c = 0; c < W; ++c) row[c] = T(0);
                    const int64_t lines = w.depth.length(z) * w.rows.length(p);
                    for (int64_t q = 0; q < OW; ++q) {
                        const T share = g[z * dy.stride[2] + p * dy.stride[3] + q * dy.stride[4]] /
                                        T(lines * (bounds.end(q) - bounds.begin(q)));
                        for (int64_t c = bounds.begin(q); c < bounds.end(q); ++c) row[c] += share;
                    }
                }
            for (int64_t d = 0; d < w.depth.size; ++d)
                for (int64_t h = 0; h < w.rows.size; ++h) {
                    T* to = dx.data + ((plane * w.depth.size + d) * w.rows.size + h) * W;
                    const int64_t front = w.depth.first(d), back = w.depth.last(d);
                    const int64_t top = w.rows.first(h), bottom = w.rows.last(h);
                    for (int64_t c = 0; c < W; c += width<T>) {
                        vec<T> total{};
                        for (int64_t z = front; z < back; ++z)
                            for (int64_t p = top; p < bottom; ++p)
                                total += load_partial(spread.data() + (z * OH + p) * W + c, W - c);
                        store_partial(to + c, total, W - c);
                    }
                }
        }
    });
}
PYDL_KERNEL(adaptive_avg_pool3d_backward, "dy, dx")

}  // namespace pydl::PYDL_ISA
