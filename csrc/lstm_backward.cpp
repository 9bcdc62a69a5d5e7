// lstm, backward: all steps of one layer in one direction. See pydl/ops/lstm.py.
//
// Only dh and dc have to be computed step by step, row by row of the batch, each thread its own rows. The
// gradients by the sums in the gates are kept for all steps; those by the weights, the biases and x are
// products of them with what went in, over all steps at once.
#include "gemm.h"
#include "kernel.h"
#include "lstm_sequence.h"
#include "recurrent.h"

namespace pydl::PYDL_ISA {

// dgates (T, B, 4H), and the gradients by the state before the first step.
template <typename T>
void lstm_backward_steps(const Optional<Array<const T, 3>>& dh, const Optional<Array<const T, 2>>& dh_n,
                         const Optional<Array<const T, 2>>& dc_n, const Array<const T, 2>& c0,
                         const Array<const T, 2>& w_hh, const Lengths& lengths, bool reverse, const T* gates,
                         const Array<const T, 3>& c, T* dgates, T* dh0, T* dc0) {
    const int64_t T_ = c.shape[0], B = c.shape[1], H = c.shape[2], W = width<T>;
    const RecurrentWeights<T> weights(4 * H, (H + W - 1) / W);
    const Scratch<T> strip(4 * H * W);
    for (int64_t u = 0; u < H; u += W)
        weights.pack(u / W, &w_hh(0, u), w_hh.stride[1], w_hh.stride[0], H - u, strip.data());
    const Rows<T> c_first(c0), dy(dh ? *dh : Array<const T, 3>{});

    parallel_for(B, sequence_grain(T_, H), [&](int64_t begin, int64_t end) {
        const Scratch<int64_t> active(end - begin);
        for (int64_t b = begin; b < end; b++)
            for (int64_t u = 0; u < H; u++) {
                dh0[b * H + u] = dh_n ? (*dh_n)(b, u) : T(0);
                dc0[b * H + u] = dc_n ? (*dc_n)(b, u) : T(0);
            }
        for (int64_t s = T_ - 1; s >= 0; s--) {
            const int64_t t = reverse ? T_ - 1 - s : s;
            const int64_t before = reverse ? t + 1 : t - 1;
            T* const now = dgates + t * B * 4 * H;
            for (int64_t b = begin; b < end; b++) {
                if (!is_active(lengths, t, b)) {
                    fill_run(now + b * 4 * H, T(0), 4 * H);
                    continue;
                }
                const bool first = is_first(lengths, T_, reverse, t, b);
                lstm_units_backward(H, gates + (t * B + b) * 4 * H,
                                    first ? c_first(b) : c.data + (before * B + b) * H,
                                    c.data + (t * B + b) * H, dh ? dy(t, b) : nullptr, dh0 + b * H,
                                    dc0 + b * H, now + b * 4 * H);
            }
            const int64_t count = active_rows(lengths, t, begin, end, active.data());
            weights.multiply(now, 4 * H, active.data(), count,
                             [&](const int64_t* own, int64_t n, int64_t v, int64_t vectors, const T* sums) {
                                 for (int64_t r = 0; r < n; r++)
                                     for (int64_t u = v * W; u < (v + vectors) * W; u += W, sums += W)
                                         store_partial(dh0 + own[r] * H + u, load(sums), H - u);
                             });
        }
    });
}

// What went into the gates of every step, row by row: x_t, the h before it and, for the biases, a 1. Padding
// is zero, so that whatever it holds adds nothing to a sum over the rows.
template <typename T>
void gather_inputs(const Array<const T, 3>& x, const Array<const T, 2>& h0, const Lengths& lengths,
                   bool reverse, const Array<const T, 3>& h, T* inputs) {
    const int64_t T_ = x.shape[0], B = x.shape[1], D = x.shape[2], H = h.shape[2], columns = D + H + 1;
    const Rows<T> h_first(h0);
    parallel_for(T_ * B, 1 + 32768 / columns, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const int64_t t = row / B, b = row % B, before = reverse ? t + 1 : t - 1;
            T* to = inputs + row * columns;
            if (!is_active(lengths, t, b)) {
                fill_run(to, T(0), columns);
                continue;
            }
            const T* from = x.data + t * x.stride[0] + b * x.stride[1];
            if (x.stride[2] == 1)
                copy_run(to, from, D);
            else
                for (int64_t d = 0; d < D; d++) to[d] = from[d * x.stride[2]];
            copy_run(to + D,
                     is_first(lengths, T_, reverse, t, b) ? h_first(b) : h.data + (before * B + b) * H, H);
            to[D + H] = T(1);
        }
    });
}

template <typename T>
void lstm_backward(Optional<Array<const T, 3>> dh, Optional<Array<const T, 2>> dh_n,
                   Optional<Array<const T, 2>> dc_n, Array<const T, 3> x, Array<const T, 2> h0,
                   Array<const T, 2> c0, Array<const T, 2> w_ih, Array<const T, 2> w_hh, Lengths lengths,
                   bool reverse, Array<const T, 3> gates, Array<const T, 3> c, Array<const T, 3> h,
                   Optional<Array<T, 3>> dx, Array<T, 2> dh0, Array<T, 2> dc0, Optional<Array<T, 2>> dw_ih,
                   Optional<Array<T, 2>> dw_hh, Optional<Array<T, 1>> db) {
    const int64_t T_ = x.shape[0], B = x.shape[1], D = x.shape[2], H = w_hh.shape[1];
    require(has_shape(h0, B, H) && has_shape(c0, B, H), "lstm_backward: h0 and c0 must be (B, H)");
    require(has_shape(w_ih, 4 * H, D) && has_shape(w_hh, 4 * H, H),
            "lstm_backward: w_ih must be (4H, D) and w_hh (4H, H)");
    require(valid_lengths(lengths, T_, B), "lstm_backward: lengths must be (B) and from 0 to T");
    require(fits(dh, T_, B, H) && fits(dh_n, B, H) && fits(dc_n, B, H),
            "lstm_backward: dh must be (T, B, H), dh_n and dc_n (B, H)");
    require(has_shape(gates, T_, B, 4 * H) && has_shape(c, T_, B, H) && has_shape(h, T_, B, H),
            "lstm_backward: gates must be (T, B, 4H), c and h (T, B, H)");
    require(fits(dx, T_, B, D) && has_shape(dh0, B, H) && has_shape(dc0, B, H) && fits(dw_ih, 4 * H, D) &&
                fits(dw_hh, 4 * H, H) && fits(db, 4 * H),
            "lstm_backward: gradients must have the shapes of what they belong to");
    require(gates.contiguous() && c.contiguous() && h.contiguous() && (!dx || dx->contiguous()) &&
                dh0.contiguous() && dc0.contiguous() && (!dw_ih || dw_ih->contiguous()) &&
                (!dw_hh || dw_hh->contiguous()) && (!db || db->contiguous()),
            "lstm_backward: gates, c, h and the results must be contiguous");
    if (H == 0) {
        if (dx) fill_run(dx->data, T(0), dx->size());
        return;
    }

    const Scratch<T> dgates(T_ * B * 4 * H);
    lstm_backward_steps(dh, dh_n, dc_n, c0, w_hh, lengths, reverse, gates.data, c, dgates.data(), dh0.data,
                        dc0.data);
    const Matrix<const T> all{dgates.data(), T_ * B, 4 * H, 4 * H, 1};
    if (dx) gemm<T>(all, {w_ih.data, 4 * H, D, w_ih.stride[0], w_ih.stride[1]}, {dx->data, T_ * B, D, D, 1});
    if (!dw_ih && !dw_hh && !db) return;
    // One product for all three: the large factor is read and packed once.
    const int64_t columns = D + H + 1;
    const Scratch<T> inputs(T_ * B * columns), dw(4 * H * columns);
    gather_inputs(x, h0, lengths, reverse, h, inputs.data());
    gemm<T>(all.transposed(), {inputs.data(), T_ * B, columns, columns, 1},
            {dw.data(), 4 * H, columns, columns, 1});
    for (int64_t j = 0; j < 4 * H; j++) {
        const T* const row = dw.data() + j * columns;
        if (dw_ih) copy_run(dw_ih->data + j * D, row, D);
        if (dw_hh) copy_run(dw_hh->data + j * H, row + D, H);
        if (db) db->data[j] = row[D + H];
    }
}
PYDL_KERNEL(
    lstm_backward,
    "dh, dh_n, dc_n, x, h0, c0, w_ih, w_hh, lengths, reverse, gates, c, h, dx, dh0, dc0, dw_ih, dw_hh, db")

}  // namespace pydl::PYDL_ISA
