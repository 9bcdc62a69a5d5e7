// Rows of numbers from one place to another, with any strides.
#pragma once
#include "elementwise/elementwise.h"

namespace pydl::PYDL_ISA {

// Single elements, compiled once and not into every kernel.
template <typename T>
[[gnu::noinline]] void copy_apart(const T* from, int64_t from_stride, T* to, int64_t to_stride,
                                  int64_t count) {
#pragma GCC unroll 4
    for (int64_t d = 0; d < count; ++d) to[d * to_stride] = from[d * from_stride];
}
template <typename T>
[[gnu::noinline]] void add_apart(const T* from, int64_t from_stride, T* to, int64_t to_stride,
                                 int64_t count) {
#pragma GCC unroll 4
    for (int64_t d = 0; d < count; ++d) to[d * to_stride] += from[d * from_stride];
}

// U at either end, which together are all of the bytes.
template <typename U>
PYDL_INLINE void copy_ends(const char* from, char* to, int64_t bytes) {
    U front, back;
    __builtin_memcpy(&front, from, sizeof(U));
    __builtin_memcpy(&back, from + bytes - sizeof(U), sizeof(U));
    __builtin_memcpy(to, &front, sizeof(U));
    __builtin_memcpy(to + bytes - sizeof(U), &back, sizeof(U));
}

// For many rows of the same length, of which branches are foreseen: masked vectors and memcpy() take longer.
PYDL_INLINE void copy_bytes(const char* from, char* to, int64_t bytes) {
    constexpr int64_t W = PYDL_VECTOR_BYTES;
    if (bytes >= W) {
        for (int64_t i = 0; i + W < bytes; i += W) store(to + i, load(from + i));
        return store(to + bytes - W, load(from + bytes - W));
    }
    typedef char Half __attribute__((vector_size(32)));
    typedef char Quarter __attribute__((vector_size(16)));
    if (bytes >= 32) return copy_ends<Half>(from, to, bytes);
    if (bytes >= 16) return copy_ends<Quarter>(from, to, bytes);
    if (bytes >= 8) return copy_ends<uint64_t>(from, to, bytes);
    if (bytes >= 4) return copy_ends<uint32_t>(from, to, bytes);
    if (bytes >= 2) return copy_ends<uint16_t>(from, to, bytes);
    if (bytes == 1) *to = *from;
}

// Row m of `to` is row numbers[m] of `from`, strides of rows in bytes. No two of them need lie close
// together, so memory is asked for them ahead.
[[gnu::noinline]] inline void copy_rows(const char* from, int64_t from_stride, const int64_t* numbers,
                                        int64_t step, char* to, int64_t to_stride, int64_t count,
                                        int64_t bytes) {
    constexpr int64_t kAhead = 16;
    for (int64_t m = 0; m < count; ++m, to += to_stride) {
        if (m + kAhead < count) {
            const char* later = from + numbers[(m + kAhead) * step] * from_stride;
            prefetch(later);
            prefetch(later + bytes - 1);
        }
        copy_bytes(from + numbers[m * step] * from_stride, to, bytes);
    }
}

template <typename T>
PYDL_INLINE void copy_row(const T* from, int64_t from_stride, T* to, int64_t to_stride, int64_t count) {
    if (from_stride != 1 || to_stride != 1) return copy_apart(from, from_stride, to, to_stride, count);
    int64_t d = 0;
    for (; d + width<T> <= count; d += width<T>) store(to + d, load(from + d));
    if (d < count) store_partial(to + d, load_partial(from + d, count - d), count - d);
}

template <typename T>
PYDL_INLINE void add_row(const T* from, int64_t from_stride, T* to, int64_t to_stride, int64_t count) {
    if (from_stride != 1 || to_stride != 1) return add_apart(from, from_stride, to, to_stride, count);
    int64_t d = 0;
    for (; d + width<T> <= count; d += width<T>) store(to + d, load(to + d) + load(from + d));
    if (d < count) {
        const vec<T> sum = load_partial(to + d, count - d) + load_partial(from + d, count - d);
        store_partial(to + d, sum, count - d);
    }
}

}  // namespace pydl::PYDL_ISA
