// Pooling with windows of 3x3 that are two columns apart, the most common ones, without a copy: rows of
// windows are combined down, and columns with those next to them, which are lanes of the same vectors and of
// those to their right.
//
//     rows    a b c d e f g h             even   A C E G     and to their right    C E G I     windows  A+B+C
//     ...
//             i j k l m n o p   -> A ...  odd    B D F H
#pragma once
#include "pooling/pooling.h"

namespace pydl::PYDL_ISA {

// Lanes 1, 2, ... of a and then the first of b.
template <typename V, int... I>
PYDL_INLINE V shifted(V a, V b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (I + 1)...);
}

// A row of windows. Columns count from the left of the padding.
template <typename T, typename Combine>
class ShiftedRow {
  public:
    // Vectors of columns, of which `present` has as many.
    static int64_t vectors(const PoolAxis& columns) { return ((columns.out + W - 1) / W + 1) * 2; }
    ShiftedRow(const PoolAxis& columns, T neutral, const Combine& combine, int64_t ahead,
               LaneRange<T>* present)
        : combine_(combine),
          neutral_(broadcast<T>(neutral)),
          present_(present),
          padding_(columns.padding),
          ahead_(ahead),
          vectors_(vectors(columns)) {
        const int64_t end = padding_ + columns.size;
        for (int64_t v = 0; v < vectors_; ++v) present[v] = LaneRange<T>(padding_ - v * W, end - v * W);
        inside_ = padding_ > 0 ? 2 : 0, whole_ = end / W / 2 * 2;
    }

    // put(q, windows q, q + 1, ...) for the windows that start in the first of these rows of x.
    template <typename Put>
    PYDL_INLINE void combine(const T* const (&x)[3], const Put& put) const {
        Columns here = columns<true>(x, 0);
        for (int64_t v = 2; v < vectors_; v += 2) {  // the last ones are what the others have to their right
            const Columns right = v >= inside_ && v < whole_ ? columns<false>(x, v) : columns<true>(x, v);
            const auto next = shifted(here.even, right.even, std::make_integer_sequence<int, W>{});
            put((v / 2 - 1) * W, combine_(combine_(here.even, here.odd), next));
            here = right;
        }
    }

  private:
    static constexpr int W = width<T>;
    struct Columns {
        vec<T> even, odd;
    };

    template <bool Edge>
    PYDL_INLINE vec<T> down(const T* const (&x)[3], int64_t v) const {
        // The rows that are new; the first was asked for before.
        prefetch(x[2] + v * W + ahead_);
        prefetch(x[1] + v * W + ahead_);
        const auto row = [&](int i) PYDL_INLINE_LAMBDA {
            const T* const from = x[i] + (v * W - padding_);
            return Edge ? present_[v].load(from) : load(from);
        };
        const vec<T> all = combine_(combine_(row(0), row(1)), row(2));
        return Edge ? present_[v].select(all, neutral_) : all;
    }
    template <bool Edge>
    PYDL_INLINE Columns columns(const T* const (&x)[3], int64_t v) const {
        const vec<T> a = down<Edge>(x, v), b = down<Edge>(x, v + 1);
        return {even_lanes(a, b), odd_lanes(a, b)};
    }

    Combine combine_;
    vec<T> neutral_;
    const LaneRange<T>* present_;
    int64_t padding_, ahead_, vectors_, inside_, whole_;  // vectors [inside_, whole_) see no padding
};

// All rows of windows: finish(windows, z, p, q) of windows q, q + 1, ... of row p of slice z.
template <typename T, typename Combine, typename Finish>
void pool_shifted(const Array<const T, 5>& x, T* y, const PoolWindows& w, T neutral, const Combine& combine,
                  const Finish& finish) {
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, H = w.rows.size;
    parallel_for(x.shape[0] * x.shape[1] * OD * OH, row_grain(3 * w.columns.size),
                 [&](int64_t begin, int64_t end) {
                     const Volumes<const T> volumes(x);
                     using Row = ShiftedRow<T, Combine>;
                     const Scratch<LaneRange<T>> present(Row::vectors(w.columns));
                     const Row row(w.columns, neutral, combine, is_far(x) ? kAheadOfPool : 0, present.data());
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
                         const Row own = row;
                         own.combine(rows, [&](int64_t q, vec<T> all) PYDL_INLINE_LAMBDA {
                             store_partial(to + q, done(all, z, p, q), left - q);
                         });
                         if (++p < OH) continue;
                         p = 0, slice = nullptr;
                         if (++z == OD) z = 0, ++plane;
                     }
                 });
}

constexpr int64_t kLongRowOfPool = 128;

// Whether that is done: for windows of 3 x 3, two columns apart, which are the most common.
template <typename T, typename Combine, typename Finish>
bool pools_shifted(const Array<const T, 5>& x, T* y, const PoolWindows& w, T neutral, const Combine& combine,
                   const Finish& finish) {
    if constexpr (has_special_kernels && std::is_same_v<T, float>) {
        const auto plain = [](const PoolAxis& axis) {
            return axis.kernel == 3 && axis.dilation == 1 && axis.padding < axis.kernel;
        };
        if (w.depth.kernel != 1 || w.depth.padding > 0 || !plain(w.rows) || !plain(w.columns)) return false;
        // Not rows that leave much of vectors empty.
        if (w.columns.stride != 2 || x.stride[4] != 1 || 8 * w.columns.out < 7 * width<T>) return false;
        // Long rows of images that are far come faster one at a time than three.
        if (w.columns.size >= kLongRowOfPool && is_far(x)) return false;
        pool_shifted(x, y, w, neutral, combine, finish);
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
