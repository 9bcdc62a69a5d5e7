// Products with short sums, as those of points in the plane or of a few features with weights. Tiles of C
// would hardly have begun when they have to be stored; here it is B that stays in registers, and rows of A
// and C pass by one after another:
//
//    A, K numbers a row     B, K x (NV * width), in registers     C
//    a0 a1 .. aK            b00 b01 ... b0N                       a0 b0 + a1 b1 + .. + aK bK
//    |                      |     ...     |                       |
//    v                      bK0 bK1 ... bKN                       v
#pragma once

#include "gemm/pack.h"
#include "gemm/panels.h"
#include "gemm/rows_apart.h"
#include "gemm/sizes.h"
#include "gemm/thin.h"
#include "gemm/tile.h"
#include "parallel.h"
#include "simd/halves.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {

inline constexpr int most_shallow = many_registers ? 8 : 6;  // rows of B
inline constexpr int64_t shallow_results = 512;              // of a product alone: fewer are no work

template <typename T>
using ShallowRows = void (*)(int64_t rows, const T* a, int64_t row_stride, int64_t k_stride, const T* b,
                             int64_t b_stride, T* c, int64_t c_stride, int64_t columns);

// `columns` fill NV vectors: the last of several begins where it ends with the columns, on some lanes of the
// one before it, which have the same sums.
template <typename T, int K, int NV>
void shallow_rows(int64_t rows, const T* a, int64_t row_stride, int64_t k_stride, const T* b,
                  int64_t b_stride, T* c, int64_t c_stride, int64_t columns) {
    constexpr int64_t W = width<T>;
    const int64_t last = NV == 1 ? 0 : columns - W;
    // With AVX2 one vector is whole, too: see is_shallow().
    const int64_t lanes = NV == 1 && has_halves ? columns : W;
    vec<T> kept[K][NV];
#pragma GCC unroll 8
    for (int k = 0; k < K; k++)
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++)
            kept[k][v] = in_register(load_partial(b + k * b_stride + (v == NV - 1 ? last : 0), lanes));
    RowsApart<T, K> factors(a, k_stride);
#pragma GCC unroll 1
    for (int64_t i = 0; i < rows; i++, c += c_stride) {
        vec<T> sum[NV] = {};
#pragma GCC unroll 8
        for (int k = 0; k < K; k++) {
            const vec<T> factor = broadcast<T>(factors[k]);
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) sum[v] = fma(factor, kept[k][v], sum[v]);
        }
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) store_partial(c + (v == NV - 1 ? last : 0), sum[v], lanes);
        factors.advance(row_stride);
    }
}

template <typename T, typename Sizes>
struct ShallowTable;
template <typename T, int... I>
struct ShallowTable<T, std::integer_sequence<int, I...>> {
    // Two vectors of columns fit the registers beside a row of C and, without AVX-512, a number of A.
    static_assert(2 * (sizeof...(I) + 1) + !many_registers <= vector_registers);
    static constexpr ShallowRows<T> one[] = {shallow_rows<T, I + 1, 1>...},
                                    two[] = {shallow_rows<T, I + 1, 2>...};
};

// Not where a wide C has too many panels of columns, nor with AVX2 where each row is a part of a vector,
// which it stores slowly. C is written, not added to.
template <typename T>
[[gnu::noinline]] bool is_shallow(Matrix<const T> a, Matrix<const T> b) {
    if (!has_partial_loads || a.columns < 1 || a.columns > most_shallow || a.rows <= sweep_rows) return false;
    // Rows of a C that is beyond the caches are written fastest all at once.
    const int64_t bytes = a.rows * b.columns * int64_t(sizeof(T));
    if (a.columns <= 3 && b.columns > 2 * width<T> && bytes > 24 << 20) return false;
    return b.columns >= (many_registers ? 2 : width<T>) && b.columns <= 4096;
}

// Such products, with factors of the shapes of a and b but for the rows.
template <typename T>
class ShallowProduct {
  public:
    [[gnu::noinline]] ShallowProduct(Matrix<const T> a, Matrix<const T> b)
        : a_(a),
          b_(b),
          panels_(b.columns, 2 * width<T>, width<T>),
          packed_(b.column_stride != 1 ? whole_vectors<T>(b.columns) * b.rows : 0),
          whole_(find(panels_.size)),
          last_(find(panels_.length(panels_.count - 1, b.columns))) {}

    // b with unit stride along its rows.
    [[gnu::noinline]] Matrix<const T> in_rows(const T* b) const {
        if (b_.column_stride == 1) return {b, b_.rows, b_.columns, b_.row_stride, 1};
        const int64_t stride = whole_vectors<T>(b_.columns);
        pack_panel(packed_.data(), stride, b_.columns, b, b_.column_stride, b_.row_stride, b_.rows);
        return {packed_.data(), b_.rows, b_.columns, stride, 1};
    }

    [[gnu::noinline]] void run(int64_t rows, const T* a, Matrix<const T> b, T* c, int64_t c_stride) const {
        const int64_t N = b_.columns;
        for (int64_t p = 0; p < panels_.count; p++) {
            const bool is_last = p + 1 == panels_.count;
            // The last vector is whole, if there are as many columns: some of them are computed twice.
            const int64_t begin = panels_.begin(p),
                          j = is_last && N >= width<T> && N - begin < width<T> ? N - width<T> : begin;
            (is_last ? last_ : whole_)(rows, a, a_.row_stride, a_.column_stride, &b(0, j), b.row_stride,
                                       c + j, c_stride, is_last ? N - j : panels_.size);
        }
    }

  private:
    ShallowRows<T> find(int64_t columns) const {
        if constexpr (has_partial_loads) {
            using Table = ShallowTable<T, std::make_integer_sequence<int, most_shallow>>;
            return (columns <= width<T> ? Table::one : Table::two)[a_.columns - 1];
        }
        return nullptr;
    }

    const Matrix<const T> a_, b_;
    const Parts panels_;
    const Panels<T> packed_;
    const ShallowRows<T> whole_, last_;
};

template <typename T, typename Epilogue>
void shallow_product(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, const Epilogue& epilogue) {
    const int64_t M = a.rows, N = b.columns;
    const double parts = thread_parts<T>(M, N, a.columns);
    const int64_t grain = parts < 2 ? M : fair_grain(M, 1, 1 + int64_t(double(M) / parts));
    parallel_for(M, grain, [&](int64_t begin, int64_t end) {
        // Rows whose part of C stays in the first- or second-level cache until it is finished.
        const int64_t fit = 8192 / int64_t(sizeof(T)) / N;
        const Parts blocks(end - begin, fit < 8 ? 8 : fit);
        const ShallowProduct<T> product(a, b);
        const Matrix<const T> in_rows = product.in_rows(b.data);
        for (int64_t p = 0; p < blocks.count; p++) {
            const int64_t i = begin + blocks.begin(p), m = blocks.length(p, end - begin);
            product.run(m, &a(i, 0), in_rows, c + i * c_stride, c_stride);
            epilogue(c + i * c_stride, c_stride, i, int64_t(0), m, N);
        }
    });
}

}  // namespace pydl::PYDL_ISA
