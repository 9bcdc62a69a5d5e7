// Pooling with small windows, by strips of planes: a vector of windows goes down the rows and keeps what it
// has combined of the rows that the next windows see too.
//
//     strip    windows 0 1 2 ...     row h    combined along: 0 1 2 of it,   kept for the next windows
//              windows 0 1 2 ...     row h+1
//              windows 0 1 2 ...     row h+2
//
// Rows are compared in their order, so the first of equals wins. Maxima are taken in one instruction, for
// numbers alone: what is not finite is left to other kernels.
#pragma once
#include "avg_divisors.h"
#include "max_pool_best.h"
#include "pool_lanes.h"

namespace pydl::PYDL_ISA {

// What a vector of windows from window q on reads of a row of x: element j of each, `SW` columns apart.
template <int KW, int SW, typename T>
struct StripColumns {
    int64_t begin;               // the column of element 0 of window q
    LaneRange<T> range[KW + 1];  // which lanes of each load lie inside the row
    mask<T> first;               // the first element of each window that does

    StripColumns(const PoolAxis& columns, int64_t q)
        : StripColumns(q * SW - columns.padding, columns.size, std::make_integer_sequence<int, KW + 1>{}) {}
    // Loads are of elements 0, 1, 2, ...; with stride 2 two of them, which lie by turns in two vectors.
    PYDL_INLINE static constexpr int64_t distance(int l) { return l % SW == 0 ? l : l - 1 + width<T>; }

  private:
    template <int... L>
    StripColumns(int64_t begin, int64_t size, std::integer_sequence<int, L...>)
        : begin(begin), range{LaneRange<T>(-begin - distance(L), size - begin - distance(L))...} {
        const mask<T> start = iota<int_of<T>>() * int_of<T>(SW) + int_of<T>(begin);
        first = start < 0 ? -start : mask<T>{};
    }
};

template <typename Cell, int KW, int SW, typename T>
PYDL_INLINE Cell combine_row(const T* row, const StripColumns<KW, SW, T>& columns) {
    using I = int_of<T>;
    const auto load_at = [&](int l) PYDL_INLINE_LAMBDA {
        const vec<T> v = columns.range[l].load(row + columns.distance(l));
        if constexpr (Cell::padding == 0) return v;
        return columns.range[l].select(v, broadcast<T>(Cell::padding));
    };
    Cell cell;
    const auto meet = [&](int j, vec<T> v) PYDL_INLINE_LAMBDA {
        // Where all is -inf, padding would win: then it is the first element inside the row that is meant.
        if (j == 0)
            cell = {v, columns.first};
        else
            cell.meet(v, broadcast<I>(I(j)));
    };
#pragma GCC unroll 4
    for (int j = 0; j < KW; j += SW) {
        if constexpr (SW == 1) {
            meet(j, load_at(j));
        } else {
            const vec<T> a = load_at(j), b = load_at(j + 1);
            meet(j, even_lanes(a, b));
            if (j + 1 < KW) meet(j + 1, odd_lanes(a, b));
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

// What the next band of rows reads and writes, which is asked for a few cache lines at a time: strips of it
// are too far apart for the processor to see a pattern.
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

// Rows [p, end) of the strip of windows from window q on over a plane, of which x is the first row.
template <typename T>
using StripKernel = void (*)(const T* x, int64_t row_stride, const PoolWindows& w, int64_t p, int64_t end,
                             int64_t q, StripResults<T> to, StripAhead<T>& ahead);

// combine_row, called: for the few rows that are not worth their room.
template <typename Cell, int KW, int SW, typename T>
[[gnu::noinline]] void combine_row_apart(const T* row, const StripColumns<KW, SW, T>& columns, Cell& cell) {
    cell = combine_row<Cell>(row, columns);
}

template <typename Cell, int KH, int SH, int KW, int SW, typename T>
void pool_strip(const T* x, int64_t row_stride, const PoolWindows& w, int64_t p, int64_t end, int64_t q,
                StripResults<T> to, StripAhead<T>& next) {
    using I = int_of<T>;
    constexpr int kept = KH > SH ? KH - SH : 0;
    const StripColumns<KW, SW, T> lent(w.columns, q);
    const auto columns = lent;  // which nobody else knows, so that it stays in registers
    const int64_t padding = w.rows.padding, height = w.rows.size;
    const Divide<T> mean(to.divisor);
    StripAhead<T> ahead = next;
    Cell last[kept + 1];  // the rows that the next windows see too
    bool fresh = true;    // they are not there
    for (; p < end; ++p) {
        const int64_t h = p * SH - padding;
        const T* row = x + columns.begin + h * row_stride;
        Cell cell;
        if (fresh || h < 0 || h + KH > height) {
            const int64_t first = w.rows.first(p), after = w.rows.last(p);
            for (int64_t i = first; i < after; ++i) {
                Cell line;
                combine_row_apart(row + i * row_stride, lent, line);
#pragma GCC unroll 4
                for (int l = 0; l < kept; ++l)
                    if (i == SH + l) last[l] = line;
                line.element += broadcast<I>(I(i * KW));
                if (i == first)
                    cell = line;
                else
                    cell.meet(line.value, line.element);
            }
            fresh = after < KH;
        } else {
            Cell line[KH];
#pragma GCC unroll 4
            for (int i = 0; i < KH; ++i)
                line[i] = i < kept ? last[i] : combine_row<Cell>(row + i * row_stride, columns);
            cell = line[0];
#pragma GCC unroll 4
            for (int i = 1; i < KH; ++i) cell.meet(line[i].value, line[i].element + broadcast<I>(I(i * KW)));
#pragma GCC unroll 4
            for (int i = 0; i < kept; ++i) last[i] = line[i + SH];
        }
        if constexpr (Cell::padding == 0) cell.value = mean(cell.value);
        to.put(cell);
        ahead.template ask<SH * SW>();
    }
    next = ahead;
}

// Whether all of `count` numbers are finite. What is read here is near when it is read again.
template <typename T>
bool are_finite(const T* x, int64_t count) {
    constexpr int64_t W = width<T>;
    vec<T> sum[2] = {};  // of zeros; what is not finite remains
    for (; count > 0; count -= 2 * W, x += 2 * W) {
        sum[0] = fma(load_partial(x, count), vec<T>{}, sum[0]);
        sum[1] = fma(load_partial(x + W, count - W), vec<T>{}, sum[1]);
    }
    sum[0] += sum[1];
    return !any(sum[0] != sum[0]);
}

// Bytes of x and y that strips go over before they come to the next rows: they stay in the nearest cache.
constexpr int64_t kPoolBand = 24576;

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
    // What is searched for NaN first is near by then, unless it comes from memory.
    const bool far = x.size() * int64_t(sizeof(T)) > (is_max ? 1 << 22 : 1 << 19);
    const auto plane_of = [&](int64_t slice) {
        return volume_of(x, slice / OD) + slice % OD * w.depth.stride * x.stride[2];
    };
    const auto top_of = [&](int64_t p) { return rows.start(p) + rows.first(p); };
    parallel_for(
        x.shape[0] * x.shape[1] * OD * bands, row_grain(rows.stride * wide * band),
        [&](int64_t begin, int64_t end) {
            const int64_t results = (end / bands * OH + end % bands * band) * OW;
            for (int64_t task = begin; task < end; ++task) {
                const int64_t slice = task / bands, p = task % bands * band, stop = at_most(p + band, OH);
                const T* plane = plane_of(slice);
                if (is_max) {
                    // Without gaps the rows are one run.
                    const int64_t top = top_of(p), seen = rows.start(stop - 1) + rows.last(stop - 1) - top;
                    const bool run = row_stride == wide;
                    for (int64_t r = 0; r < (run ? 1 : seen); ++r)
                        if (!are_finite(plane + (top + r) * row_stride, run ? seen * wide : wide))
                            __atomic_store_n(&finite, false, __ATOMIC_RELAXED);
                    if (!__atomic_load_n(&finite, __ATOMIC_RELAXED)) return;
                }
                StripAhead<T> ahead = {plane, y, 0};
                if (far && task + 1 < end) {
                    const int64_t later = (task + 1) / bands, row = (task + 1) % bands * band;
                    ahead = {plane_of(later) + top_of(row) * row_stride, y + (later * OH + row) * OW, 1};
                }
                const int64_t at = (slice * OH + p) * OW;
                for (int64_t s = 0; s < OW; s += W) {
                    // The last vector is moved back to end with the row; what it computes again is the same.
                    const int64_t q = OW >= W ? at_most(s, OW - W) : 0;
                    const StripResults<T> to = {y + at + q, window ? window + at + q : nullptr, OW,
                                                results - at - q, divisor};
                    kernel(plane, row_stride, w, p, stop, q, to, ahead);
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
        const auto is_3x2 = [](const PoolAxis& axis) { return axis.kernel == 3 && axis.stride == 2; };
        if (is_3x2(w.rows) && is_3x2(w.columns)) return pool_strip<Cell, 3, 2, 3, 2, T>;
    }
    return nullptr;
}

}  // namespace pydl::PYDL_ISA
