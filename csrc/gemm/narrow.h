// Products with few columns. Vectors along a row of C would be empty for the most part, so C^T = B^T A^T is
// computed instead, in one of two ways:
//   dots     A lies in rows: they are multiplied with columns of B by dot products along k
//   turned   A lies in columns: vectors run down the columns of C, whose transpose is turned in the end
#pragma once

#include "elementwise/turned_copy.h"
#include "gemm/blocked.h"
#include "gemm/thin.h"
#include "simd/halves.h"

namespace pydl::PYDL_ISA {

enum class Narrow { no, dots, turned };

// What the product takes in cycles where A lies in rows, or else in columns: two multiply-adds of vectors a
// cycle, some cycles for the sum of a dot product's lanes, for turning rows, and for transposing B.
template <typename T>
double narrow_cycles(Matrix<const T> a, Matrix<const T> b) {
    constexpr double sum = has_halves ? 1.1 : double(width<T> * sizeof(T)) / 16;
    const double M = double(a.rows), N = double(b.columns), K = double(a.columns);
    if (a.column_stride == 1)
        return double((a.rows + dot_columns - 1) / dot_columns * dot_columns) * N *
                   (0.52 * double((a.columns + width<T> - 1) / width<T>) + sum) +
               (b.row_stride == 1 ? 0 : (has_halves ? 0.3 : 0.65) * N * K);
    const double down = double((a.rows + width<T> - 1) / width<T>);
    const double step = has_halves ? 0.53 : 0.6,
                 turning = has_halves ? 1.2 + 0.2 * N : 3 + 0.1 * sizeof(T) * N;
    return down * K * N * step + M * turning + 100;
}

template <typename T>
bool may_be_narrow(Matrix<const T> a, Matrix<const T> b) {
    return (a.column_stride == 1 && b.columns <= 24) || (a.row_stride == 1 && b.columns <= 6 * width<T>);
}

// What tiles along the rows of C take.
template <typename T>
double cycles_along(Matrix<const T> a, Matrix<const T> b) {
    const double vectors = double((b.columns + width<T> - 1) / width<T>), K = double(a.columns);
    const double halves = double((2 * b.columns + width<T> - 1) / width<T>);
    const double step = !has_halves   ? (a.column_stride == 1 ? 0.05 : 0.15) + 0.55 * vectors
                        : halves == 1 ? 0.33
                        : halves == 2 ? 0.52
                                      : 0.12 + halves / 4;
    const double ending = has_halves ? 2 : 2.5 * vectors + (b.columns % width<T> == 0 ? 0 : 3);
    const double packing = b.column_stride == 1 ? 0 : K * vectors * width<T> / 3;
    return double(a.rows) * (K * step + ending) + packing;
}

// How many columns at the end are better computed so, and the others without them: a few in a vector of their
// own. A whole group of dot products is the cheapest, if no vector of tiles loses the one beside it.
template <typename T>
[[gnu::noinline]] int64_t columns_apart(Matrix<const T> a, Matrix<const T> b) {
    const int64_t few = b.columns % width<T>;
    const bool is_group = few == dot_columns && (many_registers || b.columns / width<T> % 2 == 0);
    // Of a cycle, for a step. In half a vector there is less to save.
    const double step = has_halves ? 0.4 : is_group ? 0.7 : 0.55;
    const double saved = step * double(a.rows) * double(a.columns) - 500;
    if (few == 0 || (few > width<T> / 4 && !is_group) || b.columns < width<T> || saved < 0) return 0;
    // An A in columns is read a second time for them, which half a vector is too little for.
    if (has_halves && a.column_stride != 1 && (width<T> < 16 || (few > 2 && b.columns < 4 * width<T>)))
        return 0;
    const Matrix<const T> last = b.part(0, b.columns - few, b.rows, few);
    if (!may_be_narrow(a, last)) return 0;
    return narrow_cycles(a, last) < saved ? few : 0;
}

// The quickest way.
template <typename T>
[[gnu::noinline]] Narrow narrow_way(Matrix<const T> a, Matrix<const T> b) {
    if (!may_be_narrow(a, b)) return Narrow::no;
    const int64_t few = columns_apart(a, b), most = b.columns - few;
    double along = cycles_along(a, b.part(0, 0, b.rows, most));
    if (few > 0) along += narrow_cycles(a, b.part(0, most, b.rows, few));
    if (narrow_cycles(a, b) >= along) return Narrow::no;
    return a.column_stride == 1 ? Narrow::dots : Narrow::turned;
}

// Rows of C that go together, so that only the last ones are the work of sweep_last.
template <typename T>
int64_t rows_together(int64_t columns) {
    return width<T> * (columns <= sweep_rows ? sweep_vectors(int(columns)) : 1);
}

// Rows of C, C^T being computed in memory of its own.
template <typename T>
void turned_rows(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, bool accumulate, bool thin) {
    const int64_t N = b.columns, K = b.rows;
    const Parts parts(a.rows, 1 + (64 << 10) / int64_t(sizeof(T)) / N, rows_together<T>(N));
    // No power of two, in which columns would collide.
    const int64_t stride = parts.size + 64 / int64_t(sizeof(T));
    const Scratch<T> scratch(N * stride);
    for (int64_t p = 0; p < parts.count; p++) {
        const int64_t i = parts.begin(p), m = parts.length(p, a.rows);
        T* rows = c + i * c_stride;
        if (accumulate) turn(rows, c_stride, scratch.data(), stride, N, m);
        const Matrix<const T> left = b.transposed(), right = a.part(i, 0, m, K).transposed();
        if (thin)
            thin_columns<T>(left, right, scratch.data(), stride, 0, m, accumulate);
        else
            GemmPart<T, NoEpilogue>(left, right, scratch.data(), stride, accumulate, 0, 0, NoEpilogue{})
                .run();
        turn(scratch.data(), stride, rows, c_stride, m, N);
    }
}

template <typename T, typename Epilogue>
void narrow_product(Narrow way, Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, bool accumulate,
                    const Epilogue& epilogue) {
    const int64_t M = a.rows, N = b.columns, K = a.columns;
    const int64_t together = way == Narrow::dots ? dot_columns : rows_together<T>(N);
    // What a thread's multiply-adds take in cycles, in whole vectors.
    constexpr double thread_cycles = double(GemmBlocks<T>::thread_work) / width<T>;
    const double cycles = narrow_cycles(a, b) / double(M);
    const int64_t grain = fair_grain(M, together, 1 + int64_t(thread_cycles / cycles));
    const bool thin = way == Narrow::turned && is_thin(b.transposed(), a.transposed());
    parallel_for(M, grain, [&](int64_t begin, int64_t end) {
        const int64_t m = end - begin;
        T* part = c + begin * c_stride;
        if (way == Narrow::dots) {
            // Columns of B one after another, each beginning with a line, for that many rows will read them.
            // Each thread packs them for itself: from another core's cache they would come slowly.
            const int64_t stride = whole_vectors<T>(K);
            const bool packs = b.row_stride != 1 || m > 32;
            const Panels<T> columns(packs ? N * stride : 0);
            Matrix<const T> turned = b.transposed();
            if (packs) {
                pack_panel(columns.data(), stride, K, b.data, b.row_stride, b.column_stride, N);
                turned = {columns.data(), N, K, stride, 1};
            }
            thin_by_dots<T>(turned, a.part(begin, 0, m, K).transposed(), {part, N, m, 1, c_stride}, 0, m,
                            accumulate);
        } else {
            turned_rows<T>(a.part(begin, 0, m, K), b, part, c_stride, accumulate, thin);
        }
        epilogue(part, c_stride, begin, int64_t(0), m, N);
    });
}

}  // namespace pydl::PYDL_ISA
