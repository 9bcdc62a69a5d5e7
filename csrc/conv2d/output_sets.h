// The outputs of a convolution, or of the phases of a gradient (conv2d/phase.h), in sets that have the same
// taps: those that meet the image, or all.
#pragma once

#include "conv2d/axis_phases.h"
#include "conv2d/tap_span.h"

namespace pydl::PYDL_ISA {

// Taps of one phase.
struct OutputSet {
    int64_t row_phase, column_phase;
    TapSegment rows, columns;

    int64_t taps() const { return (rows.last_tap - rows.first_tap) * (columns.last_tap - columns.first_tap); }
    int64_t outputs() const { return (rows.end - rows.begin) * (columns.end - columns.begin); }
};

// Phase by phase.
class OutputSets {
  public:
    // spare: the taps that meet zeros. y_rows, y_columns: of all phases together.
    [[gnu::noinline]] OutputSets(const AxisPhases& rows, const AxisPhases& columns, int64_t y_rows,
                                 int64_t y_columns, bool spare)
        : set_(most(rows, spare) * most(columns, spare)),
          phases_(rows.count * columns.count),
          outputs_(rows.axis.outputs * columns.axis.outputs),
          taps_(rows.taps_before(rows.count) * columns.taps_before(columns.count)) {
        for (int64_t pu = 0; pu < rows.count; pu++)
            for (int64_t pv = 0; pv < columns.count; pv++) {
                const TapSegment row = all(rows, pu), column = all(columns, pv);
                if (!spare) {
                    set_[count_++] = {pu, pv, row, column};
                    continue;
                }
                const TapSegments down(axis_of(rows, pu, y_rows)), along(axis_of(columns, pv, y_columns));
                for (int64_t r = 0; r < down.count(); r++)
                    for (int64_t c = 0; c < along.count(); c++) set_[count_++] = {pu, pv, down[r], along[c]};
            }
    }
    int64_t count() const { return count_; }
    const OutputSet* begin() const { return set_.data(); }
    const OutputSet* end() const { return set_.data() + count_; }

    // How many products of all those of so many images, in tiles of a multiple of `step` outputs: all where
    // sets are so small that they are not worth their own tiles and lists.
    double share(int64_t images, int64_t step) const {
        if (images * outputs_ * phases_ < 10 * count_) return 1;
        const auto tiled = [&](int64_t outputs) {
            return double((images * outputs + step - 1) / step * step);
        };
        double sum = 0;
        for (const OutputSet& set : *this) sum += tiled(set.outputs()) * double(set.taps());
        return sum / (tiled(outputs_) * double(taps_));
    }

  private:
    static int64_t most(const AxisPhases& phases, bool spare) {
        int64_t sum = 0;
        for (int64_t p = 0; p < phases.count; p++) sum += spare ? 2 * phases.phase[p].count + 1 : 1;
        return sum;
    }
    static TapSegment all(const AxisPhases& phases, int64_t p) {
        return {0, phases.axis.outputs, 0, phases.phase[p].count};
    }
    // That of one phase.
    static Axis axis_of(const AxisPhases& phases, int64_t p, int64_t y) {
        Axis axis = phases.axis;
        axis.outputs = y > p ? (y - p - 1) / phases.count + 1 : 0;
        axis.origin += phases.phase[p].first * axis.dilation;
        axis.taps = phases.phase[p].count;
        return axis;
    }

    Scratch<OutputSet> set_;
    int64_t phases_, outputs_, taps_;  // outputs of one phase, taps of all
    int64_t count_ = 0;
};

}  // namespace pydl::PYDL_ISA
