// Max pooling with windows of 3x3 that are two columns apart, the most common ones, without a copy and
// without numbers: rows of windows are compared down, and columns with those next to them, which are lanes of
// the same vectors and of those to their left.
//
//     rows    a b c d e f g h             even   A C E G                            windows   . + A + B
//     ...                                                                                     B + C + D
//             i j k l m n o p   -> A ...  odd    B D F H     to their left  . B D F             ...
#pragma once
#include "pooling/ahead.h"
#include "pooling/pooling.h"

namespace pydl::PYDL_ISA {

// The last lane of a and then all but the last of b.
template <typename V, int... I>
PYDL_INLINE V shifted(V a, V b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (I + int(sizeof...(I)) - 1)...);
}

// A row of windows. Of columns of one and of three padded ones the first is at an odd place: without padding
// it is what the first window has to its left.
template <typename T>
class ShiftedRow {
  public:
    static constexpr T padding = -__builtin_inff();
    ShiftedRow(const PoolAxis& columns, bool far)
        : before_(1 - columns.padding),
          windows_(columns.out),
          whole_((columns.size - before_) / (2 * W) * W),
          far_(far),
          first_(0, columns.size - before_ - 2 * whole_),
          second_(0, columns.size - before_ - 2 * whole_ - W) {}

    // put(q, windows q, q + 1, ...) for the windows that start in the first of these rows of x. Whether there
    // is no NaN, which maxima in one instruction may lose: the sum of all would have it.
    template <typename Put>
    PYDL_INLINE bool pool(const T* const (&x)[3], const Put& put) const {
        constexpr auto lanes = std::make_integer_sequence<int, W>{};
        const vec<T> least = broadcast<T>(padding);
        vec<T> sum{}, left = least;
        if (before_ == 1) {
            const Rows rows = {broadcast<T>(*x[0]), broadcast<T>(*x[1]), broadcast<T>(*x[2])};
            left = down(rows), sum = rows.sum();
        }
        for (int64_t q = 0; q < windows_; q += W) {
            const auto at = [&](int i) PYDL_INLINE_LAMBDA { return x[i] + before_ + 2 * q; };
            if (far_)  // the rows that are new; the first was asked for before
                prefetch_row_pair<true>(at(1), at(2));
            Rows a, b;
            vec<T> low, high;
            if (q < whole_) {
                a = {load(at(0)), load(at(1)), load(at(2))};
                b = {load(at(0) + W), load(at(1) + W), load(at(2) + W)};
                low = down(a), high = down(b);
            } else {
                a = {first_.load(at(0)), first_.load(at(1)), first_.load(at(2))};
                b = {second_.load(at(0) + W), second_.load(at(1) + W), second_.load(at(2) + W)};
                low = first_.select(down(a), least), high = second_.select(down(b), least);
            }
            sum += a.sum() + b.sum();
            const vec<T> even = even_lanes(low, high), odd = odd_lanes(low, high);
            put(q, larger(larger(shifted(left, odd, lanes), even), odd));
            left = odd;
        }
        return !any(sum != sum);
    }

  private:
    static constexpr int W = width<T>;
    struct Rows {
        vec<T> row[3];
        PYDL_INLINE vec<T> sum() const { return (row[0] + row[1]) + row[2]; }
    };
    PYDL_INLINE static vec<T> larger(vec<T> a, vec<T> b) { return a > b ? a : b; }
    PYDL_INLINE static vec<T> down(const Rows& x) { return larger(larger(x.row[0], x.row[1]), x.row[2]); }

    int64_t before_, windows_, whole_;  // of the windows, those of whole vectors
    bool far_;
    LaneRange<T> first_, second_;  // the lanes that are columns of the last two
};

// All rows of windows. Whether that is done: where there is NaN it is left to others.
template <typename T>
bool max_pool_shifted(const Array<const T, 5>& x, const PoolWindows& w, T* y) {
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, H = w.rows.size;
    bool numbers = true;
    parallel_for(x.shape[0] * x.shape[1] * OD * OH, row_grain(3 * w.columns.size),
                 [&](int64_t begin, int64_t end) {
                     const Volumes<const T> volumes(x);
                     const ShiftedRow<T> row(w.columns, is_far(x));
                     const Scratch<T> outside(w.columns.size);  // the rows above and below
                     fill_row(outside.data(), w.columns.size, ShiftedRow<T>::padding);
                     int64_t plane = begin / OH / OD, z = begin / OH % OD, p = begin % OH;
                     const int64_t step = x.stride[3], down = w.rows.stride;
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
                         const ShiftedRow<T> own = row;
                         const auto put = [&](int64_t q, vec<T> all)
                                              PYDL_INLINE_LAMBDA { store_partial(to + q, all, left - q); };
                         if (!own.pool(rows, put)) __atomic_store_n(&numbers, false, __ATOMIC_RELAXED);
                         if (++p < OH) continue;
                         p = 0, slice = nullptr;
                         if (++z == OD) z = 0, ++plane;
                     }
                 });
    return numbers;
}

constexpr int64_t kLongRowOfPool = 128;

// Whether that is done: for windows of 3 x 3, two columns apart, which are the most common.
template <typename T>
bool max_pools_shifted(const Array<const T, 5>& x, const PoolWindows& w, T* y) {
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
        return max_pool_shifted(x, w, y);
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
