// The part of an image that a piece of a convolution reads, copied so that each tap finds its pixels side by
// side.
//
// Output i reads, at tap u, the source at i * stride + u * dilation + origin; outside the source lie zeros.
// The copy, called a frame, has these zeros written out, and where the stride is more than 1 it is sorted
// into planes, so that along a plane i grows by one from element to element:
//
//     stride 2, 3 taps, padding 1     source  . 0 1 2 3 4 5 .
//                                     plane 0   . 1 3 5           taps 0 (offset 0) and 2 (offset 1)
//                                     plane 1   0 2 4             tap 1
//
// With that, a tap is an offset into the frame and every convolution is one of stride 1. The same is done to
// both axes: a frame is [row plane][column plane][row][column] for each channel. A dilation so large that
// taps have no source element in common gives every tap a plane of its own.
#pragma once

#include "array.h"
#include "scratch.h"
#include "simd/lanes.h"

namespace pydl::PYDL_ISA {

struct Axis {
    int64_t source, outputs, taps, stride, dilation, origin;

    // Whether some tap of some output lies outside the source.
    bool leaves_source() const {
        return origin < 0 || (outputs - 1) * stride + (taps - 1) * dilation + origin >= source;
    }
};

// A batch of images in an array of them, or of volumes: image n is slice n % slices of volume n / slices, and
// channel c depth tap c % taps of the volume's channel c / taps. shape is that of the images, stride the
// array's: of volumes, channels, rows and columns.
template <typename T>
struct Images {
    T* data;
    int64_t shape[4], stride[4];
    int64_t slices = 1, slice_stride = 0, taps = 1, tap_stride = 0;

    T* at(int64_t n, int64_t c) const {
        if (slices == 1 && taps == 1) return data + n * stride[0] + c * stride[1];
        return data + n / slices * stride[0] + n % slices * slice_stride + c / taps * stride[1] +
               c % taps * tap_stride;
    }
};
template <typename T>
Images<T> images_of(const Array<T, 4>& x) {
    return {x.data,
            {x.shape[0], x.shape[1], x.shape[2], x.shape[3]},
            {x.stride[0], x.stride[1], x.stride[2], x.stride[3]}};
}

// The planes of one axis for runs of up to `run` outputs; with `apart`, one for each tap.
class Planes {
  public:
    Planes(const Axis& axis, int64_t run, bool apart = false)
        : axis_(axis), run_(run), plane_(axis.taps), offset_(axis.taps), start_(axis.taps) {
        apart = apart || !share_planes();
        for (int64_t u = 0; u < axis.taps; u++) {
            const int64_t first = u * axis.dilation + axis.origin;
            int64_t plane = apart ? count_ : 0, offset = 0;
            while (plane < count_ && (first - start_[plane]) % axis.stride != 0) plane++;
            if (plane == count_)
                start_[count_++] = first;
            else
                offset = (first - start_[plane]) / axis.stride;
            plane_[u] = plane;
            offset_[u] = offset;
            if (offset > reach_) reach_ = offset;
        }
    }
    int64_t count() const { return count_; }
    int64_t length() const { return run_ + reach_; }
    // Elements of a plane that `run` outputs read.
    int64_t length(int64_t run) const { return run + reach_; }
    int64_t plane(int64_t tap) const { return plane_[tap]; }
    int64_t offset(int64_t tap) const { return offset_[tap]; }
    // Where element 0 of the plane comes from if the run starts at output `i`.
    int64_t source(int64_t plane, int64_t i) const { return start_[plane] + i * axis_.stride; }
    const Axis& axis() const { return axis_; }
    // Whether taps share planes, so that an element of the source is in one of them at most.
    bool share_planes() const { return axis_.dilation < axis_.stride * run_; }

  private:
    Axis axis_;
    int64_t run_, count_ = 0, reach_ = 0;
    Scratch<int64_t> plane_, offset_, start_;
};

// to[k] = from[k] for k < count. A last vector that is not whole overlaps the one before it: masked stores
// are slow on some processors.
template <typename T>
inline void copy_row(T* to, const T* from, int64_t count) {
    constexpr int64_t W = width<T>;
    if (count < W) return store_partial(to, load_partial(from, count), count);
    for (int64_t k = 0; k + W < count; k += W) store(to + k, load(from + k));
    store(to + count - W, load(from + count - W));
}

// to[k] = from[2 * k] for k < count; reads nothing beyond from[2 * count - 2].
template <typename T>
inline void copy_every_second(T* to, const T* from, int64_t count) {
    constexpr int64_t W = width<T>;
    const auto copy_vector = [=](int64_t k) PYDL_INLINE_LAMBDA {
        store(to + k, even_lanes_of_run(load(from + 2 * k), load(from + 2 * k + W - 1)));
    };
    if (count >= W) {
        for (int64_t k = 0; k + W < count; k += W) copy_vector(k);
        return copy_vector(count - W);
    }
    const int64_t left = 2 * count - 1;
    store_partial(to, even_lanes(load_partial(from, left), load_partial(from + W, left - W)), count);
}

// to[k * to_stride] = from[k * from_stride] for k < count.
template <typename T>
inline void copy_line(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t count) {
    if (to_stride == 1 && from_stride == 1) {
        copy_row(to, from, count);
    } else if (to_stride == 1 && from_stride == 2 && count > 0) {
        copy_every_second(to, from, count);
    } else {
        for (int64_t k = 0; k < count; k++) to[k * to_stride] = from[k * from_stride];
    }
}

// to[k] = 0 for begin <= k < end, in vectors that may reach beyond on either side, within [0, count).
template <typename T>
inline void clear_row(T* to, int64_t begin, int64_t end, int64_t count) {
    constexpr int64_t W = width<T>;
    for (int64_t k = begin; k < end; k += W) {
        const int64_t at = k + W <= count ? k : count > W ? count - W : 0;
        store_partial(to + at, vec<T>{}, count - at);
    }
}

// Rows like this one: element q < count is number first + q * step of `size` numbers, or 0 where there is
// none.
class PaddedRow {
  public:
    PaddedRow(int64_t count, int64_t size, int64_t first, int64_t step)
        : count_(count),
          step_(step),
          begin_(first >= 0 ? 0 : (-first - 1) / step + 1),
          end_(first >= size ? 0 : (size - 1 - first) / step + 1) {
        if (end_ > count) end_ = count;
        if (begin_ > end_) begin_ = end_;
        source_ = first + begin_ * step;
    }
    // The numbers lie `stride` apart. Zeros are left out where they are known to be there already.
    template <typename T>
    void copy(T* to, const T* from, int64_t stride, bool has_zeros = false) const {
        if (begin_ > 0 && !has_zeros) clear_row(to, int64_t(0), begin_, count_);
        if (end_ < count_ && !has_zeros) clear_row(to, end_, count_, count_);
        if (begin_ == end_) return;
        from += source_ * stride;
        if (stride == 1 && step_ == 1)
            copy_row(to + begin_, from, end_ - begin_);
        else if (stride == 1 && step_ == 2)
            copy_every_second(to + begin_, from, end_ - begin_);
        else if (stride == 1 && step_ == 4)
            for (int64_t q = begin_; q < end_; q += width<T>)
                store_partial(to + q, load_every<4>(from + (q - begin_) * 4, end_ - q), end_ - q);
        else
            for (int64_t q = begin_; q < end_; q++) to[q] = from[(q - begin_) * step_ * stride];
    }
    int64_t step() const { return step_; }
    int64_t begin() const { return begin_; }
    int64_t end() const { return end_; }
    // Of element 0, were it inside.
    int64_t first() const { return source_ - begin_ * step_; }

  private:
    int64_t count_, step_, begin_, end_, source_;
};

// Rows of at most two vectors, made of numbers that lie two apart: those from begin to end are read, the
// others are zero.
template <typename T>
class EverySecond {
    static constexpr int64_t W = width<T>;

  public:
    static bool suits(int64_t count) { return count <= 2 * W; }
    int64_t written() const { return is_wide_ ? 2 * W : W; }
    EverySecond(int64_t begin, int64_t end, int64_t count)
        : part_{{2 * begin, 2 * end - 1},
                {2 * begin - W, 2 * end - 1 - W},
                {2 * begin - 2 * W, 2 * end - 1 - 2 * W},
                {2 * begin - 3 * W, 2 * end - 1 - 3 * W}},
          is_wide_(count > W) {}
    // Writes whole vectors.
    PYDL_INLINE void copy(T* to, const T* from) const {
        store(to, even_lanes(part_[0].load(from), part_[1].load(from + W)));
        if (is_wide_) store(to + W, even_lanes(part_[2].load(from + 2 * W), part_[3].load(from + 3 * W)));
    }
    PYDL_INLINE void clear(T* to) const {
        store(to, vec<T>{});
        if (is_wide_) store(to + W, vec<T>{});
    }

  private:
    const LaneRange<T> part_[4];
    const bool is_wide_;
};

// to[q] = from[first + q * step], where that lies in [0, size), else 0, for q < count. from has the stride
// given.
template <typename T>
inline void copy_padded(T* to, int64_t count, const T* from, int64_t stride, int64_t size, int64_t first,
                        int64_t step, bool has_zeros = false) {
    PaddedRow(count, size, first, step).copy(to, from, stride, has_zeros);
}

// How the frames of a convolution are laid out, and where its taps are in them.
class FrameLayout {
  public:
    // For runs of up to `run_rows` output rows of one image and all columns.
    FrameLayout(const Axis& rows, const Axis& columns, int64_t run_rows)
        : FrameLayout(rows, columns, run_rows, columns.outputs, false) {}
    // For `run_columns` of the columns. columns_apart: with a plane for each column tap, as wide as these.
    FrameLayout(const Axis& rows, const Axis& columns, int64_t run_rows, int64_t run_columns,
                bool columns_apart)
        : rows_(rows, run_rows),
          columns_(columns, run_columns, columns_apart),
          tap_(rows.taps * columns.taps) {
        for (int64_t u = 0; u < rows.taps; u++)
            for (int64_t v = 0; v < columns.taps; v++) {
                const int64_t plane = rows_.plane(u) * columns_.count() + columns_.plane(v);
                tap_[u * columns.taps + v] =
                    (plane * rows_.length() + rows_.offset(u)) * pitch() + columns_.offset(v);
            }
    }
    // From one output row to the next, and from one channel to the next.
    int64_t pitch() const { return columns_.length(); }
    int64_t channel() const { return rows_.count() * columns_.count() * rows_.length() * pitch(); }
    const Planes& rows() const { return rows_; }
    const Planes& columns() const { return columns_; }
    // Where taps (u, v), in order, find the pixel of output (0, 0).
    const int64_t* taps() const { return tap_.data(); }

    // The frame of `rows` output rows from row i on and of the columns from j on, of `channels` channels from
    // `channel` on of image n. has_zeros: the frame was last filled for the same rows, and has the zeros
    // around them.
    template <typename X, typename T>
    void fill(T* frame, const Images<X>& x, int64_t n, int64_t channel, int64_t channels, int64_t i,
              int64_t rows, bool has_zeros = false, int64_t j = 0) const {
        const int64_t planes = rows_.count() * columns_.count();
        // As many channels at a time as stay in the first-level cache until the last plane has been made.
        const int64_t reach = rows * rows_.axis().stride, height = rows_.axis().source,
                      read = (reach < height ? reach : height) * columns_.axis().source,
                      some = planes == 1 ? channels : 4096 / (read + 1) + 1;
        for (int64_t c = 0; c < channels; c += some, frame += some * this->channel())
            fill_planes(frame, x, n, channel + c, c + some < channels ? some : channels - c, i, rows,
                        has_zeros, j);
    }

  private:
    template <typename X, typename T>
    void fill_planes(T* frame, const Images<X>& x, int64_t n, int64_t channel, int64_t channels, int64_t i,
                     int64_t rows, bool has_zeros, int64_t j) const {
        const int64_t step = rows_.axis().stride, size = this->channel();
        for (int64_t pu = 0; pu < rows_.count(); pu++)
            for (int64_t pv = 0; pv < columns_.count(); pv++) {
                T* to = frame + (pu * columns_.count() + pv) * rows_.length() * pitch();
                const int64_t top = rows_.source(pu, i), left = columns_.source(pv, j);
                const PaddedRow line(pitch(), columns_.axis().source, left, columns_.axis().stride);
                for (int64_t c = channel; c < channel + channels; c++, to += size)
                    fill_plane(to, x.at(n, c), x.stride, top, step, rows_.length(rows), left, line,
                               has_zeros);
            }
    }
    // One plane: row q comes from the source's row top + q * step, its columns, `line`, from `left` on.
    template <typename T>
    void fill_plane(T* to, const T* x, const int64_t (&stride)[4], int64_t top, int64_t step, int64_t rows,
                    int64_t left, const PaddedRow& line, bool has_zeros) const {
        const int64_t height = rows_.axis().source, columns = columns_.axis().source;
        if (pitch() == 1 && left >= 0 && left < columns) {  // images of one column: its numbers are a row
            copy_padded(to, rows, x + left * stride[3], stride[2], height, top, step, has_zeros);
            return;
        }
        int64_t q = 0, h = top;
        if (has_special_kernels && stride[3] == 1 && line.step() == 2 && EverySecond<T>::suits(pitch())) {
            const EverySecond<T> lanes(line.begin(), line.end(), pitch());
            const T* first = x + line.first();
            // What is written beyond a row are zeros in front of later ones, which have to exist.
            const int64_t whole = rows - (lanes.written() - 1) / pitch();
            for (; q < whole; q++, h += step, to += pitch())
                if (h >= 0 && h < height) {
                    const T* row = first + h * stride[2];
                    prefetch(row + 2048 / int64_t(sizeof(T)));
                    lanes.copy(to, row);
                } else if (!has_zeros) {
                    lanes.clear(to);
                }
        }
        for (; q < rows; q++, h += step, to += pitch()) {
            if (h >= 0 && h < height) {
                const T* row = x + h * stride[2];
                // Rows are too short for the processor to see where they lead.
                for (int64_t k = 0; stride[3] == 1 && k < columns; k += 64 / int64_t(sizeof(T)))
                    prefetch(row + 2048 / int64_t(sizeof(T)) + k);
                line.copy(to, row, stride[3], has_zeros);
            } else if (!has_zeros) {
                clear_row(to, int64_t(0), pitch(), pitch());
            }
        }
    }

    Planes rows_, columns_;
    Scratch<int64_t> tap_;
};

}  // namespace pydl::PYDL_ISA
