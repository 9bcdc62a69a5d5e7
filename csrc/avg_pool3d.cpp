// avg_pool3d: y[n,c,z,p,q] = (sum over k, i, j of x[n, c, z*s - pad + k, p*s - pad + i, q*s - pad + j]) /
// divisor. See pydl/ops/avg_pool3d.py.
#include "kernel.h"
#include "pooling/avg_pool.h"
#include "pooling/avg_pool_backward.h"

namespace pydl::PYDL_ISA {

inline PoolWindows volume_windows(const int64_t (&x)[5], const int64_t (&y)[5], Ints<3> kernel,
                                  Ints<3> stride, Ints<3> padding) {
    require(x[0] == y[0] && x[1] == y[1], "avg_pool3d: x and y must have the same N and C");
    PoolAxis axis[3];
    for (int d = 0; d < 3; ++d) axis[d] = pool_axis(x[2 + d], y[2 + d], kernel[d], stride[d], padding[d], 1);
    return {axis[0], axis[1], axis[2]};
}

template <typename T>
void avg_pool3d_forward(Array<const T, 5> x, Array<T, 5> y, Ints<3> kernel, Ints<3> stride, Ints<3> padding,
                        bool count_include_pad, int64_t divisor_override) {
    const PoolWindows windows = volume_windows(x.shape, y.shape, kernel, stride, padding);
    require(y.contiguous(), "avg_pool3d_forward: y must be contiguous");
    if (y.size() == 0) return;
    avg_pool_forward<T>(x, y.data, windows, count_include_pad, divisor_override);
}
PYDL_KERNEL(avg_pool3d_forward, "x, y, kernel, stride, padding, count_include_pad, divisor_override")

template <typename T>
void avg_pool3d_backward(Array<const T, 5> dy, Array<T, 5> dx, Ints<3> kernel, Ints<3> stride,
                         Ints<3> padding, bool count_include_pad, int64_t divisor_override) {
    const PoolWindows windows = volume_windows(dx.shape, dy.shape, kernel, stride, padding);
    require(dx.contiguous(), "avg_pool3d_backward: dx must be contiguous");
    if (dx.size() == 0) return;
    avg_pool_backward<T>(dy, dx.data, windows, count_include_pad, divisor_override);
}
PYDL_KERNEL(avg_pool3d_backward, "dy, dx, kernel, stride, padding, count_include_pad, divisor_override")

}  // namespace pydl::PYDL_ISA
