// Sums over lines of numbers, and the mean and variance of many numbers in one pass over memory.
//
// Numbers come in blocks that fit the first-level cache. Of each block the sums of d and d^2 are taken in T,
// with d = x - center and the center near the block's mean, so that nothing cancels; blocks are combined in
// double precision (Chan, Golub, LeVeque, "Algorithms for computing the sample variance", The American
// Statistician 37 (1983)). Normalising needs the mean as double: x - mean is then exact to the last place
// of x, also for a mean of 1e4 and a deviation of 1.
#pragma once
#include "elementwise/elementwise.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kMomentBlock = 2048;   // numbers summed in T before they are combined in double
constexpr int64_t kMomentGrain = 16384;  // numbers worth a task of their own
constexpr int64_t kMomentPieces = 64;    // tasks enough for any processor this is meant for

// Numbers that lie `stride` apart; a stride of 0 repeats one.
template <typename X>
struct Line {
    X* data;
    int64_t stride;

    Line from(int64_t i) const { return {data + i * stride, stride}; }
};

// K vectors: what one step adds to K sums.
template <typename T, int K>
struct Terms {
    vec<T> of[K];
};

// K sums over lines, each in four vectors, because an addition waits for the one before it.
template <typename T, int K>
class Sums {
  public:
    // Adds f(x...) for `count` elements of every line.
    template <typename F, typename... X>
    PYDL_INLINE void add(F f, int64_t count, Line<X>... x) {
        constexpr int64_t W = width<T>;
        int64_t i = 0;
        if (((x.stride == 1) && ...)) {
            for (; i + 4 * W <= count; i += 4 * W)
#pragma GCC unroll 4
                for (int u = 0; u < 4; ++u) put(u, f(load(x.data + i + u * W)...));
#pragma GCC unroll 3
            for (int u = 0; u < 3; ++u)
                if (i + W <= count) {
                    put(u, f(load(x.data + i)...));
                    i += W;
                }
            if (i < count) put(3, first(count - i, f(load_partial(x.data + i, count - i)...)));
        } else {
            for (; i < count; i += W) {
                const int64_t n = count - i < W ? count - i : W;
                put(0, first(n, f(load_strided(x.data + i * x.stride, x.stride, n)...)));
            }
        }
    }

    PYDL_INLINE double total(int k) const {
        return reduce_add((sums_[0][k] + sums_[1][k]) + (sums_[2][k] + sums_[3][k]));
    }

  private:
    PYDL_INLINE void put(int u, const Terms<T, K>& terms) {
        for (int k = 0; k < K; ++k) sums_[u][k] += terms.of[k];
    }

    // Zero in all but the first n lanes.
    PYDL_INLINE static Terms<T, K> first(int64_t n, Terms<T, K> terms) {
        const auto counts = iota<int_of<T>>() < int_of<T>(n);
        for (int k = 0; k < K; ++k) terms.of[k] = select(counts, terms.of[k], vec<T>{});
        return terms;
    }

    vec<T> sums_[4][K];  // zero in Sums{}
};

// y = f(x...) along lines.
template <typename T, typename F, typename... X>
PYDL_INLINE void map_line(F f, int64_t count, Line<T> y, Line<X>... x) {
    constexpr int64_t W = width<T>;
    int64_t i = 0;
    if (count >= W && y.stride == 1 && ((x.stride == 1) && ...)) {
        // The rest are the last lanes of a vector that ends with the line: computed first, since y may be an
        // x.
        vec<T> last{};
        if (count % W != 0) last = f(load(x.data + count - W)...);
        for (; i + W <= count; i += W) store(y.data + i, f(load(x.data + i)...));
        if (count % W != 0) store(y.data + count - W, last);
        return;
    }
    for (; i < count; i += W) {
        const int64_t n = count - i < W ? count - i : W;
        store_strided<T>(y.data + i * y.stride, y.stride,
                         f(load_strided(x.data + i * x.stride, x.stride, n)...), n);
    }
}

// How many numbers, their mean, and the sum of their squared distances from it.
struct Moments {
    double count = 0, mean = 0, squares = 0;

    double variance() const { return squares > 0 ? squares / count : squares * 0; }  // NaN stays NaN
};

[[gnu::noinline]] inline void combine(Moments& a, const Moments& b) {
    if (a.count == 0) {
        a = b;
        return;
    }
    const double count = a.count + b.count, distance = b.mean - a.mean;
    if (distance - distance == 0)
        a.mean += distance * (b.count / count);
    else  // of infinite means: one infinity stays what it is
        a.mean = a.mean * (a.count / count) + b.mean * (b.count / count);
    a.squares += b.squares + distance * distance * (a.count * b.count / count);
    a.count = count;
}

// A number near the mean of the `count` numbers of a line, or 0 where there is none.
template <typename T>
PYDL_INLINE T center_of(Line<const T> x, int64_t count) {
    const int64_t n = count < 4 * width<T> ? count : 4 * width<T>;
    Sums<T, 1> sums{};
    sums.add([](vec<T> x) PYDL_INLINE_LAMBDA { return Terms<T, 1>{{x}}; }, n, x);
    const T center = T(sums.total(0) / double(n));
    return center - center == 0 ? center : T(0);  // an infinite center would make NaN of finite numbers
}

// The moments of `segments` lines of `count` numbers each, `spacing` apart: one block.
template <typename T>
[[gnu::noinline]] Moments block_moments(Line<const T> x, int64_t count, int64_t segments, int64_t spacing) {
    const T center = center_of(x, count);
    Sums<T, 2> sums{};
    for (int64_t s = 0; s < segments; ++s)
        sums.add(
            [center](vec<T> x) PYDL_INLINE_LAMBDA {
                const vec<T> d = x - center;
                return Terms<T, 2>{{d, d * d}};
            },
            count, Line<const T>{x.data + s * spacing, x.stride});
    const double n = double(count) * double(segments), d = sums.total(0);
    return {n, double(center) + d / n, sums.total(1) - d * (d / n)};
}

// N segments of S numbers, cut into blocks: several short segments or a part of a long one.
struct MomentBlocks {
    int64_t segments, length;       // N, S
    int64_t together, per_segment;  // segments in a block; blocks in a segment

    MomentBlocks(int64_t N, int64_t S)
        : segments(N),
          length(S),
          together(S < kMomentBlock ? kMomentBlock / S : 1),
          per_segment((S - 1) / kMomentBlock + 1) {}

    int64_t count() const { return together > 1 ? (segments - 1) / together + 1 : segments * per_segment; }

    // The pieces in which the blocks of each of `groups` sets of segments are best worked off.
    int64_t pieces(int64_t groups) const {
        const int64_t wanted = (kMomentPieces - 1) / groups + 1, possible = segments * length / kMomentGrain;
        const int64_t pieces = wanted < possible ? wanted : possible;
        return pieces < 1 ? 1 : pieces < count() ? pieces : count();
    }

    // f(first segment, segments, begin, end) for each stretch of a piece: a block of short segments, or all
    // blocks of a long one, which lie one behind another.
    template <typename F>
    PYDL_INLINE void for_stretches(int64_t piece, int64_t pieces, F f) const {
        const int64_t all = count(), last = all * (piece + 1) / pieces;
        for (int64_t b = all * piece / pieces, next; b < last; b = next) {
            const int64_t n = b / per_segment * together, left = segments - n;
            const int64_t skipped = b % per_segment, end = b - skipped + per_segment;
            next = end < last ? end : last;
            const int64_t to = (skipped + next - b) * kMomentBlock;
            f(n, left < together ? left : together, skipped * kMomentBlock, to < length ? to : length);
        }
    }
    // f(first segment, segments, first number, numbers) for each block of a piece.
    template <typename F>
    PYDL_INLINE void for_piece(int64_t piece, int64_t pieces, F f) const {
        for_stretches(piece, pieces, [&](int64_t n, int64_t some, int64_t s, int64_t end) PYDL_INLINE_LAMBDA {
            for (; s < end; s += kMomentBlock) f(n, some, s, end - s < kMomentBlock ? end - s : kMomentBlock);
        });
    }
};

// The moments of one piece of N segments of S numbers that start `spacing` apart.
template <typename T>
[[gnu::noinline]] Moments piece_moments(const MomentBlocks& blocks, int64_t piece, int64_t pieces,
                                        Line<const T> x, int64_t spacing) {
    Moments moments;
    blocks.for_piece(piece, pieces, [&](int64_t n, int64_t segments, int64_t s, int64_t count) {
        combine(moments, block_moments(Line<const T>{x.data + n * spacing, x.stride}.from(s), count, segments,
                                       spacing));
    });
    return moments;
}

}  // namespace pydl::PYDL_ISA
