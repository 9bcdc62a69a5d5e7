// Pooling with windows of many elements: their rows are combined first, where they lie, and only what comes
// of that is turned.
//
//     rows of a window row     down            a line in each lane     along
//     a b c d e f
//     g h i j k l           -> A B C D E F  -> A . . .              -> windows 0, 1, ... of `width` lines
//     m n o p q r                              B . . .
//
// Windows of many columns are combined one by one, a vector of neighbours at a time.
#pragma once
#include "pooling/ahead.h"
#include "pooling/lanes.h"
#include "pooling/max_pool_best.h"

namespace pydl::PYDL_ISA {

// What a window without elements has.
template <typename Cell>
PYDL_INLINE Cell empty_cell(int64_t first) {
    using T = lane<decltype(Cell::value)>;
    return {broadcast<T>(Cell::padding), broadcast<int_of<T>>(int_of<T>(first))};
}

// All lanes of each of `width` cells joined, a lane for each: as combine_lanes.
template <typename T, int Step = width<T> / 2, typename Cell>
PYDL_INLINE Cell join_lanes(Cell* cell) {
    constexpr auto lanes = std::make_integer_sequence<int, width<T>>{};
#pragma GCC unroll 16
    for (int i = 0; i < Step; ++i) {
        const Cell &a = cell[i], &b = cell[i + Step];
        Cell low = {swap_blocks<Step, false>(a.value, b.value, lanes),
                    swap_blocks<Step, false>(a.element, b.element, lanes)};
        low.join({swap_blocks<Step, true>(a.value, b.value, lanes),
                  swap_blocks<Step, true>(a.element, b.element, lanes)});
        cell[i] = low;
    }
    if constexpr (Step > 1) return join_lanes<T, Step / 2>(cell);
    return cell[0];
}

// Which row of windows of which volume a line of results is.
struct WindowRow {
    int64_t plane, z, p;
    WindowRow(const LaneWindows& w, int64_t line)
        : plane(line / w.rows.out / w.depth.out), z(line / w.rows.out % w.depth.out), p(line % w.rows.out) {}
    void advance(const LaneWindows& w, int64_t lines = 1) {
        p += lines;
        if (p < w.rows.out) return;
        p = 0;
        if (++z == w.depth.out) z = 0, ++plane;
    }
};

// The columns of `count` rows of windows of a slice of a volume, each with the best of its rows or their sum.
// Elements are positions. Lines are `lanes` long. far: whether x lies beyond the caches.
template <typename Cell, typename T>
void combine_rows(const T* volume, const int64_t (&stride)[5], const LaneWindows& w, const WindowRow& row,
                  int64_t count, int64_t lanes, bool far, const LaneCells<Cell, T>& lines) {
    constexpr int64_t W = width<T>;
    using I = int_of<T>;
    const int64_t wide = w.columns.size, height = w.rows.size, row_step = stride[3];
    const LaneWindow deep = w.depth[row.z];
    volume += deep.begin * stride[2];
    // V vectors of columns from c on. The last one ends with the row at the latest: rows are wider than a
    // vector, and some columns are combined twice.
    const auto columns = [&](int64_t l, int64_t c, auto Vectors, auto Far) PYDL_INLINE_LAMBDA {
        constexpr int V = Vectors;
        const int64_t end = at_most((V - 1) * W, wide - W - c);
        const auto at = [=](int v) PYDL_INLINE_LAMBDA { return v + 1 < V ? v * W : end; };
        const LaneWindow& down = w.rows[row.p + l];
        const int64_t rows = down.count, top = deep.begin * height + down.begin;
        Cell cell[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) cell[v] = empty_cell<Cell>(top);
        const T* slice = volume + down.begin * row_step + c;
        for (int64_t k = 0; k < deep.count; ++k, slice += stride[2]) {
            const T* from = slice;
            mask<T> number = broadcast<I>(I(top + k * height));
            for (int64_t i = rows; i > 0; --i, from += row_step, number += I(1))
#pragma GCC unroll 4
                for (int v = 0; v < V; ++v) {
                    if constexpr (Cell::numbered && Far) prefetch_to_second(from + v * W + kAheadOfRows);
                    if constexpr (Cell::numbered && !Far) prefetch(from + v * W + kAheadOfPool);
                    cell[v].meet(load(from + at(v)), number);
                }
        }
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
            if constexpr (Cell::numbered)
                cell[v].element = cell[v].element * I(wide) + (iota<I>() + I(c + at(v)));
            lines.put(l * lanes + c + at(v), cell[v]);
        }
    };
    constexpr std::integral_constant<int, 1> one{};
    constexpr std::integral_constant<int, 2> two{};
    constexpr std::integral_constant<int, 4> four{};
    constexpr std::true_type yes{};
    constexpr std::false_type no{};
    int64_t c = 0;
    if constexpr (Cell::numbered) {
        // Numbers take longer, and less so where columns stay; what comes next is asked for.
        for (; wide - c > W; c += 2 * W)
            for (int64_t l = 0; l < count; ++l) far ? columns(l, c, two, yes) : columns(l, c, two, no);
        for (int64_t l = 0; l < count && c < wide; ++l) columns(l, c, one, no);
    } else {
        // Sums wait for memory, and go over it in order, which the processor sees.
        for (int64_t l = 0; l < count; ++l) {
            for (c = 0; wide - c > 3 * W; c += 4 * W) columns(l, c, four, no);
            for (; wide - c > W; c += 2 * W) columns(l, c, two, no);
            if (c < wide) columns(l, c, one, no);
        }
    }
}

// f(first of `count` lines, cells, room) for all rows of windows, the columns of which are combined: lines
// that begin `lanes` cells apart. room: cells for what f makes of them.
template <typename Cell, typename T, typename F>
void for_lines(const Array<const T, 5>& x, const LaneWindows& w, int64_t lanes, int64_t room, const F& f) {
    constexpr int64_t W = width<T>;
    const int64_t lines = x.shape[0] * x.shape[1] * w.depth.out * w.rows.out, cells = W * lanes;
    const int64_t seen =
        W * w.columns.size * at_most(w.depth.span, w.depth.size) * at_most(w.rows.span, w.rows.size);
    const bool far = is_beyond_caches(x);
    parallel_for((lines - 1) / W + 1, row_grain(seen), [&](int64_t begin, int64_t end) {
        const Scratch<T> values(cells + room);
        const Scratch<int_of<T>> elements(Cell::numbered ? cells + room : 0);
        const auto from = [&](int64_t at) {
            return LaneCells<Cell, T>{values.data() + at, elements.data() + at};
        };
        const Volumes<const T> volumes(x);
        WindowRow row(w, begin * W);
        for (int64_t first = begin * W; first < end * W && first < lines; first += W) {
            const int64_t count = at_most(W, lines - first);
            for (int64_t l = 0; l < count;) {
                const int64_t some = at_most(count - l, w.rows.out - row.p);
                combine_rows(volumes.at(row.plane), x.stride, w, row, some, lanes, far, from(l * lanes));
                l += some;
                row.advance(w, some);
            }
            f(first, count, from(0), from(cells));
        }
    });
}

// result(first of `count` lines, cells) for all rows of windows: a vector for each window of `count` lines.
template <typename Cell, typename T, typename Result>
void pool_lines(const Array<const T, 5>& x, const LaneWindows& w, const Result& result) {
    constexpr int64_t W = width<T>;
    using Cells = LaneCells<Cell, T>;
    const int64_t OW = w.columns.out, lanes = (w.columns.size + W - 1) / W * W, room = lanes * W;
    for_lines<Cell>(x, w, lanes, room + OW * W,
                    [&](int64_t first, int64_t count, const Cells& lines, const Cells& turned) {
                        turn(lines.value, lanes, turned.value, W, lanes, W);
                        if constexpr (Cell::numbered)
                            turn(reinterpret_cast<const T*>(lines.element), lanes,
                                 reinterpret_cast<T*>(turned.element), W, lanes, W);
                        const Cells windows = {turned.value + room, turned.element + room};
                        for (int64_t q = 0; q < OW; ++q) {
                            const LaneWindow window = w.columns[q];
                            Cell cell = turned.at(window.begin);
                            for (int64_t j = 1; j < window.count; ++j) cell.join(turned.at(window.begin + j));
                            windows.set(q, cell);
                        }
                        result(first, count, windows);
                    });
}

// result(first of up to `width` windows, cells) for all windows: a lane for each.
template <typename Cell, typename T, typename Result>
void pool_one_by_one(const Array<const T, 5>& x, const LaneWindows& w, const Result& result) {
    constexpr int64_t W = width<T>;
    using I = int_of<T>;
    const int64_t OW = w.columns.out, wide = w.columns.size, height = w.rows.size, step = x.stride[4];
    const int64_t outputs = x.shape[0] * x.shape[1] * w.outputs();
    const int64_t seen = at_most(w.depth.span, w.depth.size) * at_most(w.rows.span, w.rows.size) *
                         at_most(w.columns.span, wide);
    const auto window = [&](const WindowRow& row, int64_t q) PYDL_INLINE_LAMBDA {
        const LaneWindow deep = w.depth[row.z], down = w.rows[row.p], along = w.columns[q];
        const T* const volume = volume_of(x, row.plane);
        Cell cell[2];
        const int64_t corner = (deep.begin * height + down.begin) * wide + along.begin;
        cell[0] = cell[1] = empty_cell<Cell>(corner);
        for (int64_t d = deep.begin; d < deep.begin + deep.count; ++d)
            for (int64_t h = down.begin; h < down.begin + down.count; ++h) {
                const T* from = volume + d * x.stride[2] + h * x.stride[3] + along.begin * step;
                mask<T> number = iota<I>() + I((d * height + h) * wide + along.begin);
                int64_t c = 0;
                if (step == 1)
                    for (; c + 2 * W <= along.count; c += 2 * W, from += 2 * W, number += I(2 * W))
#pragma GCC unroll 2
                        for (int v = 0; v < 2; ++v) {
                            prefetch(from + v * W + kAheadOfPool);
                            cell[v].meet(load(from + v * W), number + I(v * W));
                        }
                for (; c < along.count; c += W, from += W * step, number += I(W)) {
                    const int64_t n = at_most(along.count - c, W);
                    const mask<T> inside = iota<I>() < broadcast<I>(I(n));
                    cell[0].meet(select(inside, load_strided(from, step, n), broadcast<T>(Cell::padding)),
                                 number);
                }
            }
        cell[0].join(cell[1]);
        return cell[0];
    };
    parallel_for((outputs - 1) / W + 1, row_grain(W * seen), [&](int64_t begin, int64_t end) {
        for (int64_t first = begin * W; first < end * W && first < outputs; first += W) {
            Cell cell[W];
            for (int64_t i = 0; i < W; ++i)
                cell[i] = first + i < outputs ? window(WindowRow(w, (first + i) / OW), (first + i) % OW)
                                              : empty_cell<Cell>(0);
            result(first, at_most(W, outputs - first), join_lanes<T>(cell));
        }
    });
}

// Lines are for float32: float64 would take as much room again.
template <typename T>
inline constexpr bool has_lines = has_special_kernels && std::is_same_v<T, float>;

// Whether lines of windows are worth it, for pooling or adaptive pooling of columns `step` apart: narrow
// planes are better turned first, lines of windows of one row would only be copied, and very long ones and
// those of few windows are better combined one by one.
template <typename T, typename Windows>
bool suits_lines(const Windows& w, int64_t step) {
    const bool flat = w.depth.size < 2 * w.depth.out && w.rows.size < 2 * w.rows.out;
    return has_lines<T> && step == 1 && !flat && w.columns.size > 24 && w.columns.size <= 2048 &&
           w.columns.size < 64 * w.columns.out;
}

}  // namespace pydl::PYDL_ISA
