// y[i] = f(x1[i], x2[i], ...) over arrays of any rank and strides, inputs broadcast to y: the loop of every
// element-by-element kernel. A kernel gives f on vectors and no loop:
//
//     template <typename T>
//     void add_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
//         elementwise("add_forward: a and b must broadcast to y", [](vec<T> a, vec<T> b) { return a + b; },
//         y, a, b);
//     }
//
// An input of bytes (a bool array) reaches f as a mask, set where the byte is not 0. Where the result is
// bytes, f gives a mask; elementwise_of<T>(...) says of which vectors. y may be one of the inputs itself, but
// must not overlap one in any other way.
#pragma once
#include "elementwise/plan.h"
#include "elementwise/row.h"
#include "elementwise/turned.h"
#include "parallel.h"
#include "simd/past_caches.h"

namespace pydl::PYDL_ISA {

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
        run_near(call.run, call.f, p, stride, n, 1, none, N, call.bytes);
        store_past_caches(call.data[0] + (offset[0] + first) * call.bytes[0], buffer, n * call.bytes[0]);
    }
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

template <typename T, typename F, typename Y, typename... X>
void elementwise_of(const char* mismatch, F f, const NdArray<Y>& y, const NdArray<const X>&... x) {
    static_assert(sizeof...(X) < kMostArrays);
    const ElementwiseRun run = [](const void* f, void* const* p, const int64_t* stride, int64_t count,
                                  int64_t rows, const int64_t* step) {
        const F own = *static_cast<const F*>(f);
        elementwise_rows<T, Y, F, X...>(own, p, stride, count, rows, step,
                                        std::make_integer_sequence<int, sizeof...(X)>{});
    };
    const ElementwiseCall<sizeof...(X) + 1> call = {
        run,
        &f,
        {reinterpret_cast<char*>(y.data), reinterpret_cast<char*>(const_cast<X*>(x.data))...},
        {sizeof(Y), sizeof(X)...}};
    elementwise_nest<sizeof...(X) + 1>(mismatch, {&y, &x...}, call);
}

template <typename T, typename F, typename... X>
void elementwise(const char* mismatch, F f, const NdArray<T>& y, const NdArray<const X>&... x) {
    elementwise_of<T>(mismatch, f, y, x...);
}

}  // namespace pydl::PYDL_ISA
