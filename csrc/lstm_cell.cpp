// lstm_cell: one step. See pydl/ops/lstm_cell.py.
#include "kernel.h"
#include "recurrent/cell.h"
#include "recurrent/lstm.h"

namespace pydl::PYDL_ISA {

template <typename T>
void lstm_cell_forward(Array<const T, 2> x, Array<const T, 2> h, Array<const T, 2> c, Array<const T, 2> w_ih,
                       Array<const T, 2> w_hh, Optional<Array<const T, 1>> b_ih,
                       Optional<Array<const T, 1>> b_hh, Array<T, 2> gates, Array<T, 2> h_next,
                       Array<T, 2> c_next) {
    const int64_t B = x.shape[0], D = x.shape[1], H = w_hh.shape[1];
    require(has_shape(h, B, H) && has_shape(c, B, H), "lstm_cell_forward: h and c must be (B, H)");
    require(has_shape(w_ih, 4 * H, D) && has_shape(w_hh, 4 * H, H),
            "lstm_cell_forward: w_ih must be (4H, D) and w_hh (4H, H)");
    require(fits(b_ih, 4 * H) && fits(b_hh, 4 * H), "lstm_cell_forward: b_ih and b_hh must be (4H)");
    require(has_shape(gates, B, 4 * H) && has_shape(h_next, B, H) && has_shape(c_next, B, H),
            "lstm_cell_forward: gates must be (B, 4H), h_next and c_next (B, H)");
    require(gates.contiguous() && h_next.contiguous() && c_next.contiguous(),
            "lstm_cell_forward: results must be contiguous");
    cell_forward<T, LstmUnits<T>>(x, h, &c, w_ih, w_hh, b_ih, b_hh, gates.data, h_next.data, c_next.data);
}
PYDL_KERNEL(lstm_cell_forward, "x, h, c, w_ih, w_hh, b_ih, b_hh, gates, h_next, c_next")

template <typename T>
void lstm_cell_backward(Optional<Array<const T, 2>> dh_next, Optional<Array<const T, 2>> dc_next,
                        Array<const T, 2> c, Array<const T, 2> w_ih, Array<const T, 2> w_hh,
                        Array<const T, 2> gates, Array<const T, 2> c_next, Optional<Array<T, 2>> dx,
                        Array<T, 2> dh, Array<T, 2> dc, Array<T, 2> da, Optional<Array<T, 1>> db) {
    const int64_t B = c.shape[0], D = w_ih.shape[1], H = w_hh.shape[1];
    require(has_shape(c, B, H) && has_shape(c_next, B, H) && has_shape(gates, B, 4 * H),
            "lstm_cell_backward: c and c_next must be (B, H), gates (B, 4H)");
    require(has_shape(w_ih, 4 * H, D) && has_shape(w_hh, 4 * H, H),
            "lstm_cell_backward: w_ih must be (4H, D) and w_hh (4H, H)");
    require(fits(dh_next, B, H) && fits(dc_next, B, H),
            "lstm_cell_backward: dh_next and dc_next must be (B, H)");
    require(fits(dx, B, D) && has_shape(dh, B, H) && has_shape(dc, B, H) && has_shape(da, B, 4 * H) &&
                fits(db, 4 * H),
            "lstm_cell_backward: dx must be (B, D), dh and dc (B, H), da (B, 4H), db (4H)");
    require(contiguous_or_none(dx) && dh.contiguous() && dc.contiguous() && da.contiguous() &&
                contiguous_or_none(db),
            "lstm_cell_backward: results must be contiguous");
    cell_backward<T, LstmUnits<T>>(dh_next, dc_next, c, c_next, gates, w_ih, w_hh,
                                   {dx, dh.data, dc.data, da.data, da.data, db, Optional<Array<T, 1>>{}});
}
PYDL_KERNEL(lstm_cell_backward, "dh_next, dc_next, c, w_ih, w_hh, gates, c_next, dx, dh, dc, da, db")

}  // namespace pydl::PYDL_ISA
