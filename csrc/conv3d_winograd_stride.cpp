// conv3d_winograd_stride: convolutions of volumes of stride 2 along rows and columns, and their gradients,
// with fewer multiplications. See pydl/ops/conv3d_winograd_stride.py.
//
// The depth taps are further channels (conv3d_shape.h), whatever the stride along the depth.
#include "conv2d_weight_gradient.h"
#include "conv2d_winograd_correlate.h"
#include "conv3d_shape.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename X, typename W, typename Y>
Conv3dShape stride_shape(const X& x, const W& w, const Y& y, const Ints<3>& stride, const Ints<6>& padding,
                         const char* mismatch) {
    const int64_t taps = w.shape[3];
    require((taps == 3 || taps == 4 || taps == 7) && w.shape[4] == taps && stride[1] == 2 && stride[2] == 2,
            "conv3d_winograd_stride: filters must be 3x3, 4x4 or 7x7 along rows and columns, the stride 2");
    return conv3d_shape(x, w, y, stride, padding, Ints<3>{{1, 1, 1}}, 1, mismatch);
}

template <typename T>
void conv3d_winograd_stride(Array<const T, 5> x, Array<const T, 5> w, Optional<Array<const T, 1>> b,
                            Array<T, 5> y, Ints<3> stride, Ints<6> padding) {
    const Conv3dShape s = stride_shape(x, w, y, stride, padding,
                                       "conv3d_winograd_stride: x, w, y, stride and padding do not fit");
    require(!b || b->shape[0] == s.O,
            "conv3d_winograd_stride: b must have one element for each of w's output channels");
    require(w.contiguous(), "conv3d_winograd_stride: w must be contiguous");
    if (y.size() == 0) return;
    const Conv3dInput<T> input(x, s);
    correlate_winograd_stride(forward_correlation(input, w, b, y, s));
}
PYDL_KERNEL(conv3d_winograd_stride, "x, w, b, y, stride, padding")

template <typename T>
void conv3d_winograd_stride_gradient(Array<const T, 5> dy, Array<const T, 5> w, Array<T, 5> dx,
                                     Ints<3> stride, Ints<6> padding) {
    const Conv3dShape s =
        stride_shape(dx, w, dy, stride, padding,
                     "conv3d_winograd_stride_gradient: dy, w, dx, stride and padding do not fit");
    input_gradient<T>(dy, w, nullptr, 0, dx, s, true);
}
PYDL_KERNEL(conv3d_winograd_stride_gradient, "dy, w, dx, stride, padding")

template <typename T>
void conv3d_winograd_stride_weight(Array<const T, 5> dy, Array<const T, 5> x, Array<T, 5> dw,
                                   Optional<Array<T, 1>> db, Ints<3> stride, Ints<6> padding) {
    const Conv3dShape s =
        stride_shape(x, dw, dy, stride, padding,
                     "conv3d_winograd_stride_weight: dy, x, dw, stride and padding do not fit");
    require(!db || db->shape[0] == s.O,
            "conv3d_winograd_stride_weight: db must have one element for each of dw's output channels");
    require(dw.contiguous(), "conv3d_winograd_stride_weight: dw must be contiguous");
    const Conv3dInput<T> input(x, s);
    winograd_stride_weight_gradient<T>(slices_of(dy), input.images(s),
                                       images_shape(s, input.rows, input.columns), filters_of(dw),
                                       db ? db->data : nullptr, db ? db->stride[0] : 0);
}
PYDL_KERNEL(conv3d_winograd_stride_weight, "dy, x, dw, db, stride, padding")

}  // namespace pydl::PYDL_ISA
