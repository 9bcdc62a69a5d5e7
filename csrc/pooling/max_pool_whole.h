// Max pooling with one window that is the whole volume: the largest element first, and then where it is.
#pragma once
#include "pooling/pooling.h"
#include "simd/bits.h"

namespace pydl::PYDL_ISA {

// The place of the first number that is `most` or, if that is NaN, of the last NaN.
template <typename T>
int64_t place_of(const T* x, int64_t size, T most) {
    constexpr int64_t W = width<T>;
    if (most != most) {
        while (x[size - 1] == x[size - 1]) --size;
        return size - 1;
    }
    // Four vectors at a time: where it is among them cannot be foreseen. Zeros beyond the end come too late.
    for (int64_t k = 0;; k += 4 * W) {
        uint64_t found = 0;
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i)
            found |= uint64_t(lane_bits(load_partial(x + k + i * W, size - k - i * W) == broadcast<T>(most)))
                     << (i * W);
        if (found != 0) return k + __builtin_ctzll(found);
    }
}

// A lane for each plane; where the largest elements are is looked for while they are near.
template <typename T>
void max_pool_forward_whole(const Array<const T, 5>& x, int64_t size, T* y, uint8_t* window,
                            int64_t* indices) {
    constexpr int64_t W = width<T>;
    const int64_t planes = x.shape[0] * x.shape[1];
    const auto larger = [](vec<T> a, vec<T> b) PYDL_INLINE_LAMBDA { return max(a, b); };
    parallel_for((planes + W - 1) / W, row_grain(W * size), [&](int64_t begin, int64_t end) {
        const Volumes<const T> volumes(x);
        for (int64_t plane = begin * W; plane < end * W && plane < planes; plane += W) {
            const int64_t count = at_most(W, planes - plane);
            vec<T> most[W];
            for (int64_t i = 0; i < W; ++i) {
                most[i] = vec<T>{};
                if (i >= count) continue;
                const T* from = volumes.at(plane + i);
                if (size < W) {
                    const mask<T> inside = iota<int_of<T>>() < int_of<T>(size);
                    most[i] = select(inside, load_partial(from, size), broadcast<T>(-__builtin_inff()));
                    continue;
                }
                // The last vector ends with the volume.
                vec<T> even = load(from), odd = load(from + size - W);
                int64_t k = W;
                for (; k + 2 * W <= size; k += 2 * W) {
                    prefetch(from + k + kAheadOfPool);
                    prefetch(from + k + W + kAheadOfPool);
                    even = larger(even, load(from + k)), odd = larger(odd, load(from + k + W));
                }
                if (k + W <= size) even = larger(even, load(from + k));
                most[i] = larger(even, odd);
            }
            store_partial(y + plane, combine_lanes<T>(most, larger), count);
            for (int64_t i = 0; i < count && (window || indices); ++i) {
                const int64_t place = place_of(volumes.at(plane + i), size, y[plane + i]);
                if (window) window[plane + i] = uint8_t(place);
                if (indices) indices[plane + i] = place;
            }
        }
    });
}

}  // namespace pydl::PYDL_ISA
