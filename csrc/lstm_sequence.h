// What the two directions of a padded batch of sequences share: which rows take part in a step, and the batch
// as a matrix of T * B rows.
#pragma once

#include "gemm_pack.h"
#include "lstm.h"

namespace pydl::PYDL_ISA {

using Lengths = Optional<Array<const int64_t, 1>>;

inline bool valid_lengths(const Lengths& lengths, int64_t steps, int64_t rows) {
    if (!lengths) return true;
    if (lengths->shape[0] != rows) return false;
    for (int64_t b = 0; b < rows; b++)
        if ((*lengths)(b) < 0 || (*lengths)(b) > steps) return false;
    return true;
}

inline bool is_active(const Lengths& lengths, int64_t t, int64_t b) {
    return !lengths || t < (*lengths)(b);
}

// Lists those of the rows [begin, end) whose sequence contains step t.
inline int64_t active_rows(const Lengths& lengths, int64_t t, int64_t begin, int64_t end, int64_t* rows) {
    int64_t count = 0;
    for (int64_t b = begin; b < end; b++)
        if (is_active(lengths, t, b)) rows[count++] = b;
    return count;
}

// Rows below which a second thread costs more than it brings.
inline int64_t sequence_grain(int64_t steps, int64_t H) {
    constexpr int64_t thread_work = 200000;  // multiply-adds
    return 1 + thread_work / (steps * 4 * H * (H + 8) + 1);
}

template <typename T>
void copy_run(T* to, const T* from, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] = from[i];
}
template <typename T>
void fill_run(T* to, T value, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] = value;
}
// A row of results: zero where it is padding.
template <typename T>
void write_row(T* to, const T* from, int64_t count, bool lives) {
    if (lives)
        copy_run(to, from, count);
    else
        fill_run(to, T(0), count);
}

// Steps [t0, t0 + steps) of x (T, B, D) as a matrix of steps * B rows: where they lie if that is possible.
// With lengths, padding is zero, so that whatever it holds adds nothing to a sum over the rows.
template <typename T>
class SequenceRows {
  public:
    SequenceRows(const Array<const T, 3>& x, int64_t t0, int64_t steps, const Lengths& lengths)
        : copied_(lengths || !(x.shape[1] == 1 || steps == 1 || x.stride[0] == x.shape[1] * x.stride[1])),
          copy_(copied_ ? steps * x.shape[1] * x.shape[2] : 0) {
        const int64_t B = x.shape[1], D = x.shape[2];
        const T* const first = x.data + t0 * x.stride[0];
        matrix_ = {first, steps * B, D, B == 1 ? x.stride[0] : x.stride[1], x.stride[2]};
        if (!copied_) return;
        matrix_ = {copy_.data(), steps * B, D, D, 1};
        parallel_for(steps * B, 1 + 65536 / (D + 1), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; row++) {
                const int64_t t = row / B, b = row % B;
                const T* from = first + t * x.stride[0] + b * x.stride[1];
                T* to = copy_.data() + row * D;
                if (is_active(lengths, t0 + t, b))
                    for (int64_t d = 0; d < D; d++) to[d] = from[d * x.stride[2]];
                else
                    fill_run(to, T(0), D);
            }
        });
    }
    const Matrix<const T>& matrix() const { return matrix_; }

  private:
    bool copied_;
    Scratch<T> copy_;
    Matrix<const T> matrix_;
};

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

}  // namespace pydl::PYDL_ISA
