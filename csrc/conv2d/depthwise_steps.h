// The sums of a depthwise convolution (conv2d_depthwise.cpp), as its tiles go through them: a step is what
// one channel, one slice of a volume and one part of the filter's rows (conv2d/tap_parts.h) add.
//
// All steps of parts with as many rows are added to a tile in registers. Where a filter has parts of several
// sizes, the tile waits in memory while one kernel follows another.
#pragma once

#include "conv2d/depthwise.h"
#include "conv2d/depthwise_frame.h"
#include "conv2d/depthwise_tile.h"
#include "conv2d/tap_parts.h"
#include "gemm/pack.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

// Whether the rows of taps are taken one by one: with dilation, blocks of outputs that share pixels may be
// short, and with large strides hardly any do.
inline bool rows_apart(const Axis& rows) {
    return rows.stride > 2 ||
           (rows.dilation > 1 &&
            (rows.stride > 1 || rows.outputs < DepthwiseKernel<float>::most * rows.dilation));
}

// What filters of one row take with pixels as lanes, in cycles for a channel: sums and what is read.
template <typename T>
double cost_of_row_taps(const Axis& rows, const Axis& columns) {
    constexpr int64_t W = width<T>;
    const double sums = double(columns.taps * rows.outputs * ((columns.outputs - 1) / W + 1)),
                 read = double(rows.source * ((columns.source - 1) / W + 1));
    return columns.stride == 1 && columns.dilation == 1 ? 2 * sums + 280 : 3.6 * sums + 7 * read + 15;
}

template <typename T>
class DepthwiseSteps {
    static constexpr int64_t W = width<T>;
    struct Part {
        const DepthwiseKernel<T>* kernel;
        int64_t first, count;  // rows of taps, parts of that size
    };

  public:
    // Frames hold `slices` of a volume for each channel, for some of the outputs along the depth, `slabs`;
    // with `zeros`, behind them one more where taps outside the volume find zeros. Else these are left out.
    DepthwiseSteps(const Correlation<T>& conv, const Depth& depth, const RowFrame<T>& layout, int64_t slices,
                   const Parts& slabs, bool zeros)
        : outputs_(depth.axis.outputs),
          steps_(depth.axis.outputs * depth.axis.taps * conv.channels * conv.rows.taps),
          begin_(depth.axis.outputs * most_parts + 1) {
        const int64_t U = conv.rows.taps, pitch = U == 1 ? 0 : conv.rows.dilation * layout.pitch();
        for (int64_t u = 0, taps; u < U; u += taps) {
            taps = rows_apart(conv.rows) ? 1 : first_part_of_taps(U - u);
            if (count_ == 0 || part_[count_ - 1].kernel->taps != taps)
                part_[count_++] = {&depthwise_kernel_for(conv, taps, conv.channels * depth.axis.taps), u, 0};
            part_[count_ - 1].count++;
        }
        const Axis& axis = depth.axis;
        DepthwiseStep* step = steps_.data();
        int64_t* begin = begin_.data();
        for (int64_t z = 0; z < axis.outputs; z++)
            for (int p = 0; p < count_; p++) {
                *begin++ = step - steps_.data();
                for (int64_t c = 0; c < conv.channels; c++)
                    for (int64_t t = 0; t < axis.taps; t++) {
                        const int64_t d = z * axis.stride + t * axis.dilation + axis.origin;
                        const bool inside = d >= 0 && d < axis.source;
                        if (!inside && !zeros) continue;
                        const int64_t first = depth.first(z / slabs.size * slabs.size);
                        const int64_t slot = inside ? c * slices + d - first : conv.channels * slices;
                        for (int64_t k = 0; k < part_[p].count; k++) {
                            const int64_t u = part_[p].first + k * part_[p].kernel->taps;
                            *step++ = {slot * layout.channel() + u * pitch,
                                       (c * axis.taps + t) * conv.w_stride[1] + u * conv.w_stride[2]};
                        }
                    }
            }
        *begin = step - steps_.data();
    }

    // `rows` rows of outputs of slice z, whose pixels are each a `step` further in the frame. Sets the steps
    // of the plane, which is no copy: that would take longer than small images do.
    void run(DepthwisePlane<T>& plane, int64_t z, const T* frame, int64_t step, T* y, int64_t rows) const {
        if (count_ == 1) {
            if (plane.steps == nullptr || outputs_ > 1) set_steps(plane, z, 0);
            return part_[0].kernel->run(plane, frame, step, y, rows);
        }
        if constexpr (has_filter_parts<T>) run_parts(plane, z, frame, step, y, rows);
    }

  private:
    static constexpr int most_parts = 3;

    [[gnu::noinline]] void run_parts(const DepthwisePlane<T>& plane, int64_t z, const T* frame, int64_t step,
                                     T* y, int64_t rows) const {
        constexpr int64_t most = DepthwiseKernel<T>::most;
        for (int64_t i = 0; i + most <= rows; i += most)
            add_parts(plane, z, frame + i * step, step, y + i * plane.y_pitch, most);
        if (rows % most > 1 && rows >= most)
            add_parts(plane, z, frame + (rows - most) * step, step, y + (rows - most) * plane.y_pitch, most);
        else
            for (int64_t i = rows - rows % most; i < rows; i++)
                add_parts(plane, z, frame + i * step, step, y + i * plane.y_pitch, 1);
    }

    void set_steps(DepthwisePlane<T>& plane, int64_t z, int part) const {
        const int64_t* begin = begin_.data() + z * count_ + part;
        plane.steps = steps_.data() + begin[0], plane.last_step = steps_.data() + begin[1];
    }
    // One block of rows, a vector of each at a time.
    void add_parts(const DepthwisePlane<T>& plane, int64_t z, const T* frame, int64_t step, T* y,
                   int64_t rows) const {
        alignas(64) T sums[DepthwiseKernel<T>::most * W], more[DepthwiseKernel<T>::most * W];
        DepthwisePlane<T> tile = plane;
        tile.columns = tile.y_pitch = W;
        for (int64_t j = 0; j < plane.columns; j += W) {
            if (j + W > plane.columns && plane.columns >= W) j = plane.columns - W;
            for (int p = 0; p < count_; p++) {
                set_steps(tile, z, p);
                tile.bias = p == 0 ? plane.bias : T(0);
                (rows == 1 ? part_[p].kernel->one : part_[p].kernel->many)(tile, frame + j, step,
                                                                           p == 0 ? sums : more, 1);
                for (int64_t i = 0; i < rows * W && p > 0; i += W)
                    store(sums + i, load(sums + i) + load(more + i));
            }
            for (int64_t i = 0; i < rows; i++)
                store_partial(y + i * plane.y_pitch + j, load(sums + i * W), plane.columns - j);
        }
    }

    int64_t outputs_;
    Part part_[most_parts];
    int count_ = 0;
    Scratch<DepthwiseStep> steps_;
    Scratch<int64_t> begin_;  // of the steps of an output slice and a part
};

}  // namespace pydl::PYDL_ISA
