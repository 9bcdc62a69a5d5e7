// Average pooling with windows of many elements (pooling/lines.h), compiled once for pooling of all kinds.
#pragma once
#include "pooling/avg_divisors.h"
#include "pooling/lines.h"

namespace pydl::PYDL_ISA {

// Sums of rows of windows, a line in each lane, become means.
template <typename T>
void avg_pool_forward_lines(const Array<const T, 5>& x, const LaneWindows& w, const Divisors<T>& divisors,
                            T* y);

}  // namespace pydl::PYDL_ISA
