// Element-by-element kernels of inputs that lie along another dimension than the result.
#pragma once
#include "elementwise/plan.h"
#include "elementwise/turned_copy.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

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
                    run_near(call.run, call.f, p, stride, columns, rows, step, N, call.bytes);
                }
            }
        });
}

}  // namespace pydl::PYDL_ISA
