// Products with few rows, down to a vector times a matrix: every number of B is used only a few times, so B
// is read once, in order, where it lies. The speed is that of the memory B comes from.
#pragma once

#include "gemm_pack.h"
#include "microkernel.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

inline constexpr int thin_rows = 4;  // the most rows these loops take

// Numbers of B for one thread, below which another costs more than it brings.
inline constexpr int64_t thin_thread_work = 65536;

// B row-major: wide tiles of C, so that long runs of each row of B are read.
template <typename T, int MR>
void thin_by_columns(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, int64_t begin, int64_t end,
                     bool accumulate) {
    constexpr int NV = (vector_registers - 2 - MR) / MR > 8 ? 8 : (vector_registers - 4) / MR;
    constexpr int64_t wide = NV * width<T>;
    const StridedRows<T> factors{a.data, a.row_stride, a.column_stride};
    int64_t j = begin;
    for (; j + wide <= end; j += wide) {
        vec<T> acc[MR][NV] = {};
        outer_products<T, MR, NV>(acc, b.rows, factors, Columns<T>{&b(0, j), b.row_stride});
        store_tile<T, MR, NV>(acc, c + j, c_stride, wide, accumulate);
    }
    for (; j < end; j += width<T>) {
        const int64_t lanes = end - j < width<T> ? end - j : width<T>;
        const auto column = [&](int64_t k, int) { return load_partial(&b(k, j), lanes); };
        vec<T> acc[MR][1] = {};
        outer_products<T, MR, 1>(acc, b.rows, factors, column);
        store_tile<T, MR, 1>(acc, c + j, c_stride, lanes, accumulate);
    }
}

// B column-major (the transposed weights of a linear layer): dot products along k, R columns at a time.
template <typename T, int MR, int R>
PYDL_INLINE void dot_products(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, int64_t j,
                              bool accumulate) {
    constexpr int64_t W = width<T>;
    vec<T> acc[MR][R] = {};
    const auto step = [&](int64_t k, int64_t lanes) PYDL_INLINE_LAMBDA {
        vec<T> columns[R];
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) columns[r] = load_partial(&b(k, j + r), lanes);
#pragma GCC unroll 4
        for (int i = 0; i < MR; i++) {
            const vec<T> row = load_partial(&a(i, k), lanes);
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) acc[i][r] = fma(row, columns[r], acc[i][r]);
        }
    };
    int64_t k = 0;
    for (; k + W <= b.rows; k += W) step(k, W);
    if (k < b.rows) step(k, b.rows - k);
#pragma GCC unroll 4
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            T& at = c[i * c_stride + j + r];
            const T sum = reduce_add(acc[i][r]);
            at = accumulate ? at + sum : sum;
        }
}

template <typename T, int MR>
void thin_by_dots(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, int64_t begin, int64_t end,
                  bool accumulate) {
    constexpr int R = many_registers ? 4 : MR == 1 ? 4 : MR == 2 ? 4 : 2;
    int64_t j = begin;
    for (; j + R <= end; j += R) dot_products<T, MR, R>(a, b, c, c_stride, j, accumulate);
    for (; j < end; j++) dot_products<T, MR, 1>(a, b, c, c_stride, j, accumulate);
}

// Whether thin_product can take the factors as they lie.
template <typename T>
bool is_thin(Matrix<const T> a, Matrix<const T> b) {
    return a.rows <= thin_rows && (b.column_stride == 1 || (b.row_stride == 1 && a.column_stride == 1));
}

template <typename T, int MR, typename Epilogue>
void thin_product(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, bool accumulate,
                  const Epilogue& epilogue) {
    if constexpr (MR < thin_rows) {
        if (a.rows > MR) return thin_product<T, MR + 1>(a, b, c, c_stride, accumulate, epilogue);
    }
    // Whole wide tiles for each thread, as many as make its part of B worth a thread.
    constexpr int64_t wide = 8 * width<T>;
    const int64_t grain = wide * (1 + thin_thread_work / ((b.rows + 1) * wide));
    parallel_for(b.columns, grain, [&](int64_t begin, int64_t end) {
        if (b.column_stride == 1)
            thin_by_columns<T, MR>(a, b, c, c_stride, begin, end, accumulate);
        else
            thin_by_dots<T, MR>(a, b, c, c_stride, begin, end, accumulate);
        epilogue(c + begin, c_stride, int64_t(0), begin, a.rows, end - begin);
    });
}

}  // namespace pydl::PYDL_ISA
