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
#include "elementwise_packed.h"
#include "loop_nest.h"
#include "parallel.h"
#include "simd.h"
#include "simd_bytes.h"
#include "simd_past_caches.h"
#include "turned_copy.h"

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

constexpr int64_t kElementwiseGrain =
    16384;  // elements below which a second thread costs more than it brings

// How the N arrays of an element-by-element kernel are walked, the result first. Rows are cut into pieces of
// at most a grain, so that few long ones keep all threads busy too.
template <int N>
struct ElementwisePlan {
    LoopNest<N> nest;
    int64_t inner, piece, pieces;  // elements of a row and of a piece, pieces of a row

    [[gnu::noinline]] ElementwisePlan(const char* mismatch, const Extents* const (&arrays)[N]) {
        const Extents& y = *arrays[0];
        for (int k = 1; k < N; ++k) require(broadcasts_to(*arrays[k], y), mismatch);
        int order[kMaxRank];  // of the dimensions, as y lies in memory, the innermost first
        for (int n = 0; n < y.rank; ++n) {
            const int d = y.rank - 1 - n;
            int at = n;
            for (; at > 0 && distance(y, order[at - 1]) > distance(y, d); --at) order[at] = order[at - 1];
            order[at] = d;
        }
        for (int n = 0; n < y.rank; ++n) {
            const int d = order[n];
            int64_t stride[N] = {y.stride[d]};
            for (int k = 1; k < N; ++k) stride[k] = broadcast_stride(*arrays[k], y.rank, d);
            nest.add(y.shape[d], stride);
        }
        inner = nest.rank > 0 ? nest.shape[0] : 1;
        piece = inner < kElementwiseGrain ? inner : kElementwiseGrain;
        pieces = inner > 0 ? (inner - 1) / piece + 1 : 0;
    }

    static int64_t distance(const Extents& y, int d) { return y.stride[d] < 0 ? -y.stride[d] : y.stride[d]; }

    int64_t tasks() const { return nest.rows() * pieces; }
    int64_t grain() const { return inner > 0 ? kElementwiseGrain / piece : 1; }

    // The dimension along which an input of single numbers of `size` bytes lies without gaps, where y does so
    // along the innermost one and the input does not; else 0. Every second number is read well as it is.
    int turned_dimension(const int64_t (&bytes)[N]) const {
        if (nest.rank < 2 || nest.stride[0][0] != 1) return 0;
        for (int d = 1; d < nest.rank; ++d)
            for (int k = 1; k < N; ++k)
                if (is_turned(k, d, bytes) && nest.shape[d] > 1) return d;
        return 0;
    }
    bool is_turned(int k, int d, const int64_t (&bytes)[N]) const {
        return bytes[k] == bytes[0] && nest.stride[k][d] == 1 &&
               (nest.stride[k][0] < 0 || nest.stride[k][0] > 2);
    }
};

// The kernel and its arrays, without their types. A kernel without f copies its one input.
template <int N>
struct ElementwiseCall {
    ElementwiseRun run;
    const void* f;
    char* data[N];
    int64_t bytes[N];  // of an element

    PYDL_INLINE void operator()(const int64_t (&offset)[N], const int64_t (&stride)[N], int64_t count,
                                int64_t rows, const int64_t (&step)[N]) const {
        void* p[N];
        for (int k = 0; k < N; ++k) p[k] = data[k] + offset[k] * bytes[k];
        if (rows >= kManyRows) return run_rows(run, f, p, stride, count, rows, step, N, bytes);
        run(f, p, stride, count, rows, step);
    }
};

constexpr int64_t kPastCachesBlock = 4096;  // bytes that are computed in the first-level cache at a time

// The run, its result a block at a time by way of a buffer, while the inputs of the next one are fetched.
template <int N>
[[gnu::noinline]] void run_past_caches(const ElementwiseCall<N>& call, const int64_t (&offset)[N],
                                       const int64_t (&stride)[N], int64_t count) {
    alignas(64) char buffer[kPastCachesBlock];
    void* p[N] = {buffer};
    const int64_t block = kPastCachesBlock / call.bytes[0];
    for (int64_t first = 0; first < count; first += block) {
        const int64_t n = count - first < block ? count - first : block;
        for (int k = 1; k < N; ++k) {
            char* from = call.data[k] + (offset[k] + first * stride[k]) * call.bytes[k];
            p[k] = from;
            if (stride[k] == 1)
                for (int64_t b = 0; b < n * call.bytes[k]; b += 64) prefetch(from + kPastCachesBlock + b);
        }
        const int64_t none[N] = {};
        call.run(call.f, p, stride, n, 1, none);
        store_past_caches(call.data[0] + (offset[0] + first) * call.bytes[0], buffer, n * call.bytes[0]);
    }
}

// Always inline: as a function of its own, the compiler takes it for one that does nothing.
template <typename T>
PYDL_INLINE void fetch_lines(const T* p, int64_t stride, int64_t count) {
    for (int64_t i = 0; i < count; ++i) prefetch(p + i * stride);
}

// Inputs that lie along dimension t: a vector's width of rows at a time, squares of which are turned in
// registers, as in clone.cpp.
template <typename T, int N>
[[gnu::noinline]] void elementwise_turned(const ElementwisePlan<N>& plan, const ElementwiseCall<N>& call,
                                          int t) {
    constexpr int64_t W = width<T>, kColumns = 128;
    const LoopNest<N>& nest = plan.nest;
    LoopNest<N> outer;
    outer.rank = 1;
    outer.shape[0] = 1;
    for (int d = 1; d < nest.rank; ++d) {
        int64_t stride[N];
        for (int k = 0; k < N; ++k) stride[k] = nest.stride[k][d];
        if (d != t) outer.add(nest.shape[d], stride);
    }
    const int64_t groups = (nest.shape[t] - 1) / W + 1;
    parallel_for(
        outer.rows() * groups, 1 + kElementwiseGrain / (W * plan.inner), [&](int64_t begin, int64_t end) {
            alignas(64) T turned[N][W * kColumns];
            for (int64_t task = begin; task < end; ++task) {
                typename LoopNest<N>::Position at(outer, task / groups);
                const int64_t row = task % groups * W,
                              rows = nest.shape[t] - row < W ? nest.shape[t] - row : W;
                if (call.f == nullptr) {
                    const T* x = reinterpret_cast<const T*>(call.data[1]) + at.offset[1] + row;
                    T* y = reinterpret_cast<T*>(call.data[0]) + at.offset[0] + row * nest.stride[0][t];
                    copy_columns<T>(x, nest.stride[1][0], y, nest.stride[0][t], rows, plan.inner);
                    continue;
                }
                for (int64_t column = 0; column < plan.inner; column += kColumns) {
                    const int64_t left = plan.inner - column, columns = left < kColumns ? left : kColumns;
                    void* p[N];
                    int64_t stride[N], step[N];
                    for (int k = 0; k < N; ++k) {
                        const int64_t offset =
                            at.offset[k] + row * nest.stride[k][t] + column * nest.stride[k][0];
                        p[k] = call.data[k] + offset * call.bytes[k];
                        stride[k] = nest.stride[k][0];
                        step[k] = nest.stride[k][t];
                        const bool is_turned = k > 0 && plan.is_turned(k, t, call.bytes);
                        // Of the next columns, of which the processor foresees nothing.
                        if (columns < left && is_turned)
                            fetch_lines(static_cast<const T*>(p[k]) + kColumns * stride[k], stride[k],
                                        kColumns);
                        if (columns < left && stride[k] == 1 && call.bytes[k] == sizeof(T))
                            for (int64_t c = 0; c < kColumns; c += 64 / int64_t(sizeof(T)))
                                fetch_lines(static_cast<const T*>(p[k]) + kColumns + c, nest.stride[k][t],
                                            rows);
                        if (!is_turned) continue;
                        copy_columns<T>(static_cast<const T*>(p[k]), stride[k], turned[k], kColumns, rows,
                                        columns);
                        p[k] = turned[k];
                        stride[k] = 1;
                        step[k] = kColumns;
                    }
                    call.run(call.f, p, stride, columns, rows, step);
                }
            }
        });
}

// Whether y is one run of at most a grain, and every x as long or a single number.
template <int N>
[[gnu::noinline]] bool are_lines(const Extents* const (&arrays)[N], int64_t (&stride)[N]) {
    const Extents& y = *arrays[0];
    if (y.rank != 1 || y.shape[0] == 0 || y.shape[0] > kElementwiseGrain) return false;
    for (int k = 0; k < N; ++k) {
        const Extents& each = *arrays[k];
        if (each.rank != 0 && (each.rank != 1 || each.shape[0] != y.shape[0])) return false;
        stride[k] = each.rank == 0 ? 0 : each.stride[0];
    }
    return true;
}

// The loops of all kernels of N arrays. None of it depends on the kernel, so it is compiled once.
template <int N>
[[gnu::noinline]] void elementwise_nest(const char* mismatch, const Extents* const (&arrays)[N],
                                        const ElementwiseCall<N>& call) {
    int64_t line[N];
    if (are_lines<N>(arrays, line)) return call({}, line, arrays[0]->shape[0], 1, {});
    const ElementwisePlan<N> plan(mismatch, arrays);
    if (plan.tasks() <= 0) return;
    const int turned = plan.turned_dimension(call.bytes);
    if (turned != 0) {
        if (call.bytes[0] == sizeof(float)) return elementwise_turned<float>(plan, call, turned);
        return elementwise_turned<double>(plan, call, turned);
    }
    const bool past_caches = plan.nest.rank > 0 && plan.nest.stride[0][0] == 1 &&
                             plan.inner >= kPastCachesBlock &&
                             plan.nest.rows() * plan.inner * call.bytes[0] >= kPastCaches;
    parallel_for(plan.tasks(), plan.grain(), [&](int64_t begin, int64_t end) {
        const bool has_rows = plan.nest.rank > 1 && plan.pieces == 1 && !past_caches;
        int64_t stride[N], step[N];
        for (int k = 0; k < N; ++k) {
            stride[k] = plan.nest.stride[k][0];
            step[k] = has_rows ? plan.nest.stride[k][1] : 0;
        }
        typename LoopNest<N>::Position row(plan.nest, begin / plan.pieces);
        int64_t part = begin % plan.pieces;
        for (int64_t task = begin; task < end;) {
            const int64_t first = part * plan.piece, left = plan.inner - first;
            int64_t offset[N];
            for (int k = 0; k < N; ++k) offset[k] = row.offset[k] + first * stride[k];
            const int64_t n = left < plan.piece ? left : plan.piece;
            int64_t rows = has_rows ? plan.nest.shape[1] - row.index[1] : 1;
            if (rows > end - task) rows = end - task;
            past_caches ? run_past_caches(call, offset, stride, n) : call(offset, stride, n, rows, step);
            task += rows;
            if (++part < plan.pieces) continue;
            part = 0;
            row.advance(plan.nest, rows);
        }
        if (past_caches) finish_past_caches();
    });
}

template <typename T, typename F, typename... X>
void elementwise(const char* mismatch, F f, const NdArray<T>& y, const NdArray<const X>&... x) {
    const ElementwiseRun run = [](const void* f, void* const* p, const int64_t* stride, int64_t count,
                                  int64_t rows, const int64_t* step) {
        const F own = *static_cast<const F*>(f);
        elementwise_run<T, F, X...>(own, p, stride, count, rows, step,
                                    std::make_integer_sequence<int, sizeof...(X)>{});
    };
    const ElementwiseCall<sizeof...(X) + 1> call = {
        run,
        &f,
        {reinterpret_cast<char*>(y.data), reinterpret_cast<char*>(const_cast<X*>(x.data))...},
        {sizeof(T), sizeof(X)...}};
    elementwise_nest<sizeof...(X) + 1>(mismatch, {&y, &x...}, call);
}

}  // namespace pydl::PYDL_ISA
