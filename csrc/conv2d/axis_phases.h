// The phases of an axis, as conv2d/flat.h computes them together.
#pragma once

#include "conv2d/phase.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

// Along one axis, a phase has the frame's taps first, first + 1, ..., which meet the filter's taps filter,
// filter + step, ...
struct PhaseTaps {
    int64_t first, count, filter, step;
};

// The phases of one axis, and the axis of the frame that all of them read.
struct AxisPhases {
    Axis axis;
    int64_t count;
    bool have_all_taps;  // a source shorter than the stride does not meet some
    Scratch<PhaseTaps> phase;

    // Of a convolution: a single one.
    explicit AxisPhases(const Axis& forward) : axis(forward), count(1), have_all_taps(true), phase(1) {
        phase[0] = {0, axis.taps, 0, 1};
    }
    // Of the gradient, for count = phase_count(forward). A forward axis with stride must have no dilation.
    AxisPhases(const Axis& forward, int64_t count)
        : axis(conv2d_phase(forward, 0).axis),
          count(count),
          have_all_taps(count == forward.stride),
          phase(count) {
        int64_t begin = 0, end = 0;
        for (int64_t p = 0; p < count; p++) {
            const Phase own = conv2d_phase(forward, p);
            const int64_t first = own.axis.origin, past = first + own.axis.taps;
            phase[p] = {first, own.axis.taps, own.last_tap, -own.step};
            if (own.axis.taps == 0) continue;
            if (begin == end) begin = first, end = past;
            if (first < begin) begin = first;
            if (past > end) end = past;
        }
        if (forward.stride > 1) axis.taps = end - begin, axis.origin = begin;
        for (int64_t p = 0; p < count; p++)
            phase[p].first = phase[p].count > 0 ? phase[p].first - axis.origin : 0;
    }
    // Taps of the phases before this one.
    int64_t taps_before(int64_t p) const {
        int64_t taps = 0;
        while (p > 0) taps += phase[--p].count;
        return taps;
    }
};

// f(phase of rows, phase of columns, its taps along both) for all phases.
template <typename F>
PYDL_INLINE void for_each_phase(const AxisPhases& rows, const AxisPhases& columns, const F& f) {
    for (int64_t pu = 0; pu < rows.count; pu++)
        for (int64_t pv = 0; pv < columns.count; pv++) f(pu, pv, rows.phase[pu], columns.phase[pv]);
}
// f(channel, taps of the filter, taps of the frame) for the steps of all phases, one phase after the other.
template <typename F>
PYDL_INLINE void for_each_step(const AxisPhases& rows, const AxisPhases& columns, int64_t channels,
                               const F& f) {
    for_each_phase(rows, columns, [&](int64_t, int64_t, const PhaseTaps& row, const PhaseTaps& column) {
        for (int64_t c = 0; c < channels; c++)
            for (int64_t u = 0; u < row.count; u++)
                for (int64_t v = 0; v < column.count; v++)
                    f(c, row.filter + u * row.step, column.filter + v * column.step, row.first + u,
                      column.first + v);
    });
}

}  // namespace pydl::PYDL_ISA
