// Winograd's algorithm for the convolutions of other dimensions.
#pragma once

#include "conv2d_shape.h"
#include "conv2d_weights.h"

namespace pydl::PYDL_ISA {

// A 3x3 convolution of stride 1 with tiles of tile x tile outputs, 2 or 4, or a 5x5 one with 4. Images whose
// results are not finite are computed directly or, where `suspects` is not null, marked there.
template <typename T>
void correlate_winograd(const Correlation<T>& conv, int64_t tile, uint8_t* suspects = nullptr);

// dw, and db unless it is null, of such a one without dilation or groups.
template <typename T>
void winograd_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                              const Array<T, 4>& dw, T* db, int64_t db_stride);

}  // namespace pydl::PYDL_ISA
