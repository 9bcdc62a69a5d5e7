// What the pooling kernels share: how windows lie along one axis, and rows sorted so that neighbouring
// windows are neighbouring lanes.
//
// With stride s, window o reads the padded columns o*s + j*dilation. Sorting a row by column modulo s into s
// *phases* turns every such read into contiguous ones:
//
//     padded row   a b c d e f g h          s = 2:   phase 0   a c e g
//                                                     phase 1   b d f h
//
// column p = phase (p % s), place (p / s), so element j of the windows o, o+1, o+2, ... is the run of phase
// (j*dilation % s) that starts at place o + j*dilation / s.
#pragma once
#include "array.h"
#include "elementwise.h"
#include "scratch.h"
#include "simd.h"

namespace pydl::PYDL_ISA {

// The windows along one axis: window o covers the positions o * stride - padding + i * dilation, i < kernel.
struct PoolAxis {
    int64_t size, out, kernel, stride, padding, dilation;

    int64_t start(int64_t o) const { return o * stride - padding; }
    int64_t span() const { return (kernel - 1) * dilation + 1; }
    // Elements [first(o), last(o)) of window o lie inside the input.
    int64_t first(int64_t o) const {
        const int64_t before = -start(o);
        return before <= 0 ? 0 : (before + dilation - 1) / dilation;
    }
    int64_t last(int64_t o) const {
        const int64_t room = size - start(o);
        if (room <= 0) return 0;
        const int64_t count = (room + dilation - 1) / dilation;
        return count < kernel ? count : kernel;
    }
    // Where element j of the windows starts: its phase, and its place there.
    int64_t phase(int64_t j) const { return j * dilation % stride; }
    int64_t place(int64_t j) const { return j * dilation / stride; }
};

// More padding than input would make rows of nothing but zeros; so much of it is allowed in any case.
constexpr int64_t kPoolPadding = 65536;

inline PoolAxis pool_axis(int64_t size, int64_t out, int64_t kernel, int64_t stride, int64_t padding,
                          int64_t dilation) {
    constexpr int64_t limit = int64_t(1) << 31;
    require(size < limit && out < limit, "pooling: the planes are too large");
    require(kernel >= 1 && stride >= 1 && padding >= 0 && dilation >= 1 && kernel < limit && stride < limit &&
                padding < limit && dilation < limit,
            "pooling: kernel, stride and dilation must be positive, padding must not be negative");
    require(padding <= size + kPoolPadding, "pooling: there is too much padding for the input");
    require(out == 0 || (out - 1) * stride - padding < size,
            "pooling: the last window must start inside the input");
    PoolAxis axis = {size, out, kernel, stride, padding, dilation};
    require(axis.span() <= size + 2 * padding,
            "pooling: the kernel must not be larger than the padded input");
    // With one window the stride says nothing, and one phase for each of its columns is enough.
    if (out <= 1 && axis.stride > axis.span()) axis.stride = axis.span();
    return axis;
}

inline int64_t round_up(int64_t n, int64_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

// x[0], x[step], ... x[(count - 1) * step] to the phases of a row with `padding` columns on its left.
template <typename T>
void split_row(const T* x, int64_t step, int64_t count, int64_t padding, int64_t stride, T* phases,
               int64_t length) {
    constexpr int64_t W = width<T>;
    if (stride == 1) {
        for (int64_t w = 0; w < count; w += W)
            store_partial(phases + padding + w,
                          load_strided(x + w * step, step, count - w < W ? count - w : W), count - w);
    } else if (stride == 2 && step == 1) {
        T* even = phases + (padding % 2) * length + padding / 2;
        T* odd = phases + ((padding + 1) % 2) * length + (padding + 1) / 2;
        int64_t w = 0;
        for (; w + 2 * W <= count; w += 2 * W) {
            const vec<T> a = load(x + w), b = load(x + w + W);
            store(even + w / 2, even_lanes(a, b));
            store(odd + w / 2, odd_lanes(a, b));
        }
        if (w < count) {
            const vec<T> a = load_partial(x + w, count - w), b = load_partial(x + w + W, count - w - W);
            store_partial(even + w / 2, even_lanes(a, b), (count - w + 1) / 2);
            store_partial(odd + w / 2, odd_lanes(a, b), (count - w) / 2);
        }
    } else {
        int64_t phase = padding % stride, place = padding / stride;
        for (int64_t w = 0; w < count; ++w) {
            phases[phase * length + place] = x[w * step];
            if (++phase == stride) phase = 0, ++place;
        }
    }
}

// The inverse, to a contiguous row.
template <typename T>
void merge_row(const T* phases, int64_t length, int64_t count, int64_t padding, int64_t stride, T* x) {
    constexpr int64_t W = width<T>;
    if (stride == 1) {
        for (int64_t w = 0; w < count; w += W)
            store_partial(x + w, load_partial(phases + padding + w, count - w), count - w);
    } else if (stride == 2) {
        const T* even = phases + (padding % 2) * length + padding / 2;
        const T* odd = phases + ((padding + 1) % 2) * length + (padding + 1) / 2;
        for (int64_t w = 0; w < count; w += 2 * W) {
            const vec<T> a = load_partial(even + w / 2, (count - w + 1) / 2);
            const vec<T> b = load_partial(odd + w / 2, (count - w) / 2);
            store_partial(x + w, zip_low(a, b), count - w);
            store_partial(x + w + W, zip_high(a, b), count - w - W);
        }
    } else {
        int64_t phase = padding % stride, place = padding / stride;
        for (int64_t w = 0; w < count; ++w) {
            x[w] = phases[phase * length + place];
            if (++phase == stride) phase = 0, ++place;
        }
    }
}

// Rows of one plane, prepared on demand. Row r lies in slot r % slots, and is prepared anew only if the slot
// holds another one: neighbouring windows share rows.
template <typename T>
class RowCache {
  public:
    RowCache(int64_t slots, int64_t row_size)
        : slots_(slots), row_size_(row_size), rows_(slots * row_size), held_(slots) {
        forget();
    }
    void fill(T value) {
        for (int64_t i = 0; i < slots_ * row_size_; ++i) rows_[i] = value;
    }
    void forget() {
        for (int64_t i = 0; i < slots_; ++i) held_[i] = -1;
    }
    // prepare(destination) fills the memory of the row.
    template <typename F>
    T* get(int64_t row, const F& prepare) {
        const int64_t slot = row % slots_;
        T* memory = rows_.data() + slot * row_size_;
        if (held_[slot] != row) {
            prepare(memory);
            held_[slot] = row;
        }
        return memory;
    }

  private:
    int64_t slots_, row_size_;
    Scratch<T> rows_;
    Scratch<int64_t> held_;
};

// Rows that are worth a thread of their own: the grain of a loop over rows of `length` elements.
inline int64_t row_grain(int64_t length) {
    return length >= kElementwiseGrain ? 1 : kElementwiseGrain / (length < 1 ? 1 : length);
}

}  // namespace pydl::PYDL_ISA
