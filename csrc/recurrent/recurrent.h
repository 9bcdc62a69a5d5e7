// What all recurrent layers share: a batch of sequences, the directions it is read in, and what a unit is
// given. See pydl/ops/lstm.py, gru.py, rnn.py.
#pragma once

#include "array.h"
#include "parallel.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

template <typename T>
void copy_run(T* to, const T* from, int64_t count) {
    for (int64_t i = 0; i < count; i += width<T>)
        store_partial(to + i, load_partial(from + i, count - i), count - i);
}
// Numbers a distance apart.
template <typename T>
void copy_run(T* to, const T* from, int64_t stride, int64_t count) {
    if (stride == 1) return copy_run(to, from, count);
    for (int64_t i = 0; i < count; i++) to[i] = from[i * stride];
}
// Tells the caches that these numbers will soon be needed. Always inline: as a function of its own, the
// compiler takes it for one that does nothing.
template <typename T>
PYDL_INLINE void ask_for(const T* from, int64_t count) {
    for (int64_t i = 0; i < count; i += 64 / sizeof(T)) prefetch(from + i);
}
// The same for rows `stride` apart. A function that is called for its result, or it would be taken for
// nothing.
template <typename T>
[[gnu::noinline]] const T* rows_asked_for(const T* first, int64_t stride, int64_t rows, int64_t count) {
    for (int64_t i = 0; i < rows; i++) ask_for(first + i * stride, count);
    return forget(first);
}
template <typename T>
void fill_run(T* to, T value, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] = value;
}

template <typename T>
bool has_shape(const Array<T, 1>& a, int64_t n) {
    return a.shape[0] == n;
}
template <typename T>
bool has_shape(const Array<T, 2>& a, int64_t m, int64_t n) {
    return a.shape[0] == m && a.shape[1] == n;
}
template <typename T>
bool has_shape(const Array<T, 3>& a, int64_t l, int64_t m, int64_t n) {
    return a.shape[0] == l && a.shape[1] == m && a.shape[2] == n;
}
template <typename T>
bool has_shape(const Array<T, 4>& a, int64_t k, int64_t l, int64_t m, int64_t n) {
    return a.shape[0] == k && a.shape[1] == l && a.shape[2] == m && a.shape[3] == n;
}
template <typename A, typename... N>
bool fits(const Optional<A>& a, N... shape) {
    return !a || has_shape(*a, shape...);
}
template <typename A>
bool contiguous_or_none(const Optional<A>& a) {
    return !a || a->contiguous();
}

// Line (l, m, :) of an array.
template <typename T>
void copy_line(T* to, const Array<const T, 3>& a, int64_t l, int64_t m) {
    copy_run(to, a.data + l * a.stride[0] + m * a.stride[1], a.stride[2], a.shape[2]);
}

// Whether all numbers are zero, of arrays whose lines are runs in memory.
template <typename T>
bool is_zero(const Array<const T, 3>& a) {
    if (a.stride[2] != 1) return false;
    for (int64_t l = 0; l < a.shape[0]; l++)
        for (int64_t m = 0; m < a.shape[1]; m++)
            for (int64_t n = 0; n < a.shape[2]; n += width<T>)
                if (any(load_partial(&a(l, m, n), a.shape[2] - n) != T(0))) return false;
    return true;
}
// Whether there is neither an infinity nor NaN, which times zero would not be zero.
template <typename T>
bool all_finite(const T* a, int64_t count) {
    vec<T> sum{};
    for (int64_t i = 0; i < count; i += width<T>) {
        const vec<T> v = load_partial(a + i, count - i);
        sum += v - v;
    }
    return all(sum == vec<T>{});
}
template <typename T>
bool all_finite(const ArrayList<const T>& list) {
    for (int64_t i = 0; i < list.count; i++)
        if (!all_finite(list.data(i), list.size(i))) return false;
    return true;
}

template <typename A>
auto data_or_null(const Optional<A>& a) {
    return a ? a->data : nullptr;
}

// Whether every array of a list is a vector of n numbers, or a matrix (m, n).
template <typename T>
bool all_have_shape(const ArrayList<T>& list, int64_t n) {
    for (int64_t i = 0; i < list.count; i++)
        if (list.arrays[i].rank != 1 || list.arrays[i].shape[0] != n) return false;
    return true;
}
template <typename T>
bool all_have_shape(const ArrayList<T>& list, int64_t m, int64_t n) {
    for (int64_t i = 0; i < list.count; i++)
        if (list.arrays[i].rank != 2 || list.arrays[i].shape[0] != m || list.arrays[i].shape[1] != n)
            return false;
    return true;
}

using Lengths = Optional<Array<const int64_t, 1>>;

// The sequences of a batch: an own copy of the lengths, so that nothing that is read later can leave the
// arrays, whatever another thread does to them meanwhile.
class Batch {
  public:
    Batch(const Lengths& lengths, int64_t steps, int64_t rows)
        : steps_(steps), rows_(rows), ragged_(lengths), length_(rows) {
        for (int64_t b = 0; b < rows; b++)
            length_[b] = lengths && b < lengths->shape[0] ? (*lengths)(b) : steps;
        valid_ = !lengths || lengths->shape[0] == rows;
        for (int64_t b = 0; b < rows; b++) valid_ = valid_ && length_[b] >= 0 && length_[b] <= steps;
    }
    bool valid() const { return valid_; }
    bool ragged() const { return ragged_; }
    int64_t steps() const { return steps_; }
    int64_t rows() const { return rows_; }
    int64_t length(int64_t b) const { return length_[b]; }

  private:
    int64_t steps_, rows_;
    bool ragged_, valid_;
    Scratch<int64_t> length_;
};

// Of two directions the second is read from the last step to the first; a single one if `reverse` says so.
struct Direction {
    int64_t number;
    bool backwards;
    Direction(int64_t n, bool reverse) : number(n), backwards(reverse || n == 1) {}

    // The step that is computed as the s-th.
    int64_t time(int64_t s, int64_t steps) const { return backwards ? steps - 1 - s : s; }
    // The step before step t of a sequence, or -1 if t is the one it begins with.
    int64_t before(int64_t t, int64_t length) const {
        return !backwards ? t - 1 : t + 1 < length ? t + 1 : -1;
    }
};

// Gates of W_hh, counted from `gate` on, and the sums that their products with h belong to. (The product of
// gate g of W_ih with x always belongs to sum g.)
struct GateRun {
    int gate, sum, count;
};

// A unit's numbers in one step, for `width` units from the pointers on. Several numbers of a kind lie
// `stride` apart.
template <typename T>
struct UnitForward {
    T* sums;  // W_ih x and W_hh h; what `second` needs may replace them
    int64_t sum_stride;
    const T* bias;
    int64_t stride;  // of bias and kept
    const T* h_before;
    T* h;      // after the step; may be the same place
    T* c;      // the same of an LSTM's cell
    T* kept;   // what the gradient will need; null, if nobody will ask for it
    T* h_out;  // h again
    T* c_out;  // c again, or null
};

template <typename T>
struct UnitBackward {
    const T* kept;
    const T* before;  // c of an LSTM, h of others
    const T* after;
    const T* dy;  // null if no gradient arrived
    T* dh;        // gradient by h after the step, replaced by what of that by h before it is no product
    T* dc;        // gradient by c after the step, replaced by that before it
    T* dsums;     // gradient by the sums
    int64_t stride;
};

// Vectors of units of which Whole says that all exist, else `lanes` of them.
template <typename T, bool Whole>
struct Lanes {
    int64_t lanes;
    PYDL_INLINE vec<T> read(const T* p) const { return Whole ? load(p) : load_partial(p, lanes); }
    PYDL_INLINE void write(T* p, vec<T> v) const { Whole ? store(p, v) : store_partial(p, v, lanes); }
};

// A step of units [begin, end) of a row is made in two parts, each for many rows: a processor overlaps two
// short chains of dependent operations better than one long one. All pointers are those of unit 0, but sums
// are those of unit `begin`.
enum class Part { first, second };

template <typename T, typename Units, Part part>
PYDL_INLINE void forward_units(int64_t begin, int64_t end, const UnitForward<T>& row) {
    const auto apply = [&](auto lanes, int64_t u) PYDL_INLINE_LAMBDA {
        UnitForward<T> unit = row;
        unit.sums += u - begin;
        unit.bias += u;
        unit.h_before += u;
        unit.h += u;
        if (Units::has_cell) unit.c += u;
        if (unit.kept) unit.kept += u;
        unit.h_out += u;
        if (unit.c_out) unit.c_out += u;
        if constexpr (part == Part::first)
            Units::first(lanes, unit);
        else
            Units::second(lanes, unit);
    };
    int64_t u = begin;
    for (; u + width<T> <= end; u += width<T>) apply(Lanes<T, true>{}, u);
    if (u < end) apply(Lanes<T, false>{end - u}, u);
}

template <typename T, typename Units>
[[gnu::noinline]] void backward_units(int64_t begin, int64_t end, const UnitBackward<T>& row) {
    const auto at = [&](int64_t u) PYDL_INLINE_LAMBDA {
        UnitBackward<T> unit = row;
        if (Units::kept > 0) unit.kept += u;
        unit.before += u;
        unit.after += u;
        if (unit.dy) unit.dy += u;
        unit.dh += u;
        if (Units::has_cell) unit.dc += u;
        unit.dsums += u;
        return unit;
    };
    int64_t u = begin;
    for (; u + width<T> <= end; u += width<T>) Units::backward(Lanes<T, true>{}, at(u));
    if (u < end) Units::backward(Lanes<T, false>{end - u}, at(u));
}

}  // namespace pydl::PYDL_ISA
