// Loops over the vectors of one row without gaps, its maximum and its sums.
#pragma once
#include "elementwise/elementwise.h"

namespace pydl::PYDL_ISA {

// f(i, n) for the vectors of `count` numbers: first number, numbers (n <= width). Four at a time with their
// number u, so that f can keep sums that do not wait for each other.
template <typename T, typename F>
PYDL_INLINE void for_vectors(int64_t count, F f) {
    constexpr int64_t W = width<T>;
    int64_t i = 0;
    for (; i + 4 * W <= count; i += 4 * W)
#pragma GCC unroll 4
        for (int u = 0; u < 4; ++u) f(i + u * W, W, u);
    for (; i < count; i += W) f(i, count - i < W ? count - i : W, 0);
}

template <typename T>
PYDL_INLINE vec<T> load_or(const T* p, int64_t n, T rest) {
    if (n >= width<T>) return load(p);
    return select(iota<int_of<T>>() < int_of<T>(n), load_partial(p, n), broadcast<T>(rest));
}

// larger(a, b) is max, or what needs not keep NaN.
template <typename T, typename F>
PYDL_INLINE T largest_of_row(const T* x, int64_t count, F larger) {
    const T least = -T(__builtin_inf());
    vec<T> most[4];
    for (int u = 0; u < 4; ++u) most[u] = broadcast<T>(least);
    for_vectors<T>(count, [&](int64_t i, int64_t n, int u)
                              PYDL_INLINE_LAMBDA { most[u] = larger(most[u], load_or(x + i, n, least)); });
    return reduce<width<T> / 2>(larger(larger(most[0], most[1]), larger(most[2], most[3])), larger);
}
template <typename T>
PYDL_INLINE T largest_of_row(const T* x, int64_t count) {
    return largest_of_row<T>(x, count, [](vec<T> a, vec<T> b) PYDL_INLINE_LAMBDA { return max(a, b); });
}

// The sum of what f(i, n) gives, lanes beyond n left out.
template <typename T, typename F>
PYDL_INLINE T sum_of_row(int64_t count, F f) {
    vec<T> sums[4] = {};
    for_vectors<T>(count, [&](int64_t i, int64_t n, int u) PYDL_INLINE_LAMBDA {
        const vec<T> v = f(i, n);
        sums[u] += n >= width<T> ? v : select(iota<int_of<T>>() < int_of<T>(n), v, vec<T>{});
    });
    return reduce_add((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

}  // namespace pydl::PYDL_ISA
