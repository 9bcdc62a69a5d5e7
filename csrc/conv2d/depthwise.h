// Convolutions of which each output reads one channel of an image or few, such as depthwise ones.
#pragma once

#include "conv2d/shape.h"
#include "conv2d/weights.h"

namespace pydl::PYDL_ISA {

// Whether the functions below compute a convolution, and faster than others do: groups of one or two
// features and strides of at most 4 along the rows.
template <typename T>
bool is_depthwise(const Correlation<T>& conv);
template <typename T>
void correlate_depthwise(const Correlation<T>& conv);

// The depth of volumes, and how far apart their slices are. Images are volumes of one slice.
struct Depth {
    Axis axis = {1, 1, 1, 1, 1, 0};
    int64_t slice = 0;

    // Slices that some outputs, one behind another, read.
    int64_t reach(int64_t outputs) const {
        const int64_t all = (outputs - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1;
        return all < axis.source ? all : axis.source;
    }
    // The first of them that exists.
    int64_t first(int64_t output) const {
        const int64_t at = output * axis.stride + axis.origin;
        return at < 0 ? 0 : at < axis.source ? at : axis.source - 1;
    }
};

// In float64, volumes would seldom be worth their size.
template <typename T>
inline constexpr bool has_depthwise_volumes = has_special_kernels && sizeof(T) == 4;

// The same of volumes: x and its channels are those of volumes, seen as images of any one of their slices,
// and the images of y its slices. Channel c and depth tap t of a filter are channel c * taps + t of w.
template <typename T>
void correlate_depthwise_volumes(const Correlation<T>& conv, const Depth& depth);

// The gradient with respect to the input where the stride is 2 along both axes.
template <typename T>
bool is_depthwise_of_stride_2(const Conv2dShape& s, const Array<T, 4>& dx);
template <typename T>
void depthwise_input_gradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                              int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s);

// The gradient with respect to the weight and the bias (db may be null).
template <typename T>
bool has_depthwise_weights(const Conv2dShape& s);
template <typename T>
void depthwise_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                               const Array<T, 4>& dw, T* db, int64_t db_stride);

// These gradients with strides that the functions above have no kernels for
// (conv2d/depthwise_lane_gradient.h, conv2d/depthwise_repeated.h). The first returns whether it has computed
// them.
template <typename T>
bool strided_depthwise_gradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                                int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s);
template <typename T>
bool has_strided_weights(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s);
template <typename T>
void strided_depthwise_weights(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                               const Array<T, 4>& dw, T* db, int64_t db_stride);

}  // namespace pydl::PYDL_ISA
