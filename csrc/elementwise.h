// y[i] = f(x1[i], x2[i], ...) over arrays of any rank and strides, inputs broadcast to y: the loop of every
// element-by-element kernel. A kernel gives f on vectors and no loop:
//
//     template <typename T>
//     void add_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
//         elementwise("add_forward: a and b must broadcast to y", [](auto a, auto b) { return a + b; }, y, a, b);
//     }
#pragma once
#include "array.h"
#include "parallel.h"
#include "simd.h"

namespace pydl::PYDL_ISA {

// How N operands walk through a common shape, with dimensions merged where every operand allows it.
// Operand 0 is the output. The innermost dimension comes last.
template <int N>
struct LoopNest {
    int rank = 0;
    int64_t shape[kMaxRank];
    int64_t stride[N][kMaxRank];

    // Puts a dimension outside of those already there or merges it with the outermost one. Called from the
    // innermost dimension to the outermost; dimensions end up stored in that order, innermost first.
    void add(int64_t size, const int64_t (&strides)[N]) {
        if (size == 1) return;
        if (rank > 0) {
            bool merges = true;
            for (int k = 0; k < N; ++k)
                merges = merges && strides[k] == stride[k][rank - 1] * shape[rank - 1];
            if (merges) {
                shape[rank - 1] *= size;
                return;
            }
        }
        shape[rank] = size;
        for (int k = 0; k < N; ++k) stride[k][rank] = strides[k];
        ++rank;
    }
};

// The stride by which x moves when the index of y's dimension d grows: 0 where x is repeated.
template <typename T>
int64_t broadcast_stride(const NdArray<const T>& x, int y_rank, int d) {
    const int own = d - (y_rank - x.rank);
    return own < 0 || x.shape[own] == 1 ? 0 : x.stride[own];
}

template <typename T, typename Y>
bool broadcasts_to(const NdArray<const T>& x, const NdArray<Y>& y) {
    if (x.rank > y.rank) return false;
    for (int d = 0; d < x.rank; ++d) {
        const int64_t size = y.shape[d + y.rank - x.rank];
        if (x.shape[d] != size && x.shape[d] != 1) return false;
    }
    return true;
}

// n <= width elements that lie `stride` apart; the rest of the lanes is zero.
template <typename T>
PYDL_INLINE vec<T> load_strided(const T* p, int64_t stride, int64_t n) {
    if (stride == 1) return load_partial(p, n);
    if (stride == 0) return broadcast<T>(*p);
    T lanes[width<T>] = {};
    for (int64_t i = 0; i < n; ++i) lanes[i] = p[i * stride];
    return load(lanes);
}

template <typename T>
PYDL_INLINE void store_strided(T* p, int64_t stride, vec<T> v, int64_t n) {
    if (stride == 1) return store_partial(p, v, n);
    T lanes[width<T>];
    store(lanes, v);
    for (int64_t i = 0; i < n; ++i) p[i * stride] = lanes[i];
}

// One run along the innermost dimension.
template <typename T, typename F, int N, int... I>
void elementwise_row(F f, T* const (&p)[N], const int64_t (&stride)[N], int64_t count,
                     std::integer_sequence<int, I...>) {
    bool unit = stride[0] == 1;
    for (int k = 1; k < N; ++k) unit = unit && stride[k] == 1;
    int64_t i = 0;
    if (unit)  // the usual case, free of branches on strides
        for (; i + width<T> <= count; i += width<T>) store(p[0] + i, f(load<T>(p[I + 1] + i)...));
    for (; i < count; i += width<T>) {
        const int64_t n = count - i < width<T> ? count - i : width<T>;
        store_strided<T>(p[0] + i * stride[0], stride[0],
                         f(load_strided<T>(p[I + 1] + i * stride[I + 1], stride[I + 1], n)...), n);
    }
}

constexpr int64_t kElementwiseGrain = 16384;  // elements below which a second thread costs more than it brings

template <typename T, typename F, typename... X>
void elementwise(const char* mismatch, F f, NdArray<T> y, X... x) {
    constexpr int N = sizeof...(X) + 1;
    require((broadcasts_to(x, y) && ...), mismatch);
    if (y.size() == 0) return;
    LoopNest<N> nest;
    for (int d = y.rank - 1; d >= 0; --d) {
        const int64_t strides[N] = {y.stride[d], broadcast_stride(x, y.rank, d)...};
        nest.add(y.shape[d], strides);
    }
    if (nest.rank == 0) {
        const int64_t strides[N] = {};
        nest.shape[0] = 1;
        for (int k = 0; k < N; ++k) nest.stride[k][0] = strides[k];
        nest.rank = 1;
    }
    T* const base[N] = {y.data, const_cast<T*>(x.data)...};
    const int64_t inner = nest.shape[0];
    int64_t rows = 1;
    for (int d = 1; d < nest.rank; ++d) rows *= nest.shape[d];

    // A chunk of the work: elements [begin, end) of row `row`.
    const auto run = [&](int64_t row, int64_t begin, int64_t end) {
        T* p[N];
        int64_t stride[N];
        for (int k = 0; k < N; ++k) {
            stride[k] = nest.stride[k][0];
            p[k] = base[k] + begin * stride[k];
        }
        for (int d = 1; d < nest.rank; ++d) {
            const int64_t index = row % nest.shape[d];
            row /= nest.shape[d];
            for (int k = 0; k < N; ++k) p[k] += index * nest.stride[k][d];
        }
        T* const (&fixed)[N] = p;
        elementwise_row<T>(f, fixed, stride, end - begin, std::make_integer_sequence<int, N - 1>{});
    };
    if (rows == 1) {
        parallel_for(inner, kElementwiseGrain, [&](int64_t begin, int64_t end) { run(0, begin, end); });
    } else {
        const int64_t grain = inner >= kElementwiseGrain ? 1 : kElementwiseGrain / inner;
        parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) run(row, 0, inner);
        });
    }
}

}  // namespace pydl::PYDL_ISA
