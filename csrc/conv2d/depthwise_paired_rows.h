// Depthwise 3x3 convolutions of very narrow images, whose rows of outputs fit half a vector: two of them are
// computed at once. The pixels under a tap are picked from the two rows of the image that they read, which
// does for any stride, dilation and padding:
//
//     rows       a b c d e f g .    i j k l m n o .      stride 2, padding 1
//     tap 0      . b d f  . j l n
//     tap 1      a c e g  i k m o
//     tap 2      b d f .  j l n .
#pragma once

#include "conv2d/weights.h"
#include "simd/permute.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {

template <typename T>
class PairedRows {
    static constexpr int64_t W = width<T>, half = W / 2;

  public:
    static bool suits(const Axis& rows, const Axis& columns) {
        return picks_lanes && sizeof(T) == 4 && rows.taps == 3 && columns.taps == 3 &&
               columns.outputs <= half && columns.source <= W;
    }
    // pitch: from one row of the image to the next.
    PairedRows(const Axis& rows, const Axis& columns, int64_t pitch)
        : pairs_((rows.outputs + 1) / 2),
          rows_(rows.outputs),
          columns_(columns),
          offset_(6 * pairs_),
          zeros_(W) {
        for (int64_t k = 0; k < 6 * pairs_; k++) {
            const int64_t i = k / 6 * 2 + k % 2,
                          h = i * rows.stride + k % 6 / 2 * rows.dilation + rows.origin;
            offset_[k] = h >= 0 && h < rows.source && i < rows.outputs ? h * pitch : outside;
        }
        for (int64_t k = 0; k < W; k++) zeros_[k] = T(0);
        const mask<T> number = iota<int_of<T>>();
        upper_ = number + int_of<T>(half);
        together_ = number + ((number >= int_of<T>(columns.outputs)) & int_of<T>(half - columns.outputs));
        for (int64_t v = 0; v < 3; v++) {
            int_of<T> lane[W];
            for (int64_t l = 0; l < W; l++) {
                const int64_t j = l % half,
                              place = j * columns.stride + v * columns.dilation + columns.origin;
                const bool inside = place >= 0 && place < columns.source && j < columns.outputs;
                lane[l] = int_of<T>(inside ? place + l / half * W : -1);
            }
            __builtin_memcpy(&lane_[v], lane, sizeof lane);
        }
    }
    // One plane; the filter is read as w[u * down + v * along].
    void run(const T* w, int64_t down, int64_t along, T bias, const T* x, T* y, int64_t y_pitch) const {
        const LaneRange<T> row(0, columns_.source);
        const LanePick pick[3] = {LanePick(lane_[0]), LanePick(lane_[1]), LanePick(lane_[2])};
        vec<T> weight[3][3];
#pragma GCC unroll 9
        for (int k = 0; k < 9; k++)
            weight[k / 3][k % 3] = in_register(broadcast<T>(w[k / 3 * down + k % 3 * along]));
        const int64_t *offset = offset_.data(), J = columns_.outputs;
        const bool apart = y_pitch != J;
        const vec<T> start = broadcast<T>(bias);
        const auto load = [&](int64_t at)
                              PYDL_INLINE_LAMBDA { return row.load(at == outside ? zeros_.data() : x + at); };
        for (int64_t i = 0; i < rows_; i += 2, offset += 6, y += 2 * y_pitch) {
            // Each row of taps apart: no product waits for those of another.
            vec<T> sum[3];
#pragma GCC unroll 3
            for (int u = 0; u < 3; u++) {
                const vec<T> first = load(offset[2 * u]), second = load(offset[2 * u + 1]);
                vec<T> tap[3];
#pragma GCC unroll 3
                for (int v = 0; v < 3; v++) tap[v] = pick[v](first, second);
                sum[u] = u == 0 ? fma(weight[0][0], tap[0], start) : weight[u][0] * tap[0];
                sum[u] = fma(weight[u][2], tap[2], fma(weight[u][1], tap[1], sum[u]));
            }
            const vec<T> all = sum[0] + (sum[1] + sum[2]), packed = lanes_at(all, all, together_);
            const bool both = i + 1 < rows_;
            store_partial(y, packed, apart || !both ? J : 2 * J);
            if (apart && both) store_partial(y + y_pitch, lanes_at(all, all, upper_), J);
        }
    }

  private:
    static constexpr int64_t outside = int64_t(1) << 62;
    int64_t pairs_, rows_;
    Axis columns_;
    Scratch<int64_t> offset_;  // of the two rows under each row of taps
    Scratch<T> zeros_;
    mask<T> lane_[3];
    mask<T> together_, upper_;  // the outputs of both rows side by side, those of the second
};

}  // namespace pydl::PYDL_ISA
