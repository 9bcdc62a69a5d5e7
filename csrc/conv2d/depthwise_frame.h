// A copy of some rows of an image for a depthwise convolution: every row begins at a multiple of the vector
// width, and the zeros around the image are written out, the same ones behind one row and before the next.
//
//     stride 1, padding 1      . a b c d . . . . e f g h . . . .      rows `pitch` apart
//
// With a stride of 2 along the row its even columns come first, then, a `phase` further on, the odd ones;
// with one of 3 or 4 there are as many phases. So the pixels that one tap reads for neighbouring outputs are
// neighbours, at a fixed place.
#pragma once

#include "conv2d/frame.h"
#include "conv2d/planes_ahead.h"
#include "gemm/pack.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {

// How the taps of one row lie: tap v of output j reads phase (place % stride), column j + place / stride.
struct RowTaps {
    int64_t source, outputs, stride;
    int64_t least, most;  // of the columns that the taps of output 0 read

    explicit RowTaps(const Axis& axis)
        : source(axis.source), outputs(axis.outputs), stride(axis.stride), least(0), most(0) {
        for (int64_t v = 0; v < axis.taps; v++) add(axis.origin + v * axis.dilation);
    }
    void add(int64_t place) {
        const int64_t column = column_of(place);
        if (column < least) least = column;
        if (column > most) most = column;
    }
    // Rounded down, also below 0.
    int64_t column_of(int64_t place) const { return (place - phase_of(place)) / stride; }
    int64_t phase_of(int64_t place) const { return (place % stride + stride) % stride; }
    // Zeros that some output reads before or behind a row.
    int64_t zeros() const {
        const int64_t behind = outputs + most - source / stride;
        return behind > -least ? behind : -least;
    }
};

// Whether frames of such rows are of a sensible size.
inline bool suits_row_frame(const Axis& columns) {
    return columns.stride <= 4 && columns.taps >= 1 && columns.taps <= 64 && columns.outputs > 0 &&
           columns.source > 0 && RowTaps(columns).zeros() <= columns.outputs + 64;
}

template <int First, typename V, int... I>
PYDL_INLINE V every_third(V a, V b, V c, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I);
    const V some = __builtin_shufflevector(a, b, (First + 3 * I < 2 * n ? First + 3 * I : 0)...);
    return __builtin_shufflevector(some, c, (First + 3 * I < 2 * n ? I : First + 3 * I - n)...);
}
// Of so many neighbouring vectors, those made of every second, third or fourth number, from the first, the
// second, ... on.
template <typename T, int Stride>
PYDL_INLINE void sort_by_phase(vec<T> (&v)[Stride]) {
    if constexpr (Stride == 2) {
        const vec<T> even = even_lanes(v[0], v[1]);
        v[1] = odd_lanes(v[0], v[1]), v[0] = even;
    } else if constexpr (Stride == 3) {
        constexpr auto lanes = std::make_integer_sequence<int, width<T>>{};
        const vec<T> a = v[0], b = v[1], c = v[2];
        v[0] = every_third<0>(a, b, c, lanes);
        v[1] = every_third<1>(a, b, c, lanes);
        v[2] = every_third<2>(a, b, c, lanes);
    } else {
        const vec<T> even[2] = {even_lanes(v[0], v[1]), even_lanes(v[2], v[3])},
                     odd[2] = {odd_lanes(v[0], v[1]), odd_lanes(v[2], v[3])};
        v[0] = even_lanes(even[0], even[1]), v[2] = odd_lanes(even[0], even[1]);
        v[1] = even_lanes(odd[0], odd[1]), v[3] = odd_lanes(odd[0], odd[1]);
    }
}

template <typename T>
class RowFrame {
    static constexpr int64_t W = width<T>;

  public:
    // For up to `rows` rows of the image at once, `channels` times.
    RowFrame(const RowTaps& taps, int64_t rows, int64_t channels)
        : taps_(taps),
          phase_(whole_vectors<T>((taps.source + taps.stride - 1) / taps.stride + taps.zeros())),
          lead_(whole_vectors<T>(-taps.least)),
          channel_(lead_ + rows * pitch()) {
        size_ = channels * channel_ + W + taps.most;
    }
    int64_t pitch() const { return taps_.stride * phase_; }
    int64_t channel() const { return channel_; }
    int64_t size() const { return size_; }
    // Where a tap finds the pixel of output 0 of the first row.
    int64_t place(int64_t place) const {
        return lead_ + taps_.phase_of(place) * phase_ + taps_.column_of(place);
    }

    // Once for each piece of memory that frames are to be made in.
    void clear(T* frame) const { clear_row(frame, int64_t(0), size_, size_); }

    // The image's rows [top, top + rows), which may lie outside of it.
    void fill(T* frame, const T* x, int64_t row_stride, int64_t column_stride, int64_t height, int64_t top,
              int64_t rows) const {
        const int64_t pitch = this->pitch();
        T* to = frame + lead_;
        int64_t first = top < 0 ? -top : 0, last = height - top;
        if (last > rows) last = rows;
        if (last < 0) last = 0;
        if (first > last) first = last;
        clear_row(to, int64_t(0), first * pitch, first * pitch);
        clear_row(to + last * pitch, int64_t(0), (rows - last) * pitch, (rows - last) * pitch);
        to += first * pitch;
        const T* from = x + (top + first) * row_stride;
        if (column_stride != 1 || (sizeof(T) == 8 && taps_.stride > 2))
            copy_apart(to, from, row_stride, column_stride, last - first);
        else if (taps_.stride == 1)
            copy(to, pitch, from, row_stride, last - first, taps_.source);
        else if (taps_.stride == 2)
            split<2>(to, phase_, from, row_stride, last - first, taps_.source);
        else if constexpr (sizeof(T) == 4)
            (taps_.stride == 3 ? split<3> : split<4>)(to, phase_, from, row_stride, last - first,
                                                      taps_.source);
    }

  private:
    // The numbers of a row are no members: a store might change those, for all the compiler knows.
    static void copy(T* to, int64_t pitch, const T* from, int64_t row_stride, int64_t rows, int64_t count) {
        const int64_t whole = count - count % W;
        for (int64_t r = 0; r < rows; r++, to += pitch, from += row_stride) {
            for (int64_t k = 0; k < whole; k += W) store(to + k, load(from + k)), ask_far_ahead(from + k);
            if (whole < count) store(to + whole, load_partial(from + whole, count - whole));
        }
    }
    template <int Stride>
    static void split(T* to, int64_t phase, const T* from, int64_t row_stride, int64_t rows, int64_t count) {
        for (int64_t r = 0; r < rows; r++, to += Stride * phase, from += row_stride)
            for (int64_t k = 0; k < count; k += Stride * W) {
                vec<T> lanes[Stride];
                ask_far_ahead<Stride>(from + k);
#pragma GCC unroll 4
                for (int64_t v = 0; v < Stride; v++)
                    lanes[v] = k + Stride * W <= count ? load(from + k + v * W)
                                                       : load_partial(from + k + v * W, count - k - v * W);
                sort_by_phase<T>(lanes);
#pragma GCC unroll 4
                for (int64_t q = 0; q < Stride; q++) store(to + q * phase + k / Stride, lanes[q]);
            }
    }
    void copy_apart(T* to, const T* from, int64_t row_stride, int64_t column_stride, int64_t rows) const {
        for (int64_t r = 0; r < rows; r++, to += pitch(), from += row_stride)
            for (int64_t k = 0; k < taps_.source; k++)
                to[k % taps_.stride * phase_ + k / taps_.stride] = from[k * column_stride];
    }

    RowTaps taps_;
    int64_t phase_, lead_, channel_, size_;
};

// Rows of outputs whose frame stays in the first-level cache.
template <typename T>
int64_t depthwise_stripe(int64_t pitch, int64_t channels, int64_t taps, int64_t stride) {
    const int64_t rows = (int64_t(24) << 10) / int64_t(sizeof(T)) / (pitch * channels) - taps;
    return rows < 16 * stride ? 16 : rows / stride;
}

}  // namespace pydl::PYDL_ISA
