// What conv2d.cpp computes, for the convolutions of other dimensions.
#pragma once

#include "conv2d_shape.h"
#include "conv2d_weights.h"

namespace pydl::PYDL_ISA {

// y = the convolution, by the algorithm that its sizes ask for.
template <typename T>
void correlate(const Correlation<T>& conv);

// The gradient of a convolution with respect to the input, by the algorithm of conv2d_flat.h, where
// gradient_has_phases (conv2d_phase.h): conv.x is dy, conv.y dx, conv.w the filters as they are, with the
// strides of input and output channels exchanged; rows and columns are the axes of the convolution.
template <typename T>
void correlate_phases(const Correlation<T>& conv, const Axis& rows, const Axis& columns);

// dx, each channel of which begins with its bias unless that is null: the transposed convolution of dy.
template <typename T>
void input_gradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                    int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s);

}  // namespace pydl::PYDL_ISA
