// The frame of a depthwise convolution with channels as lanes (conv2d/depthwise_lanes.h): pixels as
// [row][column][channel], with the zeros around the image.
#pragma once

#include "conv2d/channel_lanes.h"
#include "gemm/pack.h"

namespace pydl::PYDL_ISA {

// Where the taps of an output are: pixel (row, column) of a frame is at (row * columns + column) * width.
template <typename T>
class LaneFrame {
    static constexpr int64_t W = width<T>;

  public:
    // What the outputs of `rows` and `columns` read.
    [[gnu::noinline]] void add(const Axis& rows, const Axis& columns) {
        grow(top_, bottom_, rows);
        grow(left_, right_, columns);
        // One more where pixels of a column would meet in one place of the cache.
        columns_ = right_ - left_ + ((right_ - left_) % 32 == 0);
    }
    int64_t columns() const { return columns_; }
    int64_t size() const { return (bottom_ - top_) * columns() * W; }
    int64_t place(int64_t row, int64_t column) const {
        return ((row - top_) * columns() + column - left_) * W;
    }
    void fill(T* frame, const ChannelLanes<T>& lanes, int64_t n, bool has_zeros) const {
        const int64_t* shape = lanes.images.shape;
        lanes.turn(frame, columns(), 0, bottom_ - top_, n, top_, shape[2], left_, shape[3], has_zeros);
    }

  private:
    static void grow(int64_t& begin, int64_t& end, const Axis& axis) {
        const int64_t last = (axis.outputs - 1) * axis.stride + axis.origin;
        if (axis.origin < begin) begin = axis.origin;
        if (last + 1 > end) end = last + 1;
        if (last + (axis.taps - 1) * axis.dilation + 1 > end)
            end = last + (axis.taps - 1) * axis.dilation + 1;
    }
    int64_t top_ = 0, bottom_ = 1, left_ = 0, right_ = 1, columns_ = 1;
};

// Pixels and outputs that stay in the second-level cache while they are turned and used.
inline constexpr int64_t most_lane_vectors = 12000;

// Whether so many channels fill their vectors, and maps of so many pixels are small: larger ones take less
// time with pixels as lanes, which need not be turned.
template <typename T>
bool suits_lanes(int64_t channels, int64_t pixels, int64_t taps) {
    return has_special_kernels && 4 * channels >= 3 * whole_vectors<T>(channels) && taps <= 1024 &&
           pixels <= 11 * width<T>;
}

}  // namespace pydl::PYDL_ISA
