// Convolutions whose windows tile the image: no two have a pixel in common, and none lies between them.
#pragma once

#include "conv2d/shape.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

inline bool has_tiles(const Axis& axis) {
    return axis.taps == axis.stride && axis.origin == 0 && axis.dilation == 1 && !axis.leaves_source();
}
inline bool has_tiles(const Conv2dShape& s) {
    return has_tiles(s.rows) && has_tiles(s.columns);
}

// One channel of an image = value.
template <typename T>
[[gnu::noinline]] void fill_plane(T* row, const Array<T, 4>& x, T value) {
    for (int64_t h = 0; h < x.shape[2]; h++, row += x.stride[2])
        if (x.stride[3] == 1)
            for (int64_t w = 0; w < x.shape[3]; w += width<T>)
                store_partial(row + w, broadcast<T>(value), x.shape[3] - w);
        else
            for (int64_t w = 0; w < x.shape[3]; w++) row[w * x.stride[3]] = value;
}

// x = bias[channel], or 0.
template <typename T>
void fill_channels(const Array<T, 4>& x, const T* bias, int64_t stride) {
    const int64_t C = x.shape[1];
    parallel_for(x.shape[0] * C, 1 + 32768 / (x.shape[2] * x.shape[3]), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; r++)
            fill_plane(&x(r / C, r % C, 0, 0), x, bias != nullptr ? bias[r % C * stride] : T(0));
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
