// Depthwise convolutions of long rows by filters of one row, such as those of sequences, which are read where
// they lie: the pixels under a tap are loaded as they are, and meet no one but their own outputs.
//
// Vectors whose taps all lie in the row are computed some at a time. Near its ends pixels are loaded lane by
// lane, and taps outside it left out, unless weights are not finite.
#pragma once

#include "conv2d/depthwise_framed.h"
#include "conv2d/weights.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct DepthwiseLine {
    static constexpr int64_t W = width<T>;
    // Vectors at once: as many sums as hide how long each product takes.
    static constexpr int some = many_registers ? 4 : 8;

    const T* w;
    const int64_t* place;  // of each tap from the output on, in growing order
    int64_t taps, source;  // source: pixels of the row
    bool finite;
    T bias;

    // The outputs from `begin` to `end`.
    void run(const T* x, T* y, int64_t begin, int64_t end) const {
        const int64_t first = -place[0], past = source - place[taps - 1],  // no tap of these leaves the row
            last = past < end ? past : end;
        int64_t j = begin;
        for (; j < first && j < end; j += W) run_end(x, y, j, begin, end);
        for (; j + some * W <= last; j += some * W) run_inside<some>(x + j, y + j);
        for (; j + W <= last; j += W) run_inside<1>(x + j, y + j);
        for (; j < end; j += W) run_end(x, y, j, begin, end);
    }

  private:
    template <int R>
    void run_inside(const T* x, T* y) const {
        vec<T> sum[R];
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) sum[r] = broadcast<T>(bias);
        for (int64_t v = 0; v < taps; v++) {
            const vec<T> weight = broadcast<T>(w[v]);
            const T* from = x + place[v];
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) sum[r] = fma(weight, load(from + r * W), sum[r]);
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) store(y + r * W, sum[r]);
    }
    // One vector.
    void run_end(const T* x, T* y, int64_t j, int64_t begin, int64_t end) const {
        // The last one is moved back to end with the row; what it computes again is the same.
        if (j + W > end && end - W >= begin) j = end - W;
        vec<T> sum = broadcast<T>(bias);
        for (int64_t v = 0; v < taps; v++) {
            const int64_t from = j + place[v];
            if (from >= 0 && from + W <= source)
                sum = fma(broadcast<T>(w[v]), load(x + from), sum);
            else if (from > -W && from < source)
                sum = fma(broadcast<T>(w[v]), LaneRange<T>(-from, source - from).load(x + from), sum);
            else if (!finite)
                sum = fma(broadcast<T>(w[v]), vec<T>{}, sum);
        }
        store_partial(y + j, sum, end - j);
    }
};

// Whether it is one of long rows, and has been computed.
template <typename T>
bool correlate_lines(const Correlation<T>& conv) {
    if constexpr (sizeof(T) == 4) {
        const Axis &rows = conv.rows, &columns = conv.columns;
        const int64_t V = columns.taps, J = columns.outputs, I = rows.outputs;
        // Of shorter ones, the ends take longest.
        if (rows.taps > 1 || rows.leaves_source() || conv.channels != 1 || conv.x.stride[3] != 1 ||
            columns.stride != 1 || 32 * (V - 1) * columns.dilation > J)
            return false;
        const Scratch<int64_t> place(V);
        for (int64_t v = 0; v < V; v++) place[v] = columns.origin + v * columns.dilation;
        const DepthwiseLine<T> same = {nullptr, place.data(), V, columns.source, has_finite_weights(conv, 1),
                                       T(0)};
        const Parts parts(J, 1 << 14);
        parallel_for(conv.x.shape[0] * conv.groups * parts.count,
                     1 + GemmBlocks<T>::thread_work / (I * parts.size * (V + 4) * conv.features),
                     [&](int64_t begin, int64_t end) {
                         const Scratch<T> w(V);
                         DepthwiseLine<T> line = same;
                         line.w = w.data();
                         DepthwiseTask task(begin, conv.groups, 1, parts.count);
                         for (int64_t k = begin; k < end; k++, task.advance(conv.groups, 1, parts.count))
                             for (int64_t m = 0; m < conv.features; m++) {
                                 const int64_t o = task.group * conv.features + m,
                                               first = parts.begin(task.stripe),
                                               past = first + parts.length(task.stripe, J);
                                 for (int64_t v = 0; v < V; v++)
                                     w[v] = conv.weights(task.group, m)[v * conv.w_stride[3]];
                                 line.bias = conv.bias ? conv.bias[o * conv.bias_stride] : T(0);
                                 const T* x = conv.x.at(task.n, task.group) + rows.origin * conv.x.stride[2];
                                 T* y = conv.y.at(task.n, o);
                                 for (int64_t i = 0; i < I; i++)
                                     line.run(x + i * rows.stride * conv.x.stride[2],
                                              y + i * conv.y.stride[2], first, past);
                             }
                     });
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
