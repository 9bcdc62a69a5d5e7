// conv_transpose3d: a convolution's gradient with respect to its input, and a bias. See
// pydl/ops/conv_transpose3d.py.
#include "conv2d/conv3d_shape.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void conv_transpose3d_forward(Array<const T, 5> x, Array<const T, 5> w, Optional<Array<const T, 1>> b,
                              Array<T, 5> y, Ints<3> stride, Ints<6> padding, Ints<3> dilation,
                              int64_t groups) {
    const Conv3dShape s =
        conv3d_shape(y, w, x, stride, padding, dilation, groups,
                     "conv_transpose3d_forward: x, w, y, stride, padding, dilation and groups do not fit");
    require(!b || b->shape[0] == s.C,
            "conv_transpose3d_forward: b must have one element for each of y's channels");
    input_gradient<T>(x, w, b ? b->data : nullptr, b ? b->stride[0] : 0, y, s);
}
PYDL_KERNEL(conv_transpose3d_forward, "x, w, b, y, stride, padding, dilation, groups")

}  // namespace pydl::PYDL_ISA
