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

// `rows` rows of `columns` pixels, so far apart, side by side. ahead: from a row to one that will be copied
// later.
template <typename T>
void copy_image(T* to, const T* from, int64_t down, int64_t across, int64_t rows, int64_t columns,
                int64_t ahead) {
    int64_t i = 0;
    const auto expect = [&] {
        for (int64_t k = 0; k < columns * across; k += 64 / int64_t(sizeof(T))) prefetch(from + ahead + k);
    };
    // Whole vectors, of which the next row overwrites what is too much.
    if (across == 2 && EverySecond<T>::suits(columns)) {
        const EverySecond<T> row(0, columns, columns);
        for (; (rows - i) * columns >= row.written(); i++, to += columns, from += down) {
            expect();
            row.copy(to, from);
        }
    }
    for (; i < rows; i++, to += columns, from += down) copy_line(to, int64_t(1), from, across, columns);
}

// The same convolution of the pixels that outputs meet, which are copied to `pixels`.
template <typename T>
Correlation<T> dense_correlation(const Correlation<T>& conv, T* pixels) {
    const int64_t channels = conv.groups * conv.channels, I = conv.rows.outputs, J = conv.columns.outputs;
    parallel_for(conv.x.shape[0] * channels, 1 + 16384 / (I * J), [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; k++)
            copy_image(pixels + k * I * J, conv.x.at(k / channels, k % channels),
                       conv.rows.stride * conv.x.stride[2], conv.columns.stride * conv.x.stride[3], I, J,
                       conv.x.stride[1]);
    });
    Correlation<T> dense = conv;
    const Images<T> copy = dense_images(pixels, conv.x.shape[0], channels, conv.rows, conv.columns);
    dense.x = {copy.data,
               {copy.shape[0], copy.shape[1], I, J},
               {copy.stride[0], copy.stride[1], copy.stride[2], copy.stride[3]}};
    dense.rows = dense_axis(conv.rows), dense.columns = dense_axis(conv.columns);
    return dense;
}

// A row of dx: `start`, and at every step-th place a number of `from`, unless that is null.
template <typename T>
void spread_row(T* to, int64_t count, int64_t stride, const T* from, int64_t step, T start) {
    constexpr int64_t W = width<T>;
    const vec<T> between = broadcast<T>(start);
    if (stride == 1 && step == 2 && from != nullptr) {
        for (int64_t k = 0; k < count; k += 2 * W, from += W) {
            const vec<T> own = load_partial(from, (count - k + 1) / 2);
            store_partial(to + k, zip_low(own, between), count - k);
            store_partial(to + k + W, zip_high(own, between), count - k - W);
        }
        return;
    }
    if (stride == 1)
        for (int64_t k = 0; k < count; k += W) store_partial(to + k, between, count - k);
    else
        for (int64_t k = 0; k < count; k++) to[k * stride] = start;
    if (from != nullptr)
        for (int64_t k = 0; k < count; k += step) to[k * stride] = *from++;
}

// An image of dx, its rows and columns so far apart, from the products of the pixels that outputs meet; or
// one that no output meets, if those are null.
template <typename T>
void spread_image(T* to, int64_t down, int64_t across, const Axis& rows, const Axis& columns,
                  const T* products, T start) {
    const int64_t H = rows.source, W = columns.source;
    if (products == nullptr && across == 1 && down == W)
        return spread_row<T>(to, H * W, 1, nullptr, 1, start);
    for (int64_t h = 0; h < H; h++, to += down) {
        const bool met = products != nullptr && h % rows.stride == 0;
        spread_row(to, W, across, met ? products : nullptr, columns.stride, start);
        if (met) products += columns.outputs;
    }
}

// dx from the products of all pixels that outputs meet, which begin with the bias.
template <typename T>
void spread(const T* products, const T* bias, int64_t bias_stride, const Array<T, 4>& dx,
            const Conv2dShape& s) {
    parallel_for(s.N * s.C, 1 + 16384 / (s.H * s.W), [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; k++)
            spread_image(&dx(k / s.C, k % s.C, 0, 0), dx.stride[2], dx.stride[3], s.rows, s.columns,
                         products + k * s.I * s.J, bias != nullptr ? bias[k % s.C * bias_stride] : T(0));
    });
}

}  // namespace pydl::PYDL_ISA
