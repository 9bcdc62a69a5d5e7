// scaled_dot_product_attention without an array of all weights. See
// pydl/ops/scaled_dot_product_attention.py.
//
//   for each head of each sequence:                                                       (in parallel)
//     for each block of queries
//       for some keys at a time, so few that their weights stay in the second-level cache
//         scores = scaled queries keys^T, one product
//         weights = e^(scores - largest so far), row by row
//         y, times e^(largest before - largest so far), += weights values, one product
//       y times 1 / (sum of a row's weights)
//
// The way back makes the weights of a block again, from the largest score and the sum that each query has
// kept. With is_causal the keys behind the last query of a block are left out: their weights are zero, which
// makes zeros of anything but a NaN or infinity.
#include "attention/attention.h"
#include "kernel.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {
namespace {

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
    const bool many = !causal && q.shape[0] * q.shape[1] * q.shape[2] >= 16 * most_queries;
    const Attention<T> of(q, k, v, mask, causal, scale, !causal || is_finite(v),
                          many ? most_queries : most_queries / 2);
    if (of.L == 0) return;
    const int64_t tasks = of.heads() * of.blocks.count, work = of.blocks.size * of.S * (of.E + of.Ev + 8);
    parallel_for(tasks, 1 + 200000 / (work + 200), [&](int64_t begin, int64_t end) {
        const Scratch<T> scaled(of.blocks.size * of.E), scores(of.blocks.size * of.pitch_of_part);
        const Scratch<T> panels(of.E * (of.S + panel_columns<T>));
        for (int64_t task = begin; task < end; task++) {
            const int64_t h = task / of.blocks.count, block = task % of.blocks.count;
            if (task == begin || block == 0) of.pack(k, h, panels.data());
            of.attend(h, block, of.scaled_queries(h, block, scaled.data()), panels.data(), scores.data(),
                      of.head(y, h), of.head(kept, h));
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
    const Attention<T> of(q, k, v, mask, causal, scale, finite, Attention<T>::queries_back(k.shape[2]));
    // A head's blocks follow each other, since all of them add to dk and dv.
    const auto run_head = [&](int64_t h) {
        const Scratch<T> scaled(of.blocks.size * of.E), some(2 * of.blocks.size * of.pitch());
        const int64_t in_panels = of.S + panel_columns<T>;
        const Scratch<T> room_k(of.E * in_panels), room_v(of.Ev * in_panels);
        const T *const packed_k = of.pack(k, h, room_k.data()), *const packed_v =
                                                                    of.pack(v, h, room_v.data());
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
            of.times_packed(queries, packed_k, weights);
            of.times_packed(dy_of_block, packed_v, slopes);
            for (int64_t i = 0; i < rows; i++) {
                T *const p = &weights(i, 0), *const ds = &slopes(i, 0);
                of.mask_row(h, first + i, 0, keys, p);
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
