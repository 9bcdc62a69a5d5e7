// avg_pool2d: y[n,c,p,q] = (sum over i, j of x[n, c, p*s - pad + i, q*s - pad + j]) / divisor(p, q).
// See pydl/ops/avg_pool2d.py.
#include "kernel.h"
#include "pooling/avg_pool.h"
#include "pooling/avg_pool_backward.h"

namespace pydl::PYDL_ISA {

inline PoolWindows plane_windows(const int64_t (&x)[4], const int64_t (&y)[4], Ints<2> kernel, Ints<2> stride,
                                 Ints<2> padding) {
    require(x[0] == y[0] && x[1] == y[1], "avg_pool2d: x and y must have the same N and C");
    return {no_axis(), pool_axis(x[2], y[2], kernel[0], stride[0], padding[0], 1),
            pool_axis(x[3], y[3], kernel[1], stride[1], padding[1], 1)};
}

template <typename T>
void avg_pool2d_forward(Array<const T, 4> x, Array<T, 4> y, Ints<2> kernel, Ints<2> stride, Ints<2> padding,
                        bool count_include_pad, int64_t divisor_override) {
    const PoolWindows windows = plane_windows(x.shape, y.shape, kernel, stride, padding);
    require(y.contiguous(), "avg_pool2d_forward: y must be contiguous");
    if (y.size() == 0) return;
    avg_pool_forward<T>(as_volumes(x), y.data, windows, count_include_pad, divisor_override);
}
PYDL_KERNEL(avg_pool2d_forward, "x, y, kernel, stride, padding, count_include_pad, divisor_override")

template <typename T>
void avg_pool2d_backward(Array<const T, 4> dy, Array<T, 4> dx, Ints<2> kernel, Ints<2> stride,
                         Ints<2> padding, bool count_include_pad, int64_t divisor_override) {
    const PoolWindows windows = plane_windows(dx.shape, dy.shape, kernel, stride, padding);
    require(dx.contiguous(), "avg_pool2d_backward: dx must be contiguous");
    if (dx.size() == 0) return;
    avg_pool_backward<T>(as_volumes(dy), dx.data, windows, count_include_pad, divisor_override);
}
PYDL_KERNEL(avg_pool2d_backward, "dy, dx, kernel, stride, padding, count_include_pad, divisor_override")

}  // namespace pydl::PYDL_ISA
