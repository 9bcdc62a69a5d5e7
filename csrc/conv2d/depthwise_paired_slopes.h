// The gradient of depthwise convolutions of small maps with respect to the weight, two channels at once
// (conv2d/depthwise_plane_pair.h).
//
// The sums of some columns of taps are in registers, over all images of a part of the batch. Each row of the
// image is read once and multiplied by all rows of slopes that it belongs to, which are there, too. Rows
// outside the image are left out, which are zeros: slopes that are not finite have to be multiplied by them
// elsewhere.
#pragma once

#include "conv2d/depthwise_plane_pair.h"
#include "conv2d/shape.h"
#include "conv2d/weights.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

// Some images of a plane and the one that is x_next and dy_next further.
template <typename T>
struct PairedSlopes {
    int64_t outputs, columns, height, width;  // the sizes of dy, and those of the image
    int64_t x_image, dy_image, x_plane, dy_plane, x_row, dy_row;
    bool far;
    int64_t count = 0, x_next = 0, dy_next = 0;
    const T *x = nullptr, *dy = nullptr;
};

// The sums of some columns of taps, those from First on: of tap (u, v) sum[u * K + v], behind them that of
// the slopes.
template <typename T, int K, int Stride, int First, int... V>
void add_paired_slopes(PairedSlopes<T> p, vec<T>* sum) {
    constexpr int VB = sizeof...(V), padding = (K - 1) / 2;
    constexpr int open = (K - 1) / Stride + 1;  // rows of slopes that a row of the image may belong to
    constexpr int64_t some_ahead = 4;
    const PlanePair<T, Stride> pair(p.width, p.columns);
    const int64_t I = p.outputs, H = p.height;
    vec<T> acc[VB][K] = {}, total{}, slope[open] = {};
    const T *dy = p.dy, *image = p.x - padding * p.x_row;
    for (int64_t n = 0; n < p.count; n++, dy += p.dy_image, image += p.x_image) {
        const T *x = image, *from = dy;
        if (First == 0 && p.far) {
            // Some images further, or the next pair's.
            const int64_t by = n + some_ahead < p.count ? some_ahead : some_ahead - p.count,
                          pair = n + some_ahead < p.count ? 0 : 2;
            ask_for(image + by * p.x_image + pair * p.x_plane, 2 * H * p.width);
            ask_for(dy + by * p.dy_image + pair * p.dy_plane, 2 * I * p.columns);
        }
        // slope[a] is row i - a of dy.
        for (int64_t i = 0, h = -padding; i < I + open - 1; i++, from += p.dy_row) {
#pragma GCC unroll 5
            for (int a = open - 1; a > 0; a--) slope[a] = slope[a - 1];
            if (i < I) {
                slope[0] = in_register(pair.load_outputs(from, p.dy_next));
                if constexpr (First == 0) total += slope[0];
            }
#pragma GCC unroll 2
            for (int s = 0; s < Stride; s++, h++, x += p.x_row) {
                if (h < 0 || h >= H) continue;
                vec<T> row[Stride], tap[VB];
                pair.load(x, p.x_next, row);
                ((tap[V] = in_register(pair.template moved<First + V - padding>(row))), ...);
#pragma GCC unroll 5
                for (int u = s; u < K; u += Stride)
                    if (i >= u / Stride && i - u / Stride < I)
#pragma GCC unroll 4
                        for (int b = 0; b < VB; b++) acc[b][u] = fma(slope[u / Stride], tap[b], acc[b][u]);
            }
        }
    }
#pragma GCC unroll 16
    for (int k = 0; k < VB * K; k++) sum[k % K * K + First + k / K] = acc[k / K][k % K];
    if constexpr (First == 0) sum[K * K] = total;
}
// All of them; those of the first plane come first.
template <typename T, int K, int Stride>
void sum_paired_slopes(const PairedSlopes<T>& p, T* to) {
    constexpr int64_t sums = K * K / 8 * 8 + 8;
    vec<T> sum[sums] = {};
    if constexpr (K == 4)
        add_paired_slopes<T, K, Stride, 0, 0, 1, 2, 3>(p, sum);
    else
        add_paired_slopes<T, K, Stride, 0, 0, 1, 2>(p, sum);
    if constexpr (K == 5) add_paired_slopes<T, K, Stride, 3, 0, 1>(p, sum);
    for (int64_t k = 0; k < sums; k += 8) {
        const vec<T> both = PlanePair<T, Stride>::sums(sum + k);
        store_half(to + k, first_half(both), 8);
        store_half(to + sums + k, second_half(both), 8);
    }
}

// Whether they compute a gradient, and have.
template <typename T>
bool paired_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                            const Array<T, 4>& dw, T* db, int64_t db_stride) {
    if constexpr (sizeof(T) == 4 && picks_lanes) {
        if (!suits_plane_pairs<T>(s.rows, s.columns) || s.C != s.groups || s.O != s.groups ||
            x.stride[3] != 1 || dy.stride[3] != 1 || x.slices > 1 || dy.slices > 1)
            return false;
        const auto run = s.U == 4 ? sum_paired_slopes<T, 4, 2>
                         : s.U == 3
                             ? s.rows.stride == 1 ? sum_paired_slopes<T, 3, 1> : sum_paired_slopes<T, 3, 2>
                         : s.rows.stride == 1 ? sum_paired_slopes<T, 5, 1>
                                              : sum_paired_slopes<T, 5, 2>;
        const int64_t taps = s.U * s.V, sums = taps / 8 * 8 + 8, pairs = (s.C + 1) / 2;
        // How the images are cut into parts depends on the sizes alone, and the parts are added in order.
        const Parts parts(s.N, (s.N * pairs - 1) / 16 + 1);
        const Scratch<T> partial(pairs * parts.count * 2 * sums);
        parallel_for(
            pairs * parts.count, 1 + GemmBlocks<T>::thread_work / (parts.size * s.I * width<T> * (taps + 4)),
            [&](int64_t begin, int64_t end) {
                PairedSlopes<T> planes = {
                    s.I,         s.J,          s.H,         s.W,          x.stride[0],         dy.stride[0],
                    x.stride[1], dy.stride[1], x.stride[2], dy.stride[2], exceed(x, dy, kNear)};
                for (int64_t task = begin; task < end; task++) {
                    // The last channel may be its own neighbour.
                    const int64_t c = task / parts.count * 2, part = task % parts.count,
                                  n = parts.begin(part), next = c + 1 < s.C;
                    planes.count = parts.length(part, s.N);
                    planes.x_next = next * x.stride[1], planes.dy_next = next * dy.stride[1];
                    planes.x = x.at(n, c), planes.dy = dy.at(n, c);
                    run(planes, partial.data() + task * 2 * sums);
                }
            });
        T wrong = 0;
        for (int64_t c = 0; c < s.C; c++) {
            T* total = partial.data() + (c / 2 * parts.count * 2 + c % 2) * sums;
            for (int64_t part = 1; part < parts.count; part++)
                for (int64_t k = 0; k <= taps; k++) total[k] += total[part * 2 * sums + k];
            wrong += total[taps] - total[taps];
        }
        if (wrong != 0) return false;
        for (int64_t c = 0; c < s.C; c++) {
            const T* total = partial.data() + (c / 2 * parts.count * 2 + c % 2) * sums;
            for (int64_t u = 0; u < s.U; u++)
                copy_line(&dw(c, 0, u, 0), dw.stride[3], total + u * s.V, int64_t(1), s.V);
            if (db != nullptr) db[c * db_stride] = total[taps];
        }
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
