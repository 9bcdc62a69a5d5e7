// The gradient of a convolution with stride, as convolutions of stride 1.
#pragma once

#include "conv2d/frame.h"

namespace pydl::PYDL_ISA {

// The pixels h = residue + stride * i of one axis of x, seen as the outputs of a convolution of stride 1 over
// dy:
//
//     dx[h] = sum over u of  w[u] * dy[(h + before - u * dilation) / stride],   u such that it divides
//
// These u are first, first + step, ...; taken from the last to the first, they read dy in growing order.
struct Phase {
    Axis axis;
    int64_t last_tap, step;
};

inline Phase conv2d_phase(const Axis& forward, int64_t residue) {
    const int64_t stride = forward.stride, dilation = forward.dilation, place = residue - forward.origin;
    int64_t divisor = stride, rest = dilation;
    while (rest != 0) {
        const int64_t next = divisor % rest;
        divisor = rest;
        rest = next;
    }
    const int64_t step = stride / divisor;
    int64_t first = 0;
    while (first < step && first < forward.taps && (place - first * dilation) % stride != 0) first++;
    const int64_t taps = first < step && first < forward.taps ? (forward.taps - 1 - first) / step + 1 : 0;
    const int64_t last = first + (taps - 1) * step;
    Phase phase;
    phase.last_tap = last;
    phase.step = step;
    phase.axis = {forward.outputs,          (forward.source - 1 - residue) / stride + 1,      taps, 1,
                  dilation * step / stride, taps > 0 ? (place - last * dilation) / stride : 0};
    return phase;
}

// How many phases have pixels.
inline int64_t phase_count(const Axis& forward) {
    return forward.stride < forward.source ? forward.stride : forward.source;
}

// The stride of every step-th element; of a single one, which has none, the product could overflow.
inline int64_t stride_of(int64_t count, int64_t step, int64_t stride) {
    return count > 1 ? step * stride : 1;
}

// Whether the taps may jump over some pixels of the source for good.
inline bool has_gaps(const Axis& axis) {
    return axis.stride > 1 && (axis.taps < axis.stride || axis.dilation > 1);
}

// Whether the gradient falls into phases whose taps are neighbours in dy, all of which have some.
inline bool gradient_has_phases(const Axis& rows, const Axis& columns) {
    const bool dilated =
        (rows.stride > 1 && rows.dilation > 1) || (columns.stride > 1 && columns.dilation > 1);
    return (rows.stride > 1 || columns.stride > 1) && !dilated && !has_gaps(rows) && !has_gaps(columns);
}
// Features of a volume that are worth computing its phases together.
inline constexpr int64_t kLeastPhaseFeatures = 6;

}  // namespace pydl::PYDL_ISA
