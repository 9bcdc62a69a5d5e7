// conv2d_winograd_stride: 3x3, 4x4 and 7x7 convolutions of stride 2, and the gradients of the first two with
// respect to the input, with fewer multiplications. See pydl/ops/conv2d_winograd_stride.py.
#include "conv2d/winograd_stride.h"

#include "conv2d/correlate.h"
#include "conv2d/shape.h"
#include "conv2d/winograd_correlate.h"
#include "conv2d/winograd_tiles.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename X, typename W, typename Y>
Conv2dShape stride_shape(const X& x, const W& w, const Y& y, const Ints<2>& stride, const Ints<4>& padding,
                         int64_t groups, const char* mismatch) {
    const int64_t taps = w.shape[2];
    require((taps == 3 || taps == 4 || taps == 7) && w.shape[3] == taps && stride[0] == 2 && stride[1] == 2,
            "conv2d_winograd_stride: w must be 3x3, 4x4 or 7x7 and the stride 2");
    return conv2d_shape(x, w, y, stride, padding, Ints<2>{{1, 1}}, groups, mismatch);
}

template <typename Line, typename T>
void correlate_stride(const Correlation<T>& conv) {
    const WinogradFilters<T, Line> filters(conv);
    correlate_tiles(conv, filters, [&](int64_t n) { correlate_image(conv, n); });
}

template <typename T>
void correlate_winograd_stride(const Correlation<T>& conv) {
    if constexpr (has_special_kernels && sizeof(T) == 4) {
        if (conv.channels > 0) {
            if (conv.rows.taps == 3) return correlate_stride<StrideLine<T>>(conv);
            if (conv.rows.taps == 4) return correlate_stride<HalvesLine<T, TwoTapLine<T>, 4>>(conv);
            return correlate_stride<HalvesLine<T, FourTapLine<T>, 7>>(conv);
        }
    }
    correlate(conv);
}
template void correlate_winograd_stride(const Correlation<float>&);
template void correlate_winograd_stride(const Correlation<double>&);

template <typename T>
void conv2d_winograd_stride(Array<const T, 4> x, Array<const T, 4> w, Optional<Array<const T, 1>> b,
                            Array<T, 4> y, Ints<2> stride, Ints<4> padding, int64_t groups) {
    const Conv2dShape s =
        stride_shape(x, w, y, stride, padding, groups,
                     "conv2d_winograd_stride: x, w, y, stride, padding and groups do not fit");
    require(!b || b->shape[0] == s.O,
            "conv2d_winograd_stride: b must have one element for each of w's output channels");
    if (y.size() == 0) return;
    correlate_winograd_stride(forward_correlation(x, w, b, y, s));
}
PYDL_KERNEL(conv2d_winograd_stride, "x, w, b, y, stride, padding, groups")

template <typename Line, typename T>
void stride_gradient(const Correlation<T>& given, const Axis& rows, const Axis& columns) {
    Correlation<T> conv = given;
    conv.rows = {rows.outputs, rows.source, Line::taps, 1, 1, (-rows.origin - 1) / 2 - Line::before};
    conv.columns = {
        columns.outputs, columns.source, Line::taps, 1, 1, (-columns.origin - 1) / 2 - Line::before};
    const WinogradFilters<T, Line> filters(conv);
    correlate_tiles(conv, filters, [&](int64_t n) { correlate_phases(image_of(given, n), rows, columns); });
}

template <typename T>
void correlate_winograd_phases(const Correlation<T>& conv, const Axis& rows, const Axis& columns) {
    if constexpr (has_special_kernels && sizeof(T) == 4) {
        if (conv.channels > 0 && rows.origin % 2 != 0 && columns.origin % 2 != 0) {
            if (rows.taps == 3) return stride_gradient<StrideGradientLine<T>>(conv, rows, columns);
            if (rows.taps == 4) return stride_gradient<FourTapGradientLine<T>>(conv, rows, columns);
        }
    }
    correlate_phases(conv, rows, columns);
}
template void correlate_winograd_phases(const Correlation<float>&, const Axis&, const Axis&);
template void correlate_winograd_phases(const Correlation<double>&, const Axis&, const Axis&);

template <typename T>
void conv2d_winograd_stride_gradient(Array<const T, 4> dy, Array<const T, 4> w, Optional<Array<const T, 1>> b,
                                     Array<T, 4> dx, Ints<2> stride, Ints<4> padding, int64_t groups) {
    const Conv2dShape s =
        stride_shape(dx, w, dy, stride, padding, groups,
                     "conv2d_winograd_stride_gradient: dy, w, dx, stride, padding and groups do not fit");
    require(!b || b->shape[0] == s.C,
            "conv2d_winograd_stride_gradient: b must have one element for each of dx's channels");
    if (dx.size() == 0) return;
    const T* bias = b ? b->data : nullptr;
    const int64_t bias_stride = b ? b->stride[0] : 0;
    if (s.O == 0 || !has_special_kernels || sizeof(T) == 8)
        return input_gradient<T>(dy, w, bias, bias_stride, dx, s);
    correlate_winograd_phases(gradient_correlation(dy, w, bias, bias_stride, dx, s), s.rows, s.columns);
}
PYDL_KERNEL(conv2d_winograd_stride_gradient, "dy, w, b, dx, stride, padding, groups")

}  // namespace pydl::PYDL_ISA
