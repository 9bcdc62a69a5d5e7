// Rows of numbers from one place to another, with any strides.
#pragma once
#include "elementwise.h"

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
