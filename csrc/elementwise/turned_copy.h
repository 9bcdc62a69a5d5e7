// Copies between arrays that run along different dimensions, as in a transpose: squares of a vector's width
// go through registers.
//
//     x, unit stride downwards         y, unit stride to the right
//     | | | |  columns are loaded      ----
//     | | | |  as vectors         ->   ----  rows are stored as vectors
//     | | | |                          ----
#pragma once
#include "simd/halves.h"
#include "simd/lanes.h"
#include "simd/register.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// y[a, b] = x[b, a] for a square of whole vectors, or `count` rows and `length` columns of one; strides of
// the dimension that is not contiguous. The addresses of rows are counted up: multiples of a stride are more
// than there are registers.
template <typename T>
PYDL_INLINE void copy_square(const T* x, int64_t x_stride, T* y, int64_t y_stride) {
    vec<T> rows[width<T>];
#pragma GCC unroll 16
    for (int i = 0; i < width<T>; ++i) rows[i] = load(x), x = forget(x + x_stride);
    transpose<T>(rows);
#pragma GCC unroll 16
    for (int i = 0; i < width<T>; ++i) store(y, rows[i]), y = forget(y + y_stride);
}
// The first `length` columns of a square: the last of them stands for those behind it, which are not stored.
// For vectors of which parts are stored fast.
template <typename T>
PYDL_INLINE void copy_columns_of_square(const T* x, int64_t x_stride, T* y, int64_t y_stride,
                                        int64_t length) {
    vec<T> rows[width<T>];
#pragma GCC unroll 16
    for (int i = 0; i < width<T>; ++i) rows[i] = load(x), x = forget(i < length - 1 ? x + x_stride : x);
    transpose<T>(rows);
#pragma GCC unroll 16
    for (int i = 0; i < width<T>; ++i) store_partial(y, rows[i], length), y = forget(y + y_stride);
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

// The numbers of as many columns as a block of 16 bytes has, for a whole vector of rows.
template <typename T>
PYDL_INLINE void copy_blocks(const T* x, int64_t x_stride, T* y, int64_t y_stride) {
    constexpr int B = block_lanes<T>;
    vec<T> part[B];
#pragma GCC unroll 4
    for (int c = 0; c < B; ++c) part[c] = load(x + c * x_stride);
    transpose_blocks<T>(part);
#pragma GCC unroll 4
    for (int c = 0; c < B; ++c)
        store_blocks<T>([&](int b) PYDL_INLINE_LAMBDA { return y + (b * B + c) * y_stride; }, part[c]);
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
    constexpr int B = block_lanes<T>;
    if (count == width<T>) {
        if constexpr (has_halves) {
            for (; length - j > 2 * B || (B == 4 && length == 3 && j == 0); j += width<T>)
                copy_columns_of_square(x + j * x_stride, x_stride, y + j, y_stride,
                                       length - j < width<T> ? length - j : width<T>);
            if (j >= length) return;
        } else {
            for (; j + width<T> <= length; j += width<T>)
                copy_square(x + j * x_stride, x_stride, y + j, y_stride);
        }
        // Few columns are not worth a square; the last block of them may overlap the one before.
        if (width<T> > B && length >= B) {
            for (; j < length; j += B) {
                if (length - j < B) j = length - B;
                copy_blocks(x + j * x_stride, x_stride, y + j, y_stride);
            }
            return;
        }
    }
    // Up to three that are left, as of maps of 7 x 7, are not worth a square.
    for (; length - j <= 3 && j < length; j++)
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
