// gru_cell: one step. See pydl/ops/gru_cell.py.
#include "kernel.h"
#include "recurrent/cell.h"
#include "recurrent/gru.h"

namespace pydl::PYDL_ISA {

template <typename T>
void gru_cell_forward(Array<const T, 2> x, Array<const T, 2> h, Array<const T, 2> w_ih,
                      Array<const T, 2> w_hh, Optional<Array<const T, 1>> b_ih,
                      Optional<Array<const T, 1>> b_hh, Array<T, 2> gates, Array<T, 2> h_next) {
    const int64_t B = x.shape[0], D = x.shape[1], H = w_hh.shape[1];
    require(has_shape(h, B, H), "gru_cell_forward: h must be (B, H)");
    require(has_shape(w_ih, 3 * H, D) && has_shape(w_hh, 3 * H, H),
            "gru_cell_forward: w_ih must be (3H, D) and w_hh (3H, H)");
    require(fits(b_ih, 3 * H) && fits(b_hh, 3 * H), "gru_cell_forward: b_ih and b_hh must be (3H)");
    require(has_shape(gates, B, 4 * H) && has_shape(h_next, B, H),
            "gru_cell_forward: gates must be (B, 4H), h_next (B, H)");
    require(gates.contiguous() && h_next.contiguous(), "gru_cell_forward: results must be contiguous");
    cell_forward<T, GruUnits<T>>(x, h, nullptr, w_ih, w_hh, b_ih, b_hh, gates.data, h_next.data, nullptr);
}
PYDL_KERNEL(gru_cell_forward, "x, h, w_ih, w_hh, b_ih, b_hh, gates, h_next")

template <typename T>
void gru_cell_backward(Array<const T, 2> dh_next, Array<const T, 2> h, Array<const T, 2> w_ih,
                       Array<const T, 2> w_hh, Array<const T, 2> gates, Optional<Array<T, 2>> dx,
                       Array<T, 2> dh, Array<T, 2> da, Array<T, 2> db, Optional<Array<T, 1>> db_ih,
                       Optional<Array<T, 1>> db_hh) {
    const int64_t B = h.shape[0], D = w_ih.shape[1], H = w_hh.shape[1];
    require(has_shape(h, B, H) && has_shape(dh_next, B, H) && has_shape(gates, B, 4 * H),
            "gru_cell_backward: h and dh_next must be (B, H), gates (B, 4H)");
    require(has_shape(w_ih, 3 * H, D) && has_shape(w_hh, 3 * H, H),
            "gru_cell_backward: w_ih must be (3H, D) and w_hh (3H, H)");
    require(fits(dx, B, D) && has_shape(dh, B, H) && has_shape(da, B, 3 * H) && has_shape(db, B, 3 * H) &&
                fits(db_ih, 3 * H) && fits(db_hh, 3 * H),
            "gru_cell_backward: dx must be (B, D), dh (B, H), da and db (B, 3H), db_ih and db_hh (3H)");
    require(contiguous_or_none(dx) && dh.contiguous() && da.contiguous() && db.contiguous() &&
                contiguous_or_none(db_ih) && contiguous_or_none(db_hh),
            "gru_cell_backward: results must be contiguous");
    cell_backward<T, GruUnits<T>>({dh_next, true}, {}, h, h, gates, w_ih, w_hh,
                                  {dx, dh.data, nullptr, da.data, db.data, db_ih, db_hh});
}
PYDL_KERNEL(gru_cell_backward, "dh_next, h, w_ih, w_hh, gates, dx, dh, da, db, db_ih, db_hh")

}  // namespace pydl::PYDL_ISA
