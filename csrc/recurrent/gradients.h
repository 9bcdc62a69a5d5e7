// The gradients by x, by the weights and by the biases of a recurrent layer: products of the gradients by the
// sums with what went into them, over all steps at once.
#pragma once

#include "gemm/gemm.h"
#include "recurrent/backward.h"

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

// sum[j] = sum over rows of a[row, j], for rows `stride` apart. Rows are added in runs, whose sums are then
// added: the error of a long sum of rounded numbers stays small.
template <typename T>
void sum_rows(const T* a, int64_t rows, int64_t columns, int64_t stride, T* sum) {
    constexpr int64_t run = 128;
    parallel_for(columns, width<T> * (1 + 16384 / (rows + 1)), [&](int64_t begin, int64_t end) {
        const int64_t count = whole_vectors<T>(end - begin);
        const Scratch<T> total(count), part(count);
        for (int64_t j = 0; j < count; j += width<T>) store(total.data() + j, vec<T>{});
        for (int64_t first = 0; first < rows; first += run) {
            for (int64_t j = 0; j < count; j += width<T>) store(part.data() + j, vec<T>{});
            for (int64_t row = first; row < rows && row < first + run; row++)
                for (int64_t j = 0; j < count; j += width<T>)
                    store(part.data() + j, load(part.data() + j) +
                                               load_partial(a + row * stride + begin + j, end - begin - j));
            for (int64_t j = 0; j < count; j += width<T>)
                store(total.data() + j, load(total.data() + j) + load(part.data() + j));
        }
        copy_run(sum + begin, total.data(), end - begin);
    });
}

// dw (+)= the transposed of `dsums` times `went_in`, which have the same rows; dw has the columns of the
// latter. Of long sums as the transposed matrix, because the product is faster with the longer side in
// vectors, by more than it takes to turn the result.
template <typename T>
void weight_gradient(Matrix<const T> dsums, Matrix<const T> went_in, T* dw, bool accumulate) {
    constexpr int64_t long_sum = 256, line = 64 / sizeof(T);
    const int64_t M = dsums.columns, columns = went_in.columns;
    if (went_in.rows < long_sum || accumulate)
        return gemm<T>(dsums.transposed(), went_in, {dw, M, columns, columns, 1}, accumulate);
    const int64_t stride = (M + line - 1) / line * line + line;
    const Scratch<T> turned(columns * stride);
    gemm<T>(went_in.transposed(), dsums, {turned.data(), columns, M, stride, 1});
    parallel_for(M, 1 + 65536 / (columns + 1), [&](int64_t begin, int64_t end) {
        if (columns >= width<T>)
            pack_panel(dw + begin * columns, columns, columns, turned.data() + begin, stride, int64_t(1),
                       end - begin);
        else
            for (int64_t i = 0; i < columns; i++)
                for (int64_t j = begin; j < end; j++) dw[j * columns + i] = turned[i * stride + j];
    });
}

// What went into the sums, live row by row: x_t where it lies, if that is a matrix without padding; else a
// copy.
template <typename T>
class RowsOfX {
  public:
    explicit RowsOfX(const BackwardPass<T>& pass)
        : x_(pass.x),
          rows_(pass.live->count()),
          in_place_(is_matrix(x_) && !pass.batch.ragged()),
          copy_(in_place_ ? 0 : rows_ * x_.shape[2]) {
        if (in_place_) return;
        const int64_t D = x_.shape[2];
        pass.live->for_each(pass.batch, 1 + 32768 / (D + 1), [&](int64_t t, int64_t b, int64_t row) {
            copy_run(copy_.data() + row * D, x_.data + t * x_.stride[0] + b * x_.stride[1], x_.stride[2], D);
        });
    }
    Matrix<const T> operator()() const {
        const int64_t B = x_.shape[1], D = x_.shape[2];
        if (!in_place_) return {copy_.data(), rows_, D, D, 1};
        return {x_.data, rows_, D, B == 1 ? x_.stride[0] : x_.stride[1], 1};
    }

  private:
    static bool is_matrix(const Array<const T, 3>& x) {
        return x.stride[2] == 1 &&
               (x.shape[0] <= 1 || x.shape[1] <= 1 || x.stride[0] == x.shape[1] * x.stride[1]);
    }

    const Array<const T, 3>& x_;
    const int64_t rows_;
    const bool in_place_;
    const Scratch<T> copy_;
};

// The gradient by W_hh of some gates. Without padding and mask, h before a step lies `B` rows before or
// behind that of the step itself.
template <typename T>
void gradient_of_w_hh(const BackwardPass<T>& pass, Direction direction, Matrix<const T> dsums, T* dw) {
    const int64_t B = pass.x.shape[1], N = pass.h0.shape[0], H = pass.h0.shape[2], rows = dsums.rows;
    const int64_t M = dsums.columns, n = direction.number;
    const T* const h = pass.h + n * H;
    if (pass.batch.ragged() || pass.mask) {
        const Scratch<T> before(rows * H);
        pass.live->for_each(pass.batch, 1 + 32768 / H, [&](int64_t t, int64_t b, int64_t row) {
            const int64_t from = direction.before(t, pass.batch.length(b));
            for (int64_t u = 0; u < H; u++) {
                const T seen = pass.mask ? pass.mask[(n * B + b) * H + u] : T(1);
                before[row * H + u] = seen * (from < 0 ? pass.h0(n, b, u) : h[(from * B + b) * N * H + u]);
            }
        });
        return weight_gradient<T>(dsums, {before.data(), rows, H, H, 1}, dw, false);
    }
    const int64_t later = rows > B ? rows - B : 0, first = direction.backwards ? later : 0;
    weight_gradient<T>(dsums.part(direction.backwards ? 0 : B, 0, later, M),
                       {h + (direction.backwards ? B : 0) * N * H, later, H, N * H, 1}, dw, false);
    const Matrix<const T> of_h0 = dsums.part(first, 0, rows - later, M);
    bool finite = true;
    for (int64_t row = 0; row < of_h0.rows; row++) finite = finite && all_finite(&of_h0(row, 0), M);
    if (finite && is_zero(pass.h0)) return;
    weight_gradient<T>(
        of_h0, {pass.h0.data + n * pass.h0.stride[0], rows - later, H, pass.h0.stride[1], pass.h0.stride[2]},
        dw, true);
}

// The rows of dx that are padding are zero, the others lie one behind another in `live`.
template <typename T>
void spread_rows(const BackwardPass<T>& pass, const T* live, T* dx) {
    const int64_t B = pass.x.shape[1], D = pass.x.shape[2];
    parallel_for(pass.x.shape[0] * B, 1 + 32768 / (D + 1), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const int64_t t = row / B, b = row % B;
            if (t < pass.batch.length(b))
                copy_run(dx + row * D, live + (*pass.live)(t, b) * D, D);
            else
                fill_run(dx + row * D, T(0), D);
        }
    });
}

template <typename T, typename Units>
void recurrent_gradients(const BackwardPass<T>& pass, const WeightGradients<T>& wanted) {
    const int64_t rows = pass.live->count(), D = pass.x.shape[2], N = pass.h0.shape[0], H = pass.h0.shape[2],
                  stride = dsums_stride<T>(Units::sums * H);
    const auto dsums = [&](int64_t n, int sum, int count) {
        return Matrix<const T>{pass.dsums + n * rows * stride + sum * H, rows, count * H, stride, 1};
    };
    if (wanted.dx) {
        const bool spread = pass.batch.ragged();
        const Scratch<T> live(spread ? rows * D : 0);
        T* const dx = spread ? live.data() : wanted.dx->data;
        for (int64_t n = 0; n < N; n++)
            gemm<T>(dsums(n, 0, Units::gates), {pass.w_ih.data(n), Units::gates * H, D, D, 1},
                    {dx, rows, D, D, 1}, n > 0);
        if (spread) spread_rows(pass, dx, wanted.dx->data);
    }
    if (wanted.dw_ih.count) {
        const RowsOfX<T> x(pass);
        for (int64_t n = 0; n < N; n++)
            weight_gradient<T>(dsums(n, 0, Units::gates), x(), wanted.dw_ih.data(n), false);
    }
    for (int64_t n = 0; n < N; n++) {
        if (wanted.db_ih.count)
            sum_rows(dsums(n, 0, 0).data, rows, Units::gates * H, stride, wanted.db_ih.data(n));
        for (const GateRun& run : Units::of_h) {
            const Matrix<const T> part = dsums(n, run.sum, run.count);
            if (wanted.dw_hh.count)
                gradient_of_w_hh(pass, Direction(n, pass.reverse), part,
                                 wanted.dw_hh.data(n) + run.gate * H * H);
            if (wanted.db_hh.count)
                sum_rows(part.data, rows, part.columns, stride, wanted.db_hh.data(n) + run.gate * H);
        }
    }
}

// All of it: pass.dsums is allocated here.
template <typename T, typename Units>
void recurrent_backward(BackwardPass<T> pass, const WeightGradients<T>& wanted) {
    const int64_t N = pass.h0.shape[0], H = pass.h0.shape[2];
    if (H == 0) {
        if (wanted.dx) fill_run(wanted.dx->data, T(0), wanted.dx->size());
        return;
    }
    const LiveRows live(pass.batch);
    pass.live = &live;
    const Scratch<T> dsums(N * live.count() * dsums_stride<T>(Units::sums * H));
    pass.dsums = dsums.data();
    backward_rows(BackwardLayer<T, Units>(pass));
    recurrent_gradients<T, Units>(pass, wanted);
}

}  // namespace pydl::PYDL_ISA
