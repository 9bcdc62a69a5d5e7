// The weight gradient where groups have one feature, such as a depthwise convolution's: with output channels
// as lanes most of them would be empty, so the lanes are pixels. Each weight is then a dot product of two
// images,
//
//     dw[o, (c, u, v)] = sum over (n, i, j) of  dy[n, o, i, j] * frame[tap (c, u, v), (i, j)],
//
// and a block of features and taps is added up at a time, so that each vector is loaded once for many of
// them.
#pragma once

#include "conv2d/shape.h"
#include "gemm/blocked.h"

namespace pydl::PYDL_ISA {

// Taps of a block with so many features: as many sums as there are registers for.
template <int Features>
inline constexpr int dot_taps = Features == 1    ? 9
                                : many_registers ? 24 / Features
                                                 : 12 / Features;

// Images with their rows `row` apart, one for each feature, `feature` apart.
template <typename T>
struct Slopes {
    const T* data;
    int64_t feature, row;
};

// acc[f][t] += sum over `rows` rows of dy[f] * frame, at the offsets of the taps.
template <typename T, int F>
void dot_rows(vec<T>* acc, Slopes<T> dy, const T* frame, const int64_t* offset, int64_t frame_pitch,
              int64_t rows, int64_t columns) {
    constexpr int taps = dot_taps<F>;
    vec<T> sum[F][taps];
    const T* tap[taps];
#pragma GCC unroll 16
    for (int t = 0; t < taps; t++) {
        tap[t] = frame + offset[t];
#pragma GCC unroll 8
        for (int f = 0; f < F; f++) sum[f][t] = acc[f * taps + t];
    }
    for (int64_t i = 0; i < rows; i++, dy.data += dy.row) {
        int64_t j = 0;
        for (; j + width<T> <= columns; j += width<T>) {
            vec<T> slope[F];
#pragma GCC unroll 8
            for (int f = 0; f < F; f++) slope[f] = load(dy.data + f * dy.feature + j);
#pragma GCC unroll 16
            for (int t = 0; t < taps; t++) {
                const vec<T> pixel = load(tap[t] + i * frame_pitch + j);
#pragma GCC unroll 8
                for (int f = 0; f < F; f++) sum[f][t] = fma(slope[f], pixel, sum[f][t]);
            }
        }
        if (j < columns) {
            // Both sides cut off: beyond the row's end a frame may hold infinities, which times 0 are not 0.
            vec<T> slope[F];
#pragma GCC unroll 8
            for (int f = 0; f < F; f++) slope[f] = load_partial(dy.data + f * dy.feature + j, columns - j);
#pragma GCC unroll 16
            for (int t = 0; t < taps; t++) {
                const vec<T> pixel = load_partial(tap[t] + i * frame_pitch + j, columns - j);
#pragma GCC unroll 8
                for (int f = 0; f < F; f++) sum[f][t] = fma(slope[f], pixel, sum[f][t]);
            }
        }
    }
#pragma GCC unroll 16
    for (int t = 0; t < taps; t++)
#pragma GCC unroll 8
        for (int f = 0; f < F; f++) acc[f * taps + t] = sum[f][t];
}

// sum + all numbers of `rows` rows, in two chains, since each addition waits for the one before.
template <typename T>
vec<T> add_rows(vec<T> sum, const T* from, int64_t pitch, int64_t rows, int64_t columns) {
    vec<T> other{};
    for (int64_t i = 0; i < rows; i++, from += pitch) {
        int64_t j = 0;
        for (; j + 2 * width<T> <= columns; j += 2 * width<T>) {
            sum += load(from + j);
            other += load(from + j + width<T>);
        }
        for (; j < columns; j += width<T>) sum += load_partial(from + j, columns - j);
    }
    return sum + other;
}

template <typename T, int F>
class DottedGradient {
    static constexpr int block_taps = dot_taps<F>;

  public:
    DottedGradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s)
        : dy_(dy),
          x_(x),
          s_(s),
          channels_(s.C / s.groups),
          features_(s.O / s.groups),
          weights_(channels_ * s.U * s.V),
          stripes_(s.I, 1 + (1 + 16384 / channels_ / s.rows.stride / s.columns.stride) / s.J),
          strips_(s.N * stripes_.count),
          parts_(strips_, (strips_ * s.groups - 1) / 16 + 1),
          layout_(s.rows, s.columns, stripes_.size),
          blocks_((weights_ + block_taps - 1) / block_taps),
          offset_(blocks_ * block_taps),
          row_size_(blocks_ * block_taps + 1),
          partial_(s.groups * parts_.count * whole_features() * row_size_) {
        // What fills the last block reads where the first tap does.
        for (int64_t k = 0; k < blocks_ * block_taps; k++) {
            const int64_t w = k < weights_ ? k : 0, taps = s.U * s.V;
            offset_[k] = w / taps * layout_.channel() + layout_.taps()[w % taps];
        }
    }

    void run(const Array<T, 4>& dw, T* db, int64_t db_stride) {
        const int64_t work = parts_.size * stripes_.size * s_.J * whole_features() * row_size_;
        parallel_for(s_.groups * parts_.count, 1 + GemmBlocks<T>::thread_work / (work + 1),
                     [&](int64_t begin, int64_t end) {
                         for (int64_t task = begin; task < end; task++)
                             add_up(task / parts_.count, task % parts_.count, sums(task));
                     });
        for (int64_t o = 0; o < s_.O; o++) {
            const int64_t first = o / features_ * parts_.count, row = o % features_ * row_size_;
            const auto total = [&](int64_t k) {
                T sum = T(0);
                for (int64_t part = 0; part < parts_.count; part++) sum += sums(first + part)[row + k];
                return sum;
            };
            for (int64_t k = 0; k < weights_; k++)
                dw(o, k / (s_.U * s_.V), k / s_.V % s_.U, k % s_.V) = total(k);
            if (db != nullptr) db[o * db_stride] = total(blocks_ * block_taps);
        }
    }

  private:
    int64_t whole_features() const { return (features_ + F - 1) / F * F; }
    T* sums(int64_t task) const { return partial_.data() + task * whole_features() * row_size_; }

    // sum[o][k] for one part of the strips: the taps, and behind them the bias.
    void add_up(int64_t group, int64_t part, T* sum) const {
        const int64_t blocks = whole_features() / F * blocks_;
        const Scratch<T> frame(channels_ * layout_.channel() + width<T>),
            rows_of_dy(dy_.stride[3] == 1 && features_ % F == 0 ? 0
                                                                : whole_features() * stripes_.size * s_.J);
        const Scratch<vec<T>> acc(blocks * F * block_taps), bias(features_);
        for (int64_t k = 0; k < blocks * F * block_taps; k++) acc[k] = vec<T>{};
        for (int64_t o = 0; o < features_; o++) bias[o] = vec<T>{};
        int64_t filled = -1;  // the stripe that the frame has the zeros of
        for (int64_t strip = parts_.begin(part); strip < parts_.begin(part) + parts_.length(part, strips_);
             strip++) {
            const int64_t n = strip / stripes_.count, stripe = strip % stripes_.count;
            const int64_t top = stripes_.begin(stripe), rows = stripes_.length(stripe, s_.I);
            layout_.fill(frame.data(), x_, n, group * channels_, channels_, top, rows, stripe == filled);
            filled = stripe;
            const Slopes<T> slopes = slopes_of(rows_of_dy.data(), n, group, top, rows);
            // Rows that lie one behind another on both sides are one.
            const bool flat = slopes.row == s_.J && layout_.pitch() == s_.J;
            const int64_t lines = flat ? 1 : rows, length = flat ? rows * s_.J : s_.J;
            for (int64_t o = 0; o < features_; o++)
                bias[o] = add_rows<T>(bias[o], slopes.data + o * slopes.feature, slopes.row, lines, length);
            for (int64_t b = 0; b < blocks; b++) {
                const Slopes<T> own = {slopes.data + b / blocks_ * F * slopes.feature, slopes.feature,
                                       slopes.row};
                dot_rows<T, F>(&acc[b * F * block_taps], own, frame.data(),
                               &offset_[b % blocks_ * block_taps], layout_.pitch(), lines, length);
            }
        }
        for (int64_t b = 0; b < blocks; b++)
            for (int f = 0; f < F; f++)
                for (int t = 0; t < block_taps; t++)
                    sum[(b / blocks_ * F + f) * row_size_ + b % blocks_ * block_taps + t] =
                        reduce_add(acc[(b * F + f) * block_taps + t]);
        for (int64_t o = 0; o < features_; o++) sum[o * row_size_ + row_size_ - 1] = reduce_add(bias[o]);
    }

    // dy of some rows, in place, or copied where its columns are apart or the last block of features is not
    // whole.
    Slopes<T> slopes_of(T* copy, int64_t n, int64_t group, int64_t top, int64_t rows) const {
        const T* from = dy_.at(n, group * features_) + top * dy_.stride[2];
        if (dy_.stride[3] == 1 && features_ % F == 0) return {from, dy_.stride[1], dy_.stride[2]};
        const Slopes<T> slopes = {copy, stripes_.size * s_.J, s_.J};
        for (int64_t o = 0; o < whole_features(); o++)
            for (int64_t i = 0; i < rows; i++)
                copy_padded<T>(copy + o * slopes.feature + i * slopes.row, s_.J,
                               from + (o < features_ ? o : 0) * dy_.stride[1] + i * dy_.stride[2],
                               dy_.stride[3], s_.J, 0, 1);
        return slopes;
    }

    const Images<const T>&dy_, &x_;
    const Conv2dShape& s_;
    int64_t channels_, features_, weights_;
    Parts stripes_;
    int64_t strips_;
    Parts parts_;
    FrameLayout layout_;
    int64_t blocks_;
    Scratch<int64_t> offset_;
    int64_t row_size_;
    Scratch<T> partial_;
};

}  // namespace pydl::PYDL_ISA
