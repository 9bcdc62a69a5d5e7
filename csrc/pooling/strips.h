// Pooling with small windows, by strips of planes: a vector of windows goes down the rows and keeps what it
// has combined of the rows that the next windows see too.
//
//     strip    windows 0 1 2 ...     row h    combined along: 0 1 2 of it,   kept for the next windows
//              windows 0 1 2 ...     row h+1
//              windows 0 1 2 ...     row h+2
//
// Rows are read where they lie, and lanes beyond their ends count as padding. Rows are compared in their
// order, so the first of equals wins. Maxima are taken in one instruction, for numbers alone: what is not
// finite is left to other kernels, and so padding wins nowhere.
#pragma once
#include "pooling/ahead.h"
#include "pooling/avg_divisors.h"
#include "pooling/lanes.h"
#include "pooling/max_pool_best.h"

namespace pydl::PYDL_ISA {

// Which vectors of columns a vector of windows is made of: how many columns after the first of them each
// begins. With stride 2 the last one is loaded a column early, so that it ends with the last window.
template <int KW, int SW, typename T>
struct StripVectors {
    static constexpr int count = SW == 1 ? KW : (KW + 1) / 2 * 2;
    PYDL_INLINE static constexpr int offset(int v) {
        return SW == 1 ? v : v == 3 ? width<T> + 1 : v / 2 * 2 + v % 2 * width<T>;
    }
};

// The columns of x that a vector of windows sees, from window q on.
template <typename T>
struct StripColumns {
    int64_t first;            // of the first window
    bool whole;               // whether all that is loaded are columns of x
    LaneRange<T> present[4];  // which lanes of the vectors are

    StripColumns(const PoolAxis& columns, int64_t q)
        : StripColumns(columns.size, columns.start(q), columns.stride == 1 ? 1 : width<T>,
                       columns.stride * (width<T> - 1) + columns.kernel) {}

  private:
    StripColumns(int64_t size, int64_t first, int64_t second, int64_t seen)
        : first(first),
          whole(first >= 0 && first + seen <= size),
          present{range(size, first), range(size, first + second), range(size, first + 2),
                  range(size, first + 1 + second)} {}
    static LaneRange<T> range(int64_t size, int64_t first) { return {-first, size - first}; }
};

// By blocks: of a the lanes at even, of b those at odd places.
template <typename V, int... I>
PYDL_INLINE V even_and_odd_by_blocks(V a, V b, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I), B = block_lanes<lane<V>>;
    return __builtin_shufflevector(a, b, (I / B * B + I % (B / 2) * 2 + (I % B >= B / 2 ? n + 1 : 0))...);
}

// A row of a vector of windows, of which `row` is the first element. `sum` is of elements, and finite where
// all of these are. With stride 2 lanes are by blocks.
template <typename Cell, int KW, int SW, typename T>
PYDL_INLINE Cell combine_row(const T* row, const StripColumns<T>& columns, vec<T>& sum) {
    using I = int_of<T>;
    using Vectors = StripVectors<KW, SW, T>;
    constexpr int count = Vectors::count;
    vec<T> x[4];
    if (columns.whole) {
#pragma GCC unroll 4
        for (int v = 0; v < count; ++v) x[v] = load(row + Vectors::offset(v));
    } else {
#pragma GCC unroll 4
        for (int v = 0; v < count; ++v) x[v] = columns.present[v].load(row + Vectors::offset(v));
    }
    if constexpr (Cell::padding != 0) {
        const vec<T> ends = x[0] + x[count - 1];
        sum += SW == 2 && KW == 3 ? ends + x[1] : ends;
        if (!columns.whole) {
#pragma GCC unroll 4
            for (int v = 0; v < count; ++v)
                x[v] = columns.present[v].select(x[v], broadcast<T>(Cell::padding));
        }
    }
    if constexpr (SW == 1) {
        Cell cell = {x[0], mask<T>{}};
#pragma GCC unroll 4
        for (int j = 1; j < KW; ++j) cell.meet(x[j], broadcast<I>(I(j)));
        return cell;
    } else {
        Cell cell = {even_by_blocks(x[0], x[1]), mask<T>{}};
        cell.meet(odd_by_blocks(x[0], x[1]), broadcast<I>(I(1)));
        if constexpr (KW == 3)
            cell.meet(even_and_odd_by_blocks(x[2], x[3], std::make_integer_sequence<int, width<T>>{}),
                      broadcast<I>(I(2)));
        return cell;
    }
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
        if (left >= width<T>) {
            store(y, cell.value);
            if (Cell::numbered && window) narrow_bytes<T>(window, cell.element);
        } else {
            store_partial(y, cell.value, left);
            if (Cell::numbered && window) store_bytes<T>(window, cell.element, left);
        }
        if (Cell::numbered && window) window += pitch;
        y += pitch, left -= pitch;
    }
};

// The rows that a strip of windows goes down, from row `h` on: x is the first element of the first window.
template <typename T>
struct StripRows {
    const T* x;
    int64_t pitch, h, size;
};

// `count` rows of a strip of windows. Whether all elements are finite, which is asked for maxima.
template <typename T>
using StripKernel = bool (*)(StripRows<T> rows, const StripColumns<T>& columns, int64_t count,
                             StripResults<T> to, StripAhead<T>& ahead);

template <typename Cell, int KH, int SH, int KW, int SW, typename T>
bool pool_strip(StripRows<T> rows, const StripColumns<T>& strip, int64_t count, StripResults<T> to,
                StripAhead<T>& next) {
    StripAhead<T> ahead = next;
    using I = int_of<T>;
    constexpr int kept = KH > SH ? KH - SH : 0;
    const Divide<T> mean(to.divisor);
    const StripColumns<T> columns = strip;  // copies, which no store can change
    vec<T> sum{};
    const auto row = [&]() PYDL_INLINE_LAMBDA {
        Cell cell = {broadcast<T>(Cell::padding), mask<T>{}};
        if (uint64_t(rows.h) < uint64_t(rows.size)) cell = combine_row<Cell, KW, SW>(rows.x, columns, sum);
        ++rows.h, rows.x += rows.pitch;
        return cell;
    };
    Cell line[KH] = {};
    // The first rows are kept before there are windows.
    constexpr int first = (kept + SH - 1) / SH, above = first * SH - kept;
    rows.h -= above, rows.x -= above * rows.pitch;
    for (int64_t p = -first; p < count; ++p) {
#pragma GCC unroll 4
        for (int i = kept; i < KH; ++i) line[i] = row();
        Cell cell = line[0];
#pragma GCC unroll 4
        for (int i = 1; i < KH; ++i) cell.meet(line[i].value, line[i].element + broadcast<I>(I(i * KW)));
#pragma GCC unroll 4
        for (int i = 0; i < kept; ++i) line[i] = line[i + SH];
        if (p < 0) continue;
        if constexpr (Cell::padding == 0) cell.value = mean(cell.value);
        if constexpr (SW == 2) cell = {in_order(cell.value), in_order(cell.element)};
        to.put(cell);
        ahead.template ask<SH * SW>();
    }
    next = ahead;
    sum *= T(0);
    return !any(sum != sum);
}

// Bytes of x and y that strips go over before they come to the next rows: they stay in the second cache.
constexpr int64_t kPoolBand = 65536;

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
    const bool far = x.size() * int64_t(sizeof(T)) > kFarStrips;
    // The first row of windows of a task, and of x that it sees.
    const auto row_of = [&](int64_t task) { return task / bands * OH + task % bands * band; };
    const auto x_of = [&](int64_t task) {
        const int64_t slice = task / bands;
        return volume_of(x, slice / OD) + slice % OD * w.depth.stride * x.stride[2] +
               rows.start(task % bands * band) * row_stride;
    };
    parallel_for(x.shape[0] * x.shape[1] * OD * bands, row_grain(rows.stride * wide * band),
                 [&](int64_t begin, int64_t end) {
                     const int64_t results = (end / bands * OH + at_most(end % bands * band, OH)) * OW;
                     for (int64_t task = begin; task < end; ++task) {
                         const int64_t p = task % bands * band, stop = at_most(p + band, OH);
                         if (p >= stop) continue;
                         if (!__atomic_load_n(&finite, __ATOMIC_RELAXED)) return;
                         const int64_t next = task + 1 < end ? task + 1 : task;
                         T *const to = y + row_of(task) * OW, *const later = y + row_of(next) * OW;
                         uint8_t* const numbers = window != nullptr ? window + row_of(task) * OW : nullptr;
                         const T* const from = x_of(task);
                         StripAhead<T> ahead = {x_of(next), later, far};
                         for (int64_t s = 0; s < OW; s += W) {
                             // The last vector is moved back to end with the row; what it computes again is
                             // the same.
                             const int64_t q = OW >= W ? at_most(s, OW - W) : 0;
                             const StripColumns<T> columns(w.columns, q);
                             if (!kernel({from + columns.first, row_stride, rows.start(p), rows.size},
                                         columns, stop - p,
                                         {to + q, numbers != nullptr ? numbers + q : nullptr, OW,
                                          y + results - to - q, divisor},
                                         ahead) &&
                                 is_max)
                                 __atomic_store_n(&finite, false, __ATOMIC_RELAXED);
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
        if (x.stride[4] != 1 || 4 * OW < 3 * width<T> || 2 * OW < lanes) return nullptr;
        const auto is = [&](int64_t kernel, int64_t stride) {
            return w.rows.kernel == kernel && w.columns.kernel == kernel && w.rows.stride == stride &&
                   w.columns.stride == stride;
        };
        if (is(3, 1)) return pool_strip<Cell, 3, 1, 3, 1, T>;
        if (is(3, 2)) return pool_strip<Cell, 3, 2, 3, 2, T>;
        if (is(2, 2)) return pool_strip<Cell, 2, 2, 2, 2, T>;
        if (is(2, 1)) return pool_strip<Cell, 2, 1, 2, 1, T>;
    }
    return nullptr;
}

}  // namespace pydl::PYDL_ISA
