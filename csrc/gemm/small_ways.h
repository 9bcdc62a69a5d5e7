// Small products of which a factor lies the wrong way round for tiles: ways that pack less of them.
#pragma once

#include "elementwise/turned_copy.h"
#include "gemm/pack.h"
#include "gemm/panels.h"
#include "gemm/shallow.h"
#include "gemm/small_tiles.h"
#include "gemm/thin.h"
#include "simd/halves.h"

namespace pydl::PYDL_ISA {

//   usual         as products of any size; a B that lies in columns is packed
//   turned        C^T = B^T A^T, for which a B in columns is read where it lies, and an A in columns: if
//                 C has few columns, vectors along its columns are full where those along its rows are not
//   dots          if A lies in rows: dot products of its rows and four columns of B at a time
//   turned_dots   the same of columns of B and four rows of A
enum class SmallWay { usual, turned, dots, turned_dots };

// Whether the product of an A in columns and a B in rows is better turned, in cycles: tiles of the one and of
// the other shape, and turning C. Parts of vectors are stored slowly without AVX-512.
template <typename T>
bool is_better_along(Matrix<const T> a, Matrix<const T> b) {
    const int64_t M = a.rows, N = b.columns;
    const auto tiles = [&](int64_t rows, int64_t columns) {
        const double vectors = double((has_halves ? 2 * columns - 1 : columns - 1) / width<T> + 1);
        const double ending = has_halves || columns % width<T> == 0 ? 0 : 13;
        const double step = !has_halves ? 0.65 : columns > width<T> ? 0.5 : 0.55;
        return double(rows) * (step * vectors * double(a.columns) + ending);
    };
    const double row = has_halves ? (sizeof(T) == 4 ? 6 : 8) : N <= width<T> ? 6 : 16;
    const double turning = 80 + double(M) * (N == 2 ? 4.0 / width<T> : row);
    return has_few_tiles(b.transposed(), a.transposed()) && tiles(N, M) + turning < tiles(M, N);
}

// The quickest way for a C without gaps, by what it takes in multiply-adds of vectors: to pack or turn a
// vector, to begin with that, and to add up the lanes of four dot products.
template <typename T>
SmallWay small_way(Matrix<const T> a, Matrix<const T> b, int64_t c_stride) {
    constexpr double packing = 4, beginning = 20, adding = 12;
    constexpr int64_t most_work = 65536;
    const int64_t M = a.rows, N = b.columns, K = a.columns;
    const bool in_rows = a.column_stride == 1, in_columns = a.row_stride == 1;
    if (!has_partial_loads || !(in_rows || in_columns) || c_stride != N || M < 2 || N < 2 ||
        M * N * K > most_work)
        return SmallWay::usual;
    if (b.column_stride == 1) return in_columns && is_better_along(a, b) ? SmallWay::turned : SmallWay::usual;
    if (b.row_stride != 1) return SmallWay::usual;
    const auto whole = [](int64_t n) { return double((n + width<T> - 1) / width<T>); };
    const auto vectors = [&](int64_t n) { return has_halves ? whole(2 * n) / 2 : whole(n); };
    // Tiles of one vector load a number for each multiply-add.
    const auto tiles = [&](int64_t rows, int64_t columns) {
        return double(rows * K) * vectors(columns) * (has_halves && columns <= width<T> ? 1.1 : 1);
    };
    const auto packed = [&](int64_t n, int64_t depth) {
        return packing * whole(n) * double(depth) + beginning;
    };
    SmallWay way = SmallWay::usual;
    double least = tiles(M, N) + packed(N, K);
    const auto consider = [&](SmallWay other, double cost) {
        if (cost < least) least = cost, way = other;
    };
    if (has_few_tiles(b.transposed(), a.transposed()))
        consider(SmallWay::turned,
                 tiles(N, M) + packed(N, M) + (in_columns ? 0 : packed(M, K)) + 2 * beginning);
    if (in_rows) {
        const auto groups = [&](int64_t n) {
            return double((n + dot_columns - 1) / dot_columns) * (dot_columns * whole(K) + adding);
        };
        consider(SmallWay::dots, double(M) * groups(N));
        consider(SmallWay::turned_dots, double(N) * groups(M));
    }
    return way;
}

// Such products, of the sizes of a and b, in one of the ways but the usual.
template <typename T>
class SmallProduct {
  public:
    SmallProduct(SmallWay way, Matrix<const T> a, Matrix<const T> b)
        : way_(way),
          a_(a),
          b_(b),
          stride_(whole_vectors<T>(a.rows)),
          transpose_(b.transposed(), a.transposed()),
          turned_(way == SmallWay::turned ? stride_ * b.columns : 0) {}

    void run(const T* a, const T* b, T* c) const {
        const int64_t M = a_.rows, N = b_.columns;
        Matrix<const T> left = a_, right = b_;
        left.data = a, right.data = b;
        if (way_ == SmallWay::turned)
            run_turned(left, right, c);
        else if (way_ == SmallWay::dots)
            thin_by_dots<T>(left, right, {c, M, N, N, 1}, 0, N, false);
        else
            thin_by_dots<T>(right.transposed(), left.transposed(), {c, N, M, 1, N}, 0, M, false);
    }

  private:
    [[gnu::noinline]] void run_turned(const Matrix<const T>& left, const Matrix<const T>& right, T* c) const {
        const int64_t M = left.rows, N = right.columns;
        // A few long rows have too few sums side by side in tiles. Short sums stay as they are in
        // ShallowProduct, which many such products are.
        if (N <= sweep_rows && M >= 8 * width<T> && left.columns > most_shallow && left.row_stride == 1)
            thin_columns<T>(right.transposed(), left.transposed(), turned_.data(), stride_, 0, M, false);
        else
            transpose_.run(right.data, left.data, turned_.data(), stride_, false);
        if (N == 2 || (width<T> == 8 && !has_halves && N > width<T>))
            return turn(turned_.data(), stride_, c, N, M, N);
        pack_panel(c, N, N, turned_.data(), stride_, 1, M);
    }

    const SmallWay way_;
    const Matrix<const T> a_, b_;
    const int64_t stride_;
    const SmallTiles<T> transpose_;
    const Panels<T> turned_;
};

// Products of one shape, as in gemm_each(), if there is a way for them.
template <typename T>
[[gnu::noinline]] bool small_products(int64_t count, Matrix<const T> a, Matrix<const T> b, Matrix<T> c,
                                      const int64_t (&step)[3]) {
    if constexpr (has_partial_loads) {
        const SmallWay way = small_way(a, b, c.row_stride);
        if (way == SmallWay::usual) return false;
        const SmallProduct<T> product(way, a, b);
        for (int64_t i = 0; i < count; i++, a.data += step[0], b.data += step[1], c.data += step[2])
            product.run(a.data, b.data, c.data);
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
