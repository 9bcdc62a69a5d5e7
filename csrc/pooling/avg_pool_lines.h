// Average pooling with windows of many elements (pooling/lines.h), compiled once for pooling of all kinds.
#pragma once
#include "pooling/avg_divisors.h"
#include "pooling/lines.h"

namespace pydl::PYDL_ISA {

// Sums of rows of windows, a line in each lane, become means.
template <typename T>
void avg_pool_forward_lines(const Array<const T, 5>& x, const LaneWindows& w, const Divisors<T>& divisors,
                            T* y);

template <typename T>
void avg_pool_one_by_one(const Array<const T, 5>& x, const LaneWindows& w, const Divisors<T>& divisors, T* y);

// The gradient: every window's share spread along its columns, and rows of dx the sums of such lines.
template <typename T>
void avg_pool_spread(const Array<const T, 5>& dy, const AdaptiveWindows& w, T* dx);

// Whether that is better than a plane in each lane: wide windows are runs of equal numbers.
inline bool suits_spreading(const AdaptiveWindows& w) {
    return w.columns.size >= 6 * w.columns.out ||
           (w.columns.size >= 48 && w.columns.size >= 4 * w.columns.out);
}

}  // namespace pydl::PYDL_ISA
