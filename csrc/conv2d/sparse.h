// Convolutions with one tap and a stride, which meet some pixels of the image only: these are copied and
// multiplied like images without stride (conv2d/pointwise.h). In the gradient with respect to the input, the
// pixels between are those without a product.
#pragma once

#include "conv2d/shape.h"
#include "conv2d/weights.h"

namespace pydl::PYDL_ISA {

// Whether output i meets pixel i * stride.
inline bool meets_every_few(const Axis& axis) {
    return axis.taps == 1 && axis.origin == 0 && !axis.leaves_source();
}
inline bool is_sparse(const Axis& rows, const Axis& columns) {
    return (rows.stride > 1 || columns.stride > 1) && meets_every_few(rows) && meets_every_few(columns);
}

// The pixels of `images` images with so many channels that outputs meet, where they follow each other.
template <typename T>
Images<T> dense_images(T* data, int64_t images, int64_t channels, const Axis& rows, const Axis& columns) {
    const int64_t I = rows.outputs, J = columns.outputs;
    return {data, {images, channels, I, J}, {channels * I * J, I * J, J, 1}};
}
inline Axis dense_axis(const Axis& axis) {
    return {axis.outputs, axis.outputs, 1, 1, 1, 0};
}

// The same convolution of the pixels that outputs meet, which are copied to `pixels`.
template <typename T>
Correlation<T> dense_correlation(const Correlation<T>& conv, T* pixels) {
    const int64_t channels = conv.groups * conv.channels, I = conv.rows.outputs, J = conv.columns.outputs;
    parallel_for(conv.x.shape[0] * channels, 1 + 16384 / (I * J), [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; k++)
            for (int64_t i = 0; i < I; i++)
                copy_line(pixels + (k * I + i) * J, int64_t(1),
                          conv.x.at(k / channels, k % channels) + i * conv.rows.stride * conv.x.stride[2],
                          conv.columns.stride * conv.x.stride[3], J);
    });
    Correlation<T> dense = conv;
    const Images<T> copy = dense_images(pixels, conv.x.shape[0], channels, conv.rows, conv.columns);
    dense.x = {copy.data,
               {copy.shape[0], copy.shape[1], I, J},
               {copy.stride[0], copy.stride[1], copy.stride[2], copy.stride[3]}};
    dense.rows = dense_axis(conv.rows), dense.columns = dense_axis(conv.columns);
    return dense;
}

// A row of dx: its numbers, `step` apart, and `start` between.
template <typename T>
void spread_row(T* to, int64_t count, int64_t stride, const T* from, int64_t step, T start) {
    constexpr int64_t W = width<T>;
    if (stride == 1 && step == 2) {
        for (int64_t k = 0; k < count; k += 2 * W, from += W) {
            const vec<T> own = load_partial(from, (count - k + 1) / 2), between = broadcast<T>(start);
            store_partial(to + k, zip_low(own, between), count - k);
            store_partial(to + k + W, zip_high(own, between), count - k - W);
        }
        return;
    }
    for (int64_t x = 0, next = 0; x < count; x++) {
        const bool own = x == next;
        to[x * stride] = own ? *from : start;
        if (own) from++, next += step;
    }
}

// dx from the products of all pixels that outputs meet, which begin with the bias.
template <typename T>
void spread(const T* products, const T* bias, int64_t bias_stride, const Array<T, 4>& dx,
            const Conv2dShape& s) {
    parallel_for(s.N * s.C, 1 + 16384 / (s.H * s.W), [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; k++) {
            const T start = bias != nullptr ? bias[k % s.C * bias_stride] : T(0);
            for (int64_t h = 0; h < s.H; h++) {
                const int64_t i = h / s.rows.stride;
                const bool met = h % s.rows.stride == 0 && i < s.I;
                T* to = &dx(k / s.C, k % s.C, h, 0);
                spread_row(to, met ? s.W : 0, dx.stride[3], products + (k * s.I + i) * s.J, s.columns.stride,
                           start);
                if (dx.stride[3] == 1)
                    for (int64_t x = met ? s.W : 0; x < s.W; x += width<T>)
                        store_partial(to + x, broadcast<T>(start), s.W - x);
                else
                    for (int64_t x = met ? s.W : 0; x < s.W; x++) to[x * dx.stride[3]] = start;
            }
        }
    });
}

}  // namespace pydl::PYDL_ISA
