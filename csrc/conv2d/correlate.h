// What conv2d.cpp computes, for the convolutions of other dimensions.
#pragma once

#include "conv2d/shape.h"
#include "conv2d/weights.h"

namespace pydl::PYDL_ISA {

// The convolution of these arrays, whose sizes are s.
template <typename T>
Correlation<T> forward_correlation(const Array<const T, 4>& x, const Array<const T, 4>& w,
                                   const Optional<Array<const T, 1>>& b, const Array<T, 4>& y,
                                   const Conv2dShape& s) {
    Correlation<T> conv;
    conv.x = images_of(x);
    conv.y = images_of(y);
    conv.w = w.data;
    conv.w_group = s.O / s.groups * w.stride[0];
    for (int d = 0; d < 4; d++) conv.w_stride[d] = w.stride[d];
    conv.bias = b ? b->data : nullptr;
    conv.bias_stride = b ? b->stride[0] : 0;
    conv.groups = s.groups;
    conv.channels = s.C / s.groups;
    conv.features = s.O / s.groups;
    conv.rows = s.rows;
    conv.columns = s.columns;
    return conv;
}

// What has the same form, its gradient with respect to x, up to the axes: conv.x is dy, conv.y dx, conv.w the
// filters as they are, with the strides of input and output channels exchanged.
template <typename T>
Correlation<T> gradient_correlation(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                                    int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s) {
    Correlation<T> conv;
    conv.x = images_of(dy);
    conv.y = images_of(dx);
    conv.w = w.data;
    conv.w_group = s.O / s.groups * w.stride[0];
    conv.w_stride[0] = w.stride[1], conv.w_stride[1] = w.stride[0];
    conv.w_stride[2] = w.stride[2], conv.w_stride[3] = w.stride[3];
    conv.bias = bias;
    conv.bias_stride = bias_stride;
    conv.groups = s.groups;
    conv.channels = s.O / s.groups;
    conv.features = s.C / s.groups;
    return conv;
}

// y = the convolution, by the algorithm that its sizes ask for.
template <typename T>
void correlate(const Correlation<T>& conv);

// dx by the algorithm of conv2d/flat.h, where gradient_has_phases (conv2d/phase.h): of a
// gradient_correlation, with the axes of the convolution.
template <typename T>
void correlate_phases(const Correlation<T>& conv, const Axis& rows, const Axis& columns);

// dx, each channel of which begins with its bias unless that is null: the transposed convolution of dy.
template <typename T>
void input_gradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                    int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s);

// The same of image n alone.
template <typename T>
void input_gradient_of_image(int64_t n, Array<const T, 4> dy, const Array<const T, 4>& w, const T* bias,
                             int64_t bias_stride, Array<T, 4> dx, Conv2dShape s) {
    dy.data += n * dy.stride[0], dx.data += n * dx.stride[0];
    dy.shape[0] = dx.shape[0] = s.N = 1;
    input_gradient<T>(dy, w, bias, bias_stride, dx, s);
}

}  // namespace pydl::PYDL_ISA
