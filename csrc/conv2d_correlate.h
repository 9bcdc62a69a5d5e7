// What conv2d.cpp computes, for the convolutions of other dimensions.
#pragma once

#include "conv2d_shape.h"
#include "conv2d_weights.h"

namespace pydl::PYDL_ISA {

// y = the convolution, by the algorithm that its sizes ask for.
template <typename T>
void correlate(const Correlation<T>& conv);

// dx, each channel of which begins with its bias unless that is null: the transposed convolution of dy.
template <typename T>
void input_gradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                    int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s);

}  // namespace pydl::PYDL_ISA
