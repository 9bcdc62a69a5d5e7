// lstm_cell: one step. See pydl/ops/lstm_cell.py.
#include "gemm.h"
#include "kernel.h"
#include "lstm_sequence.h"

namespace pydl::PYDL_ISA {

constexpr int64_t cell_thread_units = 2048;  // units below which a second thread costs more than it brings

template <typename T>
Matrix<const T> as_matrix(const Array<const T, 2>& a) {
    return {a.data, a.shape[0], a.shape[1], a.stride[0], a.stride[1]};
}

// sum[j] = sum over rows of a[row, j], for a row-major matrix. Rows are added in runs, whose sums are then
// added: the error of a long sum of rounded numbers stays small.
template <typename T>
void sum_rows(const T* a, int64_t rows, int64_t columns, T* sum) {
    constexpr int64_t run = 128;
    parallel_for(columns, width<T> * (1 + 16384 / (rows + 1)), [&](int64_t begin, int64_t end) {
        for (int64_t j = begin; j < end; j += width<T>) {
            const int64_t lanes = end - j;
            vec<T> total{};
            for (int64_t first = 0; first < rows; first += run) {
                const int64_t last = first + run < rows ? first + run : rows;
                vec<T> part{};
                for (int64_t row = first; row < last; row++)
                    part += load_partial(a + row * columns + j, lanes);
                total += part;
            }
            store_partial(sum + j, total, lanes);
        }
    });
}

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
    if (h_next.size() == 0) return;

    const Scratch<T> bias(4 * H), recurrent(B * 4 * H + width<T>);  // read in whole vectors
    fill_run(recurrent.data() + B * 4 * H, T(0), width<T>);
    sum_biases(b_ih, b_hh, 4 * H, bias.data());
    gemm<T>(as_matrix(x), as_matrix(w_ih).transposed(), {gates.data, B, 4 * H, 4 * H, 1});
    gemm<T>(as_matrix(h), as_matrix(w_hh).transposed(), {recurrent.data(), B, 4 * H, 4 * H, 1});
    parallel_for(B, 1 + cell_thread_units / (H + 1), [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++) {
            T* const row = gates.data + b * 4 * H;
            for (int64_t u = 0; u < H; u++) c_next.data[b * H + u] = c(b, u);
            lstm_row_gates(H, 0, H, row, recurrent.data() + b * 4 * H, int64_t(width<T>), H, bias.data(),
                           c_next.data + b * H);
            lstm_row_output(H, row, c_next.data + b * H, h_next.data + b * H);
        }
    });
}
PYDL_KERNEL(lstm_cell_forward, "x, h, c, w_ih, w_hh, b_ih, b_hh, gates, h_next, c_next")

template <typename T>
void lstm_cell_backward(Optional<Array<const T, 2>> dh_next, Optional<Array<const T, 2>> dc_next,
                        Array<const T, 2> x, Array<const T, 2> h, Array<const T, 2> c, Array<const T, 2> w_ih,
                        Array<const T, 2> w_hh, Array<const T, 2> gates, Array<const T, 2> c_next,
                        Optional<Array<T, 2>> dx, Array<T, 2> dh, Array<T, 2> dc, Optional<Array<T, 2>> dw_ih,
                        Optional<Array<T, 2>> dw_hh, Optional<Array<T, 1>> db) {
    const int64_t B = x.shape[0], D = x.shape[1], H = w_hh.shape[1];
    require(has_shape(h, B, H) && has_shape(c, B, H) && has_shape(c_next, B, H) && has_shape(gates, B, 4 * H),
            "lstm_cell_backward: h, c and c_next must be (B, H), gates (B, 4H)");
    require(has_shape(w_ih, 4 * H, D) && has_shape(w_hh, 4 * H, H),
            "lstm_cell_backward: w_ih must be (4H, D) and w_hh (4H, H)");
    require(fits(dh_next, B, H) && fits(dc_next, B, H),
            "lstm_cell_backward: dh_next and dc_next must be (B, H)");
    require(fits(dx, B, D) && has_shape(dh, B, H) && has_shape(dc, B, H) && fits(dw_ih, 4 * H, D) &&
                fits(dw_hh, 4 * H, H) && fits(db, 4 * H),
            "lstm_cell_backward: gradients must have the shapes of what they belong to");
    require((!dx || dx->contiguous()) && dh.contiguous() && dc.contiguous() &&
                (!dw_ih || dw_ih->contiguous()) && (!dw_hh || dw_hh->contiguous()) &&
                (!db || db->contiguous()),
            "lstm_cell_backward: results must be contiguous");
    if (H == 0) {
        if (dx) fill_run(dx->data, T(0), dx->size());
        return;
    }

    const Scratch<T> dgates(B * 4 * H), zero(H);
    fill_run(zero.data(), T(0), H);
    const Rows<T> gate(gates), before(c), after(c_next), dy(dh_next ? *dh_next : Array<const T, 2>{});
    parallel_for(B, 1 + cell_thread_units / (H + 1), [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++) {
            for (int64_t u = 0; u < H; u++) dc.data[b * H + u] = dc_next ? (*dc_next)(b, u) : T(0);
            lstm_units_backward(H, gate(b), before(b), after(b), dh_next ? dy(b) : nullptr, zero.data(),
                                dc.data + b * H, dgates.data() + b * 4 * H);
        }
    });
    const Matrix<const T> all{dgates.data(), B, 4 * H, 4 * H, 1};
    gemm<T>(all, as_matrix(w_hh), {dh.data, B, H, H, 1});
    if (dx) gemm<T>(all, as_matrix(w_ih), {dx->data, B, D, D, 1});
    if (dw_ih) gemm<T>(all.transposed(), as_matrix(x), {dw_ih->data, 4 * H, D, D, 1});
    if (dw_hh) gemm<T>(all.transposed(), as_matrix(h), {dw_hh->data, 4 * H, H, H, 1});
    if (db) sum_rows(dgates.data(), B, 4 * H, db->data);
}
PYDL_KERNEL(lstm_cell_backward,
            "dh_next, dc_next, x, h, c, w_ih, w_hh, gates, c_next, dx, dh, dc, dw_ih, dw_hh, db")

}  // namespace pydl::PYDL_ISA
