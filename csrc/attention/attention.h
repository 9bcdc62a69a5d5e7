// What both directions of scaled_dot_product_attention share: scores, their masks and exponentials, and one
// block of queries forward.
#pragma once

#include "array.h"
#include "elementwise/row_vectors.h"
#include "gemm/gemm.h"
#include "gemm/tile.h"
#include "recurrent/gates.h"

namespace pydl::PYDL_ISA {

// Of a block, forward: rows of whole tiles, be they of 6, 9 or 14; of a block backward.
constexpr int64_t most_queries = 126, most_queries_back = 64, weights_bytes = 512 << 10;
constexpr int64_t most_keys = 384;  // at a time
template <typename T>
constexpr int64_t panel_columns = most_tile_vectors<T> * width<T>;

// to = factor * from
template <typename T>
[[gnu::noinline]] void scale_rows(T factor, Matrix<const T> from, Matrix<T> to) {
    const bool together = from.column_stride == 1 && to.column_stride == 1;
    for (int64_t i = 0; i < from.rows; i++)
        if (together)
            for (int64_t j = 0; j < from.columns; j += width<T>) {
                const int64_t left = from.columns - j;
                store_partial(&to(i, j), factor * load_partial(&from(i, j), left), left);
            }
        else
            for (int64_t j = 0; j < from.columns; j++) to(i, j) = factor * from(i, j);
}

template <typename T>
[[gnu::noinline]] bool is_finite(Matrix<const T> a) {
    vec<T> sum{};  // of what is 0, unless a number is not finite
    for (int64_t i = 0; i < a.rows; i++)
        if (a.column_stride == 1)
            for (int64_t j = 0; j < a.columns; j += width<T>) {
                const vec<T> v = load_partial(&a(i, j), a.columns - j);
                sum += v - v;
            }
        else
            for (int64_t j = 0; j < a.columns; j++) sum += a(i, j) - a(i, j);
    return all(sum == vec<T>{});
}

// e^x of a score less the largest one, by half the instructions of exp(): 0 where it is below the smallest
// normal number.
template <typename T>
PYDL_INLINE vec<T> weight(vec<T> x) {
    const detail::GateExp<T, 1, detail::Format<T>> e(x, sizeof(T) == 4 ? T(-88) : T(-709),
                                                     sizeof(T) == 4 ? T(88) : T(709));
    return fma(e.expm1, e.power, e.power);
}

// row = e^(row - most) * share. The sum of the products with the numbers of `other`, or, if it is null, of
// the results.
template <typename T>
[[gnu::noinline]] T exponentials(T* row, int64_t count, T most, T share, const T* other) {
    vec<T> sum{};
    for (int64_t s = 0; s < count; s += width<T>) {
        const int64_t left = count - s;
        const vec<T> e = weight<T>(load_or(row + s, left, most - T(1000)) - most) * share;
        store_partial(row + s, e, left);
        sum += other != nullptr ? e * load_partial(other + s, left) : e;
    }
    return reduce_add(sum);
}

// ds = p (ds - mean)
template <typename T>
[[gnu::noinline]] void softmax_slopes(T* ds, int64_t count, const T* p, T mean) {
    for (int64_t s = 0; s < count; s += width<T>)
        store_partial(ds + s, load_partial(p + s, count - s) * (load_partial(ds + s, count - s) - mean),
                      count - s);
}

// Numbers a stride apart as a vector, the lanes beyond n filled.
template <typename T>
[[gnu::noinline]] vec<T> gather_or(const T* from, int64_t stride, int64_t n, T rest) {
    vec<T> v = broadcast<T>(rest);
    for (int64_t l = 0; l < width<T> && l < n; l++) v[l] = from[l * stride];
    return v;
}

template <typename T>
struct Attention {
    const Array<const T, 4>&q, &k, &v;  // (N, H, L, E), (N, H, S, E), (N, H, S, Ev)
    const Optional<Array<const T, 4>>& mask;
    bool causal, skips;
    T scale;
    int64_t L, S, E, Ev;
    Parts blocks;  // of queries

    Attention(const Array<const T, 4>& q, const Array<const T, 4>& k, const Array<const T, 4>& v,
              const Optional<Array<const T, 4>>& mask, bool causal, double scale, bool finite,
              int64_t queries)
        : q(q),
          k(k),
          v(v),
          mask(mask),
          causal(causal),
          skips(causal && finite),
          scale(T(scale)),
          L(q.shape[2]),
          S(k.shape[2]),
          E(q.shape[3]),
          Ev(v.shape[3]),
          blocks(L, queries) {}

    // Of a block whose weights fit the second-level cache.
    static int64_t queries_back(int64_t S) {
        const int64_t fit = weights_bytes / int64_t(sizeof(T)) / (S + 1);
        return fit < 8 ? 8 : fit < most_queries_back ? fit : most_queries_back;
    }
    int64_t heads() const { return q.shape[0] * q.shape[1]; }
    // Of rows of weights, all of them or of some keys at a time: no power of two, in which rows would
    // collide.
    int64_t pitch() const { return whole_vectors<T>(S) + width<T>; }
    static constexpr int64_t pitch_of_part = most_keys + panel_columns<T> + width<T>;

    // Head h of an array, counted through all sequences.
    template <typename U>
    static Matrix<U> head(const Array<U, 4>& a, int64_t h) {
        return {a.data + h / a.shape[1] * a.stride[0] + h % a.shape[1] * a.stride[1], a.shape[2], a.shape[3],
                a.stride[2], a.stride[3]};
    }
    static Matrix<const T> reading(Matrix<T> a) {
        return {a.data, a.rows, a.columns, a.row_stride, a.column_stride};
    }

    // Keys that a block of queries needs.
    int64_t keys(int64_t block) const {
        const int64_t past = blocks.begin(block) + blocks.length(block, L);
        return skips && past < S ? past : S;
    }

    // scaled = scale * queries of the block.
    [[gnu::noinline]] Matrix<const T> scaled_queries(int64_t h, int64_t block, T* scaled) const {
        const Matrix<T> to{scaled, blocks.length(block, L), E, E, 1};
        scale_rows(scale, head(q, h).part(blocks.begin(block), 0, to.rows, E), to);
        return reading(to);
    }
    // The rows of head h of an array as the columns of panels for gemm_packed().
    [[gnu::noinline]] static const T* pack(const Array<const T, 4>& a, int64_t h, T* panels) {
        constexpr int64_t L = panel_columns<T>;
        const Matrix<const T> from = head(a, h);
        for (int64_t s = 0; s < from.rows; s += L)
            pack_panel(panels + s * from.columns, L, from.rows - s < L ? from.rows - s : L, &from(s, 0),
                       from.row_stride, from.column_stride, from.columns);
        return panels;
    }
    // c = the queries of a block (or their gradients) times keys (or values), packed.
    [[gnu::noinline]] static void times_packed(Matrix<const T> a, const T* panels, Matrix<T> c) {
        if (c.columns <= panel_columns<T>)  // one panel is a matrix like any other
            gemm<T>(a, {panels, a.columns, c.columns, panel_columns<T>, 1}, c);
        else
            gemm_packed<T>(a, panels, panel_columns<T>, c, BiasActivation<T>{});
    }

    // Hides scores of query l with `count` keys from `first` on. False if a mask hides every key.
    [[gnu::noinline]] bool mask_row(int64_t h, int64_t l, int64_t first, int64_t count, T* scores) const {
        const T nothing = -T(__builtin_inf());
        const int64_t past = causal ? l + 1 - first : count;
        const int64_t visible = past < 0 ? 0 : past < count ? past : count;
        for (int64_t s = visible; s < count; s += width<T>)
            store_partial(scores + s, broadcast<T>(nothing), count - s);
        if (!mask) return true;
        const T* const added = &(*mask)(h / q.shape[1], h % q.shape[1], l, first);
        const int64_t stride = mask->stride[3];
        bool any_seen = false;
        for (int64_t s = 0; s < visible; s += width<T>) {
            const int64_t left = visible - s;
            const vec<T> add = stride == 1 ? load_or(added + s, left, nothing)
                                           : gather_or(added + s * stride, stride, left, nothing);
            any_seen |= any(add != nothing);
            store_partial(scores + s, select(add == nothing, add, load_partial(scores + s, left) + add),
                          left);
        }
        return any_seen;
    }

    // One block of queries. panels: the keys of its head.
    [[gnu::noinline]] void attend(int64_t h, int64_t block, Matrix<const T> queries, const T* panels,
                                  T* scores, Matrix<T> y, Matrix<T> kept) const {
        const T nothing = -T(__builtin_inf());
        const int64_t begin = blocks.begin(block), all = keys(block);
        const Parts parts(all, most_keys, panel_columns<T>);
        T most[most_queries], sum[most_queries];
        bool sees[most_queries];
        for (int64_t i = 0; i < queries.rows; i++) most[i] = nothing, sum[i] = 0, sees[i] = false;
        const Matrix<T> results = y.part(begin, 0, queries.rows, Ev);
        const auto scale_result = [&](int64_t i, T factor) {
            const Matrix<T> row = results.part(i, 0, 1, Ev);
            scale_rows<T>(factor, reading(row), row);
        };
        for (int64_t p = 0; p < parts.count; p++) {
            const int64_t first = parts.begin(p), count = parts.length(p, all);
            const Matrix<T> weights{scores, queries.rows, count, pitch_of_part, 1};
            times_packed(queries, panels + first * E, weights);
            for (int64_t i = 0; i < queries.rows; i++) {
                T* const row = &weights(i, 0);
                sees[i] |= mask_row(h, begin + i, first, count, row);
                const T largest = largest_of_row(row, count), before = most[i];
                most[i] = before > largest ? before : largest;
                // While nothing was seen, all exponentials are zero.
                const T base = most[i] == nothing ? T(0) : most[i];
                const T factor = p > 0 ? weight<T>(broadcast<T>(before - base))[0] : T(0);
                sum[i] = sum[i] * factor + exponentials<T>(row, count, base, T(1), nullptr);
                if (p > 0 && factor != T(1)) scale_result(i, factor);
            }
            gemm<T>(reading(weights), head(v, h).part(first, 0, count, Ev), results, p > 0);
        }
        for (int64_t i = 0; i < queries.rows; i++) {
            const bool any_seen = sees[i] && all > 0;
            // NaN if all scores are -inf though no mask hides them.
            const T share = any_seen ? T(1) / (sum[i] + (most[i] - most[i])) : T(0);
            scale_result(i, share);
            kept(begin + i, 0) = any_seen ? most[i] : T(0);
            kept(begin + i, 1) = share;
        }
    }
};

}  // namespace pydl::PYDL_ISA
