// Convolutions of which each output reads one channel of an image or few, such as depthwise ones.
#pragma once

#include "conv2d/shape.h"
#include "conv2d/weights.h"

namespace pydl::PYDL_ISA {

// Whether the functions below compute a convolution, and faster than others do: groups of one or two
// features, taps that are neighbours along the columns, and strides of 1 or 2.
template <typename T>
bool is_depthwise(const Correlation<T>& conv);
template <typename T>
void correlate_depthwise(const Correlation<T>& conv);

// The gradient with respect to the input where the stride is 2 along both axes.
template <typename T>
bool is_depthwise_of_stride_2(const Conv2dShape& s, const Array<T, 4>& dx);
template <typename T>
void depthwise_input_gradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                              int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s);

// The gradient with respect to the weight and the bias (db may be null).
bool has_depthwise_weights(const Conv2dShape& s);
template <typename T>
void depthwise_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                               const Array<T, 4>& dw, T* db, int64_t db_stride);

}  // namespace pydl::PYDL_ISA
