// A strip of windows, for pooling with small ones: a vector of windows goes down the rows and keeps what it
// has combined of the rows that the next windows see too.
//
//     strip    windows 0 1 2 ...     row h    combined along: 0 1 2 of it,   kept for the next windows
//              windows 0 1 2 ...     row h+1
//              windows 0 1 2 ...     row h+2
//
// Rows are read where they lie, and lanes beyond their ends count as padding. Rows are compared in their
// order, so the first of equals wins. Maxima are taken in one instruction, for numbers alone: what is not
// finite is left to other kernels, and so padding wins nowhere.
//
// Where rows of windows are no more than half a vector, two slices share it:
//
//     columns     a b c d e f g . | A B C D E F G .     the first vector of one slice, the first of the other
//     windows     0   1   2   3   | 0   1   2   3
#pragma once
#include "pooling/ahead.h"
#include "pooling/avg_divisors.h"
#include "pooling/lanes.h"
#include "pooling/max_pool_best.h"

namespace pydl::PYDL_ISA {

// Which vectors of columns a vector of windows is made of: how many elements after the first of them each
// begins, where `second` is what it is for the second one of stride 2. The last one of these is loaded a
// column early, so that it ends with the last window.
template <int KW, int SW>
struct StripVectors {
    static constexpr int count = SW == 1 ? KW : (KW + 1) / 2 * 2;
    PYDL_INLINE static constexpr int64_t offset(int v, int64_t second) {
        return SW == 1 ? v : v == 3 ? second + 1 : v == 1 ? second : v;
    }
};

// The columns of x that a vector of windows sees, from window q on.
template <typename T>
struct StripColumns {
    int64_t first, second;    // of the first window, and how far the second vector is from the first
    bool whole;               // whether all that is loaded are columns of x
    LaneRange<T> present[4];  // which lanes of the vectors are

    StripColumns(const PoolAxis& columns, int64_t q)
        : StripColumns(columns.size, columns.start(q), columns.stride == 1 ? 1 : width<T>,
                       columns.stride * (width<T> - 1) + columns.kernel) {}
    // Of two slices, `apart` from each other, which windows two columns apart share.
    static StripColumns shared(const PoolAxis& columns, int64_t apart) {
        StripColumns strip(columns.size, columns.start(0), 0, width<T> + columns.kernel - 1);
        strip.second = apart;
        return strip;
    }

  private:
    StripColumns(int64_t size, int64_t first, int64_t second, int64_t seen)
        : first(first),
          second(second),
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
template <typename Cell, int KW, int SW, bool Narrow, typename T>
PYDL_INLINE Cell combine_row(const T* row, const StripColumns<T>& columns, vec<T>& sum) {
    using I = int_of<T>;
    using Vectors = StripVectors<KW, SW>;
    constexpr int count = Vectors::count;
    const int64_t second = Narrow ? columns.second : width<T>;
    vec<T> x[4];
    if (columns.whole) {
#pragma GCC unroll 4
        for (int v = 0; v < count; ++v) x[v] = load(row + Vectors::offset(v, second));
    } else {
#pragma GCC unroll 4
        for (int v = 0; v < count; ++v) x[v] = columns.present[v].load(row + Vectors::offset(v, second));
    }
    if constexpr (Cell::padding != 0) {
        const vec<T> ends = x[0] + x[count - 1];
        sum += SW == 2 && KW == 3 ? Narrow ? ends + (x[1] + x[2]) : ends + x[1] : ends;
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
    T divisor;      // of sums
    int64_t apart;  // from those of a slice to those of the one that shares its vectors

    PYDL_INLINE void advance(int64_t step) {
        if (window) window += step;
        y += step, left -= step;
    }

    template <bool Narrow, typename Cell>
    PYDL_INLINE void put(const Cell& cell) {
        const bool numbered = Cell::numbered && window;
        if constexpr (Narrow) {
            constexpr int H = width<T> / 2;
            store_half<false>(y, cell.value, left);
            store_half<true>(y + apart, cell.value, left);
            if (numbered) {
                uint8_t bytes[width<T>];
                narrow_bytes<T>(bytes, cell.element);
                copy_bytes<width<T>>(window, bytes, at_most(left, H));
                copy_bytes<width<T>>(window + apart, bytes + H, at_most(left, H));
            }
        } else if (left >= width<T>) {
            store(y, cell.value);
            if (numbered) narrow_bytes<T>(window, cell.element);
        } else {
            store_partial(y, cell.value, left);
            if (numbered) store_bytes<T>(window, cell.element, left);
        }
        if (numbered) window += pitch;
        y += pitch, left -= pitch;
    }

  private:
    // Up to `count` lanes of the first or the second half of v.
    template <bool Second, int... I>
    PYDL_INLINE static auto half(vec<T> v, std::integer_sequence<int, I...>) {
        return __builtin_shufflevector(v, v, (I + (Second ? int(sizeof...(I)) : 0))...);
    }
    template <bool Second>
    PYDL_INLINE static void store_half(T* to, vec<T> v, int64_t count) {
        constexpr int H = width<T> / 2;
        typedef T Half __attribute__((vector_size(H * sizeof(T)), aligned(alignof(T)), may_alias));
        if (count >= H) {
            *reinterpret_cast<Half*>(to) = half<Second>(v, std::make_integer_sequence<int, H>{});
        } else {
            if (Second) v = swap_blocks<H, true>(v, v, std::make_integer_sequence<int, width<T>>{});
            store_partial(to, v, count);
        }
    }
};

// What a strip of windows goes down: `rows` rows of windows of `slices` slices, one after the other.
template <typename T>
struct StripTask {
    StripColumns<T> columns;
    const T* x;  // the first element of the first window, in row `h` of the slice's `size`
    int64_t pitch, h, size;
    StripResults<T> to;
    int64_t rows, slices, x_step, y_step;
};

// Whether all elements are finite, which is asked for maxima.
template <typename T>
using StripKernel = bool (*)(const StripTask<T>& task, StripAhead<T>& ahead);

template <typename Cell, int KH, int SH, int KW, int SW, bool Narrow, typename T>
bool pool_strip(const StripTask<T>& task, StripAhead<T>& next) {
    StripAhead<T> ahead = next;
    using I = int_of<T>;
    constexpr int kept = KH > SH ? KH - SH : 0;
    const Divide<T> mean(task.to.divisor);
    const StripColumns<T> columns = task.columns;  // copies, which no store can change
    vec<T> sum{};
    // What the loop over slices needs stays in memory, for the loop over rows needs the registers.
    for (int64_t slice = 0; slice < task.slices; ++slice) {
        // The first rows are kept before there are windows.
        constexpr int first = (kept + SH - 1) / SH, above = first * SH - kept;
        const int64_t pitch = task.pitch, size = task.size, count = task.rows;
        const T* x = task.x + slice * task.x_step - above * pitch;
        int64_t h = task.h - above;
        StripResults<T> to = task.to;
        to.advance(slice * task.y_step);
        // Slices that share vectors are written at once: nothing beyond their ends.
        if (Narrow) to.left = count * to.pitch;
        const auto row = [&]() PYDL_INLINE_LAMBDA {
            Cell cell = {broadcast<T>(Cell::padding), mask<T>{}};
            if (uint64_t(h) < uint64_t(size)) cell = combine_row<Cell, KW, SW, Narrow>(x, columns, sum);
            ++h, x += pitch;
            return cell;
        };
        Cell line[KH] = {};
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
            to.template put<Narrow>(cell);
            ahead.template ask<SH * SW>();
        }
    }
    next = ahead;
    sum *= T(0);
    return !any(sum != sum);
}

}  // namespace pydl::PYDL_ISA
