// Gradients of average pooling with wide windows, compiled once for pooling of all kinds.
#pragma once
#include "pooling/avg_divisors.h"

namespace pydl::PYDL_ISA {

// Every window's share spread along its columns, and rows of dx the sums of such lines.
template <typename T>
void avg_pool_spread(const Array<const T, 5>& dy, const AdaptiveWindows& w, T* dx);

// Whether that is better than a plane in each lane: wide windows are runs of equal numbers.
inline bool suits_spreading(const AdaptiveWindows& w) {
    return w.columns.size >= 6 * w.columns.out ||
           (w.columns.size >= 48 && w.columns.size >= 4 * w.columns.out);
}

}  // namespace pydl::PYDL_ISA
