// A convolution whose groups have few features each, such as a depthwise one: patches would not be used often
// enough to pay for gathering them, so the vectors of a tile are read where the frame has them.
//
// The rows of a frame lie one behind another, so a tap of `width` neighbouring positions is one load wherever
// they are, across the ends of rows too. What is computed at positions that are no output pixel is dropped.
#pragma once

#include "conv2d_product.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct TapVectors {
    const T* data;
    const int64_t* offset;
    PYDL_INLINE vec<T> operator()(int64_t k, int v) const { return load(data + offset[k] + v * width<T>); }
};

// lines[m * pitch + p] = bias[m] + sum over k of w[k][m] * frame[offset[k] + p] for p < NV * width.
template <typename T, int MR, int NV>
void direct_tile(int64_t depth, const T* w, const T* bias, const T* frame, const int64_t* offset, T* lines,
                 int64_t pitch) {
    vec<T> acc[MR][NV];
#pragma GCC unroll 4
    for (int m = 0; m < MR; m++)
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) acc[m][v] = broadcast<T>(bias[m]);
    outer_products<T, MR, NV>(acc, depth, PanelRows<T, MR>{w}, TapVectors<T>{frame, offset});
#pragma GCC unroll 4
    for (int m = 0; m < MR; m++)
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) store(lines + m * pitch + v * width<T>, acc[m][v]);
}

constexpr int kDirectFeatures = 4;

template <typename T, int MR>
void correlate_direct_features(const Correlation<T>& conv) {
    constexpr int64_t block = 4 * width<T>;  // positions of a tile
    const int64_t I = conv.rows.outputs, J = conv.columns.outputs, K = conv.channels * conv.taps();
    const Array<T, 4>& y = conv.y;

    const int64_t stripe_pixels = 1 + 16384 / (conv.channels * conv.rows.stride * conv.columns.stride);
    const Parts stripes(I, 1 + stripe_pixels / J);
    const FrameLayout layout(conv.rows, conv.columns, stripes.size);
    const Scratch<int64_t> offset(K);
    for (int64_t c = 0, k = 0; c < conv.channels; c++)
        for (int64_t t = 0; t < conv.taps(); t++, k++) offset[k] = c * layout.channel() + layout.taps()[t];
    const Scratch<T> weights(conv.groups * K * MR + 1), bias(conv.groups * MR);
    for (int64_t g = 0, k = 0; g < conv.groups; g++) {
        for (int64_t c = 0; c < conv.channels; c++)
            for (int64_t u = 0; u < conv.rows.taps; u++)
                for (int64_t v = 0; v < conv.columns.taps; v++)
                    for (int64_t m = 0; m < MR; m++, k++)
                        weights[k] = conv.weights(
                            g, m)[c * conv.w_stride[1] + u * conv.w_stride[2] + v * conv.w_stride[3]];
        for (int64_t m = 0; m < MR; m++)
            bias[g * MR + m] = conv.bias ? conv.bias[(g * MR + m) * conv.bias_stride] : T(0);
    }

    const int64_t positions = ((stripes.size - 1) * layout.pitch() + J + block - 1) / block * block;
    const int64_t work = positions * (K + 4) * MR;
    const auto run = [&](int64_t begin, int64_t end) {
        const Scratch<T> frame(conv.channels * layout.channel() + layout.pitch() + block),
            lines(MR * positions);
        for (int64_t task = begin; task < end; task++) {
            const int64_t stripe = task % stripes.count, g = task / stripes.count % conv.groups;
            const int64_t n = task / stripes.count / conv.groups;
            const int64_t top = stripes.begin(stripe), rows = stripes.length(stripe, I);
            layout.fill(frame.data(),
                        conv.x.data + n * conv.x.stride[0] + g * conv.channels * conv.x.stride[1],
                        conv.x.stride, conv.channels, top, rows);
            const int64_t needed = (rows - 1) * layout.pitch() + J;
            const T* w = weights.data() + g * K * MR;
            for (int64_t p = 0; p < needed;) {
                // Four vectors at once while there are four, the last few one by one.
                const bool wide = needed - p > 3 * width<T>;
                (wide ? direct_tile<T, MR, 4> : direct_tile<T, MR, 1>)(K, w, bias.data() + g * MR,
                                                                       frame.data() + p, offset.data(),
                                                                       lines.data() + p, positions);
                p += wide ? block : width<T>;
            }
            for (int64_t m = 0; m < MR; m++)
                for (int64_t i = 0; i < rows; i++) {
                    const T* from = lines.data() + m * positions + i * layout.pitch();
                    T* to = &y(n, g * MR + m, top + i, 0);
                    if (y.stride[3] == 1)
                        for (int64_t j = 0; j < J; j += width<T>)
                            store_partial(to + j, load_partial(from + j, J - j), J - j);
                    else
                        for (int64_t j = 0; j < J; j++) to[j * y.stride[3]] = from[j];
                }
        }
    };
    parallel_for(conv.x.shape[0] * conv.groups * stripes.count, 1 + GemmBlocks<T>::thread_work / work, run);
}

template <typename T>
void correlate_direct(const Correlation<T>& conv) {
    static_assert(kDirectFeatures == 4);
    switch (conv.features) {
        case 1:
            return correlate_direct_features<T, 1>(conv);
        case 2:
            return correlate_direct_features<T, 2>(conv);
        case 3:
            return correlate_direct_features<T, 3>(conv);
        default:
            return correlate_direct_features<T, 4>(conv);
    }
}

}  // namespace pydl::PYDL_ISA
