// One row of an element-by-element kernel: its inputs, and the loop over vectors.
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

// One input of a row: numbers one behind another, or, unless it is the only input, one that is repeated, of
// which there are copies in `own`. T is the element type of y and so says how many elements make a vector; X
// is the input's own: T, or uint8_t for a mask.
template <typename T, typename X, bool Only>
class RowInput {
  public:
    PYDL_INLINE RowInput(const X* data, int64_t stride, T* own)
        : from_(data), places_(Only || stride != 0 ? -1 : 0), own_(reinterpret_cast<X*>(own)) {
        if (places_ != 0) return;
        from_ = own_;
        if constexpr (std::is_same_v<X, T>) {
            store(own_, broadcast<T>(*data));
        } else {
            const auto copies = *data - typename ByteVec<T>::type{};
            __builtin_memcpy(own_, &copies, width<T>);
        }
    }

    PYDL_INLINE auto at(int64_t i) const {
        const X* p = from_ + (i & places_);
        if constexpr (std::is_same_v<X, T>) {
            return load(p);
        } else {
            static_assert(std::is_same_v<X, uint8_t>, "inputs are of the type of the result, or masks");
            return mask<T>(widen_bytes<T>(p) != 0);
        }
    }

    // n numbers, fewer than a vector has, and any in the other lanes.
    PYDL_INLINE auto part(int64_t i, int64_t n) const {
        if constexpr (std::is_same_v<X, T>)
            return load_partial(from_ + (i & places_), n);
        else
            return mask<T>(load_bytes<T>(from_ + (i & places_), n) != 0);
    }

    // From now on at(0) is part(i, n).
    PYDL_INLINE void end_with(int64_t i, int64_t n) {
        if (places_ == 0) return;
        if constexpr (std::is_same_v<X, T>)
            store(own_, part(i, n));
        else
            copy_bytes<width<T>>(own_, from_ + i, n);
        from_ = own_;
    }

  private:
    const X* from_;
    int64_t places_;  // a mask for indices: all of them or only 0
    X* own_;
};

// A long formula, which is compiled once for a row and so becomes part of its loop.
template <typename F>
struct Long : F {};
template <typename F>
Long(F) -> Long<F>;
template <typename F>
inline constexpr bool is_long = false;
template <typename F>
inline constexpr bool is_long<Long<F>> = true;

// A vector of the result, or its first n lanes: numbers, or, where f gives a mask, truth values in bytes.
template <typename T>
PYDL_INLINE void put(T* p, std::common_type_t<vec<T>> v) {
    store(p, v);
}
template <typename T>
PYDL_INLINE void put(uint8_t* p, std::common_type_t<mask<T>> v) {
    narrow_bytes<T>(p, v & 1);
}
template <typename T>
PYDL_INLINE void put_part(T* p, std::common_type_t<vec<T>> v, int64_t n) {
    store_partial(p, v, n);
}
template <typename T>
PYDL_INLINE void put_part(uint8_t* p, std::common_type_t<mask<T>> v, int64_t n) {
    store_bytes<T>(p, v & 1, n);
}

// y = f(x...), `count` numbers one behind another, or truth values.
template <typename T, typename F, typename Y, typename... Input>
PYDL_INLINE void elementwise_row(const F& f, Y* y, int64_t count, Input... x) {
    constexpr int64_t W = width<T>;
    // Rows of one input are seldom short, and many of their formulas are long.
    constexpr bool once = is_long<F> || sizeof...(Input) == 1;
    static_assert(!once || std::is_same_v<T, Y>, "truth values are of short formulas of more than one input");
    alignas(PYDL_VECTOR_BYTES) Y last[W];
    const int64_t rest = count & (W - 1);
    Y* to = y;
    for (int64_t whole = count - rest;; whole = W) {
        int64_t i = 0;
        // One branch a vector, at the end: when compiled for size, a `for` has two.
        if (whole > 0) {
            do {
                put<T>(to + i, f(x.at(i)...));
            } while ((i += W) < whole);
        }
        if constexpr (once) {  // what does not fill a vector goes by way of ones that it does
            if (to == last) return store_partial(y + (count - rest), load(last), rest);
            if (rest == 0) return;
            (x.end_with(whole, rest), ...);
            to = last;
        } else {
            if (rest > 0) put_part<T>(y + i, f(x.part(i, rest)...), rest);
            return;
        }
    }
}

// Rows of a kernel: see ElementwiseRun.
template <typename T, typename Y, typename F, typename... X, int... I>
PYDL_INLINE void elementwise_rows(const F& f, void* const* p, const int64_t* stride, int64_t count,
                                  int64_t rows, const int64_t* step, std::integer_sequence<int, I...>) {
    alignas(PYDL_VECTOR_BYTES) T own[sizeof...(X)][width<T>];
    for (int64_t r = 0; r < rows; ++r)
        elementwise_row<T>(f, static_cast<Y*>(p[0]) + r * step[0], count,
                           RowInput<T, X, sizeof...(X) == 1>(
                               static_cast<const X*>(p[I + 1]) + r * step[I + 1], stride[I + 1], own[I])...);
}

}  // namespace pydl::PYDL_ISA
