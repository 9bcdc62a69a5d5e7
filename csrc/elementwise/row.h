// One row of an element-by-element kernel: its operands, wherever their elements lie, and the loop over
// vectors.
#pragma once
#include "simd/bytes.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// n elements that lie `stride` apart, for n <= width; the rest of the lanes is zero. The two loops over
// single elements are compiled once and not into every kernel.
template <typename T>
[[gnu::noinline]] vec<T> gather_lanes(const T* p, int64_t stride, int64_t n) {
    if (n == width<T> && stride == -1) return backwards(load(p - (width<T> - 1)));
    if (n == width<T> && stride == 2) {
        prefetch(p + 4096 / sizeof(T));
        prefetch(p + 4096 / sizeof(T) + width<T>);
        return even_lanes_of_run(load(p), load(p + width<T> - 1));
    }
    T lanes[width<T>] = {};
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; ++i) lanes[i] = p[i * stride];
    return load(lanes);
}
template <typename T>
[[gnu::noinline]] void scatter_lanes(T* p, int64_t stride, vec<T> v, int64_t n) {
    T lanes[width<T>];
    store(lanes, v);
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; ++i) p[i * stride] = lanes[i];
}

// The same where they mostly lie one behind another.
template <typename T>
PYDL_INLINE vec<T> load_strided(const T* p, int64_t stride, int64_t n) {
    return stride == 1 ? load_partial(p, n) : gather_lanes(p, stride, n);
}

template <typename T>
PYDL_INLINE void store_strided(T* p, int64_t stride, vec<T> v, int64_t n) {
    stride == 1 ? store_partial(p, v, n) : scatter_lanes(p, stride, v, n);
}

template <typename T>
void fill_zero(T* p, int64_t n) {
    int64_t i = 0;
    for (; i + width<T> <= n; i += width<T>) store(p + i, vec<T>{});
    if (i < n) store_partial(p + i, vec<T>{}, n - i);
}

// One input along the innermost dimension. T is the element type of y and so says how many elements make a
// vector; X is the input's own: T, or uint8_t for a mask.
template <typename T, typename X>
class Operand {
  public:
    Operand(const X* data, int64_t stride) : data_(data), stride_(stride) {
        // An operand that is repeated along the row is read from a vector full of copies, again and again.
        if (stride != 0) return;
        if constexpr (std::is_same_v<X, T>)
            store(copies_, broadcast<T>(*data));
        else
            for (int64_t i = 0; i < width<T>; ++i) copies_[i] = *data;
    }

    bool unit() const { return stride_ == 1; }
    bool unit_or_repeated() const { return stride_ == 1 || stride_ == 0; }

    PYDL_INLINE auto consecutive(int64_t i) const { return whole(data_ + i); }
    PYDL_INLINE auto consecutive_or_copies(int64_t i) const {  // without a branch: the stride is 1 or 0
        return whole((stride_ == 0 ? copies_ : data_) + i * stride_);
    }

    PYDL_INLINE auto strided(int64_t i, int64_t n) const {
        if constexpr (std::is_same_v<X, T>) {
            return stride_ == 0 ? load(copies_) : load_strided(data_ + i * stride_, stride_, n);
        } else {
            X lanes[width<T>] = {};
            for (int64_t k = 0; k < n; ++k) lanes[k] = data_[(i + k) * stride_];
            return whole(lanes);
        }
    }

  private:
    PYDL_INLINE static auto whole(const X* p) {
        if constexpr (std::is_same_v<X, T>) {
            return load(p);
        } else {
            static_assert(std::is_same_v<X, uint8_t>, "inputs are of the type of the result, or masks");
            return mask<T>(widen_bytes<T>(p) != 0);
        }
    }

    const X* data_;
    int64_t stride_;
    alignas(PYDL_VECTOR_BYTES) X copies_[width<T>];
};

template <typename T, typename F, typename... X>
PYDL_INLINE void elementwise_row(const F& f, T* y, int64_t stride, int64_t count, const Operand<T, X>&... x) {
    const int64_t whole = stride == 1 && count >= width<T> ? count / width<T> * width<T> : 0;
    int64_t i = 0;
    // One branch a vector, at the end: when compiled for size, a `for` has two.
    if (whole > 0 && (x.unit() && ...)) {  // the usual case, free of branches on strides
        do store(y + i, f(x.consecutive(i)...));
        while ((i += width<T>) < whole);
    } else if (sizeof...(X) > 1 && whole > 0 && (x.unit_or_repeated() && ...)) {
        do store(y + i, f(x.consecutive_or_copies(i)...));
        while ((i += width<T>) < whole);
    }
    for (; i < count; i += width<T>) {
        const int64_t n = count - i < width<T> ? count - i : width<T>;
        store_strided<T>(y + i * stride, stride, f(x.strided(i, n)...), n);
    }
}

template <typename T, typename F, typename... X, int... I>
PYDL_INLINE void elementwise_run(const F& f, void* const* p, const int64_t* stride, int64_t count,
                                 int64_t rows, const int64_t* step, std::integer_sequence<int, I...>) {
    for (int64_t r = 0; r < rows; ++r)
        elementwise_row<T>(
            f, static_cast<T*>(p[0]) + r * step[0], stride[0], count,
            Operand<T, X>(static_cast<const X*>(p[I + 1]) + r * step[I + 1], stride[I + 1])...);
}

}  // namespace pydl::PYDL_ISA
