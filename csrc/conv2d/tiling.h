// Convolutions whose windows tile the image: no two have a pixel in common, and none lies between them.
#pragma once

#include "conv2d/shape.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

inline bool has_tiles(const Axis& axis) {
    return axis.taps == axis.stride && axis.origin == 0 && axis.dilation == 1;
}
inline bool has_tiles(const Conv2dShape& s) {
    return has_tiles(s.rows) && has_tiles(s.columns);
}

// x = bias[channel], or 0.
template <typename T>
void fill_channels(const Array<T, 4>& x, const T* bias, int64_t stride) {
    parallel_for(x.shape[0] * x.shape[1], 1 + 32768 / (x.shape[2] * x.shape[3]),
                 [&](int64_t begin, int64_t end) {
                     for (int64_t r = begin; r < end; r++) {
                         const T value = bias != nullptr ? bias[r % x.shape[1] * stride] : T(0);
                         for (int64_t h = 0; h < x.shape[2]; h++)
                             for (int64_t w = 0; w < x.shape[3]; w++)
                                 x(r / x.shape[1], r % x.shape[1], h, w) = value;
                     }
                 });
}

// The rows of dx below the last windows.
template <typename T>
void fill_below_tiles(Array<T, 4> dx, const T* bias, int64_t stride, const Conv2dShape& s) {
    dx.shape[2] = s.H - s.I * s.U;
    if (dx.shape[2] == 0) return;
    dx.data += s.I * s.U * dx.stride[2];
    fill_channels(dx, bias, stride);
}

}  // namespace pydl::PYDL_ISA
