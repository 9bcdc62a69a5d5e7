// lstm: all steps of one layer, in one direction or in both. See pydl/ops/lstm.py.
#include "recurrent/lstm.h"

#include "kernel.h"
#include "recurrent/checks.h"
#include "recurrent/forward.h"
#include "recurrent/gradients.h"

namespace pydl::PYDL_ISA {

template <typename T>
void lstm_forward(Array<const T, 3> x, Array<const T, 3> h0, Array<const T, 3> c0, ArrayList<const T> w_ih,
                  ArrayList<const T> w_hh, ArrayList<const T> b_ih, ArrayList<const T> b_hh, Lengths lengths,
                  bool reverse, Optional<Array<const T, 3>> mask, Optional<Array<T, 4>> gates,
                  Optional<Array<T, 4>> c, Array<T, 3> h, Array<T, 3> h_n, Array<T, 3> c_n) {
    const int64_t T_ = x.shape[0], B = x.shape[1], D = x.shape[2], N = h0.shape[0], H = h0.shape[2];
    require(has_shape(h0, N, B, H) && has_shape(c0, N, B, H), "lstm_forward: h0 and c0 must be (N, B, H)");
    check_weights(N, 4, D, H, w_ih, w_hh,
                  "lstm_forward: w_ih must be N arrays (4H, D) and w_hh (4H, H), N being 1 or 2");
    require(biases_fit(N, 4 * H, b_ih) && biases_fit(N, 4 * H, b_hh),
            "lstm_forward: b_ih and b_hh must be N arrays (4H), or none");
    require(!(reverse && N == 2), "lstm_forward: reverse is for one direction alone");
    require(fits(mask, N, B, H) && contiguous_or_none(mask),
            "lstm_forward: mask must be (N, B, H), contiguous");
    require(fits(gates, N, T_, B, 4 * H) && fits(c, N, T_, B, H) && has_shape(h, T_, B, N * H) &&
                has_shape(h_n, N, B, H) && has_shape(c_n, N, B, H),
            "lstm_forward: gates must be (N, T, B, 4H), c (N, T, B, H), h (T, B, N H), h_n and c_n "
            "(N, B, H)");
    require(contiguous_or_none(gates) && contiguous_or_none(c) && h.contiguous() && h_n.contiguous() &&
                c_n.contiguous(),
            "lstm_forward: results must be contiguous");
    const Batch batch(lengths, T_, B);
    require(batch.valid(), "lstm_forward: lengths must be (B) and from 0 to T");
    recurrent_forward<T, LstmUnits<T>>({x, h0, &c0, w_ih, w_hh, nullptr, batch, reverse, data_or_null(mask),
                                        data_or_null(gates), data_or_null(c), h.data, h_n.data, c_n.data},
                                       b_ih, b_hh);
}
PYDL_KERNEL(lstm_forward, "x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, mask, gates, c, h, h_n, c_n")

template <typename T>
void lstm_backward(Optional<Array<const T, 3>> dh, Optional<Array<const T, 3>> dh_n,
                   Optional<Array<const T, 3>> dc_n, Array<const T, 3> x, Array<const T, 3> h0,
                   Array<const T, 3> c0, ArrayList<const T> w_ih, ArrayList<const T> w_hh, Lengths lengths,
                   bool reverse, Optional<Array<const T, 3>> mask, Array<const T, 4> gates,
                   Array<const T, 4> c, Array<const T, 3> h, Optional<Array<T, 3>> dx,
                   Optional<Array<T, 3>> dh0, Optional<Array<T, 3>> dc0, ArrayList<T> dw_ih,
                   ArrayList<T> dw_hh, ArrayList<T> db) {
    const int64_t T_ = x.shape[0], B = x.shape[1], D = x.shape[2], N = h0.shape[0], H = h0.shape[2];
    require(has_shape(h0, N, B, H) && has_shape(c0, N, B, H), "lstm_backward: h0 and c0 must be (N, B, H)");
    check_weights(N, 4, D, H, w_ih, w_hh,
                  "lstm_backward: w_ih must be N arrays (4H, D) and w_hh (4H, H), N being 1 or 2");
    require(!(reverse && N == 2), "lstm_backward: reverse is for one direction alone");
    require(fits(mask, N, B, H) && contiguous_or_none(mask),
            "lstm_backward: mask must be (N, B, H), contiguous");
    require(fits(dh, T_, B, N * H) && fits(dh_n, N, B, H) && fits(dc_n, N, B, H),
            "lstm_backward: dh must be (T, B, N H), dh_n and dc_n (N, B, H)");
    require(has_shape(gates, N, T_, B, 4 * H) && has_shape(c, N, T_, B, H) && has_shape(h, T_, B, N * H),
            "lstm_backward: gates must be (N, T, B, 4H), c (N, T, B, H), h (T, B, N H)");
    require(fits(dx, T_, B, D) && fits(dh0, N, B, H) && fits(dc0, N, B, H) &&
                gradients_fit(N, 4 * H, D, dw_ih) && gradients_fit(N, 4 * H, H, dw_hh) &&
                biases_fit(N, 4 * H, db),
            "lstm_backward: gradients must have the shapes of what they belong to");
    require(gates.contiguous() && c.contiguous() && h.contiguous() && contiguous_or_none(dx) &&
                contiguous_or_none(dh0) && contiguous_or_none(dc0),
            "lstm_backward: gates, c, h and the results must be contiguous");
    const Batch batch(lengths, T_, B);
    require(batch.valid(), "lstm_backward: lengths must be (B) and from 0 to T");
    recurrent_backward<T, LstmUnits<T>>(
        {dh, dh_n, &dc_n, x, h0, &c0, w_ih, w_hh, batch, reverse, data_or_null(mask), gates.data, c.data,
         h.data, nullptr, data_or_null(dh0), data_or_null(dc0)},
        {dx, dw_ih, dw_hh, db, ArrayList<T>{nullptr, 0}});
}
PYDL_KERNEL(lstm_backward,
            "dh, dh_n, dc_n, x, h0, c0, w_ih, w_hh, lengths, reverse, mask, gates, c, h, dx, dh0, dc0, "
            "dw_ih, dw_hh, db")

}  // namespace pydl::PYDL_ISA
