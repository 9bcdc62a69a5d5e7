// A convolution as its algorithms see it, forward or backward, and its weights packed into panels.
#pragma once

#include "conv2d/frame.h"
#include "conv2d/tile.h"
#include "gemm/blocked.h"

namespace pydl::PYDL_ISA {

// to[k] = from[count - 1 - k] for k < count, at least a vector of them.
template <typename T>
void copy_backwards(T* to, const T* from, int64_t count) {
    constexpr int64_t W = width<T>;
    for (int64_t k = 0; k < count; k += W) {
        if (k + W > count) k = count - W;
        store(to + k, pydl::PYDL_ISA::backwards(load(from + count - W - k)));
    }
}

// What forward and input-gradient kernels have in common. x, y: the channels of all groups; channels,
// features: those of one group. w is read as w[group, m, c, u, v] through strides of any sign.
template <typename T>
struct Correlation {
    Images<const T> x;
    Images<T> y;
    const T* w;
    int64_t w_group, w_stride[4];
    const T* bias;
    int64_t bias_stride;
    int64_t groups, channels, features;
    Axis rows, columns;

    int64_t taps() const { return rows.taps * columns.taps; }
    // Whether a filter's weights lie in one run, in their order (c, u, v).
    bool filters_are_runs() const {
        return w_stride[3] == 1 && w_stride[2] == columns.taps && w_stride[1] == taps();
    }
    const T* weights(int64_t group, int64_t m) const { return w + group * w_group + m * w_stride[0]; }
};

// Asks for the filters, `numbers` in all, that some features have for a channel to come, those of this one
// being at w: in a gradient they lie far apart from channel to channel, where the processor does not look.
template <typename T>
PYDL_INLINE void expect_filters(const T* w, int64_t channel_stride, int64_t numbers) {
    for (int64_t k = 0; k < numbers; k += 64 / int64_t(sizeof(T))) prefetch(w + 12 * channel_stride + k);
}

// The weights as panels of A. Blocks of k are whole rows of taps.
template <typename T>
class PackedWeights {
  public:
    explicit PackedWeights(const Correlation<T>& conv)
        : conv_(conv),
          rows(conv.features, most_tile_rows<T>(most_tile_vectors<T>)),
          blocks(conv.channels * conv.rows.taps, block_units(conv.columns.taps)),
          depth_(conv.channels * conv.taps()),
          packed_(conv.groups * conv.features * depth_),
          bias_(conv.bias != nullptr ? conv.groups * conv.features : 0) {
        for (int64_t m = 0; conv.bias != nullptr && m < conv.groups * conv.features; m++)
            bias_[m] = conv.bias[m * conv.bias_stride];
        const int64_t panels = conv.groups * rows.count * blocks.count;
        parallel_for(panels, 1 + 32768 / (rows.size * blocks.size * conv.columns.taps + 1),
                     [&](int64_t begin, int64_t end) {
                         for (int64_t p = begin; p < end; p++)
                             pack(p / blocks.count / rows.count, p / blocks.count % rows.count,
                                  p % blocks.count);
                     });
    }
    // Steps of a block.
    int64_t depth(int64_t block) const { return units(block) * conv_.columns.taps; }
    int64_t most_depth() const { return blocks.size * conv_.columns.taps; }
    int64_t units(int64_t block) const { return blocks.length(block, conv_.channels * conv_.rows.taps); }
    T* panel(int64_t group, int64_t row_panel, int64_t block) const {
        return packed_.data() + group * conv_.features * depth_ +
               conv_.features * blocks.begin(block) * conv_.columns.taps +
               rows.begin(row_panel) * depth(block);
    }
    // What the sums of a panel's features begin with; null if that is 0.
    const T* bias(int64_t group, int64_t row_panel) const {
        if (conv_.bias == nullptr) return nullptr;
        return bias_.data() + group * conv_.features + rows.begin(row_panel);
    }

  private:
    static int64_t block_units(int64_t row_of_taps) {
        const int64_t units = GemmBlocks<T>::sum_depth / row_of_taps;
        return units < 1 ? 1 : units;
    }
    void pack(int64_t group, int64_t row_panel, int64_t block) const {
        const int64_t U = conv_.rows.taps, V = conv_.columns.taps;
        const int64_t m0 = rows.begin(row_panel), count = rows.length(row_panel, conv_.features);
        const int64_t* stride = conv_.w_stride;
        const T* from = conv_.weights(group, m0);
        T* to = panel(group, row_panel, block);
        const int64_t begin = blocks.begin(block), end = begin + units(block);
        if (conv_.filters_are_runs()) {
            pack_panel(to, count, count, from + begin * V, stride[0], int64_t(1), (end - begin) * V);
        } else {
            for (int64_t unit = begin; unit < end; unit++) {
                if (stride[0] == U * V && unit % U == 0) {
                    const T* filter = from + unit / U * stride[1];
                    expect_filters(stride[3] < 0 ? filter - U * V + 1 : filter, stride[1], U * V * count);
                }
                for (int64_t v = 0; v < V; v++, to += count) {
                    const T* tap = from + unit / U * stride[1] + unit % U * stride[2] + v * stride[3];
                    for (int64_t m = 0; m < count; m++) to[m] = tap[m * stride[0]];
                }
            }
        }
    }

    const Correlation<T>& conv_;

  public:
    const Parts rows, blocks;

  private:
    int64_t depth_;
    Scratch<T> packed_, bias_;
};

}  // namespace pydl::PYDL_ISA
