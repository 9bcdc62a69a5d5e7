// Planes that are needed soon and come from beyond the second-level cache are asked for while others are
// computed: they and their rows are too short for the processor to see that more of them follow.
#pragma once

#include "conv2d/frame.h"

namespace pydl::PYDL_ISA {

// Numbers that what is asked for lies ahead of what is needed, where planes are needed as they lie in memory.
inline constexpr int64_t kAheadOfPlane = 1024;

// Some vectors so far ahead, whether there are any or not.
template <int Count = 1, typename T>
PYDL_INLINE void ask_ahead(const T* p) {
    constexpr int line = 64 / sizeof(T);
#pragma GCC unroll 8
    for (int k = 0; k < Count * width<T>; k += line) prefetch(p + kAheadOfPlane + k);
}

// The same, where more than the first-level cache holds is needed before.
template <int Count = 1, typename T>
PYDL_INLINE void ask_far_ahead(const T* p) {
    constexpr int line = 64 / sizeof(T);
#pragma GCC unroll 8
    for (int k = 0; k < Count * width<T>; k += line) __builtin_prefetch(p + kAheadOfPlane + k, 0, 2);
}

// All of some planes.
template <typename T>
PYDL_INLINE void ask_for(const T* p, int64_t numbers) {
    for (int64_t k = 0; k < numbers; k += 64 / int64_t(sizeof(T))) prefetch(p + k);
}

// The same, where more than the first-level cache holds is needed before.
template <typename T>
PYDL_INLINE void ask_for_later(const T* p, int64_t numbers) {
    for (int64_t k = 0; k < numbers; k += 64 / int64_t(sizeof(T))) __builtin_prefetch(p + k, 0, 2);
}

// Whether images read and written take more bytes than stay in the second-level cache, or in all caches.
inline constexpr int64_t kNear = int64_t(3) << 18, kCached = int64_t(3) << 22;
template <typename T, typename Y>
bool exceed(const Images<const T>& x, const Images<Y>& y, int64_t bytes) {
    const auto size = [](const int64_t* shape) { return shape[0] * shape[1] * shape[2] * shape[3]; };
    return size(x.shape) + size(y.shape) > bytes / int64_t(sizeof(T));
}

}  // namespace pydl::PYDL_ISA
