// Which lanes of a vector are which tiles (conv2d/winograd.h), and how these get their pixels.
//
// Four pixels of 4 bytes are a block of 16 bytes. Vectors of neighbouring pixels are turned in each block,
// which costs much less than turning them as a whole; so of a vector of W tiles, lane 4 l + k is tile W / 4 k
// + l:
//
//     pixels  0 1 2 3 | 4 5 6 7    8 9 a b | c d e f  ...     column 0   0 8 . . | 4 c . .
//     of tile    0    |    1          2    |    3             of tile    0 2 4 6 | 1 3 5 7
//
// Wider numbers, and narrower tiles, are in their order.
#pragma once

#include "conv2d/winograd_transform.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Line>
class TileLanes {
    static constexpr int W = width<T>, B = 16 / sizeof(T);
    static constexpr bool in_blocks = sizeof(T) == 4 && Line::outputs >= 4;
    static_assert(!in_blocks || (Line::step >= 4 && Line::step <= 8 && Line::outputs <= 8));
    static constexpr auto lanes = std::make_integer_sequence<int, W>{};

  public:
    static constexpr int64_t tile(int64_t lane) { return in_blocks ? W / B * (lane % B) + lane / B : lane; }

    // Numbers of neighbouring tiles, in the order of the lanes.
    PYDL_INLINE static vec<T> of_tiles(const T* from) { return of_tiles(load(from), lanes); }

    // The columns of `width` neighbouring tiles of `step` columns.
    template <int step>
    PYDL_INLINE static void split(const T* from, vec<T> (&column)[step]) {
        if constexpr (!in_blocks) {
            split_columns<T, step>(from, column);
        } else if constexpr (step == B) {
#pragma GCC unroll 4
            for (int k = 0; k < B; k++) column[k] = load(from + k * W);
            transpose_blocks<T>(column);
        } else {
            vec<T> left[B], right[B];
#pragma GCC unroll 4
            for (int k = 0; k < B; k++) {
                const vec<T> a = load(from + 2 * k * W), b = load(from + (2 * k + 1) * W);
                left[k] = every_second_block<0>(a, b, lanes);
                right[k] = every_second_block<1>(a, b, lanes);
            }
            transpose_blocks<T>(left);
            transpose_blocks<T>(right);
#pragma GCC unroll 4
            for (int k = 0; k < B; k++) column[k] = left[k], column[B + k] = right[k];
        }
    }
    // The inverse, of tiles of M columns.
    template <int M>
    PYDL_INLINE static void join(T* to, const vec<T> (&column)[M]) {
        if constexpr (!in_blocks) {
            join_columns<T, M>(to, column);
        } else {
            vec<T> left[B], right[B];
#pragma GCC unroll 4
            for (int k = 0; k < B; k++) left[k] = column[k], right[k] = column[M - B + k];
            transpose_blocks<T>(left);
            if constexpr (M > B) transpose_blocks<T>(right);
#pragma GCC unroll 4
            for (int k = 0; k < B; k++) {
                if constexpr (M == B) {
                    store(to + k * W, left[k]);
                } else {
                    store(to + 2 * k * W, zip_blocks<0>(left[k], right[k], lanes));
                    store(to + (2 * k + 1) * W, zip_blocks<1>(left[k], right[k], lanes));
                }
            }
        }
    }
    // What the tiles after these have; `after` is that of the one after the last.
    PYDL_INLINE static vec<T> next(vec<T> v, T after) { return next(v, broadcast<T>(after), lanes); }

  private:
    template <int... I>
    PYDL_INLINE static vec<T> of_tiles(vec<T> v, std::integer_sequence<int, I...>) {
        return __builtin_shufflevector(v, v, int(tile(I))...);
    }
    template <int odd, int... I>
    PYDL_INLINE static vec<T> every_second_block(vec<T> a, vec<T> b, std::integer_sequence<int, I...>) {
        return __builtin_shufflevector(a, b, ((2 * (I / B) + odd) * B + I % B)...);
    }
    // The blocks of a and b by turns, the first or second half of them.
    template <int half, int... I>
    PYDL_INLINE static vec<T> zip_blocks(vec<T> a, vec<T> b, std::integer_sequence<int, I...>) {
        constexpr int first = half * W / B;
        return __builtin_shufflevector(a, b, ((first + I / B) % 2 * W + (first + I / B) / 2 * B + I % B)...);
    }
    static constexpr int lane_after(int lane) {
        if (!in_blocks) return lane + 1;
        return lane + B < W ? lane + B : lane % B + 1 < B ? lane % B + 1 : W;
    }
    template <int... I>
    PYDL_INLINE static vec<T> next(vec<T> v, vec<T> after, std::integer_sequence<int, I...>) {
        return __builtin_shufflevector(v, after, lane_after(I)...);
    }
};

}  // namespace pydl::PYDL_ISA
