// Pooling with a plane in each lane. `width` planes are turned, so that one element of all of them is a
// vector; windows of any size, stride and dilation are then combined without a shuffle: along the rows, then
// down them.
//
//     planes   a0 a1 a2 a3 ...      turned   a0 b0 c0 d0
//              b0 b1 b2 b3 ...               a1 b1 c1 d1
//              c0 c1 c2 c3 ...               a2 b2 c2 d2
//
// For planes that are narrow for rows of vectors, and for windows far apart.
#pragma once
#include "elementwise/turned_copy.h"
#include "pooling/adaptive_pool.h"
#include "simd/bytes.h"

namespace pydl::PYDL_ISA {

// What window o has of the input along an axis: elements begin, begin + step, ..., the first of which is
// number `first` of the window.
struct LaneWindow {
    int64_t begin, count, first;
};

class LaneAxis {
  public:
    int64_t size, out, kernel, step, stride, span;

    [[gnu::noinline]] explicit LaneAxis(const PoolAxis& axis)
        : size(axis.size),
          out(axis.out),
          kernel(axis.kernel),
          step(axis.dilation),
          stride(axis.stride),
          span(axis.span()),
          windows_(axis.out) {
        for (int64_t o = 0; o < out; ++o) {
            const int64_t first = axis.first(o);
            windows_[o] = {axis.start(o) + first * step, axis.last(o) - first, first};
        }
    }
    // Numbers are positions: what an element is called in `indices`.
    [[gnu::noinline]] explicit LaneAxis(const AdaptiveAxis& axis)
        : size(axis.size),
          out(axis.out),
          kernel(axis.size),
          step(1),
          stride((axis.size + axis.out - 1) / axis.out),
          span(stride + 1),
          windows_(axis.out) {
        for (int64_t o = 0; o < out; ++o)
            windows_[o] = {axis.begin(o), axis.end(o) - axis.begin(o), axis.begin(o)};
    }
    const LaneWindow& operator[](int64_t o) const { return windows_[o]; }
    // Elements [first, last) are what windows [o, end) see.
    [[gnu::noinline]] void seen(int64_t o, int64_t end, int64_t& first, int64_t& last) const {
        first = size, last = 0;
        for (; o < end; ++o) {
            const LaneWindow& w = windows_[o];
            const int64_t after = w.begin + (w.count - 1) * step + 1;
            if (w.begin < first) first = w.begin;
            if (after > last) last = after;
        }
    }

  private:
    Scratch<LaneWindow> windows_;
};

struct LaneWindows {
    LaneAxis depth, rows, columns;

    template <typename Windows>  // PoolWindows or AdaptiveWindows
    [[gnu::noinline]] explicit LaneWindows(const Windows& w)
        : depth(w.depth), rows(w.rows), columns(w.columns) {}

    int64_t outputs() const { return depth.out * rows.out * columns.out; }
    int64_t input() const { return depth.size * rows.size * columns.size; }
};

// Vectors of a band that stay in the nearer caches.
constexpr int64_t kLaneRoom = 768;

// Rows of results that are computed at once, from `slices` slices.
inline int64_t lane_band(const LaneAxis& rows, int64_t slices, int64_t columns, int64_t results) {
    const int64_t room = kLaneRoom - slices * columns * rows.span;
    const int64_t band = 1 + (room < 0 ? 0 : room / (slices * columns * rows.stride + results));
    const int64_t bands = (rows.out + band - 1) / band;
    return (rows.out + bands - 1) / bands;
}

// How far the planes of x lie apart, where that is the same for all.
template <typename X>
int64_t plane_step(const Array<X, 5>& x) {
    return x.shape[1] > 1 ? x.stride[1] : x.stride[0];
}
template <typename X>
bool has_even_planes(const Array<X, 5>& x) {
    return x.shape[0] == 1 || x.shape[1] == 1 || x.stride[0] == x.shape[1] * x.stride[1];
}

// Whether there are enough planes of `input` elements, of which a row of windows sees `seen`, and x, which is
// x or dy, has no gaps but between planes, all of which are as wide.
template <typename T, typename X>
bool suits_lanes(const Array<X, 5>& x, int64_t input, double seen) {
    return has_special_kernels && has_even_planes(x) && is_contiguous_volume(x) &&
           2 * x.shape[0] * x.shape[1] > width<T> && input <= INT32_MAX && seen <= (1 << 14);
}
template <typename T, typename X>
bool suits_lanes(const Array<X, 5>& x, const PoolWindows& w) {
    return suits_lanes<T>(x, w.input(),
                          double(w.depth.kernel) * double(w.rows.span()) * double(w.columns.size));
}

// What is known of `width` windows after some of their elements. Max and sum alone, and Best in
// pooling/max_pool_best.h; `padding` is what changes nothing.
template <typename T>
struct LaneSum {
    static constexpr bool numbered = false;
    static constexpr T padding = 0;
    vec<T> value;
    mask<T> element;
    PYDL_INLINE void meet(vec<T> x, mask<T>) { value += x; }
    PYDL_INLINE void join(const LaneSum& other) { value += other.value; }
};
template <typename T>
struct LaneMax {
    static constexpr bool numbered = false;
    vec<T> value;
    mask<T> element;
    PYDL_INLINE void meet(vec<T> x, mask<T>) { value = max(value, x); }
};

// A number in each lane of a vector for each element; Cell says which are there.
template <typename Cell, typename T>
struct LaneCells {
    T* value;
    int_of<T>* element;

    PYDL_INLINE Cell at(int64_t i) const {
        constexpr int64_t W = width<T>;
        if constexpr (Cell::numbered) return {load(value + i * W), load(element + i * W)};
        return {load(value + i * W), mask<T>{}};
    }
    PYDL_INLINE void set(int64_t i, const Cell& cell) const { put(i * width<T>, cell); }
    // To the lanes that begin with this one.
    PYDL_INLINE void put(int64_t first, const Cell& cell) const {
        store(value + first, cell.value);
        if constexpr (Cell::numbered) store(element + first, cell.element);
    }
};

// The windows of all columns of `rows` turned rows of input.
template <typename Cell, typename T>
void combine_along(const LaneAxis& columns, const T* x, int64_t rows, const LaneCells<Cell, T>& to) {
    constexpr int64_t W = width<T>;
    using I = int_of<T>;
    const int64_t step = columns.step * W;
    for (int64_t r = 0, at = 0; r < rows; ++r, x += columns.size * W)
        for (int64_t q = 0; q < columns.out; ++q, ++at) {
            const LaneWindow w = columns[q];
            const T* from = x + w.begin * W;
            mask<T> number = broadcast<I>(I(w.first));
            Cell cell = {load(from), number};
            for (int64_t j = 1; j < w.count; ++j) {
                from += step;
                number += I(1);
                cell.meet(load(from), number);
            }
            to.set(at, cell);
        }
}

// Rows [p, end) of windows of slice z, from rows that were combined along and begin with row `top`, `rows` of
// each slice.
template <typename Cell, typename T>
void combine_down(const LaneWindows& w, const LaneCells<Cell, T>& along, int64_t z, int64_t p, int64_t end,
                  int64_t top, int64_t rows, const LaneCells<Cell, T>& to) {
    using I = int_of<T>;
    const int64_t OW = w.columns.out;
    const LaneWindow deep = w.depth[z];
    for (int64_t at = 0; p < end; ++p) {
        const LaneWindow down = w.rows[p];
        const mask<T> first = broadcast<I>(I((deep.first * w.rows.kernel + down.first) * w.columns.kernel));
        const mask<T> next_row = broadcast<I>(I(w.columns.kernel)),
                      next_slice = broadcast<I>(I((w.rows.kernel - down.count) * w.columns.kernel));
        for (int64_t q = 0; q < OW; ++q, ++at) {
            mask<T> number = first;
            int64_t from = (down.begin - top) * OW + q, count = down.count;
            Cell cell = along.at(from);
            cell.element += number;
            for (int64_t k = 0;;) {
                while (--count > 0) {
                    from += w.rows.step * OW;
                    number += next_row;
                    const Cell other = along.at(from);
                    cell.meet(other.value, other.element + number);
                }
                if (++k == deep.count) break;
                from = (k * rows + down.begin - top) * OW + q;
                number += next_slice + next_row;
                const Cell other = along.at(from);
                cell.meet(other.value, other.element + number);
                count = down.count;
            }
            to.set(at, cell);
        }
    }
}

// result(planes' first, their number, first of their results, how many, a vector for each of them) for all
// results of all planes.
template <typename Cell, typename T, typename Result>
void pool_lanes(const Array<const T, 5>& x, const LaneWindows& w, const Result& result) {
    constexpr int64_t W = width<T>;
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, wide = w.columns.size;
    const int64_t slices = at_most(w.depth.span, w.depth.size);  // at most so many at once
    const int64_t deep = at_most(w.depth.kernel, slices);
    const int64_t band = lane_band(w.rows, deep, wide, OW), bands = (OH + band - 1) / band;
    const int64_t most = at_most((band - 1) * w.rows.stride + w.rows.span, w.rows.size);
    const int64_t planes = x.shape[0] * x.shape[1], groups = (planes + W - 1) / W, step = plane_step(x);
    parallel_for(groups * OD * bands, row_grain(W * deep * most * wide), [&](int64_t begin, int64_t end) {
        const int64_t lines = deep * most * OW, results = band * OW;
        const Scratch<T> in(deep * most * wide * W), values((lines + results) * W);
        const Scratch<int_of<T>> elements(Cell::numbered ? (lines + results) * W : 0);
        const LaneCells<Cell, T> along = {values.data(), elements.data()};
        const LaneCells<Cell, T> down = {values.data() + lines * W, elements.data() + lines * W};
        for (int64_t task = begin; task < end; ++task) {
            const int64_t plane = task / (OD * bands) * W, lanes = at_most(W, planes - plane);
            const int64_t z = task / bands % OD, p = task % bands * band, last = at_most(p + band, OH);
            int64_t top, bottom;
            w.rows.seen(p, last, top, bottom);
            const int64_t rows = bottom - top, run = rows * wide;
            const LaneWindow slice = w.depth[z];
            for (int64_t k = 0; k < slice.count; ++k)
                turn(x.data + plane * step + ((slice.begin + k * w.depth.step) * w.rows.size + top) * wide,
                     step, in.data() + k * run * W, W, run, lanes);
            combine_along(w.columns, in.data(), slice.count * rows, along);
            combine_down(w, along, z, p, last, top, rows, down);
            result(plane, lanes, (z * OH + p) * OW, (last - p) * OW, down);
        }
    });
}

}  // namespace pydl::PYDL_ISA
