// conv2d_winograd_stride_weight: the weight gradient of a 3x3 or 4x4 convolution of stride 2 with fewer
// multiplications. See pydl/ops/conv2d_winograd_stride.py.
#include "conv2d_weight_gradient.h"
#include "conv2d_winograd_stride.h"
#include "conv2d_winograd_weight.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void conv2d_winograd_stride_weight(Array<const T, 4> dy, Array<const T, 4> x, Array<T, 4> dw,
                                   Optional<Array<T, 1>> db, Ints<2> stride, Ints<4> padding) {
    require((dw.shape[2] == 3 || dw.shape[2] == 4) && dw.shape[3] == dw.shape[2] && stride[0] == 2 &&
                stride[1] == 2,
            "conv2d_winograd_stride_weight: dw must be 3x3 or 4x4 and the stride 2");
    const Conv2dShape s =
        conv2d_shape(x, dw, dy, stride, padding, Ints<2>{{1, 1}}, 1,
                     "conv2d_winograd_stride_weight: dy, x, dw, stride and padding do not fit");
    require(!db || db->shape[0] == s.O,
            "conv2d_winograd_stride_weight: db must have one element for each of dw's output channels");
    T* bias = db ? db->data : nullptr;
    const int64_t bias_stride = db ? db->stride[0] : 0;
    const Images<const T> slopes = images_of(dy), pixels = images_of(x);
    bool done = false;
    if constexpr (has_special_kernels && sizeof(T) == 4) {
        if (!s.empty() && s.U == 3)
            done = WinogradWeightGradient<T, StrideLine<T>>(slopes, pixels, s).run(dw, bias, bias_stride);
        else if (!s.empty())
            done = WinogradWeightGradient<T, HalvesLine<T, TwoTapLine<T>, 4>>(slopes, pixels, s)
                       .run(dw, bias, bias_stride);
    }
    // As for those of stride 1, what is not finite is computed directly.
    if (!done) add_up_weight_gradient<T>(slopes, pixels, s, dw, bias, bias_stride);
}
PYDL_KERNEL(conv2d_winograd_stride_weight, "dy, x, dw, db, stride, padding")

}  // namespace pydl::PYDL_ISA
