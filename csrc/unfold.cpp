// unfold: the windows of an image as columns, and columns added up to an image. See pydl/ops/unfold.py.
//
// The number at (u, v) of the window (i, j) is the pixel (i * stride + u * dilation - padding, ...).
#include "elementwise/row_copies.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

template <typename X, typename Y>
void require_windows(const Array<X, 4>& image, const Array<Y, 6>& columns, Ints<2> stride, Ints<2> padding,
                     Ints<2> dilation) {
    bool fits = image.shape[0] == columns.shape[0] && image.shape[1] == columns.shape[1];
    const auto small = [](int64_t size) { return size >= 0 && size < (int64_t(1) << 31); };
    for (int d = 0; d < 2; ++d) {
        fits &= small(image.shape[2 + d]) && small(columns.shape[2 + d]) && small(columns.shape[4 + d]);
        fits &= small(stride[d]) && stride[d] > 0 && small(padding[d]) && small(dilation[d]);
    }
    require(fits, "unfold: the image (N, C, H, W) and the columns (N, C, U, V, I, J) do not fit");
}

// The windows [first, last) of a row for whose tap v the pixel j * stride + v * dilation - padding exists.
struct Windows {
    int64_t first, last, pixel;  // that of the first window
};
inline Windows windows_inside(int64_t tap, int64_t count, int64_t size, int64_t stride, int64_t padding,
                              int64_t dilation) {
    const int64_t start = tap * dilation - padding;
    int64_t first = start < 0 ? (-start + stride - 1) / stride : 0;
    int64_t last = start < size ? (size - 1 - start) / stride + 1 : 0;
    if (last > count) last = count;
    if (first > last) first = last;
    return {first, last, start + first * stride};
}

}  // namespace

template <typename T>
void unfold_forward(Array<const T, 4> x, Array<T, 6> y, Ints<2> stride, Ints<2> padding, Ints<2> dilation) {
    require_windows(x, y, stride, padding, dilation);
    require(y.contiguous(), "unfold_forward: y must be contiguous");
    if (y.size() == 0) return;
    const int64_t C = y.shape[1], U = y.shape[2], V = y.shape[3], I = y.shape[4], J = y.shape[5];
    parallel_for(y.shape[0] * C * U * V, kElementwiseGrain / (I * J) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t plane = begin; plane < end; ++plane) {
            const int64_t v = plane % V, u = plane / V % U, c = plane / V / U % C, n = plane / V / U / C;
            const Windows rows = windows_inside(u, I, x.shape[2], stride[0], padding[0], dilation[0]);
            const Windows along = windows_inside(v, J, x.shape[3], stride[1], padding[1], dilation[1]);
            const T* const image = x.data + n * x.stride[0] + c * x.stride[1];
            T* to = y.data + plane * I * J;
            for (int64_t i = 0; i < I; ++i, to += J) {
                if (i < rows.first || i >= rows.last || along.first == along.last) {
                    fill_zero(to, J);
                    continue;
                }
                const T* const from = image + (rows.pixel + (i - rows.first) * stride[0]) * x.stride[2];
                fill_zero(to, along.first);
                copy_row(from + along.pixel * x.stride[3], stride[1] * x.stride[3], to + along.first,
                         int64_t(1), along.last - along.first);
                fill_zero(to + along.last, J - along.last);
            }
        }
    });
}
PYDL_KERNEL(unfold_forward, "x, y, stride, padding, dilation")

template <typename T>
void unfold_backward(Array<const T, 6> dy, Array<T, 4> dx, Ints<2> stride, Ints<2> padding,
                     Ints<2> dilation) {
    require_windows(dx, dy, stride, padding, dilation);
    require(dx.contiguous(), "unfold_backward: dx must be contiguous");
    if (dx.size() == 0) return;
    const int64_t C = dx.shape[1], H = dx.shape[2], W = dx.shape[3];
    const int64_t U = dy.shape[2], V = dy.shape[3], I = dy.shape[4], J = dy.shape[5];
    parallel_for(dx.shape[0] * C, kElementwiseGrain / (H * W) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t plane = begin; plane < end; ++plane) {
            T* const image = dx.data + plane * H * W;
            fill_zero(image, H * W);
            for (int64_t tap = 0; tap < U * V; ++tap) {
                const int64_t u = tap / V, v = tap % V;
                const Windows rows = windows_inside(u, I, H, stride[0], padding[0], dilation[0]);
                const Windows along = windows_inside(v, J, W, stride[1], padding[1], dilation[1]);
                const T* const columns = dy.data + plane / C * dy.stride[0] + plane % C * dy.stride[1] +
                                         u * dy.stride[2] + v * dy.stride[3];
                for (int64_t i = rows.first; i < rows.last; ++i) {
                    const int64_t h = rows.pixel + (i - rows.first) * stride[0];
                    add_row(columns + i * dy.stride[4] + along.first * dy.stride[5], dy.stride[5],
                            image + h * W + along.pixel, stride[1], along.last - along.first);
                }
            }
        }
    });
}
PYDL_KERNEL(unfold_backward, "dy, dx, stride, padding, dilation")

}  // namespace pydl::PYDL_ISA
