// One step of a recurrent layer alone: two products, and the units. See pydl/ops/lstm_cell.py, gru_cell.py,
// rnn_cell.py.
#pragma once

#include "gemm/gemm.h"
#include "recurrent/forward.h"
#include "recurrent/gradients.h"

namespace pydl::PYDL_ISA {

inline constexpr int64_t cell_thread_units = 2048;  // below, a second thread costs more than it brings

template <typename T>
Matrix<const T> as_matrix(const Array<const T, 2>& a) {
    return {a.data, a.shape[0], a.shape[1], a.stride[0], a.stride[1]};
}

template <typename T>
const T* read_vector(const Optional<Array<const T, 1>>& a, const Scratch<T>& copy) {
    if (!a || a->stride[0] == 1) return data_or_null(a);
    copy_run(copy.data(), a->data, a->stride[0], a->shape[0]);
    return copy.data();
}

template <typename T>
[[gnu::noinline]] void copy_row(const Array<const T, 2>& from, int64_t i, T* to) {
    copy_run(to, from.data + i * from.stride[0], from.stride[1], from.shape[1]);
}

// c, c_next, kept: null where a cell has none. Results are contiguous.
template <typename T, typename Units>
void cell_forward(const Array<const T, 2>& x, const Array<const T, 2>& h, const Array<const T, 2>* c,
                  const Array<const T, 2>& w_ih, const Array<const T, 2>& w_hh,
                  const Optional<Array<const T, 1>>& b_ih, const Optional<Array<const T, 1>>& b_hh, T* kept,
                  T* h_next, T* c_next) {
    const int64_t B = x.shape[0], H = w_hh.shape[1], row_size = Units::sums * H, rows = Units::gates * H;
    if (B == 0 || H == 0) return;
    const Scratch<T> bias(row_size), b_ih_copy(b_ih ? rows : 0), b_hh_copy(b_hh ? rows : 0);
    const Scratch<T> sums(B * row_size);
    sum_biases<T, Units>(read_vector(b_ih, b_ih_copy), read_vector(b_hh, b_hh_copy), H, bias.data());
    const auto weights_of = [&](const Array<const T, 2>& w, int gate, int count) {
        return as_matrix(w).part(gate * H, 0, count * H, w.shape[1]).transposed();
    };
    const auto sums_of = [&](int sum, int count) {
        return Matrix<T>{sums.data() + sum * H, B, count * H, row_size, 1};
    };
    // Of the first gates the products with x and with h are one sum.
    constexpr int first = Units::of_h[0].count;
    static_assert(Units::of_h[0].gate == 0 && Units::of_h[0].sum == 0);
    const bool together = gemm_sum<T>(as_matrix(x), weights_of(w_ih, 0, first), as_matrix(h),
                                      weights_of(w_hh, 0, first), sums_of(0, first));
    const int done = together ? first : 0;
    if (done < Units::gates)
        gemm<T>(as_matrix(x), weights_of(w_ih, done, Units::gates - done),
                sums_of(done, Units::gates - done));
    for (const GateRun& run : Units::of_h)
        if (run.gate >= done)
            gemm<T>(as_matrix(h), weights_of(w_hh, run.gate, run.count), sums_of(run.sum, run.count),
                    run.sum == run.gate);
    parallel_for(B, 1 + cell_thread_units / (H + 1), [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++) {
            T *const h_row = h_next + b * H, *const c_row = Units::has_cell ? c_next + b * H : nullptr;
            copy_row(h, b, h_row);
            if (Units::has_cell) copy_row(*c, b, c_row);
            T* const kept_row = Units::kept > 0 ? kept + b * Units::kept * H : nullptr;
            T* const sum_row = sums.data() + b * row_size;
            const UnitForward<T> row{sum_row, H,     bias.data(), H,     h_row,
                                     h_row,   c_row, kept_row,    h_row, nullptr};
            forward_units<T, Units, Part::first>(0, H, row);
            forward_units<T, Units, Part::second>(0, H, row);
        }
    });
}

template <typename T>
struct CellGradients {
    const Optional<Array<T, 2>>& dx;
    T* dh;
    T* dc;  // null where a cell has none
    T* da;  // by what the gates get from x: (B, gates * H)
    T* db;  // and from h; the same place where it is the same
    const Optional<Array<T, 1>>& db_ih;
    const Optional<Array<T, 1>>& db_hh;
};

// Rows of an array (B, N) to be read one by one: where they lie, else copied.
template <typename T>
class ReadRows {
  public:
    explicit ReadRows(const Array<const T, 2>& a)
        : data_(a.data), stride_(a.stride[0]), copy_(in_place(a) ? 0 : a.size()) {
        if (in_place(a)) return;
        for (int64_t i = 0; i < a.shape[0]; i++) copy_row(a, i, copy_.data() + i * a.shape[1]);
        data_ = copy_.data();
        stride_ = a.shape[1];
    }
    const T* operator()(int64_t i) const { return data_ + i * stride_; }

  private:
    static bool in_place(const Array<const T, 2>& a) { return a.stride[1] == 1 || a.shape[1] <= 1; }
    const T* data_;
    int64_t stride_;
    Scratch<T> copy_;
};

// before: c of an LSTM cell, h of others; after: the same after the step. kept: null where a cell has none.
template <typename T, typename Units>
void cell_backward(const Optional<Array<const T, 2>>& dh_next, const Optional<Array<const T, 2>>& dc_next,
                   const Array<const T, 2>& before, const Array<const T, 2>& after,
                   const Array<const T, 2>& kept, const Array<const T, 2>& w_ih,
                   const Array<const T, 2>& w_hh, const CellGradients<T>& wanted) {
    const int64_t B = before.shape[0], D = w_ih.shape[1], H = w_hh.shape[1], rows = Units::gates * H;
    constexpr bool splits = Units::sums > Units::gates;
    if (H == 0) {
        if (wanted.dx) fill_run(wanted.dx->data, T(0), wanted.dx->size());
        return;
    }
    const ReadRows<T> before_rows(before), after_rows(after), kept_rows(kept);
    parallel_for(B, 1 + cell_thread_units / (H + 1), [&](int64_t begin, int64_t end) {
        const Scratch<T> split(splits ? Units::sums * H : 0);
        for (int64_t b = begin; b < end; b++) {
            T *const dh = wanted.dh + b * H, *const dc = Units::has_cell ? wanted.dc + b * H : nullptr;
            dh_next ? copy_row(*dh_next, b, dh) : fill_run(dh, T(0), H);
            if (Units::has_cell) dc_next ? copy_row(*dc_next, b, dc) : fill_run(dc, T(0), H);
            T *const da = wanted.da + b * rows, *const db = wanted.db + b * rows;
            T* const dsums = splits ? split.data() : da;
            backward_units<T, Units>(
                0, H, {kept_rows(b), before_rows(b), after_rows(b), nullptr, dh, dc, dsums, H});
            if (!splits) continue;
            copy_run(da, dsums, rows);
            for (const GateRun& run : Units::of_h)
                copy_run(db + run.gate * H, dsums + run.sum * H, run.count * H);
        }
    });
    gemm<T>({wanted.db, B, rows, rows, 1}, as_matrix(w_hh), {wanted.dh, B, H, H, 1}, Units::dh_carries);
    if (wanted.db_ih) sum_rows(wanted.da, B, rows, rows, wanted.db_ih->data);
    if (wanted.db_hh) sum_rows(wanted.db, B, rows, rows, wanted.db_hh->data);
    if (wanted.dx) gemm<T>({wanted.da, B, rows, rows, 1}, as_matrix(w_ih), {wanted.dx->data, B, D, D, 1});
}

}  // namespace pydl::PYDL_ISA
