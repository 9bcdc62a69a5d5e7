// Winograd's algorithm for the convolutions of other dimensions.
#pragma once

#include "conv2d/shape.h"
#include "conv2d/weights.h"

namespace pydl::PYDL_ISA {

// A 3x3 convolution of stride 1 with tiles of tile x tile outputs, 2 or 4, or a 4x4 or 5x5 one with 4. Images
// whose results are not finite are computed directly or, where `suspects` is not null, marked there.
template <typename T>
void correlate_winograd(const Correlation<T>& conv, int64_t tile, uint8_t* suspects = nullptr);

// dw, and db unless it is null, of such a one without dilation or groups.
template <typename T>
void winograd_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                              const Array<T, 4>& dw, T* db, int64_t db_stride);

// Likewise, of stride 2: 3x3, 4x4 and 7x7 filters.
template <typename T>
void correlate_winograd_stride(const Correlation<T>& conv);

// dx of such a one, as correlate_phases (conv2d/correlate.h) computes it.
template <typename T>
void correlate_winograd_phases(const Correlation<T>& conv, const Axis& rows, const Axis& columns);

// dw, and db unless it is null, of one of stride 2 with 3x3 or 4x4 filters, without dilation or groups.
template <typename T>
void winograd_stride_weight_gradient(const Images<const T>& dy, const Images<const T>& x,
                                     const Conv2dShape& s, const Array<T, 4>& dw, T* db, int64_t db_stride);

}  // namespace pydl::PYDL_ISA
