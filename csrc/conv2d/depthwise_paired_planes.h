// Depthwise convolutions of small maps, whose rows of outputs fit half a vector, such as those of 7 x 7: two
// channels at once (conv2d/depthwise_plane_pair.h).
//
// The weights of two channels are put together once for some images.
//
// Each row of an image is read once and added to the sums of all rows of outputs that it belongs to, which
// are in registers: a sum is begun with the first of its rows and stored with the last. Rows outside the
// image are left out, which are zeros: weights that are not finite have to be multiplied by them elsewhere.
#pragma once

#include "conv2d/depthwise_framed.h"
#include "conv2d/depthwise_plane_pair.h"

namespace pydl::PYDL_ISA {

// Some channels of some images, one after another. A filter is read as w[channel * w_next + u * down + v *
// along]; the rows of y lie side by side.
template <typename T>
struct PairedPlanes {
    int64_t outputs, columns, height, width;  // the sizes of y, and those of the image
    int64_t w_next, down, along, bias_next, x_row, x_next, y_next, x_image, y_image;
    bool far;
    int64_t count = 0, images = 0;
    const T *w = nullptr, *bias = nullptr, *x = nullptr;
    T* y = nullptr;
};

template <typename T, int K, int Stride>
PYDL_INLINE void run_plane_pair(const PairedPlanes<T>& p, const PlanePair<T, Stride>& pair, int64_t next) {
    constexpr int open = (K - 1) / Stride + 1;  // rows of outputs that a row of the image may belong to
    constexpr int padding = (K - 1) / 2;
    vec<T> weight[K][K], sum[open];
#pragma GCC unroll 25
    for (int k = 0; k < K * K; k++) {
        const vec<T> both = pair.both(p.w + k / K * p.down + k % K * p.along, next * p.w_next);
        weight[k / K][k % K] = K < 5 ? in_register(both) : both;
    }
    const vec<T> bias = p.bias ? pair.both(p.bias, next * p.bias_next) : vec<T>{};
    for (int64_t n = 0; n < p.images; n++) {
#pragma GCC unroll 5
        for (int a = 0; a < open; a++) sum[a] = bias;
        const T* x = p.x + n * p.x_image - padding * p.x_row;
        T* y = p.y + n * p.y_image;
        if (p.far) {
            ask_for(x + kAheadOfPlane, 2 * p.height * p.width);
            ask_for(y + kAheadOfPlane, 2 * p.outputs * p.columns);
        }
        for (int64_t i = 1 - open, h = -padding; i < p.outputs; i++) {
#pragma GCC unroll 2
            for (int s = 0; s < Stride; s++, h++, x += p.x_row) {
                if (h < 0 || h >= p.height) continue;
                vec<T> row[Stride];
                pair.load(x, next * p.x_next, row);
                const auto add = [&](auto v) PYDL_INLINE_LAMBDA {
                    const vec<T> tap = in_register(pair.template moved<decltype(v)::value - padding>(row));
#pragma GCC unroll 5
                    for (int u = s; u < K; u += Stride)
                        sum[u / Stride] = fma(weight[u][decltype(v)::value], tap, sum[u / Stride]);
                };
                add(std::integral_constant<int, 0>{}), add(std::integral_constant<int, 1>{});
                add(std::integral_constant<int, 2>{});
                if constexpr (K > 3) add(std::integral_constant<int, 3>{});
                if constexpr (K > 4) add(std::integral_constant<int, 4>{});
            }
            if (i >= 0) pair.store(y, next * p.y_next, sum[open - 1]), y += p.columns;
#pragma GCC unroll 5
            for (int a = open - 1; a > 0; a--) sum[a] = sum[a - 1];
            sum[0] = bias;
        }
    }
}

template <typename T, int K, int Stride>
void run_plane_pairs(PairedPlanes<T> p) {
    const PlanePair<T, Stride> pair(p.width, p.columns);
    for (; p.count > 0; p.count -= 2) {
        // The last channel may be its own neighbour.
        run_plane_pair<T, K, Stride>(p, pair, p.count > 1);
        p.w += 2 * p.w_next, p.x += 2 * p.x_next, p.y += 2 * p.y_next;
        if (p.bias) p.bias += 2 * p.bias_next;
    }
}

// Whether they compute a convolution, and have.
template <typename T>
bool correlate_paired_planes(const Correlation<T>& conv) {
    if constexpr (sizeof(T) == 4 && picks_lanes) {
        const Axis &rows = conv.rows, &columns = conv.columns;
        if (!suits_plane_pairs<T>(rows, columns) || conv.channels != 1 || conv.features != 1 ||
            conv.x.stride[3] != 1 || conv.y.stride[2] != columns.outputs || conv.x.slices > 1 ||
            conv.y.slices > 1 || !has_finite_weights(conv, 1))
            return false;
        const auto run = rows.taps == 4 ? run_plane_pairs<T, 4, 2>
                         : rows.taps == 3
                             ? rows.stride == 1 ? run_plane_pairs<T, 3, 1> : run_plane_pairs<T, 3, 2>
                         : rows.stride == 1 ? run_plane_pairs<T, 5, 1>
                                            : run_plane_pairs<T, 5, 2>;
        const int64_t N = conv.x.shape[0], pairs = (conv.groups + 1) / 2;
        constexpr int64_t some = 4;  // images
        const int64_t work = some * rows.outputs * width<T> * (conv.taps() + 4);
        parallel_for(
            ((N - 1) / some + 1) * pairs, 1 + GemmBlocks<T>::thread_work / work,
            [&](int64_t begin, int64_t end) {
                PairedPlanes<T> planes = {rows.outputs,     columns.outputs,
                                          rows.source,      columns.source,
                                          conv.w_group,     conv.w_stride[2],
                                          conv.w_stride[3], conv.bias_stride,
                                          conv.x.stride[2], conv.x.stride[1],
                                          conv.y.stride[1], conv.x.stride[0],
                                          conv.y.stride[0], exceed(conv.x, conv.y, kNear)};
                for (int64_t k = begin, past; k < end; k = past) {
                    const int64_t n = k / pairs * some, g = k % pairs * 2;
                    past = (k / pairs + 1) * pairs < end ? (k / pairs + 1) * pairs : end;
                    planes.count = conv.groups - g < 2 * (past - k) ? conv.groups - g : 2 * (past - k);
                    planes.images = N - n < some ? N - n : some;
                    planes.w = conv.weights(g, 0), planes.x = conv.x.at(n, g), planes.y = conv.y.at(n, g);
                    planes.bias = conv.bias ? conv.bias + g * conv.bias_stride : nullptr;
                    run(planes);
                }
            });
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
