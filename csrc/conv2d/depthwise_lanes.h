// Depthwise convolutions with channels as lanes: of images whose rows would not fill vectors, and of wide
// filters, many of whose taps lie outside the image.
//
//   for each task: a vector of channels, an image      (in parallel)
//     turns the image into a frame [row][column][channel] with the zeros around it (conv2d/channel_lanes.h)
//     for each output: the sum of all taps, each a vector of weights and one of pixels; where there is a
//                      kernel for it, for some outputs of a column at once (conv2d/depthwise_lane_rows.h)
//     turns the outputs back
//
// Outputs fall into phases, each with taps of its own: a convolution has one, its gradient with respect to
// the input one for each residue of the stride (conv2d/phase.h).
#pragma once

#include "conv2d/depthwise_lane_frame.h"
#include "conv2d/depthwise_lane_rows.h"
#include "conv2d/lanes_ahead.h"
#include "elementwise/turned_copy.h"
#include "gemm/pack.h"

namespace pydl::PYDL_ISA {

// R outputs of a row.
template <typename T, int R>
void lane_outputs(const vec<T>* weight, const int64_t* place, int64_t taps, vec<T> bias, const T* x,
                  int64_t x_step, T* y, int64_t y_step) {
    vec<T> acc[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) acc[r] = bias;
    for (int64_t k = 0; k < taps; k++) {
        const T* from = x + place[k];
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) acc[r] = fma(weight[k], load(from + r * x_step), acc[r]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) store(y + r * y_step, acc[r]);
}

template <typename T>
class DepthwiseLanes {
    static constexpr int64_t W = width<T>;

  public:
    // w is read as w[group * w_group + m * w_feature + tap]; outputs of a phase are `down` rows and `along`
    // columns apart.
    DepthwiseLanes(const Images<const T>& x, const Images<T>& y, int64_t groups, int64_t features,
                   int64_t w_group, int64_t w_feature, const T* bias, int64_t bias_stride, int64_t taps,
                   int64_t down = 1, int64_t along = 1)
        : x_(x),
          y_(y),
          groups_(groups),
          features_(features),
          w_group_(w_group),
          w_feature_(w_feature),
          bias_(bias),
          bias_stride_(bias_stride),
          taps_(taps),
          down_(down),
          along_(along),
          phases_(down * along),
          place_(taps),
          w_(taps) {}

    // The outputs (row, column), (row + down, column), ...; all frames have to be known.
    [[gnu::noinline]] void add(const LaneFrame<T>& frame, const Axis& rows, const Axis& columns, const T* w,
                               int64_t down, int64_t along, int64_t row, int64_t column) {
        calls_ += suits_lane_rows<T>(rows) ? lane_row_blocks(rows) * columns.outputs : rows.outputs;
        phases_[count_++] = {rows, columns, added_, rows.taps * columns.taps,
                             (row * y_.shape[3] + column) * W};
        for (int64_t u = 0; u < rows.taps; u++)
            for (int64_t v = 0; v < columns.taps; v++, added_++) {
                place_[added_] =
                    frame.place(rows.origin + u * rows.dilation, columns.origin + v * columns.dilation) -
                    frame.place(0, 0);
                w_[added_] = w + u * down + v * along;
            }
    }

    [[gnu::noinline]] void run(const LaneFrame<T>& layout) const {
        const int64_t N = x_.shape[0], H = y_.shape[2], V = y_.shape[3], blocks = (groups_ + W - 1) / W;
        const int64_t work = (layout.size() + H * V * features_ * (4 + taps_ / (down_ * along_))) * W;
        const LanesAhead<T> to_come(x_, y_, calls_);
        parallel_for(blocks * N, 1 + GemmBlocks<T>::thread_work / work, [&](int64_t begin, int64_t end) {
            const Scratch<T> frame(layout.size()), tile(H * V * W);
            const Scratch<vec<T>> weight((taps_ + 1) * features_);
            const Scratch<T> turned(taps_ * W);
            for (int64_t task = begin; task < end; task++) {
                const int64_t first = task / N * W, n = task % N;
                if (task == begin || n == 0) turn_weights(weight.data(), turned.data(), first);
                const ChannelLanes<T> lanes(x_, first, groups_, !to_come.is_far());
                layout.fill(frame.data(), lanes, n, task > begin);
                const int64_t next = task + 1 < end ? task + 1 : task;
                LanesAhead<T> ahead = to_come;
                ahead.begin(x_.at(next % N, next / N * W), y_.at(next % N, next / N * W * features_));
                for (int64_t m = 0; m < features_; m++) {
                    const vec<T>* own = weight.data() + m * (taps_ + 1);
                    for (int64_t p = 0; p < count_; p++)
                        compute(layout, phases_[p], own, frame.data() + layout.place(0, 0), tile.data(),
                                ahead);
                    T* y = y_.at(n, first * features_ + m);
                    if (y_.stride[2] == V)
                        copy_columns(tile.data(), W, y, features_ * y_.stride[1], lanes.count, H * V);
                    else
                        for (int64_t i = 0; i < H; i++)
                            copy_columns(tile.data() + i * V * W, W, y + i * y_.stride[2],
                                         features_ * y_.stride[1], lanes.count, V);
                }
            }
        });
    }

  private:
    struct PhaseOutputs {
        Axis rows, columns;
        int64_t first_tap, taps, place;
    };

    // Those of all taps of some channels, and their bias. Filters that lie in one run each are turned as they
    // lie: of few images, that takes as long as the convolution if it is done number by number.
    void turn_weights(vec<T>* weight, T* turned, int64_t first) const {
        const int64_t count = groups_ - first < W ? groups_ - first : W;
        const T *lowest = w_[0], *highest = w_[0];
        for (int64_t k = 1; k < taps_; k++) {
            if (w_[k] < lowest) lowest = w_[k];
            if (w_[k] > highest) highest = w_[k];
        }
        const bool in_runs = highest - lowest == taps_ - 1;
        for (int64_t m = 0; m < features_; m++, weight += taps_ + 1) {
            const int64_t filter = first * w_group_ + m * w_feature_;
            if (in_runs) pack_panel(turned, W, count, lowest + filter, w_group_, int64_t(1), taps_);
            for (int64_t k = 0; k < taps_; k++)
                weight[k] =
                    in_runs ? load(turned + (w_[k] - lowest) * W) : gather(w_[k] + filter, w_group_, count);
            weight[taps_] = bias_ != nullptr ? gather(bias_ + (first * features_ + m) * bias_stride_,
                                                      features_ * bias_stride_, count)
                                             : vec<T>{};
        }
    }
    static vec<T> gather(const T* from, int64_t step, int64_t count) {
        T lane[W] = {};
        for (int64_t l = 0; l < count; l++) lane[l] = from[l * step];
        return load(lane);
    }

    void compute(const LaneFrame<T>& layout, const PhaseOutputs& phase, const vec<T>* weight, const T* frame,
                 T* tile, LanesAhead<T>& ahead) const {
        const int64_t x_step = phase.columns.stride * W, y_step = along_ * W, J = phase.columns.outputs;
        const auto run = [&](auto block, int64_t i, int64_t j) PYDL_INLINE_LAMBDA {
            lane_outputs<T, decltype(block)::value>(
                weight + phase.first_tap, place_.data() + phase.first_tap, phase.taps, weight[taps_],
                frame + i * phase.rows.stride * layout.columns() * W + j * x_step, x_step,
                tile + phase.place + i * down_ * y_.shape[3] * W + j * y_step, y_step);
        };
        // The last outputs of a row are moved back to end with it; what they compute again is the same.
        const auto row = [&](auto block, int64_t i) PYDL_INLINE_LAMBDA {
            constexpr int64_t R = decltype(block)::value;
            for (int64_t j = 0; j < J; j += R) run(block, i, j + R > J ? J - R : j);
        };
        if constexpr (has_lane_rows<T>)
            if (compute_rows(layout, phase, weight, frame, tile, ahead)) return;
        for (int64_t i = 0; i < phase.rows.outputs; i++) {
            ahead.ask();
            if (J >= 7)
                row(std::integral_constant<int, 7>{}, i);
            else if (J >= 3)
                row(std::integral_constant<int, 3>{}, i);
            else
                row(std::integral_constant<int, 1>{}, i);
        }
    }

    // The same by blocks of rows, where there are kernels for that.
    [[gnu::noinline]] bool compute_rows(const LaneFrame<T>& layout, const PhaseOutputs& phase,
                                        const vec<T>* weight, const T* frame, T* tile,
                                        LanesAhead<T>& ahead) const {
        const Axis &rows = phase.rows, &columns = phase.columns;
        if (!suits_lane_rows<T>(rows) || columns.taps == 0) return false;
        const int64_t d = rows.dilation, x_row = layout.columns() * W, y_row = y_.shape[3] * down_ * W;
        LaneColumn<T> column = {nullptr,   columns.taps,         0,        0, 0, false, weight[taps_],
                                d * x_row, columns.dilation * W, d * y_row};
        weight += phase.first_tap;
        const bool finite = are_finite<T>(weight, phase.taps);
        for (int64_t first = 0; first < d; first++) {
            const int64_t count = (rows.outputs - first - 1) / d + 1;
            for (int64_t next = 0; next < count; next += kLaneRows) {
                const int64_t i = first + (next + kLaneRows > count ? count - kLaneRows : next) * d;
                for (int64_t u = 0, part; u < rows.taps; u += part) {
                    part = first_part_of_taps(rows.taps - u);
                    const LaneRows<T> run = lane_rows_of_part<T>(part, rows.stride);
                    const int64_t top = i * rows.stride + rows.origin + u * d;
                    int64_t begin = 0, end = (kLaneRows - 1) * rows.stride + part;
                    if (finite) clip(begin, end, first_inside(-top, d), first_inside(rows.source - top, d));
                    column.rows = (1u << end) - (1u << begin);
                    column.w = weight + u * columns.taps;
                    for (int64_t v = 0; v < columns.taps; v += kLaneTaps) {
                        const int64_t past = v + kLaneTaps < columns.taps ? v + kLaneTaps : columns.taps;
                        column.goes_on = u + v > 0;
                        for (int64_t j = 0; j < columns.outputs; j++) {
                            if (!column.goes_on) ahead.ask();
                            const int64_t left = j * columns.stride + columns.origin;
                            column.left = v, column.right = past;
                            if (finite)
                                clip(column.left, column.right, first_inside(-left, columns.dilation),
                                     first_inside(columns.source - left, columns.dilation));
                            run(column, frame + top * x_row + left * W,
                                tile + phase.place + i * y_row + j * along_ * W);
                        }
                    }
                }
            }
        }
        return true;
    }
    // The first tap that is `distance` or further.
    static int64_t first_inside(int64_t distance, int64_t dilation) {
        return distance <= 0 ? 0 : dilation == 1 ? distance : (distance + dilation - 1) / dilation;
    }
    static void clip(int64_t& begin, int64_t& end, int64_t low, int64_t high) {
        if (low > begin) begin = low;
        if (high < end) end = high;
        if (end <= begin) begin = end = 0;
    }

    const Images<const T>& x_;
    const Images<T>& y_;
    int64_t groups_, features_, w_group_, w_feature_;
    const T* bias_;
    int64_t bias_stride_, taps_, down_, along_, count_ = 0, added_ = 0;
    int64_t calls_ = 0;  // of what asks for the next images while one is computed
    Scratch<PhaseOutputs> phases_;
    Scratch<int64_t> place_;
    Scratch<const T*> w_;
};

}  // namespace pydl::PYDL_ISA
