// rnn: all steps of one layer, in one direction or in both. See pydl/ops/rnn.py.
#include "recurrent/rnn.h"

#include "kernel.h"
#include "recurrent/checks.h"
#include "recurrent/forward.h"
#include "recurrent/gradients.h"

namespace pydl::PYDL_ISA {

template <typename T>
void rnn_forward(Array<const T, 3> x, Array<const T, 3> h0, ArrayList<const T> w_ih, ArrayList<const T> w_hh,
                 ArrayList<const T> b_ih, ArrayList<const T> b_hh, Lengths lengths, bool reverse,
                 Optional<Array<const T, 3>> mask, bool relu, Array<T, 3> h, Array<T, 3> h_n) {
    const int64_t T_ = x.shape[0], B = x.shape[1], D = x.shape[2], N = h0.shape[0], H = h0.shape[2];
    require(has_shape(h0, N, B, H), "rnn_forward: h0 must be (N, B, H)");
    check_weights(N, 1, D, H, w_ih, w_hh,
                  "rnn_forward: w_ih must be N arrays (H, D) and w_hh (H, H), N being 1 or 2");
    require(biases_fit(N, H, b_ih) && biases_fit(N, H, b_hh),
            "rnn_forward: b_ih and b_hh must be N arrays (H), or none");
    require(!(reverse && N == 2), "rnn_forward: reverse is for one direction alone");
    require(fits(mask, N, B, H) && contiguous_or_none(mask),
            "rnn_forward: mask must be (N, B, H), contiguous");
    require(has_shape(h, T_, B, N * H) && has_shape(h_n, N, B, H),
            "rnn_forward: h must be (T, B, N H), h_n (N, B, H)");
    require(h.contiguous() && h_n.contiguous(), "rnn_forward: results must be contiguous");
    const Batch batch(lengths, T_, B);
    require(batch.valid(), "rnn_forward: lengths must be (B) and from 0 to T");
    const ForwardPass<T> pass{
        x,       h0,      nullptr, w_ih,     w_hh,   nullptr, batch, reverse, data_or_null(mask),
        nullptr, nullptr, h.data,  h_n.data, nullptr};
    if (relu)
        recurrent_forward<T, RnnUnits<T, true>>(pass, b_ih, b_hh);
    else
        recurrent_forward<T, RnnUnits<T, false>>(pass, b_ih, b_hh);
}
PYDL_KERNEL(rnn_forward, "x, h0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, mask, relu, h, h_n")

template <typename T>
void rnn_backward(Optional<Array<const T, 3>> dh, Optional<Array<const T, 3>> dh_n, Array<const T, 3> x,
                  Array<const T, 3> h0, ArrayList<const T> w_ih, ArrayList<const T> w_hh, Lengths lengths,
                  bool reverse, Optional<Array<const T, 3>> mask, bool relu, Array<const T, 3> h,
                  Optional<Array<T, 3>> dx, Optional<Array<T, 3>> dh0, ArrayList<T> dw_ih, ArrayList<T> dw_hh,
                  ArrayList<T> db) {
    const int64_t T_ = x.shape[0], B = x.shape[1], D = x.shape[2], N = h0.shape[0], H = h0.shape[2];
    require(has_shape(h0, N, B, H), "rnn_backward: h0 must be (N, B, H)");
    check_weights(N, 1, D, H, w_ih, w_hh,
                  "rnn_backward: w_ih must be N arrays (H, D) and w_hh (H, H), N being 1 or 2");
    require(!(reverse && N == 2), "rnn_backward: reverse is for one direction alone");
    require(fits(mask, N, B, H) && contiguous_or_none(mask),
            "rnn_backward: mask must be (N, B, H), contiguous");
    require(fits(dh, T_, B, N * H) && fits(dh_n, N, B, H),
            "rnn_backward: dh must be (T, B, N H), dh_n (N, B, H)");
    require(has_shape(h, T_, B, N * H), "rnn_backward: h must be (T, B, N H)");
    require(fits(dx, T_, B, D) && fits(dh0, N, B, H) && gradients_fit(N, H, D, dw_ih) &&
                gradients_fit(N, H, H, dw_hh) && biases_fit(N, H, db),
            "rnn_backward: gradients must have the shapes of what they belong to");
    require(h.contiguous() && contiguous_or_none(dx) && contiguous_or_none(dh0),
            "rnn_backward: h and the results must be contiguous");
    const Batch batch(lengths, T_, B);
    require(batch.valid(), "rnn_backward: lengths must be (B) and from 0 to T");
    const BackwardPass<T> pass{dh,
                               dh_n,
                               nullptr,
                               x,
                               h0,
                               nullptr,
                               w_ih,
                               w_hh,
                               batch,
                               reverse,
                               data_or_null(mask),
                               nullptr,
                               nullptr,
                               h.data,
                               nullptr,
                               data_or_null(dh0),
                               nullptr};
    const WeightGradients<T> wanted{dx, dw_ih, dw_hh, db, ArrayList<T>{nullptr, 0}};
    if (relu)
        recurrent_backward<T, RnnUnits<T, true>>(pass, wanted);
    else
        recurrent_backward<T, RnnUnits<T, false>>(pass, wanted);
}
PYDL_KERNEL(rnn_backward,
            "dh, dh_n, x, h0, w_ih, w_hh, lengths, reverse, mask, relu, h, dx, dh0, dw_ih, dw_hh, db")

}  // namespace pydl::PYDL_ISA
