// y[i] = f(x1[i], x2[i], ...) over arrays of any rank and strides, inputs broadcast to y: the loop of every
// element-by-element kernel. A kernel gives f on vectors and no loop:
//
//     template <typename T>
//     void add_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
//         elementwise("add_forward: a and b must broadcast to y", [](vec<T> a, vec<T> b) { return a + b; },
//         y, a, b);
//     }
//
// An input of bytes (a bool array) reaches f as a mask, set where the byte is not 0. y may be one of the
// inputs itself, but must not overlap one in any other way.
#pragma once
#include "array.h"
#include "loop_nest.h"
#include "parallel.h"
#include "simd.h"

namespace pydl::PYDL_ISA {

// The two loops over single elements are compiled once and not into every kernel.
template <typename T>
[[gnu::noinline]] void gather_lanes(const T* p, int64_t stride, int64_t n, T* lanes) {
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; ++i) lanes[i] = p[i * stride];
}
template <typename T>
[[gnu::noinline]] void scatter_lanes(T* p, int64_t stride, int64_t n, const T* lanes) {
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; ++i) p[i * stride] = lanes[i];
}

// n <= width elements that lie `stride` apart; the rest of the lanes is zero.
template <typename T>
PYDL_INLINE vec<T> load_strided(const T* p, int64_t stride, int64_t n) {
    if (stride == 1) return load_partial(p, n);
    T lanes[width<T>] = {};
    gather_lanes(p, stride, n, lanes);
    return load(lanes);
}

template <typename T>
PYDL_INLINE void store_strided(T* p, int64_t stride, vec<T> v, int64_t n) {
    if (stride == 1) return store_partial(p, v, n);
    T lanes[width<T>];
    store(lanes, v);
    scatter_lanes(p, stride, n, lanes);
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
    PYDL_INLINE auto consecutive_or_copies(int64_t i) const {
        return whole(stride_ == 0 ? copies_ : data_ + i);
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
            typedef uint8_t Bytes __attribute__((vector_size(width<T>)));
            Bytes bytes;
            __builtin_memcpy(&bytes, p, sizeof(bytes));
            return mask<T>(__builtin_convertvector(bytes, mask<T>) != 0);
        }
    }

    const X* data_;
    int64_t stride_;
    X copies_[width<T>];
};

// One run along the innermost dimension.
template <typename T, typename F, typename... X>
PYDL_INLINE void elementwise_row(F f, T* y, int64_t stride, int64_t count, Operand<T, X>... x) {
    int64_t i = 0;
    if (stride == 1 && (x.unit() && ...)) {  // the usual case, free of branches on strides
        for (; i + width<T> <= count; i += width<T>) store(y + i, f(x.consecutive(i)...));
    } else if (sizeof...(X) > 1 && stride == 1 && (x.unit_or_repeated() && ...)) {
        for (; i + width<T> <= count; i += width<T>) store(y + i, f(x.consecutive_or_copies(i)...));
    }
    for (; i < count; i += width<T>) {
        const int64_t n = count - i < width<T> ? count - i : width<T>;
        store_strided<T>(y + i * stride, stride, f(x.strided(i, n)...), n);
    }
}

constexpr int64_t kElementwiseGrain =
    16384;  // elements below which a second thread costs more than it brings

template <typename T, typename F, int... I, typename... X>
void elementwise_nest(F f, std::integer_sequence<int, I...>, const NdArray<T>& y,
                      const NdArray<const X>&... x) {
    constexpr int N = sizeof...(X) + 1;
    LoopNest<N> nest;
    for (int d = y.rank - 1; d >= 0; --d)
        nest.add(y.shape[d], {y.stride[d], broadcast_stride(x, y.rank, d)...});
    // Rows are cut into pieces of at most a grain, so that few long rows keep all threads busy too.
    const int64_t inner = nest.rank > 0 ? nest.shape[0] : 1;
    const int64_t piece = inner < kElementwiseGrain ? inner : kElementwiseGrain;
    const int64_t pieces = (inner - 1) / piece + 1;
    parallel_for(nest.rows() * pieces, kElementwiseGrain / piece, [&](int64_t begin, int64_t end) {
        typename LoopNest<N>::Position position(nest, begin / pieces);
        int64_t part = begin % pieces;
        for (int64_t task = begin; task < end; ++task) {
            const int64_t first = part * piece, count = inner - first < piece ? inner - first : piece;
            elementwise_row<T>(
                f, y.data + position.offset[0] + first * nest.stride[0][0], nest.stride[0][0], count,
                Operand<T, X>(x.data + position.offset[I] + first * nest.stride[I][0], nest.stride[I][0])...);
            if (++part == pieces) {
                part = 0;
                position.advance(nest);
            }
        }
    });
}

template <int... I>
constexpr auto counted_from_one(std::integer_sequence<int, I...>) {
    return std::integer_sequence<int, (I + 1)...>{};
}

template <typename T, typename F, typename... X>
void elementwise(const char* mismatch, F f, NdArray<T> y, NdArray<const X>... x) {
    require((broadcasts_to(x, y) && ...), mismatch);
    if (y.size() == 0) return;
    elementwise_nest(f, counted_from_one(std::make_integer_sequence<int, sizeof...(X)>{}), y, x...);
}

}  // namespace pydl::PYDL_ISA
