// Pooling with windows of 3x3 that are two columns apart, the most common ones, without a copy: rows of
// windows are combined down, and columns with those next to them, which are lanes of the same vectors and of
// those to their left.
//
//     rows    a b c d e f g h             even   A C E G                            windows   . + A + B
//     ...                                                                                     B + C + D
//             i j k l m n o p   -> A ...  odd    B D F H     to their left  . B D F             ...
#pragma once
#include "pooling/pooling.h"

namespace pydl::PYDL_ISA {

// The last lane of a and then all but the last of b.
template <typename V, int... I>
PYDL_INLINE V shifted(V a, V b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (I + int(sizeof...(I)) - 1)...);
}

// A row of windows. Of columns of one and of three padded ones the first is at an odd place: without padding
// it is what the first window has to its left.
template <typename T, typename Combine>
class ShiftedRow {
  public:
    ShiftedRow(const PoolAxis& columns, T neutral, int64_t ahead)
        : neutral_(broadcast<T>(neutral)),
          before_(1 - columns.padding),
          ahead_(ahead),
          windows_(columns.out),
          whole_((columns.size - before_) / (2 * W) * W),
          first_(0, columns.size - before_ - 2 * whole_),
          second_(0, columns.size - before_ - 2 * whole_ - W) {}

    // put(q, windows q, q + 1, ...) for the windows that start in the first of these rows of x. Whether
    // `Combine` has seen all there is.
    template <typename Put>
    PYDL_INLINE bool combine(const T* const (&x)[3], const Put& put) const {
        constexpr auto lanes = std::make_integer_sequence<int, W>{};
        vec<T> sum{}, left = neutral_;
        if (before_ == 1) {
            const Rows rows = {broadcast<T>(*x[0]), broadcast<T>(*x[1]), broadcast<T>(*x[2])};
            left = down(rows), sum = rows.sum();
        }
        for (int64_t q = 0; q < windows_; q += W) {
            const auto at = [&](int i) PYDL_INLINE_LAMBDA { return x[i] + before_ + 2 * q; };
            if (ahead_ > 0)  // the rows that are new; the first was asked for before
                for (int i = 1; i < 3; ++i) prefetch(at(i) + ahead_), prefetch(at(i) + W + ahead_);
            Rows a, b;
            vec<T> low, high;
            if (q < whole_) {
                a = {load(at(0)), load(at(1)), load(at(2))};
                b = {load(at(0) + W), load(at(1) + W), load(at(2) + W)};
                low = down(a), high = down(b);
            } else {
                a = {first_.load(at(0)), first_.load(at(1)), first_.load(at(2))};
                b = {second_.load(at(0) + W), second_.load(at(1) + W), second_.load(at(2) + W)};
                low = first_.select(down(a), neutral_), high = second_.select(down(b), neutral_);
            }
            if constexpr (Combine::loses_nan) sum += a.sum() + b.sum();
            const vec<T> even = even_lanes(low, high), odd = odd_lanes(low, high);
            put(q, combine_(combine_(shifted(left, odd, lanes), even), odd));
            left = odd;
        }
        return !Combine::loses_nan || !any(sum != sum);
    }

  private:
    static constexpr int W = width<T>;
    struct Rows {
        vec<T> row[3];
        PYDL_INLINE vec<T> sum() const { return (row[0] + row[1]) + row[2]; }
    };
    PYDL_INLINE vec<T> down(const Rows& x) const { return combine_(combine_(x.row[0], x.row[1]), x.row[2]); }

    Combine combine_;
    vec<T> neutral_;
    int64_t before_, ahead_, windows_, whole_;  // of the windows, those of whole vectors
    LaneRange<T> first_, second_;               // the lanes that are columns of the last two
};

// All rows of windows: finish(windows, z, p, q) of windows q, q + 1, ... of row p of slice z.
template <typename T, typename Combine, typename Finish>
void pool_shifted(const Array<const T, 5>& x, T* y, const PoolWindows& w, T neutral, const Finish& finish) {
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, H = w.rows.size;
    parallel_for(x.shape[0] * x.shape[1] * OD * OH, row_grain(3 * w.columns.size),
                 [&](int64_t begin, int64_t end) {
                     const Volumes<const T> volumes(x);
                     const int64_t ahead = is_far(x) ? kAheadOfPool : 0;
                     const ShiftedRow<T, Combine> row(w.columns, neutral, ahead);
                     const ShiftedRow<T, typename Combine::Exact> exact(w.columns, neutral, 0);
                     const Scratch<T> outside(w.columns.size);  // the rows above and below
                     fill_row(outside.data(), w.columns.size, neutral);
                     int64_t plane = begin / OH / OD, z = begin / OH % OD, p = begin % OH;
                     const int64_t step = x.stride[3], down = w.rows.stride;
                     const Finish done = finish;
                     const T* slice = nullptr;
                     T* to = y + begin * OW;
                     for (int64_t left = (end - begin) * OW; left > 0; left -= OW, to += OW) {
                         if (slice == nullptr) slice = volumes.at(plane) + w.depth.start(z) * x.stride[2];
                         const T* rows[3];
                         int64_t h = p * down - w.rows.padding;
#pragma GCC unroll 3
                         for (int i = 0; i < 3; ++i, ++h)
                             rows[i] = h >= 0 && h < H ? slice + h * step : outside.data();
                         // A copy, which no store can change. What is written beyond a row belongs to the
                         // next one, and is written again.
                         const ShiftedRow<T, Combine> own = row;
                         const auto put = [&](int64_t q, vec<T> all) PYDL_INLINE_LAMBDA {
                             store_partial(to + q, done(all, z, p, q), left - q);
                         };
                         if (!own.combine(rows, put)) exact.combine(rows, put);
                         if (++p < OH) continue;
                         p = 0, slice = nullptr;
                         if (++z == OD) z = 0, ++plane;
                     }
                 });
}

constexpr int64_t kLongRowOfPool = 128;

// Whether that is done: for windows of 3 x 3, two columns apart, which are the most common.
template <typename Combine, typename T, typename Finish>
bool pools_shifted(const Array<const T, 5>& x, T* y, const PoolWindows& w, T neutral, const Finish& finish) {
    if constexpr (has_special_kernels && std::is_same_v<T, float>) {
        const auto plain = [](const PoolAxis& axis) {
            return axis.kernel == 3 && axis.dilation == 1 && axis.padding < axis.kernel;
        };
        if (w.depth.kernel != 1 || w.depth.padding > 0 || !plain(w.rows) || !plain(w.columns)) return false;
        if (w.columns.padding > 1) return false;
        // Not rows that leave much of vectors empty.
        if (w.columns.stride != 2 || x.stride[4] != 1 || 2 * w.columns.out <= width<T>) return false;
        // Long rows of images that are far come faster one at a time than three.
        if (w.columns.size >= kLongRowOfPool && is_far(x)) return false;
        pool_shifted<T, Combine>(x, y, w, neutral, finish);
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
