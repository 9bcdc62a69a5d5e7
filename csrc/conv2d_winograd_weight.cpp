// conv2d_winograd_weight: the weight gradient of a 3x3 convolution with fewer multiplications. See
// pydl/ops/conv2d_winograd.py.
#include "conv2d_winograd_weight.h"

#include "conv2d_weight_gradient.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void conv2d_winograd_weight(Array<const T, 4> dy, Array<const T, 4> x, Array<T, 4> dw,
                            Optional<Array<T, 1>> db, Ints<4> padding) {
    const Conv2dShape s = conv2d_shape(x, dw, dy, Ints<2>{{1, 1}}, padding, Ints<2>{{1, 1}}, 1,
                                       "conv2d_winograd_weight: dy, x, dw and padding do not fit");
    require(s.U == 3 && s.V == 3, "conv2d_winograd_weight: dw must be 3x3");
    require(!db || db->shape[0] == s.O,
            "conv2d_winograd_weight: db must have one element for each of dw's output channels");
    T* bias = db ? db->data : nullptr;
    const int64_t bias_stride = db ? db->stride[0] : 0;
    if (s.empty() || dy.size() == 0 || !has_special_kernels)
        return add_up_weight_gradient<T>(images_of(dy), images_of(x), s, dw, bias, bias_stride);
    const bool finite = WinogradWeightGradient<T>(dy, x, s).run(dw, bias, bias_stride);
    // A NaN or infinity reaches all taps by this way; by the direct one only those that meet it.
    if (!finite) add_up_weight_gradient<T>(images_of(dy), images_of(x), s, dw, bias, bias_stride);
}
PYDL_KERNEL(conv2d_winograd_weight, "dy, x, dw, db, padding")

}  // namespace pydl::PYDL_ISA
