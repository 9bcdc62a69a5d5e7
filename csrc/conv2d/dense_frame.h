// The part of an image that a piece of a convolution reads, copied as it lies: row by row, with the zeros
// around them written out. What reads single numbers of it has no need of more order (conv2d/frame.h).
#pragma once

#include "conv2d/flat_row.h"

namespace pydl::PYDL_ISA {

struct DenseFrame {
    Axis rows_axis, columns_axis;
    int64_t most_rows;  // of the image
    int64_t pitch;      // from one of them to the next

    // For runs of up to so many output rows and all columns.
    DenseFrame(const Axis& rows, const Axis& columns, int64_t run_rows)
        : rows_axis(rows),
          columns_axis(columns),
          most_rows(reach(rows, run_rows)),
          pitch(reach(columns, columns.outputs)) {}

    // Pixels between the first and the last that so many outputs meet.
    static int64_t reach(const Axis& axis, int64_t outputs) {
        return (outputs - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1;
    }
    int64_t channel() const { return most_rows * pitch; }
    // What may be written behind the last row.
    template <typename T>
    int64_t slack() const {
        return pitch + 2 * width<T>;
    }

    // What `run` output rows from row i on read of channels of image n. In the order of the frame, so that
    // what is written beyond a row is overwritten by the next.
    template <typename X, typename T>
    void fill(T* to, const Images<X>& x, int64_t n, int64_t channel, int64_t channels, int64_t i,
              int64_t run) const {
        const int64_t top = i * rows_axis.stride + rows_axis.origin, rows = reach(rows_axis, run);
        // Images of one column are rows.
        const bool column = pitch == 1 && columns_axis.source == 1 && columns_axis.origin == 0;
        const FlatRow row = column ? FlatRow(rows, rows_axis.source, top, 1, x.stride[2])
                                   : FlatRow(pitch, columns_axis.source, columns_axis.origin, 1, x.stride[3]);
        for (int64_t c = channel; c < channel + channels; c++, to += this->channel()) {
            for (int64_t k = 0; k < row.begin; k += width<T>) store(to + k, vec<T>{});
            row.copy_rows(to, pitch, column ? 1 : rows, x.at(n, c), x.stride[2], column ? 0 : top, 1,
                          column ? 1 : rows_axis.source);
        }
    }
};

}  // namespace pydl::PYDL_ISA
