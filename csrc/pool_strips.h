// Pooling with small windows, by strips of planes: a vector of windows goes down the rows and keeps what it
// has combined of the rows that the next windows see too.
//
//     strip    windows 0 1 2 ...     row h    combined along: 0 1 2 of it,   kept for the next windows
//              windows 0 1 2 ...     row h+1
//              windows 0 1 2 ...     row h+2
//
// Strips go over a copy of a band of rows, in which the padding is written out. Rows are compared in their
// order, so the first of equals wins. Maxima are taken in one instruction, for numbers alone: what is not
// finite is left to other kernels, and so padding wins nowhere.
#pragma once
#include "avg_divisors.h"
#include "max_pool_best.h"
#include "pool_lanes.h"

namespace pydl::PYDL_ISA {

// A row of a vector of windows, of which `row` is the first element. With stride 2 lanes are by blocks.
template <typename Cell, int KW, int SW, typename T>
PYDL_INLINE Cell combine_row(const T* row) {
    using I = int_of<T>;
    Cell cell;
    const auto meet = [&](int j, vec<T> v) PYDL_INLINE_LAMBDA {
        if (j == 0)
            cell = {v, mask<T>{}};
        else
            cell.meet(v, broadcast<I>(I(j)));
    };
#pragma GCC unroll 4
    for (int j = 0; j < KW; j += SW) {
        const vec<T> a = load(row + j);
        if constexpr (SW == 1) {
            meet(j, a);
        } else {
            const vec<T> b = load(row + j + width<T>);
            meet(j, even_by_blocks(a, b));
            if (j + 1 < KW) meet(j + 1, odd_by_blocks(a, b));
        }
    }
    return cell;
}

// Where a strip of results belongs, row after row. What is written beyond a row belongs to the next one and
// is written again.
template <typename T>
struct StripResults {
    T* y;
    uint8_t* window;  // or null
    int64_t pitch, left;
    T divisor;  // of sums

    template <typename Cell>
    PYDL_INLINE void put(const Cell& cell) {
        store_partial(y, cell.value, left);
        y += pitch;
        if (Cell::numbered && window) {
            store_bytes<T>(window, cell.element, left);
            window += pitch;
        }
        left -= pitch;
    }
};

// What the next band of rows reads and writes, which is asked for a few cache lines at a time while there is
// nothing to wait for.
template <typename T>
struct StripAhead {
    const T *x, *y;
    int64_t step;  // 1, or 0 where all is near

    template <int Lines>
    PYDL_INLINE void ask() {
        constexpr int64_t line = 64 / sizeof(T);
#pragma GCC unroll 4
        for (int l = 0; l < Lines; ++l) prefetch(x + l * line);
        prefetch(y);
        x += step * Lines * line, y += step * line;
    }
};

// `count` rows of a strip of windows, of which x is the first element.
template <typename T>
using StripKernel = void (*)(const T* x, int64_t pitch, int64_t count, StripResults<T> to,
                             StripAhead<T>& ahead);

template <typename Cell, int KH, int SH, int KW, int SW, typename T>
void pool_strip(const T* x, int64_t pitch, int64_t count, StripResults<T> to, StripAhead<T>& next) {
    using I = int_of<T>;
    constexpr int kept = KH > SH ? KH - SH : 0;
    const Divide<T> mean(to.divisor);
    StripAhead<T> ahead = next;
    Cell line[KH];
#pragma GCC unroll 4
    for (int i = 0; i < kept; ++i) line[i] = combine_row<Cell, KW, SW>(x + i * pitch);
    for (; count > 0; --count, x += SH * pitch) {
#pragma GCC unroll 4
        for (int i = kept; i < KH; ++i) line[i] = combine_row<Cell, KW, SW>(x + i * pitch);
        Cell cell = line[0];
#pragma GCC unroll 4
        for (int i = 1; i < KH; ++i) cell.meet(line[i].value, line[i].element + broadcast<I>(I(i * KW)));
#pragma GCC unroll 4
        for (int i = 0; i < kept; ++i) line[i] = line[i + SH];
        if constexpr (Cell::padding == 0) cell.value = mean(cell.value);
        if constexpr (SW == 2) cell = {in_order(cell.value), in_order(cell.element)};
        to.put(cell);
        ahead.template ask<SH * SW>();
    }
    next = ahead;
}

// Bytes of x and y that strips go over before they come to the next rows: they stay in the nearest cache.
constexpr int64_t kPoolBand = 16384;

// The rows of a band with their padding.
template <typename T>
class StripBand {
  public:
    StripBand(const PoolWindows& w, int64_t band, T padding)
        : w_(w),
          padding_(padding),
          before_(whole_vectors(w.columns.padding)),
          rows_((band - 1) * w.rows.stride + w.rows.kernel),
          pitch_(before_ + whole_vectors(room(w.columns))),
          data_(rows_ * pitch_ + 2 * width<T>) {
        // What lies left and right of the input is the same in all rows and stays.
        fill_row(data_.data(), rows_ * pitch_ + 2 * width<T>, padding);
    }
    int64_t pitch() const { return pitch_; }
    // Element 0 of window q of the first row.
    const T* at(int64_t q) const { return data_.data() + before_ + w_.columns.start(q); }

    // What `count` rows of windows from row p on see of a plane. Whether all of it is finite.
    bool fill(const T* x, int64_t row_stride, int64_t p, int64_t count) {
        constexpr int64_t W = width<T>;
        const int64_t wide = w_.columns.size, height = w_.rows.size, whole = wide / (2 * W) * (2 * W);
        const int64_t rows = (count - 1) * w_.rows.stride + w_.rows.kernel;
        vec<T> even{}, odd{};  // sums of zeros; what is not finite remains
        T* to = data_.data() + before_;
        for (int64_t r = 0, h = w_.rows.start(p); r < rows; ++r, ++h, to += pitch_) {
            if (h < 0 || h >= height) {
                fill_row(to, wide, padding_);
                continue;
            }
            const T* from = x + h * row_stride;
            int64_t c = 0;
            for (; c < whole; c += 2 * W) {
                const vec<T> a = load(from + c), b = load(from + c + W);
                store(to + c, a);
                store(to + c + W, b);
                even = fma(a, vec<T>{}, even);
                odd = fma(b, vec<T>{}, odd);
            }
            for (; c < wide; c += W) {
                const vec<T> a = load_partial(from + c, wide - c);
                store_partial(to + c, a, wide - c);
                even = fma(a, vec<T>{}, even);
            }
        }
        even += odd;
        return !any(even != even);
    }

  private:
    // Rows begin where vectors in memory do.
    static int64_t whole_vectors(int64_t count) { return (count + width<T> - 1) / width<T> * width<T>; }
    // Columns from the first of the input to the last that is loaded.
    static int64_t room(const PoolAxis& columns) {
        const int64_t windows = columns.out > width<T> ? columns.out : width<T>;
        const int64_t loaded = columns.start(windows) + columns.kernel + width<T>;
        return loaded > columns.size ? loaded : columns.size;
    }

    const PoolWindows& w_;
    T padding_;
    int64_t before_, rows_, pitch_;
    Scratch<T> data_;
};

// All rows of windows of all slices: sums divided by `divisor`, or maxima where it is 0.
// Whether that is done: maxima are left to others where not all of x is finite.
template <typename T>
bool pool_strips(StripKernel<T> kernel, T divisor, const Array<const T, 5>& x, const PoolWindows& w, T* y,
                 uint8_t* window) {
    constexpr int64_t W = width<T>;
    const PoolAxis& rows = w.rows;
    const bool is_max = divisor == 0;
    bool finite = true;
    const int64_t OD = w.depth.out, OH = rows.out, OW = w.columns.out, wide = w.columns.size;
    const int64_t row_stride = x.stride[3], row_bytes = int64_t(sizeof(T)) * (rows.stride * wide + OW);
    const int64_t most = 4 + kPoolBand / row_bytes, bands = (OH - 1) / most + 1, band = (OH - 1) / bands + 1;
    const bool far = x.size() * int64_t(sizeof(T)) > 1 << 19;
    const auto plane_of = [&](int64_t slice) {
        return volume_of(x, slice / OD) + slice % OD * w.depth.stride * x.stride[2];
    };
    parallel_for(x.shape[0] * x.shape[1] * OD * bands, row_grain(rows.stride * wide * band),
                 [&](int64_t begin, int64_t end) {
                     const int64_t results = (end / bands * OH + at_most(end % bands * band, OH)) * OW;
                     StripBand<T> seen(w, band, is_max ? T(-__builtin_inff()) : T(0));
                     for (int64_t task = begin; task < end; ++task) {
                         const int64_t slice = task / bands, p = task % bands * band,
                                       stop = at_most(p + band, OH);
                         if (p >= stop) continue;
                         if (!seen.fill(plane_of(slice), row_stride, p, stop - p) && is_max)
                             __atomic_store_n(&finite, false, __ATOMIC_RELAXED);
                         if (!__atomic_load_n(&finite, __ATOMIC_RELAXED)) return;
                         StripAhead<T> ahead = {x.data, y, 0};
                         if (far && task + 1 < end) {
                             const int64_t later = (task + 1) / bands, row = (task + 1) % bands * band;
                             const int64_t top = rows.start(row) + rows.first(row);
                             ahead = {plane_of(later) + top * row_stride, y + (later * OH + row) * OW, 1};
                         }
                         const int64_t at = (slice * OH + p) * OW;
                         for (int64_t s = 0; s < OW; s += W) {
                             // The last vector is moved back to end with the row; what it computes again is
                             // the same.
                             const int64_t q = OW >= W ? at_most(s, OW - W) : 0;
                             const StripResults<T> to = {y + at + q, window ? window + at + q : nullptr, OW,
                                                         results - at - q, divisor};
                             kernel(seen.at(q), seen.pitch(), stop - p, to, ahead);
                         }
                     }
                 });
    return finite;
}

// The kernel for these windows, each of which sees some of the input, or null: not for rows that leave
// vectors half empty, and not for float64, which would take as much room again.
template <typename Cell, typename T>
StripKernel<T> strip_kernel(const Array<const T, 5>& x, const PoolWindows& w) {
    if constexpr (has_special_kernels && std::is_same_v<T, float>) {
        const auto plain = [](const PoolAxis& axis) {
            return (axis.dilation == 1 || axis.kernel == 1) && axis.padding < axis.kernel;
        };
        if (w.depth.kernel != 1 || !plain(w.depth) || !plain(w.rows) || !plain(w.columns)) return nullptr;
        const int64_t OW = w.columns.out, lanes = (OW + width<T> - 1) / width<T> * width<T>;
        if (x.stride[4] != 1 || 4 * OW < 3 * width<T> || 8 * OW < 5 * lanes) return nullptr;
        const auto is = [&](int64_t kernel, int64_t stride) {
            return w.rows.kernel == kernel && w.columns.kernel == kernel && w.rows.stride == stride &&
                   w.columns.stride == stride;
        };
        if (is(3, 2)) return pool_strip<Cell, 3, 2, 3, 2, T>;
        if (is(3, 1)) return pool_strip<Cell, 3, 1, 3, 1, T>;
        if (is(2, 2)) return pool_strip<Cell, 2, 2, 2, 2, T>;
        if (is(2, 1)) return pool_strip<Cell, 2, 1, 2, 1, T>;
    }
    return nullptr;
}

}  // namespace pydl::PYDL_ISA
