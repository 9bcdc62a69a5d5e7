// Copies between arrays that run along different dimensions, as in a transpose: squares of a vector's width
// go through registers.
//
//     x, unit stride downwards         y, unit stride to the right
//     | | | |  columns are loaded      ----
//     | | | |  as vectors         ->   ----  rows are stored as vectors
//     | | | |                          ----
#pragma once
#include "simd/lanes.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// y[a, b] = x[b, a] for a square of whole vectors, or `count` rows and `length` columns of one; strides of
// the dimension that is not contiguous.
template <typename T>
PYDL_INLINE void copy_square(const T* x, int64_t x_stride, T* y, int64_t y_stride) {
    vec<T> rows[width<T>];
#pragma GCC unroll 16
    for (int i = 0; i < width<T>; ++i) rows[i] = load(x + i * x_stride);
    transpose<T>(rows);
#pragma GCC unroll 16
    for (int i = 0; i < width<T>; ++i) store(y + i * y_stride, rows[i]);
}
template <typename T>
[[gnu::noinline]] void copy_part_of_square(const T* x, int64_t x_stride, T* y, int64_t y_stride,
                                           int64_t count, int64_t length) {
    constexpr int W = width<T>;
    alignas(64) T square[W * W];
#pragma GCC unroll 1
    for (int i = 0; i < W; ++i)
        store(square + i * W, i < length ? load_partial(x + i * x_stride, count) : vec<T>{});
    copy_square<T>(square, W, square, W);
#pragma GCC unroll 1
    for (int i = 0; i < count; ++i) store_partial(y + i * y_stride, load(square + i * W), length);
}

// `count` rows of y (at most a vector's width), which x has as columns.
template <typename T>
void copy_columns(const T* x, int64_t x_stride, T* y, int64_t y_stride, int64_t count, int64_t length) {
    int64_t j = 0;
    if (length == 2 && y_stride == 2) {  // two lines become one, number by number
        const vec<T> a = load_partial(x, count), b = load_partial(x + x_stride, count);
        store_partial(y, zip_low(a, b), 2 * count);
        if (2 * count > width<T>) store_partial(y + width<T>, zip_high(a, b), 2 * count - width<T>);
        return;
    }
    if (count == width<T>)
        for (; j + width<T> <= length; j += width<T>)
            copy_square(x + j * x_stride, x_stride, y + j, y_stride);
    // One or two that are left, as of maps of 7 x 7, are not worth a square.
    for (; length - j <= 2 && j < length; j++)
        for (int64_t i = 0; i < count; i++) y[i * y_stride + j] = x[j * x_stride + i];
    for (; j < length; j += width<T>)
        copy_part_of_square(x + j * x_stride, x_stride, y + j, y_stride, count, length - j);
}

// y = x^T, of `rows` rows; those of x have unit stride.
template <typename T>
void turn(const T* x, int64_t x_stride, T* y, int64_t y_stride, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i += width<T>)
        copy_columns(x + i, x_stride, y + i * y_stride, y_stride, rows - i < width<T> ? rows - i : width<T>,
                     columns);
}

}  // namespace pydl::PYDL_ISA
