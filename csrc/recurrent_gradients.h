// The gradients by x, by the weights and by the biases of a recurrent layer: products of the gradients by the
// sums with what went into them, over all steps at once.
#pragma once

#include "gemm.h"
#include "recurrent_backward.h"

namespace pydl::PYDL_ISA {

// Lists are empty and arrays absent where nobody needs them.
template <typename T>
struct WeightGradients {
    const Optional<Array<T, 3>>& dx;
    const ArrayList<T>& dw_ih;
    const ArrayList<T>& dw_hh;
    const ArrayList<T>& db_ih;
    const ArrayList<T>& db_hh;
};

// What went into the sums of every step, row by row: a 1 for the biases, x_t, the h before it, and a 1 again,
// for sums of h alone. x begins a cache line, which the copies go through line by line.
template <typename T>
struct InputRow {
    static constexpr int64_t line = 64 / sizeof(T), x = line;
    const int64_t D, H, h = x + D, stride = (h + H + line) / line * line;
};

// Padding is zero, so that whatever it holds adds nothing to a sum over the rows.
template <typename T>
void gather_inputs(const BackwardPass<T>& pass, Direction direction, T* inputs) {
    const Array<const T, 3>&x = pass.x, &h0 = pass.h0;
    const int64_t T_ = x.shape[0], B = x.shape[1], D = x.shape[2], N = h0.shape[0], H = h0.shape[2];
    const int64_t n = direction.number;
    const InputRow<T> row_of{D, H};
    parallel_for(T_ * B, 1 + 32768 / row_of.stride, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const int64_t t = row / B, b = row % B, length = pass.batch.length(b);
            T* const to = inputs + row * row_of.stride;
            if (t >= length) {
                fill_run(to, T(0), row_of.stride);
                continue;
            }
            T *const of_x = to + row_of.x, *const of_h = to + row_of.h;
            const T* from = x.data + t * x.stride[0] + b * x.stride[1];
            if (x.stride[2] == 1)
                copy_run(of_x, from, D);
            else
                for (int64_t d = 0; d < D; d++) of_x[d] = from[d * x.stride[2]];
            of_x[-1] = of_h[H] = T(1);
            const int64_t before = direction.before(t, length);
            if (before >= 0)
                copy_run(of_h, pass.h + ((before * B + b) * N + n) * H, H);
            else
                for (int64_t u = 0; u < H; u++) of_h[u] = h0(n, b, u);
        }
    });
}

// Rows of dw: those of some gates by all that goes into them, or by x and h apart, where a unit treats its
// parts from x and from h differently.
template <typename T>
void weight_gradient(const BackwardPass<T>& pass, const WeightGradients<T>& wanted, Direction direction,
                     const T* inputs, int64_t stride, int gate, int sum, int count, bool of_x, bool of_h) {
    const int64_t rows = pass.x.shape[0] * pass.x.shape[1], D = pass.x.shape[2], H = pass.h0.shape[2];
    const int64_t n = direction.number, M = count * H;
    const InputRow<T> row_of{D, H};
    const int64_t first = of_x ? row_of.x - 1 : row_of.h, count_in = (of_x ? D : 0) + 1 + (of_h ? H : 0);
    // Of long sums as the transposed matrix, because the product is faster with the longer side in vectors,
    // by more than it takes to turn the result.
    constexpr int64_t long_sum = 256;
    const bool turned = rows >= long_sum;
    const Scratch<T> dw(count_in * M);
    const Matrix<const T> dsums{pass.dsums + n * rows * stride + sum * H, rows, M, stride, 1};
    const Matrix<const T> went_in{inputs + first, rows, count_in, row_of.stride, 1};
    if (turned)
        gemm<T>(went_in.transposed(), dsums, {dw.data(), count_in, M, M, 1});
    else
        gemm<T>(dsums.transposed(), went_in, {dw.data(), M, count_in, count_in, 1});
    parallel_for(M, 1 + 65536 / count_in, [&](int64_t begin, int64_t end) {
        // Columns [column, column + size) of dw, in rows of `to` that are as long.
        const auto deliver = [&](int64_t column, int64_t size, T* to) {
            to += (gate * H + begin) * size;
            const T* const from = dw.data() + (turned ? column * M + begin : begin * count_in + column);
            if (!turned)
                for (int64_t j = 0; j < end - begin; j++) copy_run(to + j * size, from + j * count_in, size);
            else if (size >= width<T>)
                pack_panel(to, size, size, from, M, int64_t(1), end - begin);
            else
                for (int64_t i = 0; i < size; i++)
                    for (int64_t j = 0; j < end - begin; j++) to[j * size + i] = from[i * M + j];
        };
        const int64_t of_bias = of_x ? 0 : H;
        if (of_x && wanted.dw_ih.count) deliver(1, D, wanted.dw_ih.data(n));
        if (of_x && wanted.db_ih.count) deliver(of_bias, 1, wanted.db_ih.data(n));
        if (of_h && wanted.db_hh.count) deliver(of_bias, 1, wanted.db_hh.data(n));
        if (of_h && wanted.dw_hh.count) deliver(of_x ? 1 + D : 0, H, wanted.dw_hh.data(n));
    });
}

template <typename T, typename Units>
void recurrent_gradients(const BackwardPass<T>& pass, const WeightGradients<T>& wanted) {
    const int64_t rows = pass.x.shape[0] * pass.x.shape[1], D = pass.x.shape[2], N = pass.h0.shape[0],
                  H = pass.h0.shape[2], stride = dsums_stride<T>(Units::sums * H);
    if (wanted.dx)
        for (int64_t n = 0; n < N; n++)
            gemm<T>({pass.dsums + n * rows * stride, rows, Units::gates * H, stride, 1},
                    {pass.w_ih.data(n), Units::gates * H, D, D, 1}, {wanted.dx->data, rows, D, D, 1}, n > 0);
    if (!wanted.dw_ih.count && !wanted.dw_hh.count && !wanted.db_ih.count && !wanted.db_hh.count) return;
    const Scratch<T> inputs(rows * InputRow<T>{D, H}.stride);
    for (int64_t n = 0; n < N; n++) {
        const Direction direction(n, pass.reverse);
        gather_inputs(pass, direction, inputs.data());
        for (const GateRun& run : Units::of_h) {
            const bool together = run.sum == run.gate;
            weight_gradient(pass, wanted, direction, inputs.data(), stride, run.gate, run.gate, run.count,
                            true, together);
            if (!together)
                weight_gradient(pass, wanted, direction, inputs.data(), stride, run.gate, run.sum, run.count,
                                false, true);
        }
    }
}

// All of it: pass.dsums is allocated here.
template <typename T, typename Units>
void recurrent_backward(BackwardPass<T> pass, const WeightGradients<T>& wanted) {
    const int64_t rows = pass.x.shape[0] * pass.x.shape[1], N = pass.h0.shape[0], H = pass.h0.shape[2];
    if (H == 0) {
        if (wanted.dx) fill_run(wanted.dx->data, T(0), wanted.dx->size());
        return;
    }
    const Scratch<T> dsums(N * rows * dsums_stride<T>(Units::sums * H));
    pass.dsums = dsums.data();
    backward_rows(BackwardLayer<T, Units>(pass));
    recurrent_gradients<T, Units>(pass, wanted);
}

}  // namespace pydl::PYDL_ISA
