// Every d-th row and column of images, as images of their own: what is dilated is side by side in them.
//
//     d = 2      0 1 2 3 4 5 6    of which outputs 0, 2, 4, 6 read every second, and 1, 3, 5 the others
//                0 2 4 6,  1 3 5 .
//
// All are as large as the largest: zeros follow behind the others, and stand where an image has zeros around
// it.
#pragma once

#include "conv2d/frame.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

template <typename T>
class DilatedParts {
  public:
    // The pixels that begin at (top, left) of x, `outputs` of each axis and the further ones that taps reach.
    DilatedParts(const Array<const T, 4>& x, const Axis& rows, const Axis& columns, int64_t top, int64_t left,
                 int64_t more_rows, int64_t more_columns)
        : images_(contiguous(x, rows.dilation * columns.dilation, size(rows) + more_rows,
                             size(columns) + more_columns)),
          copy_(images_.size()) {
        images_.data = copy_.data();
        const int64_t C = x.shape[1], R = images_.shape[2], K = images_.shape[3], d = columns.dilation;
        parallel_for(images_.shape[0] * C, 1 + 32768 / (R * K), [&](int64_t begin, int64_t end) {
            for (int64_t k = begin; k < end; k++) {
                const int64_t image = k / C, row = image / d % rows.dilation, column = image % d;
                const T* from = x.data + image / d / rows.dilation * x.stride[0] + k % C * x.stride[1];
                const PaddedRow line(K, x.shape[3], left + column, d), zeros(K, 0, 0, 1);
                T* to = copy_.data() + k * R * K;
                for (int64_t r = 0; r < R; r++, to += K) {
                    const int64_t h = top + row + r * rows.dilation;
                    const bool inside = h >= 0 && h < x.shape[2];
                    (inside ? line : zeros).copy(to, inside ? from + h * x.stride[2] : from, x.stride[3]);
                }
            }
        });
    }
    const Array<const T, 4>& images() const { return images_; }

  private:
    static int64_t size(const Axis& axis) { return (axis.outputs - 1) / axis.dilation + 1; }
    static Array<const T, 4> contiguous(const Array<const T, 4>& x, int64_t parts, int64_t R, int64_t K) {
        const int64_t C = x.shape[1];
        return {nullptr, {x.shape[0] * parts, C, R, K}, {C * R * K, R * K, K, 1}};
    }

    Array<const T, 4> images_;
    const Scratch<T> copy_;
};

}  // namespace pydl::PYDL_ISA
