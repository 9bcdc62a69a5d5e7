// The rows of a flat frame (conv2d/flat.h), copied from an image.
#pragma once

#include "conv2d/frame.h"

namespace pydl::PYDL_ISA {

// A row of a flat frame: number q < count is number first + q * step of the source, or 0 outside of it.
struct FlatRow {
    int64_t count, step, stride;
    int64_t begin, length;  // what is inside
    int64_t source;         // of the first number inside

    FlatRow(int64_t count, int64_t size, int64_t first, int64_t step, int64_t stride)
        : count(count), step(step), stride(stride), begin(first >= 0 ? 0 : (-first - 1) / step + 1) {
        const int64_t end = first >= size ? 0 : (size - 1 - first) / step + 1;
        if (begin > count) begin = count;
        length = (end < count ? end : count) - begin;
        if (length < 0) length = 0;
        source = length > 0 ? (first + begin * step) * stride : 0;
    }
    // Rows of a frame, from rows top, top + step, ... of `height` rows of the source; 0 outside of it.
    template <typename T>
    void copy_rows(T* to, int64_t pitch, int64_t rows, const T* from, int64_t row_stride, int64_t top,
                   int64_t row_step, int64_t height) const {
        const auto for_rows = [&](const auto& copy_row) PYDL_INLINE_LAMBDA {
            for (int64_t q = 0, h = top; q < rows; q++, h += row_step, to += pitch) {
                const bool inside = h >= 0 && h < height;
                copy_row(from + (inside ? h * row_stride : 0), inside);
            }
        };
        if (stride * step != 2 || !EverySecond<T>::suits(count))
            return for_rows([&](const T* row, bool inside) PYDL_INLINE_LAMBDA { copy(to, row, inside); });
        const EverySecond<T> lanes(0, length, count);
        for_rows([&](const T* row, bool inside) PYDL_INLINE_LAMBDA {
            inside ? lanes.copy(to + begin, row + source) : lanes.clear(to + begin);
        });
    }
    // Writes whole vectors from to[begin] to to[begin + count] at least: what it writes beyond the row are
    // the zeros in front of the next one.
    template <typename T>
    PYDL_INLINE void copy(T* to, const T* from, bool inside) const {
        constexpr int64_t W = width<T>;
        const int64_t left = inside ? length : 0;
        to += begin, from += source;
        const int64_t apart = stride * step;
        if (apart == 1) {
            copy_every<1>(to, from, left);
        } else if (apart == 2) {
            copy_every<2>(to, from, left);
        } else if (apart == 4) {
            copy_every<4>(to, from, left);
        } else {
            for (int64_t k = 0; k < count; k += W) store(to + k, vec<T>{});
            for (int64_t k = 0; k < left; k++) to[k] = from[k * apart];
        }
    }
    template <int Step, typename T>
    PYDL_INLINE void copy_every(T* to, const T* from, int64_t left) const {
        for (int64_t k = 0; k < count; k += width<T>)
            store(to + k, load_every<Step>(from + k * Step, left - k));
    }
};

}  // namespace pydl::PYDL_ISA
