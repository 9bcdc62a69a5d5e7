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

// n elements that lie `stride` apart, for n <= width; the rest of the lanes is zero. The two loops over
// single elements are compiled once and not into every kernel.
template <typename T>
[[gnu::noinline]] vec<T> gather_lanes(const T* p, int64_t stride, int64_t n) {
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
            typedef uint8_t Bytes __attribute__((vector_size(width<T>)));
            Bytes bytes;
            __builtin_memcpy(&bytes, p, sizeof(bytes));
            return mask<T>(__builtin_convertvector(bytes, mask<T>) != 0);
        }
    }

    const X* data_;
    int64_t stride_;
    alignas(PYDL_VECTOR_BYTES) X copies_[width<T>];
};

// Where an input of one run lies.
template <typename X>
struct InputLine {
    const X* data;
    int64_t stride;
};

template <typename T, typename F, typename... X>
PYDL_INLINE void elementwise_row(F f, T* y, int64_t stride, int64_t count, Operand<T, X>... x) {
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

// One run along the innermost dimension.
template <typename T, typename F, typename... X>
[[gnu::noinline]] void elementwise_line(F f, T* y, int64_t stride, int64_t count, InputLine<X>... x) {
    elementwise_row<T>(f, y, stride, count, Operand<T, X>(x.data, x.stride)...);
}

constexpr int64_t kElementwiseGrain =
    16384;  // elements below which a second thread costs more than it brings

// How the N arrays of an element-by-element kernel are walked, the result first. Rows are cut into pieces of
// at most a grain, so that few long ones keep all threads busy too. None of it depends on the kernel, so it
// is compiled once.
template <int N>
struct ElementwisePlan {
    LoopNest<N> nest;
    int64_t inner, piece, pieces;  // elements of a row and of a piece, pieces of a row

    [[gnu::noinline]] ElementwisePlan(const char* mismatch, const Extents* const (&arrays)[N]) {
        const Extents& y = *arrays[0];
        for (int k = 1; k < N; ++k) require(broadcasts_to(*arrays[k], y), mismatch);
        for (int d = y.rank - 1; d >= 0; --d) {
            int64_t stride[N] = {y.stride[d]};
            for (int k = 1; k < N; ++k) stride[k] = broadcast_stride(*arrays[k], y.rank, d);
            nest.add(y.shape[d], stride);
        }
        inner = nest.rank > 0 ? nest.shape[0] : 1;
        piece = inner < kElementwiseGrain ? inner : kElementwiseGrain;
        pieces = inner > 0 ? (inner - 1) / piece + 1 : 0;
    }

    int64_t tasks() const { return nest.rows() * pieces; }
    int64_t grain() const { return inner > 0 ? kElementwiseGrain / piece : 1; }

    // The piece of a task, the part-th of a row; advance() goes to the next one.
    struct Piece {
        const ElementwisePlan& plan;
        typename LoopNest<N>::Position row;
        int64_t part;

        [[gnu::noinline]] Piece(const ElementwisePlan& plan, int64_t task)
            : plan(plan), row(plan.nest, task / plan.pieces), part(task % plan.pieces) {}

        [[gnu::noinline]] void advance() {
            if (++part < plan.pieces) return;
            part = 0;
            row.advance(plan.nest);
        }
    };
};

template <typename T, typename F, int... I, typename... X>
void elementwise_nest(const char* mismatch, F f, std::integer_sequence<int, I...>, const NdArray<T>& y,
                      const NdArray<const X>&... x) {
    using Plan = ElementwisePlan<sizeof...(X) + 1>;
    const Plan plan(mismatch, {&y, &x...});
    parallel_for(plan.tasks(), plan.grain(), [&](int64_t begin, int64_t end) {
        const auto& stride = plan.nest.stride;
        typename Plan::Piece at(plan, begin);
        for (int64_t task = begin; task < end; ++task, at.advance()) {
            const int64_t first = at.part * plan.piece, left = plan.inner - first;
            elementwise_line<T>(
                f, y.data + at.row.offset[0] + first * stride[0][0], stride[0][0],
                left < plan.piece ? left : plan.piece,
                InputLine<X>{x.data + at.row.offset[I] + first * stride[I][0], stride[I][0]}...);
        }
    });
}

template <int... I>
constexpr auto counted_from_one(std::integer_sequence<int, I...>) {
    return std::integer_sequence<int, (I + 1)...>{};
}

// Whether y is one run of at most a grain, and every x as long or a single number.
template <int N>
[[gnu::noinline]] bool are_lines(const Extents& y, const Extents* const (&x)[N]) {
    if (y.rank != 1 || y.shape[0] == 0 || y.shape[0] > kElementwiseGrain) return false;
    for (const Extents* each : x)
        if (each->rank != 0 && (each->rank != 1 || each->shape[0] != y.shape[0])) return false;
    return true;
}

template <typename T, typename F, typename... X>
void elementwise(const char* mismatch, F f, const NdArray<T>& y, const NdArray<const X>&... x) {
    // Blocks of a chain (pydl/element_blocks.py) are too small for anything but the loop itself.
    if (are_lines<sizeof...(X)>(y, {&x...}))
        return elementwise_line<T>(f, y.data, y.stride[0], y.shape[0],
                                   InputLine<X>{x.data, x.rank == 0 ? 0 : x.stride[0]}...);
    elementwise_nest(mismatch, f, counted_from_one(std::make_integer_sequence<int, sizeof...(X)>{}), y, x...);
}

}  // namespace pydl::PYDL_ISA
