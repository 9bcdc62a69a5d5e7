// The weights of a convolution whose lanes are output channels (conv2d/feature_lanes.h).
#pragma once

#include "conv2d/feature_tile.h"
#include "conv2d/weights.h"
#include "elementwise/turned_copy.h"

namespace pydl::PYDL_ISA {

// The weights, a panel of vectors of output channels after the other.
template <typename T>
class FeaturePanels {
    static constexpr int64_t W = width<T>;

  public:
    // step[t * C + c] of memory's tap t and channel c, of `taps`.
    FeaturePanels(const Correlation<T>& conv, const int64_t* step)
        : panels(conv.features, most_feature_vectors<T> * W, W),
          depth_(conv.channels * conv.taps()),
          pitch_(whole_vectors<T>(conv.features)),
          size_(conv.groups * pitch_ * (depth_ + 1)),
          packed_(size_) {
        const int64_t blocks = pitch_ / W;
        parallel_for(conv.groups * blocks, 1 + 32768 / (W * depth_ + 1), [&](int64_t begin, int64_t end) {
            for (int64_t b = begin; b < end; b++) pack(conv, b / blocks, b % blocks * W, step);
        });
    }
    int64_t vectors(int64_t panel) const {
        const int64_t left = pitch_ - panels.begin(panel);
        return (left < panels.size ? left : panels.size) / W;
    }
    // A panel's weights, behind its bias.
    const T* bias(int64_t group, int64_t panel) const { return at(group, panels.begin(panel)); }
    const T* weights(int64_t group, int64_t panel) const { return bias(group, panel) + vectors(panel) * W; }

    // Whether all weights are.
    bool are_finite() const {
        vec<T> sum{};
        for (int64_t k = 0; k < size_; k += W) {
            const vec<T> w = load(packed_.data() + k);
            sum += w - w;
        }
        return !any(sum != vec<T>{});
    }

    const Parts panels;

  private:
    T* at(int64_t group, int64_t m) const { return packed_.data() + (group * pitch_ + m) * (depth_ + 1); }

    // One vector of output channels, from m on.
    void pack(const Correlation<T>& conv, int64_t group, int64_t m, const int64_t* step) const {
        const int64_t panel = m / panels.size, row = vectors(panel) * W;
        const int64_t left = conv.features - m, lanes = left < W ? left : W;
        T* to = at(group, panels.begin(panel)) + m % panels.size;
        for (int64_t l = 0; l < W; l++)
            to[l] = conv.bias != nullptr && l < lanes
                        ? conv.bias[(group * conv.features + m + l) * conv.bias_stride]
                        : T(0);
        to += row;
        const int64_t *stride = conv.w_stride, U = conv.rows.taps, V = conv.columns.taps, taps = U * V;
        const T* from = conv.weights(group, m);
        if (stride[0] == 1) {
            for (int64_t c = 0; c < conv.channels; c++)
                for (int64_t t = 0; t < taps; t++)
                    store(to + step[t * conv.channels + c] * row,
                          load_partial(from + c * stride[1] + t / V * stride[2] + t % V * stride[3], lanes));
            return;
        }
        // Taps that lie one behind another, forwards or backwards, are turned together.
        const bool back = (U > 1 && stride[2] < 0) || (V > 1 && stride[3] < 0);
        const int64_t way = back ? -1 : 1;
        const bool joined = (V == 1 || stride[3] == way) && (U == 1 || stride[2] == way * V);
        const int64_t length = joined ? taps : 1;
        if (joined && back) from -= taps - 1;
        // So are channels that follow each other: whole squares, which take a third of the time.
        const int64_t together = joined && !back && stride[1] == taps && taps < W ? W : 1;
        const Scratch<T> rows(together * length * W);
        for (int64_t k = 0; k < together * length * W; k += W) store(rows.data() + k, vec<T>{});
        for (int64_t c = 0; c < conv.channels; c += together)
            for (int64_t first = 0; first < taps; first += length) {
                const int64_t left = conv.channels - c, count = left < together ? left : together;
                const T* own =
                    from + c * stride[1] + (joined ? 0 : first / V * stride[2] + first % V * stride[3]);
                if (joined && stride[0] == taps) expect_filters(own, stride[1], taps * lanes);
                turn(own, stride[0], rows.data(), W, count * length, lanes);
                const T* turned = rows.data();
                for (int64_t k = 0; k < count; k++)
                    for (int64_t t = 0; t < length; t++, turned += W) {
                        const int64_t tap = back && joined ? taps - 1 - t : first + t;
                        store(to + step[tap * conv.channels + c + k] * row, load(turned));
                    }
            }
    }

    int64_t depth_, pitch_, size_;
    Scratch<T> packed_;
};

}  // namespace pydl::PYDL_ISA
