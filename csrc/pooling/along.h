// Pooling of lines, for windows two elements apart: a vector of windows is combined from pairs of vectors of
// the line where it lies, of which every second lane is an element in the same place of the windows.
//
//     line     a b c d e f g h        windows of 3, 2 apart     a c e g     first elements
//                                                               b d f h     second
//                                                               c e g i     third, of the vectors 2 further
//
// Vectors that lie only partly on the line take the other lanes as padding.
#pragma once
#include "pooling/avg_divisors.h"
#include "pooling/lanes.h"
#include "pooling/max_pool_best.h"
#include "simd/bytes.h"

namespace pydl::PYDL_ISA {

// Lines of `columns`, `count` of them and `step` apart, in parts that are tasks: so many windows of a line.
template <typename T>
struct PoolLines {
    const T* x;
    int64_t count, step;
    PoolAxis columns;

    // Those of windows x or, for gradients, of dy. Windows side by side go over from line to line, and where
    // the lines lie so too, all of them are one.
    PoolLines(const Array<const T, 5>& x, const PoolAxis& columns)
        : x(x.data), count(x.shape[0] * x.shape[1]), step(plane_step(x)), columns(columns) {
        if (columns.kernel > columns.stride || columns.padding > 0) return;
        if (columns.size != columns.out * columns.stride || step != x.shape[4]) return;
        this->columns.size *= count, this->columns.out *= count;
        count = 1;
    }
    static constexpr int64_t part = 1024;
    int64_t parts() const { return (columns.out - 1) / part + 1; }
    int64_t tasks() const { return count * parts(); }
    int64_t work() const { return row_grain(2 * columns.size / parts()); }
};

// f(line, first of a part's windows, whether the part ends the line).
template <typename T, typename F>
PYDL_INLINE void for_parts(const PoolLines<T>& lines, int64_t begin, int64_t end, const F& f) {
    const int64_t parts = lines.parts();
    int64_t line = begin / parts, k = begin % parts;
    for (int64_t task = begin; task < end; ++task) {
        f(line, k * lines.part, k + 1 == parts);
        if (++k == parts) k = 0, ++line;
    }
}
// The number, of all windows, of the first of a task.
template <typename T>
int64_t first_of_task(const PoolLines<T>& lines, int64_t task) {
    return task / lines.parts() * lines.columns.out + task % lines.parts() * lines.part;
}

// How far windows are apart.
constexpr int64_t kAlong = 2;

// put(number of window q among all, how many may be written, q, windows q, q + 1, ... of the line). What is
// written beyond a line belongs to the next one, and is written again.
template <typename Cell, typename T, typename Put>
void pool_along(const PoolLines<T>& lines, int64_t begin, int64_t end, const Put& put) {
    constexpr int64_t W = width<T>, S = kAlong;
    using I = int_of<T>;
    const PoolAxis axis = lines.columns;
    const int64_t OW = axis.out, size = axis.size, kernel = axis.kernel;
    const int64_t read = (kernel - 1) / S * S + S * W;  // from the first element of a vector on
    const int64_t stop = first_of_task(lines, end);
    const auto windows = [&](const T* line, int64_t q, bool whole) PYDL_INLINE_LAMBDA {
        const int64_t start = axis.start(q);
        Cell cell{};
        for (int64_t j = 0, c = start; j < kernel; j += S, c += S) {
            vec<T> a, b;
            if (whole) {
                a = load(line + c), b = load(line + c + W);
            } else {
                const auto present = [&](int64_t c) PYDL_INLINE_LAMBDA {
                    const LaneRange<T> lanes(-c, size - c);
                    return lanes.select(lanes.load(line + c), broadcast<T>(Cell::padding));
                };
                a = present(c), b = present(c + W);
            }
            const mask<T> number = broadcast<I>(I(j));
            if (j == 0)
                cell = {even_by_blocks(a, b), number};
            else
                cell.meet(even_by_blocks(a, b), number);
            if (j + 1 < kernel) cell.meet(odd_by_blocks(a, b), number + I(1));
        }
        cell.value = in_order(cell.value);
        if constexpr (Cell::numbered) {
            cell.element = in_order(cell.element);
            if (start < 0) {
                // Where padding has won, no element is more than -inf. In memory, so that other vectors are
                // not.
                T value[W];
                I element[W];
                store(value, cell.value);
                store(element, cell.element);
                for (int64_t l = 0; start + l * S < 0 && l < W; ++l)
                    if (value[l] == Cell::padding) element[l] = I(axis.first(q + l));
                cell.element = load(element);
            }
        }
        return cell;
    };
    for_parts(lines, begin, end, [&](int64_t l, int64_t from, bool last) PYDL_INLINE_LAMBDA {
        const T* const line = lines.x + l * lines.step;
        const int64_t to = last ? OW : from + lines.part;
        for (int64_t next = from; next < to; next += W) {
            // The last vector is moved back to end with the line; what it computes again is the same.
            const int64_t q = next + W > to && to - W >= from ? to - W : next, start = axis.start(q);
            const bool whole = start >= 0 && start + read <= size;
            put(l * OW + q, stop - l * OW - q, q, windows(line, q, whole));
        }
    });
}

// The same for all lines.
template <typename Cell, typename T, typename Put>
void pool_along(const PoolLines<T>& lines, const Put& put) {
    parallel_for(lines.tasks(), lines.work(),
                 [&](int64_t begin, int64_t end) { pool_along<Cell>(lines, begin, end, put); });
}

// The gradient: every element collects from the windows that it lies in. With padding S * a + b, column S * u
// + e is element e + b - S * t of window u + a + t, for every t that gives an element.
template <typename T>
struct SpreadLines {
    PoolLines<T> lines;     // of windows
    const uint8_t* number;  // of the winning elements, or null for means
    T divisor;              // of means
    T* dx;
};

template <typename T>
void spread_along(const SpreadLines<T>& given, int64_t begin, int64_t end) {
    constexpr int64_t W = width<T>, S = kAlong;
    using I = int_of<T>;
    const SpreadLines<T> spread = given;  // a copy, which no store can change
    const PoolAxis& axis = spread.lines.columns;
    const int64_t OW = axis.out, size = axis.size, kernel = axis.kernel, parts = spread.lines.parts();
    const int64_t a = axis.padding / S, b = axis.padding % S, all = spread.lines.count * OW;
    const int64_t least = -((kernel - 1) / S), most = (S - 1 + b) / S;
    const bool numbered = spread.number != nullptr;
    const Divide<T> mean(spread.divisor);
    const int64_t stop = end / parts * size + at_most(end % parts * spread.lines.part * S, size);
    for_parts(spread.lines, begin, end, [&](int64_t l, int64_t from, bool last) PYDL_INLINE_LAMBDA {
        const T* const gradient = spread.lines.x + l * spread.lines.step;
        const int64_t groups = (size - 1) / S + 1,
                      to = last ? groups : at_most(from + spread.lines.part, groups);
        for (int64_t u = from; u < to; u += W) {
            const int64_t first = u + a + least, end = u + a + most + W;
            const bool whole = first >= 0 && end <= OW && l * OW + end <= all;
            vec<T> sum[S] = {};
            for (int64_t t = least; t <= most; ++t) {
                const int64_t q = u + a + t, at = l * OW + q;
                const vec<T> g = whole ? load(gradient + q) : LaneRange<T>(-q, OW - q).load(gradient + q);
                mask<T> winner{};
                if (numbered) {
                    if (whole || (at >= 0 && at + W <= all)) {
                        winner = widen_bytes<T>(spread.number + at);
                    } else {
                        uint8_t bytes[W] = {};
                        for (int64_t i = at < 0 ? -at : 0; i < W && at + i < all; ++i)
                            bytes[i] = spread.number[at + i];
                        winner = widen_bytes<T>(bytes);
                    }
                }
#pragma GCC unroll 2
                for (int e = 0; e < S; ++e) {
                    const int64_t element = e + b - S * t;
                    if (numbered)
                        sum[e] = select(winner == broadcast<I>(I(element)), sum[e] + g, sum[e]);
                    else if (element >= 0 && element < kernel)
                        sum[e] += g;
                }
            }
            if (!numbered)
#pragma GCC unroll 2
                for (int e = 0; e < S; ++e) sum[e] = mean(sum[e]);
            const int64_t at = l * size + u * S;
            const vec<T> even = by_blocks(sum[0]), odd = by_blocks(sum[1]);
            store_partial(spread.dx + at, zip_by_blocks<false>(even, odd), stop - at);
            store_partial(spread.dx + at + W, zip_by_blocks<true>(even, odd), stop - at - W);
        }
    });
}

// The same for all lines.
template <typename T>
void spread_along(const SpreadLines<T>& spread) {
    parallel_for(spread.lines.tasks(), spread.lines.work(),
                 [&](int64_t begin, int64_t end) { spread_along(spread, begin, end); });
}

// Lines are for float32: float64 would take as much room again.
template <typename T>
inline constexpr bool has_along = has_special_kernels && std::is_same_v<T, float>;

// Whether x, which may be dy, are lines for that, and windows see some of them. Few windows in a line are
// left to others, but where all lines are one: their ends would take most of the time, that of large windows
// most of all.
template <typename T>
bool suits_along(const Array<const T, 5>& x, const PoolWindows& w) {
    const PoolAxis& line = w.columns;
    const auto none = [](const PoolAxis& axis) {
        return axis.size == 1 && axis.kernel == 1 && axis.out == 1 && axis.padding == 0;
    };
    const bool even = x.shape[0] == 1 || x.shape[1] == 1 || x.stride[0] == x.shape[1] * x.stride[1];
    const int64_t few = line.kernel > 4 ? 4 * width<T> : width<T> / 2;
    return has_along<T> && even && none(w.depth) && none(w.rows) && x.stride[4] == 1 &&
           line.stride == kAlong && line.dilation == 1 && line.kernel <= 32 &&
           PoolLines<T>(x, line).columns.out > few && !see_padding_alone(line);
}

}  // namespace pydl::PYDL_ISA
