// Rows of a few numbers as columns: with a row in each lane, all lanes are used. Transposing is much code, of
// which one copy for each type and spacing is enough.
#pragma once
#include "elementwise/elementwise.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

// Whether A rows of K numbers are better turned: rows of up to so many half vectors, fewer of them where the
// rows fill the second cache, and the longest only if there are many.
template <typename T>
bool turns(int64_t A, int64_t K, int near = 6, int far = 4) {
    const bool is_near = A * K * int64_t(sizeof(T)) < int64_t(1) << 20;
    return K > 0 && 2 * K <= (is_near ? near : far) * width<T> && A > (K > 3 * width<T> ? 4 * width<T> : 1);
}

// Whether so many numbers are more than the caches hold. Rows are read a part at a time, which the processor
// does not foresee, so those two vectors' widths of rows ahead are asked for then.
template <typename T>
bool are_far(int64_t count) {
    return has_special_kernels && count * int64_t(sizeof(T)) >= int64_t(1) << 23;
}
template <typename T>
PYDL_INLINE void fetch_ahead(const T* rows, int64_t row_stride) {
    constexpr int64_t W = width<T>;
    for (int64_t i = 0; i < W * row_stride; i += 64 / int64_t(sizeof(T)))
        prefetch(rows + 2 * W * row_stride + i);
}

// to[k * Spacing + r] = row r's number k, for `rows` rows of `count` numbers; whole vectors of `to` are
// written, with zeros in the lanes beyond the last row.
template <int64_t Spacing, typename T>
[[gnu::noinline]] void turn_rows(const T* from, int64_t row_stride, int64_t stride, int64_t rows,
                                 int64_t count, T* to, bool far = false) {
    constexpr int64_t W = width<T>;
    for (int64_t r = 0; r < rows; r += W) {
        if (far && row_stride == count) fetch_ahead(from + r * row_stride, row_stride);
        for (int64_t k = 0; k < count; k += W) {
            vec<T> square[W];
            const int64_t n = count - k < W ? count - k : W;
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i)
                square[i] = r + i < rows ? load_strided(from + (r + i) * row_stride + k * stride, stride, n)
                                         : vec<T>{};
            transpose<T>(square);
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i)
                if (i < n) store(to + (k + i) * Spacing + r, square[i]);
        }
    }
}

// The way back: row r's number k = from[k * Spacing + r].
template <int64_t Spacing, typename T>
[[gnu::noinline]] void turn_back(const T* from, int64_t rows, int64_t count, T* to, int64_t row_stride,
                                 int64_t stride, bool far = false) {
    constexpr int64_t W = width<T>;
    for (int64_t r = 0; r < rows; r += W) {
        if (far && row_stride == count) fetch_ahead(to + r * row_stride, row_stride);
        for (int64_t k = 0; k < count; k += W) {
            vec<T> square[W];
            const int64_t n = count - k < W ? count - k : W;
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) square[i] = i < n ? load(from + (k + i) * Spacing + r) : vec<T>{};
            transpose<T>(square);
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i)
                if (r + i < rows)
                    store_strided<T>(to + (r + i) * row_stride + k * stride, stride, square[i], n);
        }
    }
}

}  // namespace pydl::PYDL_ISA
