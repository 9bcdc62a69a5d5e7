// What depthwise convolutions with channels as lanes (conv2d/depthwise_lanes.h) will read and write.
#pragma once

#include "conv2d/depthwise_lane_rows.h"
#include "conv2d/frame.h"

namespace pydl::PYDL_ISA {

// The images that are turned next and the memory that their outputs go to, where both are from beyond the
// second-level cache: some of them is asked for each of `calls` times while there is something to compute.
// All at once, it would have to be waited for; others are asked for while one is turned, which costs less.
template <typename T>
class LanesAhead {
    static constexpr int64_t line = 64 / sizeof(T);

  public:
    LanesAhead([[maybe_unused]] const Images<const T>& x, [[maybe_unused]] const Images<T>& y,
               [[maybe_unused]] int64_t calls) {
        if constexpr (has_lane_rows<T>) {
            const int64_t of_x = x.shape[2] * x.shape[3], of_y = y.shape[2] * y.shape[3];
            is_far_ = x.stride[1] == of_x && y.stride[1] == of_y &&
                      x.shape[0] * (x.shape[1] * of_x + y.shape[1] * of_y) > most_near;
            lines_[0] = of_x * width<T> / line / calls + 1;
            lines_[1] = of_y * width<T> / line / calls + 1;
        }
    }
    bool is_far() const { return is_far_; }
    // Those of the next task.
    PYDL_INLINE void begin(const T* x, const T* y) { next_[0] = x, next_[1] = y; }
    PYDL_INLINE void ask() {
        if constexpr (has_lane_rows<T>)
            if (is_far_) ask_for_some();
    }

  private:
    static constexpr int64_t most_near = (int64_t(2) << 20) / int64_t(sizeof(T));

    [[gnu::noinline]] void ask_for_some() {
        for (int k = 0; k < 2; k++)
            for (int64_t left = lines_[k]; left > 0; left--, next_[k] += line)
                __builtin_prefetch(next_[k], 0, 2);
    }

    bool is_far_ = false;
    int64_t lines_[2] = {};
    const T* next_[2] = {};
};

}  // namespace pydl::PYDL_ISA
