// conv1d_winograd: one-dimensional convolutions of 3 or 5 taps, and their weight gradients, with fewer
// multiplications. See pydl/ops/conv1d_winograd.py.
//
// A sequence is an image of one row, and so are its tiles.
#include "conv2d_correlate.h"
#include "conv2d_shape.h"
#include "conv2d_weight_gradient.h"
#include "conv2d_winograd_dilation.h"
#include "conv2d_winograd_weight.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
Array<T, 4> as_images(const Array<T, 3>& x) {
    return {x.data, {x.shape[0], x.shape[1], 1, x.shape[2]}, {x.stride[0], x.stride[1], 0, x.stride[2]}};
}

template <typename X, typename W, typename Y>
Conv2dShape sequence_shape(const X& x, const W& w, const Y& y, const Ints<2>& padding, int64_t groups,
                           const char* mismatch) {
    require(w.shape[3] == 3 || w.shape[3] == 5, "conv1d_winograd: w must have 3 or 5 taps");
    return conv2d_shape(x, w, y, Ints<2>{{1, 1}}, Ints<4>{{0, 0, padding[0], padding[1]}}, Ints<2>{{1, 1}},
                        groups, mismatch);
}

template <typename T>
void conv1d_winograd(Array<const T, 3> x, Array<const T, 3> w, Optional<Array<const T, 1>> b, Array<T, 3> y,
                     Ints<2> padding, int64_t groups) {
    const Array<const T, 4> images = as_images(x), filters = as_images(w);
    const Array<T, 4> results = as_images(y);
    const Conv2dShape s = sequence_shape(images, filters, results, padding, groups,
                                         "conv1d_winograd: x, w, y, padding and groups do not fit");
    require(!b || b->shape[0] == s.O,
            "conv1d_winograd: b must have one element for each of w's output channels");
    if (y.size() == 0) return;
    const Correlation<T> conv = forward_correlation(images, filters, b, results, s);
    if constexpr (has_special_kernels && sizeof(T) == 4) {
        if (conv.channels > 0) {
            if (s.V == 3) return correlate_winograd<InOneRow<WinogradLine<T, 4>>>(conv);
            return correlate_winograd<InOneRow<WinogradLine<T, 4, 5>>>(conv);
        }
    }
    correlate(conv);
}
PYDL_KERNEL(conv1d_winograd, "x, w, b, y, padding, groups")

template <typename T>
void conv1d_winograd_weight(Array<const T, 3> dy, Array<const T, 3> x, Array<T, 3> dw,
                            Optional<Array<T, 1>> db, Ints<2> padding) {
    const Array<const T, 4> dy_images = as_images(dy), x_images = as_images(x);
    const Array<T, 4> filters = as_images(dw);
    const Conv2dShape s = sequence_shape(x_images, filters, dy_images, padding, 1,
                                         "conv1d_winograd_weight: dy, x, dw and padding do not fit");
    require(!db || db->shape[0] == s.O,
            "conv1d_winograd_weight: db must have one element for each of dw's output channels");
    const Images<const T> slopes = images_of(dy_images), pixels = images_of(x_images);
    T* bias = db ? db->data : nullptr;
    const int64_t bias_stride = db ? db->stride[0] : 0;
    bool done = false;
    if constexpr (has_special_kernels && sizeof(T) == 4) {
        if (!s.empty() && s.V == 3)
            done = WinogradWeightGradient<T, InOneRow<WinogradLine<T, 4>>>(slopes, pixels, s)
                       .run(filters, bias, bias_stride);
        else if (!s.empty())
            done = WinogradWeightGradient<T, InOneRow<WinogradLine<T, 4, 5>>>(slopes, pixels, s)
                       .run(filters, bias, bias_stride);
    }
    // What is not finite is computed directly.
    if (!done) add_up_weight_gradient<T>(slopes, pixels, s, filters, bias, bias_stride);
}
PYDL_KERNEL(conv1d_winograd_weight, "dy, x, dw, db, padding")

}  // namespace pydl::PYDL_ISA
