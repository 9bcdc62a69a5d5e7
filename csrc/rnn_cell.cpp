// rnn_cell: one step. See pydl/ops/rnn_cell.py.
#include "recurrent/rnn.h"

#include "kernel.h"
#include "recurrent/cell.h"

namespace pydl::PYDL_ISA {

template <typename T>
void rnn_cell_forward(Array<const T, 2> x, Array<const T, 2> h, Array<const T, 2> w_ih,
                      Array<const T, 2> w_hh, Optional<Array<const T, 1>> b_ih,
                      Optional<Array<const T, 1>> b_hh, bool relu, Array<T, 2> h_next) {
    const int64_t B = x.shape[0], D = x.shape[1], H = w_hh.shape[1];
    require(has_shape(h, B, H) && has_shape(h_next, B, H), "rnn_cell_forward: h and h_next must be (B, H)");
    require(has_shape(w_ih, H, D) && has_shape(w_hh, H, H),
            "rnn_cell_forward: w_ih must be (H, D) and w_hh (H, H)");
    require(fits(b_ih, H) && fits(b_hh, H), "rnn_cell_forward: b_ih and b_hh must be (H)");
    require(h_next.contiguous(), "rnn_cell_forward: results must be contiguous");
    if (relu)
        cell_forward<T, RnnUnits<T, true>>(x, h, nullptr, w_ih, w_hh, b_ih, b_hh, nullptr, h_next.data,
                                           nullptr);
    else
        cell_forward<T, RnnUnits<T, false>>(x, h, nullptr, w_ih, w_hh, b_ih, b_hh, nullptr, h_next.data,
                                            nullptr);
}
PYDL_KERNEL(rnn_cell_forward, "x, h, w_ih, w_hh, b_ih, b_hh, relu, h_next")

template <typename T>
void rnn_cell_backward(Array<const T, 2> dh_next, Array<const T, 2> w_ih, Array<const T, 2> w_hh, bool relu,
                       Array<const T, 2> h_next, Optional<Array<T, 2>> dx, Array<T, 2> dh, Array<T, 2> da,
                       Optional<Array<T, 1>> db) {
    const int64_t B = h_next.shape[0], D = w_ih.shape[1], H = w_hh.shape[1];
    require(has_shape(dh_next, B, H) && has_shape(h_next, B, H),
            "rnn_cell_backward: dh_next and h_next must be (B, H)");
    require(has_shape(w_ih, H, D) && has_shape(w_hh, H, H),
            "rnn_cell_backward: w_ih must be (H, D) and w_hh (H, H)");
    require(fits(dx, B, D) && has_shape(dh, B, H) && has_shape(da, B, H) && fits(db, H),
            "rnn_cell_backward: dx must be (B, D), dh and da (B, H), db (H)");
    require(contiguous_or_none(dx) && dh.contiguous() && da.contiguous() && contiguous_or_none(db),
            "rnn_cell_backward: results must be contiguous");
    const CellGradients<T> wanted{dx, dh.data, nullptr, da.data, da.data, db, Optional<Array<T, 1>>{}};
    if (relu)
        cell_backward<T, RnnUnits<T, true>>({dh_next, true}, {}, h_next, h_next, h_next, w_ih, w_hh, wanted);
    else
        cell_backward<T, RnnUnits<T, false>>({dh_next, true}, {}, h_next, h_next, h_next, w_ih, w_hh, wanted);
}
PYDL_KERNEL(rnn_cell_backward, "dh_next, w_ih, w_hh, relu, h_next, dx, dh, da, db")

}  // namespace pydl::PYDL_ISA
