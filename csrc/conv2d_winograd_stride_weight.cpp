// conv2d_winograd_stride_weight: the weight gradient of a 3x3 or 4x4 convolution of stride 2 with fewer
// multiplications. See pydl/ops/conv2d_winograd_stride.py.
#include "conv2d/weight_gradient.h"
#include "conv2d/winograd_correlate.h"
#include "conv2d/winograd_stride.h"
#include "conv2d/winograd_weight.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void winograd_stride_weight_gradient(const Images<const T>& dy, const Images<const T>& x,
                                     const Conv2dShape& s, const Array<T, 4>& dw, T* db, int64_t db_stride) {
    bool done = false;
    if constexpr (has_special_kernels && sizeof(T) == 4) {
        if (!s.empty() && s.U == 3)
            done = WinogradWeightGradient<T, StrideLine<T>>(dy, x, s).run(dw, db, db_stride);
        else if (!s.empty() && s.U == 4)
            done =
                WinogradWeightGradient<T, HalvesLine<T, TwoTapLine<T>, 4>>(dy, x, s).run(dw, db, db_stride);
    }
    // As for those of stride 1, what is not finite is computed directly.
    if (!done) add_up_weight_gradient<T>(dy, x, s, dw, db, db_stride);
}
template void winograd_stride_weight_gradient(const Images<const float>&, const Images<const float>&,
                                              const Conv2dShape&, const Array<float, 4>&, float*, int64_t);
template void winograd_stride_weight_gradient(const Images<const double>&, const Images<const double>&,
                                              const Conv2dShape&, const Array<double, 4>&, double*, int64_t);

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
    winograd_stride_weight_gradient<T>(images_of(dy), images_of(x), s, dw, db ? db->data : nullptr,
                                       db ? db->stride[0] : 0);
}
PYDL_KERNEL(conv2d_winograd_stride_weight, "dy, x, dw, db, stride, padding")

}  // namespace pydl::PYDL_ISA
