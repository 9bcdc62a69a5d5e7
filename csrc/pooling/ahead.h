// What strips go over (pooling/strips.h, pooling/gather.h), and asking ahead for what comes next.
#pragma once
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Into the second cache alone: what is needed only after more than fits the first would push out what is
// needed now, and the processor waits for fewer lines of the first at once.
template <typename T>
PYDL_INLINE void prefetch_to_second(const T* p) {
    __builtin_prefetch(p, 0, 2);
}

// How many elements ahead rows beyond the caches are asked for, into the second cache.
constexpr int64_t kAheadOfRows = 4096;

// What windows over pairs of rows will read some rows later, which lies beyond the caches or not: rows in
// turn are no run that the processor would follow itself.
template <bool Beyond, typename T>
PYDL_INLINE void prefetch_row_pair(const T* upper, const T* lower) {
    constexpr int64_t W = width<T>, ahead = Beyond ? kAheadOfRows : 64 * W;
    const auto ask = [](const T* p) PYDL_INLINE_LAMBDA {
        if constexpr (Beyond)
            prefetch_to_second(p + ahead), prefetch_to_second(p + ahead + W);
        else
            prefetch(p + ahead), prefetch(p + ahead + W);
    };
    ask(upper);
    ask(lower);
}

// Bytes from which on the next band is asked for.
constexpr int64_t kFarStrips = int64_t(1) << 19;

// How many slices of so many bytes each strip goes down before the next strip does: what several strips go
// over stays in the first cache, what one alone goes over, and what is asked for ahead, in the second.
inline int64_t slices_at_once(int64_t bytes, bool one_strip) {
    const int64_t count = (one_strip ? 65536 : 32768) / bytes;
    return count < 1 ? 1 : count;
}

// What the next band of rows of strips reads and writes, which is asked for a few cache lines at a time while
// there is nothing to wait for: the rows of a strip are too far apart for the processor to see a pattern.
template <typename T>
struct StripAhead {
    const T *x, *y;
    bool far;

    // After a vector of windows: what as many see, and what they give.
    template <int Lines>
    PYDL_INLINE void ask() {
        if (!far) return;
        constexpr int64_t line = 64 / sizeof(T);
#pragma GCC unroll 4
        for (int l = 0; l < Lines; ++l) prefetch_to_second(x + l * line);
        prefetch_to_second(y);
        x += Lines * line, y += line;
    }
};

}  // namespace pydl::PYDL_ISA
