// The factors of a weight gradient by Winograd's algorithm (conv2d/winograd_weight.h): transformed pixels and
// slopes of some rows of tiles, all channels of the first and some features of the second.
//
//     source[place][tile, c]     from the pixels under a tile
//     slope[place][tile, o]      from the gradients by a tile's outputs
//
// Lanes are channels. So pixels are turned from [channel][row][column] into [row][column][channel] first, a
// square of vectors at a time.
#pragma once

#include "conv2d/channel_lanes.h"
#include "conv2d/shape.h"
#include "conv2d/winograd_transform.h"
#include "gemm/pack.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

// Some channels of images, neighbours of each other.
struct ChannelRange {
    int64_t first, count;
};

template <typename T, typename Line>
class WeightGradientTiles {
    using Rows = RowsOf<T, Line>;
    static constexpr int M = Line::outputs, step = Line::step, beyond = Line::pixels - step;
    static constexpr int row_M = Rows::outputs, pixels = Rows::pixels, row_beyond = pixels - Rows::step;
    static constexpr int P = Line::places, S = P / Line::parts;
    static constexpr int row_P = Rows::places, row_S = row_P / Rows::parts;
    static constexpr int64_t W = width<T>;

  public:
    // Bytes of a tile, for so many channels and features.
    static int64_t bytes(int64_t channels, int64_t features) {
        return (row_P * P * pitch_of(channels) + row_S * S * pitch_of(features)) * int64_t(sizeof(T));
    }
    // From one tile to the next.
    static int64_t pitch_of(int64_t lanes) { return whole_vectors<T>(lanes) + W; }
    static int64_t rows_of_image(const Conv2dShape& s) { return (s.I + row_M - 1) / row_M; }
    static int64_t tiles_of_row(const Conv2dShape& s) { return (s.J + M - 1) / M; }

    // Room for so many rows of tiles. bias: for each row of tiles of all images, and each feature from
    // `base` on, the sum of dy.
    [[gnu::noinline]] WeightGradientTiles(const Images<const T>& dy, const Images<const T>& x,
                                          const Conv2dShape& s, ChannelRange features, int64_t rows)
        : base(features.first / W * W),
          channel_pitch(pitch_of(s.C)),
          feature_pitch(pitch_of(features.first + features.count - base)),
          dy_(dy),
          x_(x),
          s_(s),
          features_(features.first + features.count - base),
          rows_of_image_(rows_of_image(s)),
          tiles_of_row_(tiles_of_row(s)),
          source_pitch_(rows * tiles_of_row_ * channel_pitch + W),
          slope_pitch_(rows * tiles_of_row_ * feature_pitch + W),
          memory_(row_P * P * source_pitch_ + row_S * S * slope_pitch_) {}

    // Of tile t and place (i, j): channels from 0, and features from `o` on.
    const T* source(int i, int j, int64_t t) const { return source_at(i * P + j) + t * channel_pitch; }
    const T* slope(int i, int j, int64_t t, int64_t o) const {
        return slope_at(i % row_S * S + j % S) + t * feature_pitch + (o - base);
    }

    // Rows of tiles [first, first + rows). bias[(first + r) * feature_pitch + o - base] is row r's sum of dy.
    void transform(int64_t first, int64_t rows, T* bias) const {
        const int64_t channels = (s_.C + W - 1) / W, features = (features_ + W - 1) / W;
        const int64_t columns = tiles_of_row_ * step + beyond;
        // A task is a vector of channels and a few rows of tiles, of which neighbours share pixels.
        const Parts runs(rows, 1 + 512 / columns);
        parallel_for((channels + features) * runs.count, 1 + 512 / (columns * runs.size),
                     [&](int64_t begin, int64_t end) {
                         const Scratch<T> frame(pixels * columns * W);
                         for (int64_t task = begin; task < end; task++) {
                             const int64_t lane = task / runs.count, run = task % runs.count;
                             const int64_t row = runs.begin(run), count = runs.length(run, rows);
                             if (lane < channels)
                                 transform_sources(frame.data(), lane * W, first, row, count);
                             else
                                 transform_slopes(frame.data(), (lane - channels) * W, first, row, count,
                                                  bias);
                         }
                     });
    }

    const int64_t base;  // the feature that lane 0 of a slope is
    const int64_t channel_pitch, feature_pitch;

  private:
    T* source_at(int place) const { return memory_.data() + place * source_pitch_; }
    T* slope_at(int place) const { return source_at(row_P * P) + place * slope_pitch_; }

    void transform_sources(T* frame, int64_t channel, int64_t first, int64_t row, int64_t count) const {
        const ChannelLanes<T> lanes(x_, channel, s_.C);
        const int64_t columns = tiles_of_row_ * step + beyond;
        for (int64_t r = row; r < row + count; r++) {
            const int64_t n = (first + r) / rows_of_image_,
                          top = (first + r) % rows_of_image_ * Rows::step + s_.rows.origin;
            // The lowest rows are the highest of the next row of tiles.
            const bool continues = r > row && (first + r) % rows_of_image_ != 0;
            if (continues)
                for (int64_t k = 0; k < row_beyond * columns * W; k += W)
                    store(frame + k, load(frame + Rows::step * columns * W + k));
            lanes.turn(frame, columns, continues ? row_beyond : 0, pixels, n, top, s_.H, s_.columns.origin,
                       s_.W);
            for (int64_t t = 0; t < tiles_of_row_; t++)
                winograd_source<T, Line>(frame + t * step * W, columns * W, W,
                                         source_at(0) + (r * tiles_of_row_ + t) * channel_pitch + channel,
                                         source_pitch_);
        }
    }
    void transform_slopes(T* frame, int64_t lane, int64_t first, int64_t row, int64_t count, T* bias) const {
        const ChannelLanes<T> lanes(dy_, base + lane, s_.O);
        const int64_t columns = tiles_of_row_ * M;
        for (int64_t r = row; r < row + count; r++) {
            const int64_t n = (first + r) / rows_of_image_, top = (first + r) % rows_of_image_ * row_M;
            lanes.turn(frame, columns, 0, row_M, n, top, s_.I, 0, s_.J);
            vec<T> sum[2] = {};
            for (int64_t k = 0; k < row_M * columns; k += 2) {
                sum[0] += load(frame + k * W);
                sum[1] += load(frame + (k + 1) * W);
            }
            store(bias + (first + r) * feature_pitch + lane, sum[0] + sum[1]);
            for (int64_t t = 0; t < tiles_of_row_; t++)
                winograd_slope<T, Line>(frame + t * M * W, columns * W, W,
                                        slope_at(0) + (r * tiles_of_row_ + t) * feature_pitch + lane,
                                        slope_pitch_);
        }
    }

    const Images<const T>&dy_, &x_;
    const Conv2dShape& s_;
    const int64_t features_, rows_of_image_, tiles_of_row_, source_pitch_, slope_pitch_;
    const Scratch<T> memory_;
};

}  // namespace pydl::PYDL_ISA
