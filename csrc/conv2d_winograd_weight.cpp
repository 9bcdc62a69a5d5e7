// conv2d_winograd_weight: the weight gradient of a 3x3 or 5x5 convolution with fewer multiplications. See
// pydl/ops/conv2d_winograd.py.
#include "conv2d/winograd_weight.h"

#include "conv2d/dilated_parts.h"
#include "conv2d/weight_gradient.h"
#include "conv2d/winograd_correlate.h"
#include "conv2d/winograd_halves.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

// False where that is not possible, or not all weights are finite: a NaN or infinity reaches all taps by this
// way, and by the direct one only those that meet it.
template <typename T>
[[gnu::noinline]] bool transformed_weight_gradient(const Images<const T>& dy, const Images<const T>& x,
                                                   const Conv2dShape& s, const Array<T, 4>& dw, T* db,
                                                   int64_t db_stride) {
    if (s.empty() || !has_special_kernels) return false;
    if (s.U == 3) return WinogradWeightGradient<T, WinogradLine<T, 4>>(dy, x, s).run(dw, db, db_stride);
    if constexpr (sizeof(T) == 4) {
        if (s.U == 4) return WinogradWeightGradient<T, FourTapLine<T>>(dy, x, s).run(dw, db, db_stride);
        if (s.U == 5)
            return WinogradWeightGradient<T, WinogradLine<T, 4, 5>>(dy, x, s).run(dw, db, db_stride);
    }
    return false;
}

template <typename T>
void winograd_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                              const Array<T, 4>& dw, T* db, int64_t db_stride) {
    if (!transformed_weight_gradient(dy, x, s, dw, db, db_stride))
        add_up_weight_gradient<T>(dy, x, s, dw, db, db_stride);
}
template void winograd_weight_gradient(const Images<const float>&, const Images<const float>&,
                                       const Conv2dShape&, const Array<float, 4>&, float*, int64_t);
#if !defined(PYDL_FLOAT32_ALONE)
template void winograd_weight_gradient(const Images<const double>&, const Images<const double>&,
                                       const Conv2dShape&, const Array<double, 4>&, double*, int64_t);
#endif

template <typename T>
void conv2d_winograd_weight(Array<const T, 4> dy, Array<const T, 4> x, Array<T, 4> dw,
                            Optional<Array<T, 1>> db, Ints<4> padding, Ints<2> dilation) {
    const Conv2dShape s = conv2d_shape(x, dw, dy, Ints<2>{{1, 1}}, padding, dilation, 1,
                                       "conv2d_winograd_weight: dy, x, dw, padding and dilation do not fit");
    require((s.U == 3 || s.U == 5) && s.V == s.U, "conv2d_winograd_weight: dw must be 3x3 or 5x5");
    require(!db || db->shape[0] == s.O,
            "conv2d_winograd_weight: db must have one element for each of dw's output channels");
    T* bias = db ? db->data : nullptr;
    const int64_t bias_stride = db ? db->stride[0] : 0;
    if (dilation[0] == 1 && dilation[1] == 1)
        return winograd_weight_gradient(images_of(dy), images_of(x), s, dw, bias, bias_stride);
    // Neither those images nor their slopes need zeros around them.
    const Axis &rows = s.rows, &columns = s.columns;
    if constexpr (has_special_kernels && sizeof(T) == 4)
        if (!s.empty()) {
            const DilatedParts<T> of_x(x, rows, columns, rows.origin, columns.origin, rows.taps - 1,
                                       columns.taps - 1);
            const DilatedParts<T> of_dy(dy, rows, columns, 0, 0, 0, 0);
            const Array<const T, 4>&from = of_x.images(), &slopes = of_dy.images();
            const Conv2dShape parts =
                conv2d_shape(from, dw, slopes, Ints<2>{{1, 1}}, Ints<4>{{0, 0, 0, 0}}, Ints<2>{{1, 1}}, 1,
                             "conv2d_winograd_weight: too many parts");
            if (transformed_weight_gradient(images_of(slopes), images_of(from), parts, dw, bias, bias_stride))
                return;
        }
    add_up_weight_gradient<T>(images_of(dy), images_of(x), s, dw, bias, bias_stride);
}
PYDL_KERNEL(conv2d_winograd_weight, "dy, x, dw, db, padding, dilation")

}  // namespace pydl::PYDL_ISA
