// The direct way to the weight gradient, for those that fall back on it.
#pragma once

#include "conv2d/shape.h"

namespace pydl::PYDL_ISA {

// dw, and db unless it is null. Defined in conv2d_weight_gradient.cpp for float and double.
template <typename T>
void add_up_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                            Array<T, 4> dw, T* db, int64_t db_stride);

}  // namespace pydl::PYDL_ISA
