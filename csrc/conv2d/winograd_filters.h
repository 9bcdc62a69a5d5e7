// The transformed filters of a Winograd convolution, packed for its products.
#pragma once

#include "conv2d/weights.h"
#include "conv2d/winograd_transform.h"

namespace pydl::PYDL_ISA {

// For every group, every panel of its features and every place of a tile, the features of a panel running
// fastest, then the channels: panels of A (gemm/microkernel.h).
//
// Filters that leave the caches and meet few tiles would spend their time on the way to memory and back: of
// these a panel is transformed when it is needed, and nothing is kept here. Neither is anything of those that
// are a few megabytes at most: every worker keeps its own, because a number comes some ten times later from
// another core's cache than it is transformed.
template <typename T, typename Line>
class WinogradFilters {
  public:
    using Rows = RowsOf<T, Line>;
    static constexpr int parts = Rows::parts * Line::parts, places = Rows::places * Line::places / parts;
    static constexpr int V = Line::taps, taps = Rows::taps * V;

    explicit WinogradFilters(const Correlation<T>& conv)
        : conv_(conv),
          rows(conv.features, tile_rows<T>),
          place_pitch(rows.size * conv.channels * parts + width<T>),
          panel_size(places * place_pitch),
          size(conv.groups * rows.count * panel_size),
          is_late(size > kept && tiles(conv) <= late_tiles && is_used_once(conv)),
          is_own(size <= kept && is_used_once(conv)),
          packed_(is_late || is_own ? 0 : size) {
        if (is_late || is_own) return;
        const Parts channels(conv.channels, 64);
        parallel_for(conv.groups * rows.count * channels.count, 1 + 8192 / (channels.size * places),
                     [&](int64_t begin, int64_t end) {
                         const Scratch<T> packed(taps * channels.size * rows.size + width<T>);
                         for (int64_t task = begin; task < end; task++)
                             transform(packed.data(), task / channels.count,
                                       channels.begin(task % channels.count),
                                       channels.length(task % channels.count, conv.channels),
                                       packed_.data() + task / channels.count * panel_size);
                     });
    }
    const T* panel(int64_t group, int64_t row_panel) const {
        return packed_.data() + (group * rows.count + row_panel) * panel_size;
    }
    // A panel of those that are not kept here.
    void transform_panel(int64_t group, int64_t row_panel, T* to) const {
        const Parts channels(conv_.channels, 64);
        const Scratch<T> packed(taps * channels.size * rows.size + width<T>);
        for (int64_t c = 0; c < channels.count; c++)
            transform(packed.data(), group * rows.count + row_panel, channels.begin(c),
                      channels.length(c, conv_.channels), to);
    }

  private:
    static constexpr int64_t kept = 1 << 20;
    // With dilation the same filters meet one image after another (conv2d/winograd_dilation.h).
    static bool is_used_once(const Correlation<T>& conv) {
        return conv.rows.dilation == 1 && conv.columns.dilation == 1;
    }
    static int64_t tiles(const Correlation<T>& conv) {
        return conv.x.shape[0] * ((conv.rows.outputs - 1) / Rows::outputs + 1) *
               ((conv.columns.outputs - 1) / Line::outputs + 1);
    }

    // panel: a panel of features of a group, counted through all groups. whole: where its numbers go.
    [[gnu::noinline]] void transform(T* packed, int64_t panel, int64_t first, int64_t channels,
                                     T* whole) const {
        const int64_t group = panel / rows.count, row_panel = panel % rows.count;
        const int64_t o = rows.begin(row_panel), count = rows.length(row_panel, conv_.features);
        const int64_t* stride = conv_.w_stride;
        const T* from = conv_.weights(group, o) + first * stride[1];
        // A filter's numbers lie one behind another, forwards or, turned by 180 degrees, backwards.
        const bool forwards = (stride[2] == V || Rows::taps == 1) && stride[3] == 1,
                   backwards = (stride[2] == -V || Rows::taps == 1) && stride[3] == -1;
        const bool in_a_row = forwards && stride[1] == taps;  // the filters of a feature, too
        if (in_a_row) pack_panel(packed, count, count, from, stride[0], int64_t(1), taps * channels);
        for (int64_t c = 0; c < channels && !in_a_row; c++, from += stride[1]) {
            T* to = packed + c * taps * count;
            const T* filter = backwards ? from - (taps - 1) : from;
            if (stride[0] == taps) expect_filters(filter, stride[1], taps * count);
            if (forwards || backwards)
                pack_panel(to, count, count, filter, stride[0], int64_t(1), int64_t(taps));
            else
                for (int64_t k = 0; k < taps; k++)
                    for (int64_t m = 0; m < count; m++)
                        to[k * count + m] = from[m * stride[0] + k / V * stride[2] + k % V * stride[3]];
        }
        T* to = whole + first * parts * count;
        const int64_t pitch = backwards ? -count : count;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t m = 0; m < count; m += width<T>) {
                const T* filter = packed + c * taps * count + (backwards ? (taps - 1) * count : 0) + m;
                // What runs over into the next channel's place is written afterwards; the last one's next may
                // be another thread's.
                if constexpr (parts == 1)
                    if (c + 1 < channels) {
                        winograd_filter<T, Line, false>(filter, pitch, to + c * count + m, place_pitch, count,
                                                        count - m);
                        continue;
                    }
                winograd_filter<T, Line, true>(filter, pitch, to + c * parts * count + m, place_pitch, count,
                                               count - m);
            }
    }

    const Correlation<T>& conv_;

  public:
    static constexpr int64_t late_tiles = 128;
    const Parts rows;
    const int64_t place_pitch, panel_size, size;
    const bool is_late, is_own;

  private:
    Scratch<T> packed_;
};

}  // namespace pydl::PYDL_ISA
