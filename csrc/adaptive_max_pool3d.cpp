// adaptive_max_pool3d: the largest element of windows that share the input evenly. See
// pydl/ops/adaptive_max_pool3d.py.
#include "adaptive_pool.h"
#include "kernel.h"
#include "max_pool.h"

namespace pydl::PYDL_ISA {

// Down the rows of a window for all columns at once, then along them.
template <typename T>
void max_of_uneven_windows(const Array<const T, 5>& x, const AdaptiveWindows& w, T* y, int64_t* indices) {
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, H = w.rows.size, W = w.columns.size;
    const WindowBounds bounds(w.columns);
    parallel_for(
        x.shape[0] * x.shape[1] * OD * OH, row_grain(W * (H / OH + 1)), [&](int64_t begin, int64_t end) {
            const Scratch<T> best(W + width<T>);
            const Scratch<int_of<T>> line(W + width<T>);
            for (int64_t item = begin; item < end; ++item) {
                const int64_t z = item / OH % OD, p = item % OH;
                const T* volume = volume_of(x, item / OH / OD);
                const int64_t top = w.depth.begin(z) * H + w.rows.begin(p);
                for (int64_t c = 0; c < W; c += width<T>) {
                    const int64_t n = W - c < width<T> ? W - c : width<T>;
                    Best<T> column = {broadcast<T>(-__builtin_inff()), broadcast<int_of<T>>(int_of<T>(top))};
                    for (int64_t d = w.depth.begin(z); d < w.depth.end(z); ++d)
                        for (int64_t h = w.rows.begin(p); h < w.rows.end(p); ++h)
                            column.meet(
                                load_strided(volume + d * x.stride[2] + h * x.stride[3] + c * x.stride[4],
                                             x.stride[4], n),
                                broadcast<int_of<T>>(int_of<T>(d * H + h)));
                    store(best.data() + c, column.value);
                    store(line.data() + c, column.element);
                }
                for (int64_t q = 0; q < OW; ++q) {
                    int64_t winner = bounds.begin(q);
                    for (int64_t c = winner + 1; c < bounds.end(q); ++c) {
                        const T a = best[winner], b = best[c];
                        // The first of equals in row-major order, the last of several NaN.
                        const bool wins = b != b ? a == a || line[c] >= line[winner]
                                                 : b > a || (b == a && line[c] < line[winner]);
                        if (wins) winner = c;
                    }
                    y[item * OW + q] = best[winner];
                    indices[item * OW + q] = int64_t(line[winner]) * W + winner;
                }
            }
        });
}

template <typename T>
void adaptive_max_pool3d_forward(Array<const T, 5> x, Array<T, 5> y, Array<int64_t, 5> indices) {
    const AdaptiveWindows w =
        adaptive_windows(x.shape, y.shape,
                         "adaptive_max_pool3d_forward: x and y must have the same N and C and some elements");
    for (int d = 0; d < 5; ++d)
        require(indices.shape[d] == y.shape[d],
                "adaptive_max_pool3d_forward: indices must have the shape of y");
    require(y.contiguous() && indices.contiguous(),
            "adaptive_max_pool3d_forward: the results must be contiguous");
    require(w.depth.size * w.rows.size <= INT32_MAX, "adaptive_max_pool3d_forward: x has too many rows");
    if (y.size() == 0) return;
    if (const LaneWindows lanes(w);
        w.outputs() > 1 && suits_lanes<T>(x, w.input(), w.lane_rows() * w.columns.size))
        max_pool_forward_lanes(x, lanes, y.data, nullptr, indices.data);
    else if (w.divides() && (w.side_by_side().elements() <= 256 || w.outputs() == 1))
        max_pool_forward<T>({x, y.data, nullptr, indices.data, w.side_by_side()});
    else
        max_of_uneven_windows(x, w, y.data, indices.data);
}
PYDL_KERNEL(adaptive_max_pool3d_forward, "x, y, indices")

template <typename T>
void adaptive_max_pool3d_backward(Array<const T, 5> dy, Array<const int64_t, 5> indices, Array<T, 5> dx) {
    const AdaptiveWindows w = adaptive_windows(
        dx.shape, dy.shape,
        "adaptive_max_pool3d_backward: dx and dy must have the same N and C and some elements");
    for (int d = 0; d < 5; ++d)
        require(indices.shape[d] == dy.shape[d],
                "adaptive_max_pool3d_backward: indices must have the shape of dy");
    require(dx.contiguous() && indices.contiguous(),
            "adaptive_max_pool3d_backward: dx and indices must be contiguous");
    const int64_t size = w.input(), outputs = w.outputs(), OH = w.rows.out, OW = w.columns.out;
    parallel_for(dx.shape[0] * dx.shape[1], row_grain(size + 4 * outputs), [&](int64_t begin, int64_t end) {
        for (int64_t plane = begin; plane < end; ++plane) {
            T* to = dx.data + plane * size;
            fill_row(to, size, T(0));
            const T* g = volume_of(dy, plane);
            for (int64_t line = 0; line < outputs / OW; ++line)
                for (int64_t q = 0; q < OW; ++q) {
                    const int64_t winner = indices.data[plane * outputs + line * OW + q];
                    if (winner >= 0 && winner < size)
                        to[winner] +=
                            g[line / OH * dy.stride[2] + line % OH * dy.stride[3] + q * dy.stride[4]];
                }
        }
    });
}
PYDL_KERNEL(adaptive_max_pool3d_backward, "dy, indices, dx")

}  // namespace pydl::PYDL_ISA
