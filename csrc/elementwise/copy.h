// y = x for arrays of any rank and strides, x broadcast to y: the loops of elementwise/elementwise.h, and
// some of its own.
#pragma once
#include "elementwise/elementwise.h"
#include "elementwise/row_copies.h"

namespace pydl::PYDL_ISA {

// Rows without gaps of any length. The last vector of a row is moved back to end with it. Of rows of less
// than a vector, one behind another in y, whole vectors are copied: the next row overwrites what is too much.
template <typename T>
[[gnu::noinline]] void copy_rows(const T* x, int64_t x_step, T* y, int64_t y_step, int64_t count,
                                 int64_t rows) {
    constexpr int64_t W = width<T>;
    int64_t r = 0;
    if (count < W && y_step == count && x_step != 0) {
        const int64_t beyond = W - count;  // numbers, of at most so many rows of x and of y
        const int64_t x_rows = (beyond - 1) / (x_step < 0 ? -x_step : x_step) + 1,
                      y_rows = (beyond - 1) / count + 1;
        const int64_t last = rows - (x_step > 0 && x_rows > y_rows ? x_rows : y_rows);
        for (; r < last; ++r, x += x_step, y += count)
            if (x_step < 0 && r < x_rows)
                store_partial(y, load_partial(x, count), count);
            else
                store(y, load(x));
    }
    for (; r < rows; ++r, x += x_step, y += y_step) {
        if (count < W) {
            store_partial(y, load_partial(x, count), count);
            continue;
        }
        int64_t i = 0;
        for (; i + W <= count; i += W) store(y + i, load(x + i));
        if (i < count) store(y + count - W, load(x + count - W));
    }
}

// Rows of one number each.
template <typename T>
[[gnu::noinline]] void fill_rows(const T* x, int64_t x_step, T* y, int64_t y_step, int64_t count,
                                 int64_t rows) {
    constexpr int64_t W = width<T>;
    for (int64_t r = 0; r < rows; ++r, x += x_step, y += y_step) {
        const vec<T> copies = broadcast<T>(*x);
        if (count < W) {
            store_partial(y, copies, count);
            continue;
        }
        int64_t i = 0;
        for (; i + W <= count; i += W) store(y + i, copies);
        store(y + count - W, copies);
    }
}

// Any rows.
template <typename T>
void copy_any_rows(const void*, void* const* p, const int64_t* stride, int64_t count, int64_t rows,
                   const int64_t* step) {
    const T* x = static_cast<const T*>(p[1]);
    T* y = static_cast<T*>(p[0]);
    if (stride[0] == 1 && stride[1] == -1) return copy_backwards(x, step[1], y, step[0], count, rows);
    if (stride[0] == 1 && stride[1] == 2 && count >= width<T>) {
        for (int64_t r = 0; r < rows; ++r) copy_every_second(x + r * step[1], y + r * step[0], count);
        return;
    }
    if (stride[0] == 1 && stride[1] == 0) return fill_rows(x, step[1], y, step[0], count, rows);
    if (stride[0] == 1 && stride[1] == 1) return copy_rows(x, step[1], y, step[0], count, rows);
    copy_numbers(x, stride[1], step[1], y, stride[0], step[0], count, rows);
}

// Any rows of numbers of one or two bytes, of which vectors are bytes.
template <typename U>
void copy_small_rows(const void*, void* const* p, const int64_t* stride, int64_t count, int64_t rows,
                     const int64_t* step) {
    const U* x = static_cast<const U*>(p[1]);
    U* y = static_cast<U*>(p[0]);
    const bool unit = stride[0] == 1 && stride[1] == 1;
    const bool backwards = sizeof(U) == 1 && stride[0] == 1 && stride[1] == -1;
    if (!unit && !backwards) return copy_numbers(x, stride[1], step[1], y, stride[0], step[0], count, rows);
    for (; rows > 0; --rows, x += step[1], y += step[0]) {
        if (unit) {
            copy_bytes(reinterpret_cast<const char*>(x), reinterpret_cast<char*>(y),
                       count * int64_t(sizeof(U)));
            continue;
        }
        int64_t i = 0;
        for (uint64_t eight; i + 8 <= count; i += 8) {
            __builtin_memcpy(&eight, x - i - 7, 8);
            eight = __builtin_bswap64(eight);
            __builtin_memcpy(y + i, &eight, 8);
        }
        for (; i < count; ++i) y[i] = x[-i];
    }
}

// y = x
inline void elementwise_copy(const char* mismatch, const NdNumbers<char>& y, const NdNumbers<const char>& x) {
    const ElementwiseRun run = y.bytes == 1   ? copy_small_rows<uint8_t>
                               : y.bytes == 2 ? copy_small_rows<uint16_t>
                               : y.bytes == 4 ? copy_any_rows<float>
                                              : copy_any_rows<double>;
    const ElementwiseCall<2> call = {run, nullptr, {y.data, const_cast<char*>(x.data)}, {y.bytes, y.bytes}};
    elementwise_nest<2>(mismatch, {&y, &x}, call);
}

}  // namespace pydl::PYDL_ISA
