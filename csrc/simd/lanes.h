// Operations on single lanes and between lanes: partial vectors, reductions, interleaving, transposition.
// Included by simd/simd.h.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// The lanes from begin to end (which may lie outside 0 and width) of vectors in memory, the others zero.
// Reads nothing else.
template <typename T>
class LaneRange {
  public:
    PYDL_INLINE LaneRange(int64_t begin, int64_t end) {
        if (begin < 0) begin = 0;
        if (end > width<T>) end = width<T>;
        if (end < begin) end = begin;
#if defined(__AVX512F__)
        lanes_ = (1u << end) - (1u << begin);
#elif defined(__AVX2__)
        lanes_ = (iota<int_of<T>>() >= int_of<T>(begin)) & (iota<int_of<T>>() < int_of<T>(end));
#else
        begin_ = begin, end_ = end;
#endif
    }
    PYDL_INLINE vec<T> load(const T* p) const {
#if defined(__AVX512F__)
        if constexpr (std::is_same_v<T, float>) return (vec<T>)_mm512_maskz_loadu_ps(__mmask16(lanes_), p);
        if constexpr (std::is_same_v<T, double>) return (vec<T>)_mm512_maskz_loadu_pd(__mmask8(lanes_), p);
#elif defined(__AVX2__)
        if constexpr (std::is_same_v<T, float>) return (vec<T>)_mm256_maskload_ps(p, (__m256i)lanes_);
        if constexpr (std::is_same_v<T, double>) return (vec<T>)_mm256_maskload_pd(p, (__m256i)lanes_);
#else
        vec<T> v{};
#pragma GCC unroll 64
        for (int i = 0; i < width<T>; i++)
            if (begin_ <= i && i < end_) v[i] = p[i];
        return v;
#endif
    }
    // The lanes of the range from v, the others from `otherwise`.
    PYDL_INLINE vec<T> select(vec<T> v, vec<T> otherwise) const {
#if defined(__AVX512F__)
        if constexpr (std::is_same_v<T, float>)
            return (vec<T>)_mm512_mask_mov_ps((__m512)otherwise, __mmask16(lanes_), (__m512)v);
        if constexpr (std::is_same_v<T, double>)
            return (vec<T>)_mm512_mask_mov_pd((__m512d)otherwise, __mmask8(lanes_), (__m512d)v);
#elif defined(__AVX2__)
        return lanes_ ? v : otherwise;
#else
        const mask<T> lane = iota<int_of<T>>();
        return (lane >= int_of<T>(begin_)) & (lane < int_of<T>(end_)) ? v : otherwise;
#endif
    }

  private:
#if defined(__AVX512F__)
    uint32_t lanes_;
#elif defined(__AVX2__)
    mask<T> lanes_;
#else
    int64_t begin_, end_;
#endif
};
template <typename T>
PYDL_INLINE vec<T> load_lanes(const T* p, int64_t begin, int64_t end) {
    return begin <= 0 && end >= width<T> ? load(p) : LaneRange<T>(begin, end).load(p);
}

// Lane i of the result is lane i ^ Step of v.
template <int Step, typename V, int... I>
PYDL_INLINE V exchange(V v, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(v, v, (I ^ Step)...);
}

// Combines all lanes pairwise, halving each time: the same tree for every call.
template <int Step, typename V, typename F>
PYDL_INLINE lane<V> reduce(V v, F combine) {
    if constexpr (Step == 0) {
        return v[0];
    } else {
        const V other = exchange<Step>(v, std::make_integer_sequence<int, width<lane<V>>>{});
        return reduce<Step / 2>(combine(v, other), combine);
    }
}
template <typename V>
PYDL_INLINE lane<V> reduce_add(V v) {
    return reduce<width<lane<V>> / 2>(v, [](V a, V b) { return a + b; });
}
template <typename V>
PYDL_INLINE lane<V> reduce_max(V v) {
    return reduce<width<lane<V>> / 2>(v, [](V a, V b) { return max(a, b); });
}
template <typename V>
PYDL_INLINE lane<V> reduce_min(V v) {
    return reduce<width<lane<V>> / 2>(v, [](V a, V b) { return min(a, b); });
}

template <typename V, int... I>
PYDL_INLINE V pick_every_second(V a, V b, int first, std::integer_sequence<int, I...>) {
    return first == 0 ? __builtin_shufflevector(a, b, (2 * I)...)
                      : __builtin_shufflevector(a, b, (2 * I + 1)...);
}
// Of the 2 * width numbers a, b: those at even and those at odd places.
template <typename V>
PYDL_INLINE V even_lanes(V a, V b) {
    return pick_every_second(a, b, 0, std::make_integer_sequence<int, width<lane<V>>>{});
}
template <typename V>
PYDL_INLINE V odd_lanes(V a, V b) {
    return pick_every_second(a, b, 1, std::make_integer_sequence<int, width<lane<V>>>{});
}

// Lane i is p[i * Step] for i < n, else 0. Step: a power of two. Reads nothing beyond the last of them.
template <int Step, typename T>
PYDL_INLINE vec<T> load_every(const T* p, int64_t n) {
    if constexpr (Step == 1) {
        return load_partial(p, n);
    } else {
        constexpr int half = Step / 2;
        return even_lanes(load_every<half>(p, 2 * n - 1),
                          load_every<half>(p + half * width<T>, 2 * n - 1 - width<T>));
    }
}

template <typename V, int... I>
PYDL_INLINE V even_lanes_of_run(V a, V b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (2 * I + (2 * I >= int(sizeof...(I))))...);
}
// Of 2 * width - 1 numbers, those at even places: a the first of them, b the last, one in common.
template <typename V>
PYDL_INLINE V even_lanes_of_run(V a, V b) {
    return even_lanes_of_run(a, b, std::make_integer_sequence<int, width<lane<V>>>{});
}

template <typename V, int... I>
PYDL_INLINE V backwards(V v, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(v, v, (int(sizeof...(I)) - 1 - I)...);
}
template <typename V>
PYDL_INLINE V backwards(V v) {
    return backwards(v, std::make_integer_sequence<int, width<lane<V>>>{});
}

template <int First, typename V, int... I>
PYDL_INLINE V zip(V a, V b, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I);
    return __builtin_shufflevector(a, b, (First + I / 2 + (I % 2) * n)...);
}
// a0 b0 a1 b1 ...: the first and the second width numbers of that sequence (the inverse of even_lanes,
// odd_lanes).
template <typename V>
PYDL_INLINE V zip_low(V a, V b) {
    return zip<0>(a, b, std::make_integer_sequence<int, width<lane<V>>>{});
}
template <typename V>
PYDL_INLINE V zip_high(V a, V b) {
    return zip<width<lane<V>> / 2>(a, b, std::make_integer_sequence<int, width<lane<V>>>{});
}

template <int Step, bool Upper, typename V, int... I>
PYDL_INLINE V swap_blocks(V a, V b, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I);
    if constexpr (Upper)
        return __builtin_shufflevector(a, b, ((I & Step) ? n + I : I + Step)...);
    else
        return __builtin_shufflevector(a, b, ((I & Step) ? n + I - Step : I)...);
}

// Transposes the square of `width` vectors in place: rows[i][j] <-> rows[j][i]. Each round swaps the
// off-diagonal Step x Step blocks of every 2 Step x 2 Step block.
template <typename T, int Step = width<T> / 2>
PYDL_INLINE void transpose(vec<T> (&rows)[width<T>]) {
    constexpr auto lanes = std::make_integer_sequence<int, width<T>>{};
#pragma GCC unroll 64
    for (int i = 0; i < width<T>; i++) {
        if ((i & Step) == 0) {
            const vec<T> low = swap_blocks<Step, false>(rows[i], rows[i + Step], lanes);
            const vec<T> high = swap_blocks<Step, true>(rows[i], rows[i + Step], lanes);
            rows[i] = low;
            rows[i + Step] = high;
        }
    }
    if constexpr (Step > 1) transpose<T, Step / 2>(rows);
}

// Lanes in 16 bytes, the blocks between which vectors do not shuffle at full speed.
template <typename T>
inline constexpr int block_lanes = 16 / sizeof(T);

template <typename T>
struct BlockOf {
    typedef T type __attribute__((vector_size(16), aligned(alignof(T)), may_alias));
};

// The first n numbers of a block, the others zero.
template <typename T>
PYDL_INLINE typename BlockOf<T>::type load_block(const T* p, int64_t n) {
    using Block = typename BlockOf<T>::type;
    if (n >= block_lanes<T>) return *reinterpret_cast<const Block*>(p);
#if defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return (Block)_mm_maskload_ps(p, _mm_cmpgt_epi32(_mm_set1_epi32(int(n)), _mm_setr_epi32(0, 1, 2, 3)));
#endif
    Block v{};
    for (int i = 0; i < n; i++) v[i] = p[i];
    return v;
}

// A vector of such blocks, the i-th from at(i).
template <typename T, typename At>
PYDL_INLINE vec<T> load_blocks(At at, int64_t n = block_lanes<T>) {
    const auto block = [&](int i) PYDL_INLINE_LAMBDA { return load_block<T>(at(i), n); };
#if defined(__AVX512F__)
    __m512i v = _mm512_castsi128_si512((__m128i)block(0));
    v = _mm512_inserti32x4(v, (__m128i)block(1), 1);
    v = _mm512_inserti32x4(v, (__m128i)block(2), 2);
    return (vec<T>)_mm512_inserti32x4(v, (__m128i)block(3), 3);
#elif defined(__AVX2__)
    return (vec<T>)_mm256_inserti128_si256(_mm256_castsi128_si256((__m128i)block(0)), (__m128i)block(1), 1);
#else
    return (vec<T>)block(0);
#endif
}

// The blocks of a vector, the i-th to at(i).
template <typename T, typename At>
PYDL_INLINE void store_blocks(At at, vec<T> v) {
    using Block = typename BlockOf<T>::type;
#if defined(__AVX512F__)
    *reinterpret_cast<Block*>(at(0)) = (Block)_mm512_castsi512_si128((__m512i)v);
    *reinterpret_cast<Block*>(at(1)) = (Block)_mm512_extracti32x4_epi32((__m512i)v, 1);
    *reinterpret_cast<Block*>(at(2)) = (Block)_mm512_extracti32x4_epi32((__m512i)v, 2);
    *reinterpret_cast<Block*>(at(3)) = (Block)_mm512_extracti32x4_epi32((__m512i)v, 3);
#elif defined(__AVX2__)
    *reinterpret_cast<Block*>(at(0)) = (Block)_mm256_castsi256_si128((__m256i)v);
    *reinterpret_cast<Block*>(at(1)) = (Block)_mm256_extracti128_si256((__m256i)v, 1);
#else
    *reinterpret_cast<Block*>(at(0)) = (Block)v;
#endif
}

// Of every block of a and b, the halves `half`: their lanes by turns, or each half as it is.
template <bool Half, bool ByTurns, typename V, int... I>
PYDL_INLINE V halves_of_blocks(V a, V b, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I), B = block_lanes<lane<V>>, from = Half ? B / 2 : 0;
    if constexpr (ByTurns)
        return __builtin_shufflevector(a, b, (I / B * B + from + I % B / 2 + I % 2 * n)...);
    else
        return __builtin_shufflevector(a, b, (I / B * B + from + I % (B / 2) + (I % B >= B / 2 ? n : 0))...);
}

// even_lanes and odd_lanes by blocks, several times as fast: what is computed of them lane by lane comes to
// its order at the end (in_order).
//
//     a 0 1 2 3 4 5 6 7    b 8 9 ...     even lanes by blocks   0 2 8 10  4 6 12 14
template <bool Odd, typename V, int... I>
PYDL_INLINE V every_second_by_blocks(V a, V b, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I), B = block_lanes<lane<V>>;
    return __builtin_shufflevector(a, b, (I / B * B + I % (B / 2) * 2 + Odd + (I % B >= B / 2 ? n : 0))...);
}
template <typename V>
PYDL_INLINE V even_by_blocks(V a, V b) {
    return every_second_by_blocks<false>(a, b, std::make_integer_sequence<int, width<lane<V>>>{});
}
template <typename V>
PYDL_INLINE V odd_by_blocks(V a, V b) {
    return every_second_by_blocks<true>(a, b, std::make_integer_sequence<int, width<lane<V>>>{});
}
template <typename V, int... I>
PYDL_INLINE V in_order(V v, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I), B = block_lanes<lane<V>>, H = B / 2;
    return __builtin_shufflevector(v, v, (I % (n / 2) / H * B + I % H + (I >= n / 2 ? H : 0))...);
}
template <typename V>
PYDL_INLINE V in_order(V v) {
    return in_order(v, std::make_integer_sequence<int, width<lane<V>>>{});
}
// The inverse, of which zip_by_blocks makes what zip_low and zip_high make of vectors in order.
template <typename V, int... I>
PYDL_INLINE V by_blocks(V v, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I), B = block_lanes<lane<V>>, H = B / 2;
    return __builtin_shufflevector(v, v, (I / B * H + I % H + (I % B >= H ? n / 2 : 0))...);
}
template <typename V>
PYDL_INLINE V by_blocks(V v) {
    return by_blocks(v, std::make_integer_sequence<int, width<lane<V>>>{});
}
template <bool High, typename V>
PYDL_INLINE V zip_by_blocks(V a, V b) {
    return halves_of_blocks<High, true>(a, b, std::make_integer_sequence<int, width<lane<V>>>{});
}

// Transposes in every block of 16 bytes: lane j of that block of rows[i] <-> lane i of that block of rows[j].
template <typename T>
PYDL_INLINE void transpose_blocks(vec<T> (&rows)[block_lanes<T>]) {
    constexpr auto lanes = std::make_integer_sequence<int, width<T>>{};
    if constexpr (block_lanes<T> == 2) {
        const vec<T> first = halves_of_blocks<false, true>(rows[0], rows[1], lanes);
        rows[1] = halves_of_blocks<true, true>(rows[0], rows[1], lanes);
        rows[0] = first;
    } else {
        const vec<T> a = halves_of_blocks<false, true>(rows[0], rows[1], lanes),
                     b = halves_of_blocks<true, true>(rows[0], rows[1], lanes),
                     c = halves_of_blocks<false, true>(rows[2], rows[3], lanes),
                     d = halves_of_blocks<true, true>(rows[2], rows[3], lanes);
        rows[0] = halves_of_blocks<false, false>(a, c, lanes);
        rows[1] = halves_of_blocks<true, false>(a, c, lanes);
        rows[2] = halves_of_blocks<false, false>(b, d, lanes);
        rows[3] = halves_of_blocks<true, false>(b, d, lanes);
    }
}

}  // namespace pydl::PYDL_ISA
