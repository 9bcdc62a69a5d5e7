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
#include "elementwise/elementwise.h"
#include "scratch.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// The windows along one axis: window o covers the positions o * stride - padding + i * dilation, i < kernel.
struct PoolAxis {
    int64_t size, out, kernel, stride, padding, dilation;

    int64_t start(int64_t o) const { return o * stride - padding; }
    int64_t span() const { return (kernel - 1) * dilation + 1; }
    // Elements [first(o), last(o)) of window o lie inside the input.
    int64_t first(int64_t o) const {
        const int64_t before = -start(o);
        return before <= 0 ? 0 : steps(before);
    }
    int64_t last(int64_t o) const {
        const int64_t room = size - start(o);
        if (room <= 0) return 0;
        const int64_t count = steps(room);
        return count < kernel ? count : kernel;
    }
    // Windows [first_inside(), last_inside()) see no padding.
    int64_t first_inside() const { return (padding + stride - 1) / stride; }
    int64_t last_inside() const {
        const int64_t room = size + padding - span();
        const int64_t count = room < 0 ? 0 : room / stride + 1;
        return count < out ? count : out;
    }
    // How many elements it takes to go `distance`. Most windows are not dilated, and a division is slow.
    int64_t steps(int64_t distance) const {
        return dilation == 1 ? distance : (distance + dilation - 1) / dilation;
    }
    // Where element j of the windows starts: its phase, and its place there.
    int64_t phase(int64_t j) const { return j * dilation % stride; }
    int64_t place(int64_t j) const { return j * dilation / stride; }
    int64_t reach() const { return place(kernel - 1); }
    // Whether there is one window and it is the whole axis.
    bool is_whole() const { return out == 1 && kernel == size && padding == 0 && dilation == 1; }
    // Whether windows lie side by side and every element in one.
    bool is_shared_evenly() const {
        return kernel == stride && padding == 0 && dilation == 1 && out * kernel == size;
    }
    // Whether windows of two lie side by side.
    bool is_halving() const {
        return kernel == 2 && stride == 2 && dilation == 1 && padding == 0 && 2 * out <= size;
    }
};

// An axis that is not there: one window of one element.
inline PoolAxis no_axis() {
    return {1, 1, 1, 1, 0, 1};
}

// The windows of a plane (depth is no_axis()) or of a volume.
struct PoolWindows {
    PoolAxis depth, rows, columns;

    int64_t elements() const { return depth.kernel * rows.kernel * columns.kernel; }
    int64_t input() const { return depth.size * rows.size * columns.size; }
    int64_t outputs() const { return depth.out * rows.out * columns.out; }
    bool is_whole() const { return depth.is_whole() && rows.is_whole() && columns.is_whole(); }
    bool lies_side_by_side() const {
        return depth.is_shared_evenly() && rows.is_shared_evenly() && columns.is_shared_evenly();
    }
    bool is_2x2() const {
        return depth.size == 1 && depth.kernel == 1 && depth.out == 1 && depth.padding == 0 &&
               rows.is_halving() && columns.is_halving();
    }
};

// Whether windows of 2x2 and those that are the whole input have kernels of their own. Where vectors are two
// numbers they do not, and are pooled as all others.
template <typename T>
inline constexpr bool has_own_pools = has_special_kernels || std::is_same_v<T, float>;

// Whether small windows are pooled by strips (pooling/strips.h, pooling/gather.h), if there are such: wide
// rows of windows of 2x2 side by side are faster one after the other.
template <typename T>
bool suits_strips(const PoolWindows& w) {
    return !w.is_2x2() || (w.columns.out <= 2 * width<T> && w.columns.out <= 16);
}

// Whether some windows see none of the input.
inline bool see_padding_alone(const PoolAxis& axis) {
    // Only those do that begin left of the input and, stepping far, miss it.
    for (int64_t o = 0; o < axis.out && axis.start(o) < 0; ++o)
        if (axis.last(o) <= axis.first(o)) return true;
    return false;
}
inline bool see_padding_alone(const PoolWindows& w) {
    return see_padding_alone(w.depth) || see_padding_alone(w.rows) || see_padding_alone(w.columns);
}

// How far element `number` of a window lies from its corner; for numbers that no element has, `none`.
inline void set_distances(const PoolWindows& w, int64_t (&distance)[256], int64_t none) {
    for (int64_t number = 0; number < 256; ++number) {
        const int64_t k = number / w.columns.kernel / w.rows.kernel,
                      i = number / w.columns.kernel % w.rows.kernel;
        distance[number] = k >= w.depth.kernel
                               ? none
                               : (k * w.depth.dilation * w.rows.size + i * w.rows.dilation) * w.columns.size +
                                     number % w.columns.kernel * w.columns.dilation;
    }
}

// Planes as volumes of one slice, so that kernels are written once.
template <typename T>
Array<T, 5> as_volumes(const Array<T, 4>& x) {
    return {x.data,
            {x.shape[0], x.shape[1], 1, x.shape[2], x.shape[3]},
            {x.stride[0], x.stride[1], 0, x.stride[2], x.stride[3]}};
}

// The volume (n, c) = (plane / C, plane % C).
template <typename T>
T* volume_of(const Array<T, 5>& x, int64_t plane) {
    if (x.shape[0] == 1 || uint64_t(x.stride[0]) == uint64_t(x.shape[1]) * uint64_t(x.stride[1]))
        return x.data + plane * x.stride[1];
    return x.data + plane / x.shape[1] * x.stride[0] + plane % x.shape[1] * x.stride[1];
}

// Whether the elements of each volume lie one behind another.
template <typename T>
bool is_contiguous_volume(const Array<T, 5>& x) {
    return x.stride[4] == 1 && (x.shape[3] == 1 || x.stride[3] == x.shape[4]) &&
           (x.shape[2] == 1 || x.stride[2] == x.shape[3] * x.shape[4]);
}

// The same for loops over volumes, which mostly lie side by side.
template <typename T>
class Volumes {
  public:
    explicit Volumes(const Array<T, 5>& x)
        : x_(x),
          data_(x.data),
          step_(x.stride[1]),
          even_(x.shape[0] == 1 || x.stride[0] == x.shape[1] * x.stride[1]) {}
    PYDL_INLINE T* at(int64_t plane) const { return even_ ? data_ + plane * step_ : volume_of(x_, plane); }

  private:
    const Array<T, 5>& x_;
    T* data_;
    int64_t step_;
    bool even_;
};

template <typename T>
void fill_row(T* p, int64_t count, T value) {
    for (int64_t k = 0; k < count; k += width<T>) store_partial(p + k, broadcast<T>(value), count - k);
}

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

inline int64_t at_most(int64_t n, int64_t limit) {
    return n < limit ? n : limit;
}

// `rows` rows of `count` numbers, `step` apart, to the phases of rows with `padding` columns on their left.
// A phase's rows are `pitch` apart, the phases `length`.
template <typename T>
void split_rows(const T* x, int64_t row_step, int64_t step, int64_t rows, int64_t count, int64_t padding,
                int64_t stride, T* phases, int64_t pitch, int64_t length) {
    constexpr int64_t W = width<T>;
    if (stride == 1 && step == 1) {
        for (int64_t r = 0; r < rows; ++r, x += row_step, phases += pitch)
            for (int64_t w = 0; w < count; w += W)
                store_partial(phases + padding + w, load_partial(x + w, count - w), count - w);
    } else if (stride == 2 && step == 1) {
        T* even = phases + (padding % 2) * length + padding / 2;
        T* odd = phases + ((padding + 1) % 2) * length + (padding + 1) / 2;
        for (int64_t r = 0; r < rows; ++r, x += row_step, even += pitch, odd += pitch) {
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
        }
    } else {
        for (int64_t r = 0; r < rows; ++r, x += row_step, phases += pitch) {
            int64_t phase = padding % stride, place = padding / stride;
            for (int64_t w = 0; w < count; ++w) {
                phases[phase * length + place] = x[w * step];
                if (++phase == stride) phase = 0, ++place;
            }
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

// Whether the input is so large that most of it comes from memory or the last cache. Rows of planes are too
// short for the processor to see a pattern in what is read; it is told what comes next.
template <typename T>
bool is_far(const Array<const T, 5>& x) {
    return x.size() * int64_t(sizeof(T)) > (int64_t(4) << 20);
}

// Whether most of it comes from memory, beyond the last cache.
template <typename T>
bool is_beyond_caches(const Array<const T, 5>& x) {
    return x.size() * int64_t(sizeof(T)) > (int64_t(16) << 20);
}

// All lanes of each of `width` vectors combined, a lane for each: halves with halves, then halves of those,
// ...
template <typename T, int Step = width<T> / 2, typename Combine>
PYDL_INLINE vec<T> combine_lanes(vec<T>* v, const Combine& combine) {
    constexpr auto lanes = std::make_integer_sequence<int, width<T>>{};
#pragma GCC unroll 16
    for (int i = 0; i < Step; ++i) {
        const vec<T> low = swap_blocks<Step, false>(v[i], v[i + Step], lanes);
        v[i] = combine(low, swap_blocks<Step, true>(v[i], v[i + Step], lanes));
    }
    if constexpr (Step > 1) return combine_lanes<T, Step / 2>(v, combine);
    return v[0];
}

// How many elements ahead memory is asked for: the processor itself looks ahead only to the end of a page.
constexpr int64_t kAheadOfPool = 1024;

// Rows that are worth a thread of their own: the grain of a loop over rows of `length` elements.
inline int64_t row_grain(int64_t length) {
    return length >= kElementwiseGrain ? 1 : kElementwiseGrain / (length < 1 ? 1 : length);
}

}  // namespace pydl::PYDL_ISA
