// gru: all steps of one layer, in one direction or in both. See pydl/ops/gru.py.
#include "recurrent/gru.h"

#include "kernel.h"
#include "recurrent/checks.h"
#include "recurrent/forward.h"
#include "recurrent/gradients.h"

namespace pydl::PYDL_ISA {

template <typename T>
void gru_forward(Array<const T, 3> x, Array<const T, 3> h0, ArrayList<const T> w_ih, ArrayList<const T> w_hh,
                 ArrayList<const T> b_ih, ArrayList<const T> b_hh, Lengths lengths, bool reverse,
                 Optional<Array<const T, 3>> mask, Optional<Array<T, 4>> gates, Array<T, 3> h,
                 Array<T, 3> h_n) {
    const int64_t T_ = x.shape[0], B = x.shape[1], D = x.shape[2], N = h0.shape[0], H = h0.shape[2];
    require(has_shape(h0, N, B, H), "gru_forward: h0 must be (N, B, H)");
    check_weights(N, 3, D, H, w_ih, w_hh,
                  "gru_forward: w_ih must be N arrays (3H, D) and w_hh (3H, H), N being 1 or 2");
    require(biases_fit(N, 3 * H, b_ih) && biases_fit(N, 3 * H, b_hh),
            "gru_forward: b_ih and b_hh must be N arrays (3H), or none");
    require(!(reverse && N == 2), "gru_forward: reverse is for one direction alone");
    require(fits(mask, N, B, H) && contiguous_or_none(mask),
            "gru_forward: mask must be (N, B, H), contiguous");
    require(fits(gates, N, T_, B, 4 * H) && has_shape(h, T_, B, N * H) && has_shape(h_n, N, B, H),
            "gru_forward: gates must be (N, T, B, 4H), h (T, B, N H), h_n (N, B, H)");
    require(contiguous_or_none(gates) && h.contiguous() && h_n.contiguous(),
            "gru_forward: results must be contiguous");
    const Batch batch(lengths, T_, B);
    require(batch.valid(), "gru_forward: lengths must be (B) and from 0 to T");
    recurrent_forward<T, GruUnits<T>>(
        {x, h0, nullptr, w_ih, w_hh, nullptr, batch, reverse, data_or_null(mask), data_or_null(gates),
         nullptr, h.data, h_n.data, nullptr},
        b_ih, b_hh);
}
PYDL_KERNEL(gru_forward, "x, h0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, mask, gates, h, h_n")

template <typename T>
void gru_backward(Optional<Array<const T, 3>> dh, Optional<Array<const T, 3>> dh_n, Array<const T, 3> x,
                  Array<const T, 3> h0, ArrayList<const T> w_ih, ArrayList<const T> w_hh, Lengths lengths,
                  bool reverse, Optional<Array<const T, 3>> mask, Array<const T, 4> gates,
                  Array<const T, 3> h, Optional<Array<T, 3>> dx, Optional<Array<T, 3>> dh0,
                  ArrayList<T> dw_ih, ArrayList<T> dw_hh, ArrayList<T> db_ih, ArrayList<T> db_hh) {
    const int64_t T_ = x.shape[0], B = x.shape[1], D = x.shape[2], N = h0.shape[0], H = h0.shape[2];
    require(has_shape(h0, N, B, H), "gru_backward: h0 must be (N, B, H)");
    check_weights(N, 3, D, H, w_ih, w_hh,
                  "gru_backward: w_ih must be N arrays (3H, D) and w_hh (3H, H), N being 1 or 2");
    require(!(reverse && N == 2), "gru_backward: reverse is for one direction alone");
    require(fits(mask, N, B, H) && contiguous_or_none(mask),
            "gru_backward: mask must be (N, B, H), contiguous");
    require(fits(dh, T_, B, N * H) && fits(dh_n, N, B, H),
            "gru_backward: dh must be (T, B, N H), dh_n (N, B, H)");
    require(has_shape(gates, N, T_, B, 4 * H) && has_shape(h, T_, B, N * H),
            "gru_backward: gates must be (N, T, B, 4H), h (T, B, N H)");
    require(fits(dx, T_, B, D) && fits(dh0, N, B, H) && gradients_fit(N, 3 * H, D, dw_ih) &&
                gradients_fit(N, 3 * H, H, dw_hh) && biases_fit(N, 3 * H, db_ih) &&
                biases_fit(N, 3 * H, db_hh),
            "gru_backward: gradients must have the shapes of what they belong to");
    require(gates.contiguous() && h.contiguous() && contiguous_or_none(dx) && contiguous_or_none(dh0),
            "gru_backward: gates, h and the results must be contiguous");
    const Batch batch(lengths, T_, B);
    require(batch.valid(), "gru_backward: lengths must be (B) and from 0 to T");
    recurrent_backward<T, GruUnits<T>>(
        {dh, dh_n, nullptr, x, h0, nullptr, w_ih, w_hh, batch, reverse, data_or_null(mask), gates.data,
         nullptr, h.data, nullptr, data_or_null(dh0), nullptr},
        {dx, dw_ih, dw_hh, db_ih, db_hh});
}
PYDL_KERNEL(
    gru_backward,
    "dh, dh_n, x, h0, w_ih, w_hh, lengths, reverse, mask, gates, h, dx, dh0, dw_ih, dw_hh, db_ih, db_hh")

}  // namespace pydl::PYDL_ISA
