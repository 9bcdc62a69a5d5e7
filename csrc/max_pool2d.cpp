// max_pool2d: y[n,c,p,q] = max over i, j of x[n, c, p*s - pad + i*d, q*s - pad + j*d]. See
// pydl/ops/max_pool2d.py.
#include "kernel.h"
#include "pooling/max_pool.h"
#include "pooling/max_pool_backward.h"

namespace pydl::PYDL_ISA {

inline PoolWindows plane_windows(const int64_t (&x)[4], const int64_t (&y)[4], Ints<2> kernel, Ints<2> stride,
                                 Ints<2> padding, Ints<2> dilation) {
    require(x[0] == y[0] && x[1] == y[1], "max_pool2d: x and y must have the same N and C");
    PoolWindows windows = {no_axis(), pool_axis(x[2], y[2], kernel[0], stride[0], padding[0], dilation[0]),
                           pool_axis(x[3], y[3], kernel[1], stride[1], padding[1], dilation[1])};
    require(kernel[0] * kernel[1] <= INT32_MAX, "max_pool2d: the kernel is too large");
    return windows;
}

template <typename T>
void max_pool2d_forward(Array<const T, 4> x, Array<T, 4> y, Optional<Array<uint8_t, 4>> window,
                        Optional<Array<int64_t, 4>> indices, Ints<2> kernel, Ints<2> stride, Ints<2> padding,
                        Ints<2> dilation) {
    const PoolWindows windows = plane_windows(x.shape, y.shape, kernel, stride, padding, dilation);
    require(y.contiguous() && (!window || window->contiguous()) && (!indices || indices->contiguous()),
            "max_pool2d_forward: the results must be contiguous");
    for (int d = 0; d < 4; ++d)
        require((!window || window->shape[d] == y.shape[d]) && (!indices || indices->shape[d] == y.shape[d]),
                "max_pool2d_forward: window and indices must have the shape of y");
    require(!window || windows.elements() <= 256,
            "max_pool2d_forward: window numbers the elements of a kernel of at most 256");
    if (y.size() == 0) return;
    max_pool_forward<T>(
        {as_volumes(x), y.data, window ? window->data : nullptr, indices ? indices->data : nullptr, windows});
}
PYDL_KERNEL(max_pool2d_forward, "x, y, window, indices, kernel, stride, padding, dilation")

template <typename T>
void max_pool2d_backward(Array<const T, 4> dy, Optional<Array<const uint8_t, 4>> window,
                         Optional<Array<const int64_t, 4>> indices, Array<T, 4> dx, Ints<2> kernel,
                         Ints<2> stride, Ints<2> padding, Ints<2> dilation) {
    const PoolWindows windows = plane_windows(dx.shape, dy.shape, kernel, stride, padding, dilation);
    require(bool(window) != bool(indices), "max_pool2d_backward: needs either window or indices");
    for (int d = 0; d < 4; ++d)
        require(window ? window->shape[d] == dy.shape[d] : indices->shape[d] == dy.shape[d],
                "max_pool2d_backward: window and indices must have the shape of dy");
    require(dx.contiguous() && (window ? window->contiguous() : indices->contiguous()),
            "max_pool2d_backward: dx, window and indices must be contiguous");
    require(!window || windows.elements() <= 256, "max_pool2d_backward: this kernel needs indices");
    if (dx.size() == 0) return;
    max_pool_backward<T>({as_volumes(dy), window ? window->data : nullptr, indices ? indices->data : nullptr,
                          dx.data, windows});
}
PYDL_KERNEL(max_pool2d_backward, "dy, window, indices, dx, kernel, stride, padding, dilation")

}  // namespace pydl::PYDL_ISA
