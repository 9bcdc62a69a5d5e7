// scaled_dot_product_attention without an array of all weights. See
// pydl/ops/scaled_dot_product_attention.py.
//
//   for each head of each sequence:                                                       (in parallel)
//     for each block of queries, so few that their weights fit the second-level cache
//       scores = scaled queries keys^T, one product
//       weights = softmax of the scores, row by row
//       y = weights values, one product
//
// The way back makes the weights of a block again, from the largest score and the sum that each query has
// kept. With is_causal the keys behind the last query of a block are left out: their weights are zero, which
// makes zeros of anything but a NaN or infinity.
#include "elementwise/row_vectors.h"
#include "gemm/gemm.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t most_queries = 64, weights_bytes = 512 << 10;  // of a block

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

// row = e^(row - most) * share. The sum of the products with the numbers of `other`, or, if it is null, of
// the results.
template <typename T>
[[gnu::noinline]] T exponentials(T* row, int64_t count, T most, T share, const T* other) {
    vec<T> sum{};
    for (int64_t s = 0; s < count; s += width<T>) {
        const int64_t left = count - s;
        const vec<T> e = exp(load_or(row + s, left, most - T(1000)) - most) * share;
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

template <typename T>
struct Attention {
    const Array<const T, 4>&q, &k, &v;  // (N, H, L, E), (N, H, S, E), (N, H, S, Ev)
    const Optional<Array<const T, 4>>& mask;
    bool causal, skips;
    T scale;
    int64_t L, S, E, Ev;
    Parts blocks;  // of queries

    Attention(const Array<const T, 4>& q, const Array<const T, 4>& k, const Array<const T, 4>& v,
              const Optional<Array<const T, 4>>& mask, bool causal, double scale, bool finite)
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
          blocks(L, queries_of_block(S)) {}

    static int64_t queries_of_block(int64_t S) {
        const int64_t fit = weights_bytes / int64_t(sizeof(T)) / (S + 1);
        return fit < 8 ? 8 : fit < most_queries ? fit : most_queries;
    }
    int64_t heads() const { return q.shape[0] * q.shape[1]; }
    int64_t pitch() const { return whole_vectors<T>(S) + width<T>; }  // of rows of weights

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
    // The transpose of head h of an array, whose rows the products of all its blocks read as they lie.
    [[gnu::noinline]] static Matrix<const T> turned(const Array<const T, 4>& a, int64_t h, T* room) {
        const Matrix<const T> from = head(a, h);
        const int64_t step = whole_vectors<T>(from.rows);
        pack_panel(room, step, from.rows, from.data, from.row_stride, from.column_stride, from.columns);
        return {room, from.columns, from.rows, step, 1};
    }

    // Hides scores of query l, of which there are `count`. False if a mask hides every key.
    [[gnu::noinline]] bool mask_row(int64_t h, int64_t l, int64_t count, T* scores) const {
        const T nothing = -T(__builtin_inf());
        const int64_t n = h / q.shape[1], m = h % q.shape[1];
        const int64_t visible = causal && l + 1 < count ? l + 1 : count;
        for (int64_t s = visible; s < count; s++) scores[s] = nothing;
        if (!mask) return true;
        bool any = false;
        for (int64_t s = 0; s < visible; s++) {
            const T added = (*mask)(n, m, l, s);
            any |= added != nothing;
            scores[s] = added == nothing ? nothing : scores[s] + added;
        }
        return any;
    }
};

// Whether an array has the heads of q, and each of them this shape.
[[gnu::noinline]] bool has_heads(const int64_t* shape, const int64_t* q, int64_t rows, int64_t columns) {
    return shape[0] == q[0] && shape[1] == q[1] && shape[2] == rows && shape[3] == columns;
}

// y: or dy. kept: the largest score of each query, and 1 / the sum of its exponentials.
template <typename T, typename Y, typename Kept>
[[gnu::noinline]] bool fit(const Array<const T, 4>& q, const Array<const T, 4>& k, const Array<const T, 4>& v,
                           const Optional<Array<const T, 4>>& mask, const Y& y, const Kept& kept) {
    const int64_t L = q.shape[2], S = k.shape[2];
    return has_heads(k.shape, q.shape, S, q.shape[3]) && has_heads(v.shape, q.shape, S, v.shape[3]) &&
           (!mask || has_heads(mask->shape, q.shape, L, S)) && has_heads(y.shape, q.shape, L, v.shape[3]) &&
           has_heads(kept.shape, q.shape, L, 2);
}

template <typename T>
[[gnu::noinline]] bool is_finite(const Array<const T, 4>& a) {
    for (int64_t h = 0; h < a.shape[0] * a.shape[1]; h++)
        if (!is_finite(Attention<T>::head(a, h))) return false;
    return true;
}

}  // namespace

template <typename T>
void scaled_dot_product_attention_forward(Array<const T, 4> q, Array<const T, 4> k, Array<const T, 4> v,
                                          Optional<Array<const T, 4>> mask, bool causal, double scale,
                                          Array<T, 4> y, Array<T, 4> kept) {
    require(fit(q, k, v, mask, y, kept),
            "scaled_dot_product_attention_forward: q (N, H, L, E), k (N, H, S, E), v (N, H, S, Ev), mask "
            "(N, H, L, S), y (N, H, L, Ev), kept (N, H, L, 2)");
    const Attention<T> of(q, k, v, mask, causal, scale, !causal || is_finite(v));
    if (of.L == 0) return;
    const int64_t tasks = of.heads() * of.blocks.count, work = of.blocks.size * of.S * (of.E + of.Ev + 8);
    parallel_for(tasks, 1 + 200000 / (work + 200), [&](int64_t begin, int64_t end) {
        const Scratch<T> scaled(of.blocks.size * of.E), scores(of.blocks.size * of.pitch());
        const Scratch<T> turned(of.E * of.pitch());
        Matrix<const T> keys_of_head{};
        for (int64_t task = begin; task < end; task++) {
            const int64_t h = task / of.blocks.count, block = task % of.blocks.count, keys = of.keys(block);
            if (task == begin || block == 0) keys_of_head = of.turned(k, h, turned.data());
            const int64_t first = of.blocks.begin(block), rows = of.blocks.length(block, of.L);
            const Matrix<T> weights{scores.data(), rows, keys, of.pitch(), 1},
                kept_of_head = of.head(kept, h);
            gemm<T>(of.scaled_queries(h, block, scaled.data()), keys_of_head.part(0, 0, of.E, keys), weights);
            for (int64_t i = 0; i < rows; i++) {
                T* const row = &weights(i, 0);
                const bool sees = of.mask_row(h, first + i, keys, row);
                const T most = sees ? largest_of_row(row, keys) : T(0);
                const T sum = exponentials<T>(row, keys, most, T(1), nullptr);
                const T share = sees && keys > 0 ? T(1) / sum : T(0);
                scale_rows<T>(share, {row, 1, keys, 0, 1}, {row, 1, keys, 0, 1});
                kept_of_head(first + i, 0) = keys > 0 ? most : T(0);
                kept_of_head(first + i, 1) = share;
            }
            gemm<T>(of.reading(weights), of.head(v, h).part(0, 0, keys, of.Ev),
                    of.head(y, h).part(first, 0, rows, of.Ev));
        }
    });
}
PYDL_KERNEL(scaled_dot_product_attention_forward, "q, k, v, mask, causal, scale, y, kept")

template <typename T>
void scaled_dot_product_attention_backward(Array<const T, 4> dy, Array<const T, 4> q, Array<const T, 4> k,
                                           Array<const T, 4> v, Optional<Array<const T, 4>> mask, bool causal,
                                           double scale, Array<const T, 4> kept, Array<T, 4> dq,
                                           Array<T, 4> dk, Array<T, 4> dv) {
    require(fit(q, k, v, mask, dy, kept) && has_heads(dq.shape, q.shape, q.shape[2], q.shape[3]) &&
                has_heads(dk.shape, q.shape, k.shape[2], k.shape[3]) &&
                has_heads(dv.shape, q.shape, v.shape[2], v.shape[3]),
            "scaled_dot_product_attention_backward: q and dq (N, H, L, E), k and dk (N, H, S, E), v and dv "
            "(N, H, S, Ev), mask (N, H, L, S), dy (N, H, L, Ev), kept (N, H, L, 2)");
    const bool finite = !causal || (is_finite(dy) && is_finite(q) && is_finite(k) && is_finite(v));
    const Attention<T> of(q, k, v, mask, causal, scale, finite);
    // A head's blocks follow each other, since all of them add to dk and dv.
    const auto run_head = [&](int64_t h) {
        const Scratch<T> scaled(of.blocks.size * of.E), some(2 * of.blocks.size * of.pitch());
        const Scratch<T> turned_k(of.E * of.pitch()), turned_v(of.Ev * of.pitch());
        const Matrix<const T> k_turned = of.turned(k, h, turned_k.data());
        const Matrix<const T> v_turned = of.turned(v, h, turned_v.data());
        const Matrix<T> dk_head = of.head(dk, h), dv_head = of.head(dv, h);
        const Matrix<const T> kept_of_head = of.head(kept, h);
        for (int64_t s = 0; s < of.S; s++) {
            for (int64_t e = 0; e < of.E; e++) dk_head(s, e) = 0;
            for (int64_t e = 0; e < of.Ev; e++) dv_head(s, e) = 0;
        }
        for (int64_t block = 0; block < of.blocks.count && of.L > 0; block++) {
            const int64_t keys = of.keys(block), first = of.blocks.begin(block),
                          rows = of.blocks.length(block, of.L);
            const Matrix<T> weights{some.data(), rows, keys, of.pitch(), 1};
            const Matrix<T> slopes{some.data() + rows * of.pitch(), rows, keys, of.pitch(), 1};
            const Matrix<const T> queries = of.scaled_queries(h, block, scaled.data());
            const Matrix<const T> dy_of_block = of.head(dy, h).part(first, 0, rows, of.Ev);
            gemm<T>(queries, k_turned.part(0, 0, of.E, keys), weights);
            gemm<T>(dy_of_block, v_turned.part(0, 0, of.Ev, keys), slopes);
            for (int64_t i = 0; i < rows; i++) {
                T *const p = &weights(i, 0), *const ds = &slopes(i, 0);
                of.mask_row(h, first + i, keys, p);
                const T most = kept_of_head(first + i, 0), share = kept_of_head(first + i, 1);
                softmax_slopes(ds, keys, p, exponentials(p, keys, most, share, static_cast<const T*>(ds)));
            }
            const Matrix<T> dq_of_block = of.head(dq, h).part(first, 0, rows, of.E);
            gemm<T>(of.reading(weights).transposed(), dy_of_block, dv_head.part(0, 0, keys, of.Ev), true);
            gemm<T>(of.reading(slopes).transposed(), queries, dk_head.part(0, 0, keys, of.E), true);
            gemm<T>(of.reading(slopes), of.head(k, h).part(0, 0, keys, of.E), dq_of_block);
            scale_rows(of.scale, of.reading(dq_of_block), dq_of_block);
        }
    };
    gemm_batch(of.heads(), of.L * of.S * (of.E + of.Ev), [&](int64_t begin, int64_t end) {
        for (int64_t h = begin; h < end; h++) run_head(h);
    });
}
PYDL_KERNEL(scaled_dot_product_attention_backward, "dy, q, k, v, mask, causal, scale, kept, dq, dk, dv")

}  // namespace pydl::PYDL_ISA
