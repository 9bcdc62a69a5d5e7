// max_pool3d: y[n,c,z,p,q] = max over k, i, j of x[n, c, z*s - pad + k*d, p*s - pad + i*d, q*s - pad + j*d].
// See pydl/ops/max_pool3d.py.
#include "kernel.h"
#include "pooling/max_pool.h"
#include "pooling/max_pool_backward.h"
#include "pooling/max_pool_slices.h"

namespace pydl::PYDL_ISA {

inline PoolWindows volume_windows(const int64_t (&x)[5], const int64_t (&y)[5], Ints<3> kernel,
                                  Ints<3> stride, Ints<3> padding, Ints<3> dilation) {
    require(x[0] == y[0] && x[1] == y[1], "max_pool3d: x and y must have the same N and C");
    PoolAxis axis[3];
    for (int d = 0; d < 3; ++d)
        axis[d] = pool_axis(x[2 + d], y[2 + d], kernel[d], stride[d], padding[d], dilation[d]);
    require(double(kernel[0]) * double(kernel[1]) * double(kernel[2]) <= INT32_MAX,
            "max_pool3d: the kernel is too large");
    return {axis[0], axis[1], axis[2]};
}

template <typename T>
void max_pool3d_forward(Array<const T, 5> x, Array<T, 5> y, Optional<Array<uint8_t, 5>> window,
                        Optional<Array<int64_t, 5>> indices, Ints<3> kernel, Ints<3> stride, Ints<3> padding,
                        Ints<3> dilation) {
    const PoolWindows windows = volume_windows(x.shape, y.shape, kernel, stride, padding, dilation);
    require(y.contiguous() && (!window || window->contiguous()) && (!indices || indices->contiguous()),
            "max_pool3d_forward: the results must be contiguous");
    for (int d = 0; d < 5; ++d)
        require((!window || window->shape[d] == y.shape[d]) && (!indices || indices->shape[d] == y.shape[d]),
                "max_pool3d_forward: window and indices must have the shape of y");
    require(!window || windows.elements() <= 256,
            "max_pool3d_forward: window numbers the elements of a kernel of at most 256");
    if (y.size() == 0) return;
    const MaxPoolForward<T> pool = {x, y.data, window ? window->data : nullptr,
                                    indices ? indices->data : nullptr, windows};
    if (!max_pools_slices(pool)) max_pool_forward(pool);
}
PYDL_KERNEL(max_pool3d_forward, "x, y, window, indices, kernel, stride, padding, dilation")

template <typename T>
void max_pool3d_backward(Array<const T, 5> dy, Optional<Array<const uint8_t, 5>> window,
                         Optional<Array<const int64_t, 5>> indices, Array<T, 5> dx, Ints<3> kernel,
                         Ints<3> stride, Ints<3> padding, Ints<3> dilation) {
    const PoolWindows windows = volume_windows(dx.shape, dy.shape, kernel, stride, padding, dilation);
    require(bool(window) != bool(indices), "max_pool3d_backward: needs either window or indices");
    for (int d = 0; d < 5; ++d)
        require(window ? window->shape[d] == dy.shape[d] : indices->shape[d] == dy.shape[d],
                "max_pool3d_backward: window and indices must have the shape of dy");
    require(dx.contiguous() && (window ? window->contiguous() : indices->contiguous()),
            "max_pool3d_backward: dx, window and indices must be contiguous");
    require(!window || windows.elements() <= 256, "max_pool3d_backward: this kernel needs indices");
    if (dx.size() == 0) return;
    max_pool_backward<T>(
        {dy, window ? window->data : nullptr, indices ? indices->data : nullptr, dx.data, windows});
}
PYDL_KERNEL(max_pool3d_backward, "dy, window, indices, dx, kernel, stride, padding, dilation")

}  // namespace pydl::PYDL_ISA
