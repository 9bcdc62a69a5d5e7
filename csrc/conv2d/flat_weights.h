// The weights of a convolution in a flat frame (conv2d/flat.h).
#pragma once

#include "conv2d/axis_phases.h"
#include "conv2d/weights.h"

namespace pydl::PYDL_ISA {

// Panels of output channels. A panel has its phases one behind another, and of each the steps (c, u, v).
template <typename T>
class FlatWeights {
    static constexpr int64_t W = width<T>;

  public:
    FlatWeights(const Correlation<T>& conv, const AxisPhases& rows, const AxisPhases& columns)
        : panels(conv.features, most_tile_rows<T>(most_tile_vectors<T>)),
          conv_(conv),
          rows_(rows),
          columns_(columns),
          taps_(rows.taps_before(rows.count) * columns.taps_before(columns.count)),
          packed_(conv.groups * conv.channels * conv.features * taps_),
          bias_(conv.bias != nullptr ? conv.groups * conv.features : 0) {
        for (int64_t m = 0; conv.bias != nullptr && m < conv.groups * conv.features; m++)
            bias_[m] = conv.bias[m * conv.bias_stride];
        parallel_for(conv.groups * panels.count, 1 + 32768 / (panels.size * conv.channels * taps_ + 1),
                     [&](int64_t begin, int64_t end) {
                         for (int64_t p = begin; p < end; p++) pack(p / panels.count, p % panels.count);
                     });
    }
    T* panel(int64_t group, int64_t panel) const {
        return packed_.data() + (group * conv_.features + panels.begin(panel)) * conv_.channels * taps_;
    }
    // Of a panel's output channels; null if there is none.
    const T* bias(int64_t group, int64_t panel) const {
        return conv_.bias != nullptr ? bias_.data() + group * conv_.features + panels.begin(panel) : nullptr;
    }

    const Parts panels;

  private:
    void pack(int64_t group, int64_t panel) const {
        const int64_t count = panels.length(panel, conv_.features);
        const int64_t* stride = conv_.w_stride;
        const T* w = conv_.weights(group, panels.begin(panel));
        T* to = this->panel(group, panel);
        if (rows_.count * columns_.count == 1 && rows_.phase[0].step == 1 && columns_.phase[0].step == 1 &&
            stride[3] == 1 && stride[2] == columns_.axis.taps && stride[1] == taps_)
            return pack_panel(to, count, count, w, stride[0], int64_t(1), conv_.channels * taps_);
        const int64_t V = columns_.taps_before(columns_.count);
        if (rows_.have_all_taps && columns_.have_all_taps && stride[3] == 1 && stride[2] == V)
            return deal(to, w, count, V);
        for_each_step(rows_, columns_, conv_.channels,
                      [&](int64_t c, int64_t u, int64_t v, int64_t, int64_t) {
                          const T* tap = w + c * stride[1] + u * stride[2] + v * stride[3];
                          for (int64_t m = 0; m < count; m++) *to++ = tap[m * stride[0]];
                      });
    }
    // The same for filters that lie in one run each, V taps a row: they are turned as a whole, then their
    // taps are dealt to the phases.
    void deal(T* to, const T* w, int64_t count, int64_t V) const {
        const Scratch<T> turned(taps_ * count + W);
        for (int64_t c = 0; c < conv_.channels; c++) {
            const T* filter = w + c * conv_.w_stride[1];
            if (conv_.w_stride[0] == taps_) expect_filters(filter, conv_.w_stride[1], taps_ * count);
            pack_panel(turned.data(), count, count, filter, conv_.w_stride[0], int64_t(1), taps_);
            // What a vector has too much goes where later channels' taps are put afterwards.
            const bool is_late = c + W >= conv_.channels;
            T* phase = to;
            for_each_phase(rows_, columns_,
                           [&](int64_t, int64_t, const PhaseTaps& row, const PhaseTaps& column) {
                               const int64_t size = row.count * column.count * count;
                               T* at = phase + c * size;
                               for (int64_t u = 0; u < row.count; u++)
                                   for (int64_t v = 0; v < column.count; v++, at += count) {
                                       const int64_t tap =
                                           (row.filter + u * row.step) * V + column.filter + v * column.step;
                                       const T* from = turned.data() + tap * count;
                                       if (is_late)
                                           copy_row(at, from, count);
                                       else
                                           for (int64_t m = 0; m < count; m += W)
                                               store(at + m, load(from + m));
                                   }
                               phase += conv_.channels * size;
                           });
        }
    }

    const Correlation<T>& conv_;
    const AxisPhases &rows_, &columns_;
    int64_t taps_;
    Scratch<T> packed_, bias_;
};

}  // namespace pydl::PYDL_ISA
