// Products with few rows, down to a vector times a matrix: every number of B is used only a few times, so B
// is read once, in order, where it lies. The speed is that of the memory B comes from.
#pragma once

#include "gemm/dot_products.h"
#include "gemm/pack.h"
#include "gemm/panels.h"
#include "gemm/sizes.h"
#include "gemm/tile.h"
#include "parallel.h"
#include "scratch.h"
#include "simd/halves.h"

namespace pydl::PYDL_ISA {

// Numbers of B for one thread, below which another costs more than it brings.
inline constexpr int64_t thin_thread_work = 65536;

// ---- B row-major: C += some columns of A times as many rows of B, and again with the next ones ----

inline constexpr int sweep_rows = 4;    // the most rows of C these loops take
inline constexpr int sweep_steps = 16;  // rows of B side by side: each is a stream from memory

// Vectors of columns side by side, for as many rows of C.
constexpr int sweep_vectors(int rows) {
    const int fit = (vector_registers - 1) / (rows + 1);
    return fit < 8 ? fit : 8;
}

template <typename T, int MR, int NV>
PYDL_INLINE void sweep_columns(Matrix<const T> a, const T* b, int64_t b_stride, T* c, int64_t c_stride,
                               bool accumulate) {
    vec<T> acc[MR][NV] = {};
    outer_products<T, MR, NV>(acc, a.columns, StridedRows<T>{a.data, a.row_stride, a.column_stride},
                              Columns<T>{b, b_stride});
    store_tile<T, MR, NV>(acc, c, c_stride, NV * width<T>, accumulate);
}

// The last vector of columns. An element has several sums, of every so many steps, because a sum waits for
// the one before it.
template <typename T, int MR>
PYDL_INLINE void sweep_last(Matrix<const T> a, const T* b, int64_t b_stride, T* c, int64_t c_stride,
                            int64_t columns, bool accumulate) {
    constexpr int sums = MR == 1 ? 4 : 2;
    vec<T> acc[sums][MR][1] = {};
    const StridedRows<T> factors{a.data, a.row_stride, a.column_stride};
    const auto step = [&](vec<T>(&sum)[MR][1], int64_t k) PYDL_INLINE_LAMBDA {
        const vec<T> row = load_partial(b + k * b_stride, columns);
#pragma GCC unroll 4
        for (int i = 0; i < MR; i++) sum[i][0] = fma(broadcast<T>(factors(k, i)), row, sum[i][0]);
    };
    int64_t k = 0;
    for (; k + sums <= a.columns; k += sums) {
#pragma GCC unroll 4
        for (int s = 0; s < sums; s++) step(acc[s], k + s);
    }
    for (; k < a.columns; k++) step(acc[0], k);
#pragma GCC unroll 4
    for (int i = 0; i < MR; i++) {
        if constexpr (sums == 4) acc[0][i][0] += acc[2][i][0], acc[1][i][0] += acc[3][i][0];
        acc[0][i][0] += acc[1][i][0];
    }
    store_tile<T, MR, 1>(acc[0], c, c_stride, columns, accumulate);
}

// All columns from begin to end for some rows of B, which are read along the rows, as caches expect it. C
// stays in the first-level cache and is read and written once for all these rows.
template <typename T, int MR>
void sweep(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, int64_t begin, int64_t end,
           bool accumulate) {
    constexpr int NV = sweep_vectors(MR);
    constexpr int64_t W = width<T>;
    int64_t j = begin;
    for (; j + NV * W <= end; j += NV * W)
        sweep_columns<T, MR, NV>(a, &b(0, j), b.row_stride, c + j, c_stride, accumulate);
    if constexpr (MR <= 2)  // more rows keep enough additions under way
        for (; j + 2 * W <= end; j += 2 * W)
            sweep_columns<T, MR, 2>(a, &b(0, j), b.row_stride, c + j, c_stride, accumulate);
    for (; j < end; j += W)
        sweep_last<T, MR>(a, &b(0, j), b.row_stride, c + j, c_stride, end - j < W ? end - j : W, accumulate);
}

// Whether rows begin in nearly the same place of the first-level cache, which has room for eight or twelve
// lines there.
template <typename T>
bool rows_meet(Matrix<const T> b) {
    const int64_t apart = (b.row_stride < 0 ? -b.row_stride : b.row_stride) * int64_t(sizeof(T)) % 4096;
    return apart < 64 || apart > 4096 - 64;
}

template <typename T, int MR>
void thin_by_sweeps(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, int64_t begin, int64_t end,
                    bool accumulate) {
    // Columns in blocks whose part of C stays in the first-level cache.
    constexpr int64_t wide = sweep_vectors(MR) * width<T>;
    constexpr int64_t block = 16384 / int64_t(sizeof(T)) / MR / wide * wide;
    // Rows of B of a vector are one stream, however many of them. Where rows meet, more than a few drive each
    // other's lines out of the cache before all of a line is read, unless vectors are lines; many registers
    // for several rows of C make up for that.
    const bool few = (MR == 1 || !many_registers) && rows_meet(b);
    // The stride tells a vector: b may be a thread's part of the columns, which must not change the sums.
    const bool is_vector = b.row_stride >= 0 && b.row_stride <= width<T>;
    const Parts steps(b.rows, is_vector ? 16 * sweep_steps : few ? sweep_steps / 2 : sweep_steps);
    for (int64_t from = begin; from < end; from += block)
        for (int64_t s = 0; s < steps.count; s++) {
            const int64_t k = steps.begin(s), depth = steps.length(s, b.rows);
            sweep<T, MR>(a.part(0, k, MR, depth), b.part(k, 0, depth, b.columns), c, c_stride, from,
                         end - from < block ? end : from + block, accumulate || s > 0);
        }
}

// ---- the choice; a column-major B goes to gemm/dot_products.h ----

// Whether sweeps would leave much of a few columns to the loop for the last ones, while tiles have sums
// enough that none waits for the one before it.
template <typename T>
bool is_deep_panel(Matrix<const T> a, Matrix<const T> b) {
    const int64_t vectors = (b.columns - 1) / width<T> + 1, swept = sweep_vectors(int(a.rows));
    return a.rows > 2 && a.rows * vectors >= 8 && vectors <= (a.rows - 2) * swept &&
           b.columns % (swept * width<T>) != 0 && b.rows > 4 * sweep_steps;
}

// Whether the factors are read where they lie. Dot products add up the lanes of a vector in the end, which
// takes two or three cycles for an element of C; tiles need B transposed, which takes a third of one for an
// element of B. To be asked of a whole product, not of a thread's part.
template <typename T>
bool is_thin(Matrix<const T> a, Matrix<const T> b) {
    const int64_t M = a.rows, K = a.columns;
    if (b.column_stride == 1) return M <= sweep_rows && !is_deep_panel(a, b);
    // An A in columns is copied for that.
    if (a.column_stride != 1 && b.columns < 4 * M) return false;
    return b.row_stride == 1 && M <= 24 && 3 * M * (64 * width<T> + K) <= 256 * K;
}

// Whether C is a row, each number of which is the dot product of two lines.
template <typename T>
bool is_row_of_dots(Matrix<const T> a, Matrix<const T> b) {
    // Vectors of AVX-512 are long for the shortest sums: of many, turning B for tiles takes less.
    const bool is_packed = has_halves && b.rows <= 4 && b.columns >= 16 * width<T> && !are_short(b);
    return a.rows == 1 && a.column_stride == 1 && b.row_stride == 1 && b.column_stride != 1 && !is_packed;
}

// Some columns of C.
template <typename T>
void thin_columns(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, int64_t begin, int64_t end,
                  bool accumulate) {
    if (b.column_stride != 1)
        thin_by_dots<T>(a, b, {c, a.rows, b.columns, c_stride, 1}, begin, end, accumulate);
    else if (a.rows == 1)
        thin_by_sweeps<T, 1>(a, b, c, c_stride, begin, end, accumulate);
    else if (a.rows == 2)
        thin_by_sweeps<T, 2>(a, b, c, c_stride, begin, end, accumulate);
    else if (a.rows == 3)
        thin_by_sweeps<T, 3>(a, b, c, c_stride, begin, end, accumulate);
    else
        thin_by_sweeps<T, 4>(a, b, c, c_stride, begin, end, accumulate);
}

template <typename T, typename Epilogue>
void thin_product(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, bool accumulate,
                  const Epilogue& epilogue) {
    // Whole lines of C for each thread, as many as make its part of B worth a thread; and of whole sweeps, so
    // that only the end of a row of C is the work of sweep_last; or of whole groups of dot products.
    const int64_t wide = b.column_stride == 1     ? width<T> * sweep_vectors(int(a.rows))
                         : width<T> > dot_columns ? width<T>
                                                  : dot_columns;
    const int64_t grain = fair_grain(b.columns, wide, 1 + thin_thread_work / ((b.rows + 1) * a.rows));
    const bool packs = b.column_stride != 1 && a.column_stride != 1;
    const Panels<T> packed(packs ? a.rows * a.columns : 0);
    if (packs) {
        pack_panel(packed.data(), a.columns, a.columns, a.data, a.column_stride, a.row_stride, a.rows);
        a = {packed.data(), a.rows, a.columns, a.columns, 1};
    }
    parallel_for(b.columns, grain, [&](int64_t begin, int64_t end) {
        thin_columns<T>(a, b, c, c_stride, begin, end, accumulate);
        epilogue(c + begin, c_stride, int64_t(0), begin, a.rows, end - begin);
    });
}

}  // namespace pydl::PYDL_ISA
