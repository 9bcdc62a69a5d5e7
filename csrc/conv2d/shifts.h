// Copies of images in which each tap of a convolution finds the pixels of several output rows in one run.
//
// In a frame (conv2d/frame.h) the pixels of one output row lie side by side, and the next row's begin behind
// pixels that only other taps read. Here every column tap has a copy of its own, shifted and cut to the
// output's width, so that output (i, j) finds its pixel i * J + j elements behind that of (0, 0):
//
//     3 taps, padding 1     source row  0 1 2 3     copies   tap 0  . 0 1 2
//                                                            tap 1  0 1 2 3
//                                                            tap 2  1 2 3 .
//
// Row taps share a copy: the tap below finds its pixels J elements further on. The copies are
// [plane of rows][column tap][row][J] for each channel. If a run is one row, taps of stride 1 share a copy
// too: it is the row with the zeros around it, and the tap to the right finds its pixels one dilation
// further on.
#pragma once

#include "conv2d/frame.h"

namespace pydl::PYDL_ISA {

// Part of an image's outputs: rows from `top` on and columns from `left` on.
struct OutputRun {
    int64_t top, rows, left, columns;
};

class ShiftLayout {
  public:
    // For runs of at most so many rows and columns.
    ShiftLayout(const Axis& rows, const Axis& columns, int64_t most_rows, int64_t most_columns)
        : rows_(rows, most_rows),
          columns_(columns),
          shared_(most_rows == 1 && columns.stride == 1),
          copies_(shared_ ? 1 : columns.taps),
          pitch_(most_columns + (shared_ ? (columns.taps - 1) * columns.dilation : 0)),
          plane_(rows_.length() * pitch_) {}

    int64_t channel() const { return rows_.count() * copies_ * plane_; }
    // Where tap (u, v) finds the pixel of the run's first output.
    int64_t tap(int64_t u, int64_t v) const {
        return (rows_.plane(u) * copies_ + (shared_ ? 0 : v)) * plane_ + rows_.offset(u) * pitch_ +
               (shared_ ? v * columns_.dilation : 0);
    }
    // The k-th tap if those that read the same copy come one after another.
    void tap_in_order(int64_t k, int64_t& u, int64_t& v) const {
        v = k / rows_.axis().taps;
        for (int64_t p = 0, seen = v * rows_.axis().taps; p < rows_.count(); p++)
            for (u = 0; u < rows_.axis().taps; u++)
                if (rows_.plane(u) == p && seen++ == k) return;
    }

    // The copies for a run, of `channels` channels from `channel` on of image n. Up to a vector beyond them
    // may be overwritten.
    template <typename X, typename T>
    void fill(T* to, const Images<X>& x, int64_t n, int64_t channel, int64_t channels,
              const OutputRun& run) const {
        const bool dealt = x.stride[3] == 1 && columns_.stride > 2 && columns_.dilation == 1;
        for (int64_t c = 0; c < channels; c++) {
            const T* from = x.at(n, channel + c);
            for (int64_t p = 0; p < rows_.count(); p++, to += copies_ * plane_) {
                // Rows [begin, end) of the copy exist in the source.
                const int64_t step = rows_.axis().stride, count = rows_.length(run.rows);
                const int64_t top = rows_.source(p, run.top);
                int64_t begin, end;
                clip(top, step, rows_.axis().source, count, begin, end);
                if (dealt)
                    deal_rows(to, from, x.stride[2], top, begin, end, count, run);
                else
                    for (int64_t v = 0; v < copies_; v++) {
                        T* copy = to + v * plane_;
                        zeros(copy, begin * pitch_);
                        copy_rows(copy + begin * pitch_, from + (top + begin * step) * x.stride[2],
                                  step * x.stride[2], x.stride[3], end - begin, v, run);
                        zeros(copy + end * pitch_, (count - end) * pitch_);
                    }
            }
        }
    }

  private:
    // k < count with 0 <= first + k * step < size are those from begin to end.
    static void clip(int64_t first, int64_t step, int64_t size, int64_t count, int64_t& begin, int64_t& end) {
        begin = first >= 0 ? 0 : (-first - 1) / step + 1;
        end = first >= size ? 0 : (size - 1 - first) / step + 1;
        if (end > count) end = count;
        if (begin > end) begin = end;
    }

    // The columns of tap v in some rows. What whole vectors write beyond a row is overwritten by the next.
    template <typename T>
    void copy_rows(T* to, const T* x, int64_t row_stride, int64_t column_stride, int64_t rows, int64_t v,
                   const OutputRun& run) const {
        constexpr int64_t W = width<T>;
        const int64_t step = columns_.stride;
        const int64_t first = v * columns_.dilation + columns_.origin + run.left * step;
        const int64_t count = shared_ ? run.columns + (columns_.taps - 1) * columns_.dilation : run.columns;
        int64_t begin, end;
        clip(first, step, columns_.source, count, begin, end);
        const T* from = x + first * column_stride;
        if (column_stride == 1 && step == 1) {
            if (count <= W) return copy_lines<T, 1>(to, from, row_stride, rows, begin, end);
            if (count <= 2 * W) return copy_lines<T, 2>(to, from, row_stride, rows, begin, end);
        }
        if (column_stride == 1 && step == 2 && EverySecond<T>::suits(count)) {
            const EverySecond<T> row(begin, end, count);
            for (int64_t q = 0; q < rows; q++, from += row_stride, to += pitch_) row.copy(to, from);
            return;
        }
        for (int64_t q = 0; q < rows; q++, from += row_stride, to += pitch_) {
            zeros(to, begin);
            if (column_stride == 1 && step == 1)
                copy_run(to + begin, from + begin, end - begin);
            else if (column_stride == 1 && step == 2)
                every_second(to + begin, from + 2 * begin, end - begin);
            else
                for (int64_t j = begin; j < end; j++) to[j] = from[j * step * column_stride];
            zeros(to + end, count - end);
        }
    }

    // Rows of `vectors` vectors, of which the lanes from begin to end are read, the others are zero.
    template <typename T, int vectors>
    void copy_lines(T* to, const T* from, int64_t row_stride, int64_t rows, int64_t begin,
                    int64_t end) const {
        constexpr int64_t W = width<T>;
        for (int64_t q = 0; q < rows; q++, from += row_stride, to += pitch_) {
#pragma GCC unroll 2
            for (int k = 0; k < vectors; k++)
                store(to + k * W, load_lanes(from + k * W, begin - k * W, end - k * W));
        }
    }

    // All taps of rows whose stride is large: taps of W neighbouring outputs are a matrix in the source,
    // which is turned.
    template <typename T>
    void deal_rows(T* to, const T* x, int64_t row_stride, int64_t top, int64_t begin, int64_t end,
                   int64_t count, const OutputRun& run) const {
        constexpr int64_t W = width<T>;
        const int64_t step = columns_.stride, V = columns_.taps;
        for (int64_t q = 0; q < count; q++, to += pitch_) {
            const T* row = x + (top + q * rows_.axis().stride) * row_stride;
            const bool exists = begin <= q && q < end;
            for (int64_t v = 0; v < V; v += W) {
                const int64_t taps = V - v < W ? V - v : W;
                for (int64_t j = 0; j < run.columns; j += W) {
                    vec<T> square[W];
#pragma GCC unroll 16
                    for (int64_t r = 0; r < W; r++) {
                        const int64_t first = (run.left + j + r) * step + v + columns_.origin;
                        square[r] =
                            exists && j + r < run.columns
                                ? load_lanes(row + first, -first, limit(columns_.source - first, taps))
                                : vec<T>{};
                    }
                    transpose<T>(square);
#pragma GCC unroll 16
                    for (int64_t r = 0; r < W; r++)
                        if (r < taps) store_partial(to + (v + r) * plane_ + j, square[r], run.columns - j);
                }
            }
        }
    }
    static int64_t limit(int64_t value, int64_t most) { return value < most ? value : most; }

    // These three write whole vectors, the last one beyond the end.
    template <typename T>
    static void zeros(T* to, int64_t count) {
        for (int64_t k = 0; k < count; k += width<T>) store(to + k, vec<T>{});
    }
    template <typename T>
    static void copy_run(T* to, const T* from, int64_t count) {
        int64_t k = 0;
        for (; k + width<T> <= count; k += width<T>) store(to + k, load(from + k));
        if (k < count) store(to + k, load_partial(from + k, count - k));
    }
    template <typename T>
    static void every_second(T* to, const T* from, int64_t count) {
        constexpr int64_t W = width<T>;
        int64_t k = 0;
        for (; k + W < count; k += W) store(to + k, even_lanes(load(from + 2 * k), load(from + 2 * k + W)));
        const int64_t left = 2 * (count - k) - 1;
        if (k < count)
            store(to + k,
                  even_lanes(load_partial(from + 2 * k, left), load_partial(from + 2 * k + W, left - W)));
    }

    Planes rows_;
    Axis columns_;
    bool shared_;  // whether column taps share a copy
    int64_t copies_, pitch_, plane_;
};

}  // namespace pydl::PYDL_ISA
