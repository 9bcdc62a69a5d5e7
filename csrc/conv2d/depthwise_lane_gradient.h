// The gradient of depthwise convolutions with strides with respect to the input, with channels as lanes
// (conv2d/depthwise_lanes.h).
#pragma once

#include "conv2d/depthwise_lanes.h"
#include "conv2d/phase.h"

namespace pydl::PYDL_ISA {

// Whether channels as lanes take less time than pixels, by what each was measured to take (cycles for a
// vector of channels, and for a channel).
template <typename T>
bool prefers_lane_gradient(const Conv2dShape& s) {
    constexpr int64_t W = width<T>;
    const Axis &rows = s.rows, &columns = s.columns;
    const double taps = double(s.U * s.V), phases = double(rows.stride * columns.stride),
                 outputs = double(s.I * s.J), vectors = double(s.H * ((s.W - 1) / W + 1)),
                 lanes = (1.4 * taps + 6) * outputs + 18 * double(s.H * s.W) + 300;
    double apart;
    if (columns.stride > 2 && columns.dilation == 1)
        apart = (9 * double((s.V - 1) / columns.stride + 1) * double(s.U) / double(rows.stride)) * vectors +
                6 * outputs + 250;
    else if (columns.stride == 2 && rows.stride == 2 && columns.dilation == 1 && rows.dilation == 1 &&
             s.U >= 2 && s.U <= 7 && s.V >= 2 && s.V <= 7)
        apart = (1.25 * taps / 4 + 11) * vectors + 380;
    else
        apart = (2.5 * taps / phases + 26) * vectors + 900;
    return lanes * double((s.C - 1) / W + 1) < apart * double(s.C);
}

// Whether its channels are better taken as lanes, and have been.
template <typename T>
bool gradient_by_lanes(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                       int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s) {
    const Axis &rows = s.rows, &columns = s.columns;
    if (s.O != s.groups || s.C != s.groups || rows.stride > 4 || columns.stride > 4 ||
        rows.source < rows.stride || columns.source < columns.stride ||
        !suits_lanes<T>(s.groups, 0, s.U * s.V) || !prefers_lane_gradient<T>(s))
        return false;
    LaneFrame<T> frame;
    for (int64_t a = 0; a < rows.stride; a++)
        for (int64_t b = 0; b < columns.stride; b++)
            frame.add(conv2d_phase(rows, a).axis, conv2d_phase(columns, b).axis);
    if (frame.size() / width<T> + s.H * s.W > most_lane_vectors) return false;
    const Images<const T> from = images_of(dy);
    const Images<T> to = images_of(dx);
    DepthwiseLanes<T> lanes(from, to, s.groups, 1, w.stride[0], 0, bias, bias_stride, s.U * s.V, rows.stride,
                            columns.stride);
    for (int64_t a = 0; a < rows.stride; a++)
        for (int64_t b = 0; b < columns.stride; b++) {
            const Phase row = conv2d_phase(rows, a), column = conv2d_phase(columns, b);
            lanes.add(frame, row.axis, column.axis, &w(0, 0, row.last_tap, column.last_tap),
                      -row.step * w.stride[2], -column.step * w.stride[3], a, b);
        }
    lanes.run(frame);
    return true;
}

}  // namespace pydl::PYDL_ISA
