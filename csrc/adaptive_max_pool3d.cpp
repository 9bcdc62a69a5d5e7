// adaptive_max_pool3d: the largest element of windows that share the input evenly. See
// pydl/ops/adaptive_max_pool3d.py.
#include "kernel.h"
#include "pooling/adaptive_pool.h"
#include "pooling/lines.h"
#include "pooling/max_pool.h"

namespace pydl::PYDL_ISA {

// A lane for each line of windows.
template <typename T>
void max_by_lines(const Array<const T, 5>& x, const LaneWindows& w, T* y, int64_t* indices) {
    constexpr int64_t W = width<T>;
    const int64_t OW = w.columns.out;
    if constexpr (has_lines<T>)
        pool_lines<Best<T>>(x, w, [&](int64_t first, int64_t count, const auto& best) {
            copy_columns(best.value, W, y + first * OW, OW, count, OW);
            for (int64_t l = 0; l < count; ++l)
                for (int64_t q = 0; q < OW; ++q) indices[(first + l) * OW + q] = best.element[q * W + l];
        });
}

// By lines, or a lane for each window.
template <typename T>
void max_of_uneven_windows(const Array<const T, 5>& x, const AdaptiveWindows& uneven, T* y,
                           int64_t* indices) {
    // Positions are counted in lanes.
    require(sizeof(T) == 8 || uneven.input() <= INT32_MAX,
            "adaptive_max_pool3d_forward: x has too many elements in a volume");
    const LaneWindows w(uneven);
    if (suits_lines<T>(uneven, x.stride[4])) return max_by_lines(x, w, y, indices);
    pool_one_by_one<Best<T>>(x, w, [&](int64_t first, int64_t count, const auto& best) {
        store_partial(y + first, best.value, count);
        for (int64_t l = 0; l < count; ++l) indices[first + l] = best.element[l];
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
    const bool halves = w.divides() && w.side_by_side().is_2x2();
    if (!halves && suits_lines<T>(w, x.stride[4]))
        max_of_uneven_windows(x, w, y.data, indices.data);
    else if (const LaneWindows lanes(w); !halves && w.outputs() > 1 && !w.has_wide_columns() &&
                                         suits_lanes<T>(x, w.input(), w.lane_rows() * w.columns.size))
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
            const int64_t* winners = indices.data + plane * outputs;
            for (int64_t line = 0; line < outputs / OW; ++line, winners += OW) {
                const T* from = g + line / OH * dy.stride[2] + line % OH * dy.stride[3];
                for (int64_t q = 0; q < OW; ++q, from += dy.stride[4])
                    if (const int64_t winner = winners[q]; winner >= 0 && winner < size) to[winner] += *from;
            }
        }
    });
}
PYDL_KERNEL(adaptive_max_pool3d_backward, "dy, indices, dx")

}  // namespace pydl::PYDL_ISA
