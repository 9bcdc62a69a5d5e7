// The tiles of a depthwise convolution whose rows are copied into a frame (conv2d_depthwise.cpp): some rows
// of outputs, a vector of neighbouring ones of each.
#pragma once

#include "conv2d/tap_parts.h"
#include "conv2d/weights.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {

// Where the pixels and the weights of the first row of some taps are.
struct DepthwiseStep {
    int64_t pixel, weight;
};

// What the tiles of a plane have in common.
template <typename T>
struct DepthwisePlane {
    const T* w;  // the weights of a step are read as w[u * down + v * along]
    int64_t down, along;
    const int64_t* tap;  // where tap (0, v) is from the pixels of a step on
    int64_t taps, pitch;
    const DepthwiseStep *steps, *last_step;
    T bias;
    int64_t y_pitch, columns;
    T* end;  // of the rows of y that may be written: later ones of them are written after this one
};

// acc[i] += the products of one vector of pixels, those of row h, with the taps of one column.
template <typename T, int U, int Stride, int R>
PYDL_INLINE void add_pixels(vec<T> (&acc)[R], const vec<T> (&weight)[U], const T* x, int h) {
    const vec<T> pixel = in_register(load(x));
#pragma GCC unroll 8
    for (int i = 0; i < R; i++)
        if (h - i * Stride >= 0 && h - i * Stride < U) acc[i] = fma(weight[h - i * Stride], pixel, acc[i]);
}

// `blocks` times R rows of outputs. The pixels of the first are those at `frame`, those of the next row a
// `step` further. V taps along the row, whose weights registers hold, of one step; 0: any numbers.
template <typename T, int U, int V, int Stride, int R>
void depthwise_rows(const DepthwisePlane<T>& plane, const T* frame, int64_t step, T* y, int64_t blocks) {
    constexpr int64_t W = width<T>;
    const int64_t columns = plane.columns, pitch = plane.pitch, y_pitch = plane.y_pitch;
    const int64_t down = plane.down, along = plane.along;
    const vec<T> bias = broadcast<T>(plane.bias);
    T* const end = plane.end;
    const T* const first_w = plane.w;
    const DepthwiseStep *const steps = plane.steps, *const last = plane.last_step;
    vec<T> held[V + 1][U];
    const int64_t *const tap = plane.tap, *const last_tap = tap + plane.taps;
    const T* corner[V + 1];
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) {
        corner[v] = frame + tap[v];
#pragma GCC unroll 8
        for (int u = 0; u < U; u++) held[v][u] = in_register(broadcast<T>(first_w[u * down + v * along]));
    }
    for (int64_t b = 0; b < blocks; b++, frame += R * step, y += R * y_pitch)
        for (int64_t j = 0; j < columns; j += W) {
            // The last vector is moved back to end with the row; what it computes again is the same.
            if (j + W > columns && columns >= W) j = columns - W;
            vec<T> acc[R];
#pragma GCC unroll 8
            for (int i = 0; i < R; i++) acc[i] = bias;
            if constexpr (V > 0) {
                int64_t at = b * R * step + j;
#pragma GCC unroll 32
                for (int h = 0; h < (R - 1) * Stride + U; h++, at += pitch)
#pragma GCC unroll 8
                    for (int v = 0; v < V; v++) add_pixels<T, U, Stride, R>(acc, held[v], corner[v] + at, h);
            } else {
                const DepthwiseStep* s = steps;
                do {
                    const T* w = first_w + s->weight;
                    const T* pixels = frame + s->pixel + j;
                    for (const int64_t* place = tap; place != last_tap; place++, w += along) {
                        const T* x = pixels + *place;
                        vec<T> weight[U];
#pragma GCC unroll 8
                        for (int u = 0; u < U; u++) weight[u] = broadcast<T>(w[u * down]);
#pragma GCC unroll 32
                        for (int h = 0; h < (R - 1) * Stride + U; h++, x += pitch)
                            add_pixels<T, U, Stride, R>(acc, weight, x, h);
                    }
                } while (++s != last);
            }
            T* to = y + j;
#pragma GCC unroll 8
            for (int i = 0; i < R; i++, to += y_pitch) {
                if (columns >= W || to + W <= end)
                    store(to, acc[i]);
                else
                    store_partial(to, acc[i], columns - j);
            }
        }
}

// The kernels for blocks of many rows and of one.
template <typename T>
struct DepthwiseKernel {
    using Rows = void (*)(const DepthwisePlane<T>&, const T*, int64_t, T*, int64_t);
    int64_t taps, stride;
    Rows many, one;

    static constexpr int64_t most = 7;  // rows: maps of 7, 14, 28, 56, ... are usual

    // `rows` rows, each a `step` further in the frame.
    void run(const DepthwisePlane<T>& plane, const T* frame, int64_t step, T* y, int64_t rows) const {
        const auto run = [&](Rows kernel, int64_t first, int64_t blocks) {
            kernel(plane, frame + first * step, step, y + first * plane.y_pitch, blocks);
        };
        if (rows >= most) run(many, 0, rows / most);
        const int64_t left = rows % most;
        if (left > 1 && rows >= most)
            run(many, rows - most, 1);  // some rows are computed again
        else if (left > 0)
            for (int64_t i = rows - left; i < rows; i++) run(one, i, 1);
    }
};
template <typename T, int U, int V, int Stride>
constexpr DepthwiseKernel<T> depthwise_kernel() {
    return {U, Stride, depthwise_rows<T, U, V, Stride, DepthwiseKernel<T>::most>,
            depthwise_rows<T, U, V, Stride, 1>};
}
// Whether there are kernels for several parts of a filter: in float64, they would seldom be worth their size.
template <typename T>
inline constexpr bool has_filter_parts = sizeof(T) == 4;
// Whether there are kernels for all parts of filters with so many rows of taps.
template <typename T>
bool has_depthwise_kernels(int64_t taps) {
    return has_filter_parts<T> || taps == first_part_of_taps(taps);
}
// The one for a part of so many rows, `steps` of which may be added up.
template <typename T>
const DepthwiseKernel<T>& depthwise_kernel_for(const Correlation<T>& conv, int64_t taps, int64_t steps) {
    static constexpr DepthwiseKernel<T> of_3x3[] = {depthwise_kernel<T, 3, 3, 1>(),
                                                    depthwise_kernel<T, 3, 3, 2>()},
                                        of_stride_1[] = {depthwise_kernel<T, 1, 0, 1>(),
                                                         depthwise_kernel<T, 2, 0, 1>(),
                                                         depthwise_kernel<T, 3, 0, 1>(),
                                                         depthwise_kernel<T, 5, 0, 1>(),
                                                         depthwise_kernel<T, 7, 0, 1>()},
                                        of_stride_2[] = {
                                            depthwise_kernel<T, 2, 0, 2>(), depthwise_kernel<T, 3, 0, 2>(),
                                            depthwise_kernel<T, 5, 0, 2>(), depthwise_kernel<T, 7, 0, 2>()};
    const int64_t U = conv.rows.taps;
    // In float64 they would seldom be worth their size.
    if (many_registers && sizeof(T) == 4 && U == 3 && conv.columns.taps == 3 && taps == 3 && steps == 1)
        return of_3x3[conv.rows.stride - 1];
    // One row of taps has one kernel for all strides.
    return taps > 1 && conv.rows.stride == 2 ? of_stride_2[taps / 2 - (taps == 2)]
                                             : of_stride_1[taps < 3 ? taps - 1 : taps / 2 + 1];
}

}  // namespace pydl::PYDL_ISA
