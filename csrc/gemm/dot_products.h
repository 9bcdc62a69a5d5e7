// Dot products of rows of A and columns of B that both lie along k: C (+)= A B for a column-major B, such as
// the transposed weights of a linear layer.
#pragma once

#include "gemm/pack.h"
#include "gemm/short_dots.h"
#include "simd/register.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

template <typename V, int... I>
PYDL_INLINE auto add_halves(V v, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I);
    return __builtin_shufflevector(v, v, I...) + __builtin_shufflevector(v, v, (n + I)...);
}
// The sum of all blocks of a vector.
template <typename T, typename V>
PYDL_INLINE typename BlockOf<T>::type add_blocks(V v) {
    if constexpr (sizeof(V) == sizeof(T) * block_lanes<T>)
        return v;
    else
        return add_blocks<T>(add_halves(v, std::make_integer_sequence<int, sizeof(V) / sizeof(T) / 2>{}));
}

// The sums of the lanes of four vectors: together, because that takes a third of the work of one after
// another.
template <typename T>
class FourSums {
  public:
    PYDL_INLINE explicit FourSums(const vec<T> (&v)[4]) {
        constexpr auto all = std::make_integer_sequence<int, width<T>>{};
        const auto turns = [&](int i) PYDL_INLINE_LAMBDA {
            return halves_of_blocks<false, true>(v[i], v[i + 1], all) +
                   halves_of_blocks<true, true>(v[i], v[i + 1], all);
        };
        const vec<T> first = turns(0), second = turns(2);
        if constexpr (count == 1) {
            blocks_[0] = add_blocks<T>(halves_of_blocks<false, false>(first, second, all) +
                                       halves_of_blocks<true, false>(first, second, all));
        } else {
            blocks_[0] = add_blocks<T>(first);
            blocks_[1] = add_blocks<T>(second);
        }
    }
    // Block by block: compilers would put all in memory first and read it there before it has arrived.
    PYDL_INLINE void to(T* p) const {
#pragma GCC unroll 2
        for (int i = 0; i < count; i++)
            *reinterpret_cast<typename BlockOf<T>::type*>(p + i * block_lanes<T>) = blocks_[i];
    }
    PYDL_INLINE void to(T* p, int64_t stride) const {
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) p[i * stride] = blocks_[i / block_lanes<T>][i % block_lanes<T>];
    }

  private:
    static constexpr int count = 4 / block_lanes<T>;
    typename BlockOf<T>::type blocks_[count];
};

inline constexpr int dot_columns = 4;
inline constexpr int dot_rows = many_registers ? 6 : 3;  // of a tile of dot products

// The first columns of each row of sums, where c has any strides, or they are added to what is there.
template <typename T>
[[gnu::noinline]] void put_sums(const T (*sums)[dot_columns], int64_t rows, int64_t columns, T* c,
                                int64_t row_stride, int64_t column_stride, bool accumulate) {
    for (int64_t i = 0; i < rows; i++, sums++, c += row_stride)
        for (int64_t r = 0; r < columns; r++) {
            T& to = c[r * column_stride];
            to = accumulate ? to + (*sums)[r] : (*sums)[r];
        }
}

// MR rows of A times `columns` <= 4 columns of B.
template <typename T, int MR>
PYDL_INLINE void dot_group(const Matrix<const T>& a, const Matrix<const T>& b, const Matrix<T>& c,
                           int64_t columns, bool accumulate) {
    constexpr int64_t W = width<T>;
    vec<T> acc[MR][dot_columns] = {};
    const T* column[dot_columns] = {b.data};
#pragma GCC unroll 4
    for (int r = 1; r < dot_columns; r++)
        column[r] = forget(column[r - 1] + (r < columns ? b.column_stride : 0));
    // Caches do not foresee where rather short columns end: the next ones are asked for, line by line.
    constexpr int64_t line = 64 / sizeof(T);
    const int64_t within = b.rows >= 5 * line && b.rows <= 32 * line ? line - 1 : -1;
    const auto step = [&](int64_t k, int64_t lanes) PYDL_INLINE_LAMBDA {
        vec<T> row[MR];
#pragma GCC unroll 6
        for (int i = 0; i < MR; i++) row[i] = load_partial(a.data + i * a.row_stride + k, lanes);
#pragma GCC unroll 4
        for (int r = 0; r < dot_columns; r++) {
            // Or each multiply-add would read it from memory again.
            const vec<T> other = in_register(load_partial(column[r] + k, lanes));
#pragma GCC unroll 6
            for (int i = 0; i < MR; i++) acc[i][r] = fma(row[i], other, acc[i][r]);
        }
    };
    int64_t k = 0;
    for (; k + W <= b.rows; k += W) {
        if ((k & within) == 0)
#pragma GCC unroll 4
            for (int r = 0; r < dot_columns; r++) prefetch(column[r] + k + dot_columns * b.column_stride);
        step(k, W);
    }
    if (k < b.rows) step(k, b.rows - k);
    // What is less usual goes through memory, or its code would be there MR times.
    const bool usual = columns == dot_columns && !accumulate;
    alignas(16) T sums[MR][dot_columns];
#pragma GCC unroll 6
    for (int i = 0; i < MR; i++) {
        const FourSums<T> sum(acc[i]);
        if (!usual)
            sum.to(sums[i]);
        else if (c.column_stride == 1)
            sum.to(&c(i, 0));
        else
            sum.to(&c(i, 0), c.column_stride);
    }
    if (usual) return;
    if constexpr (MR == 1) {
#pragma GCC unroll 4
        for (int r = 0; r < dot_columns; r++)
            if (r < columns) c(0, r) = accumulate ? c(0, r) + sums[0][r] : sums[0][r];
    } else {
        put_sums<T>(sums, MR, columns, c.data, c.row_stride, c.column_stride, accumulate);
    }
}

template <typename T, int MR>
void dot_products(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, int64_t columns, bool accumulate) {
    dot_group<T, MR>(a, b, c, columns, accumulate);
}

// Of one row and one column, which many small products are.
template <typename T>
PYDL_INLINE T dot_product(const T* a, const T* b, int64_t depth) {
    constexpr int64_t W = width<T>;
    vec<T> sum{}, other{};
    int64_t k = 0;
    for (; k + 2 * W <= depth; k += 2 * W) {
        sum = fma(load(a + k), load(b + k), sum);
        other = fma(load(a + k + W), load(b + k + W), other);
    }
    for (; k < depth; k += W) sum = fma(load_partial(a + k, depth - k), load_partial(b + k, depth - k), sum);
    return reduce_add(sum + other);
}

// Groups of whole dot_columns in a row of C, so little work that they are spared a call for each of them. The
// factors are copies: what is written to C might change others.
template <typename T>
[[gnu::noinline]] void dot_groups(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, int64_t end) {
    for (int64_t j = 0; j < end; j += dot_columns)
        dot_group<T, 1>(a, b.part(0, j, b.rows, dot_columns), c.part(0, j, 1, dot_columns), dot_columns,
                        false);
}

// A row of C. A few columns are computed before the loop for many has begun.
template <typename T>
[[gnu::noinline]] void dot_row(const Matrix<const T>& a, const Matrix<const T>& b, const Matrix<T>& c) {
    if constexpr (picks_lanes && sizeof(T) == 4)
        if (are_short(b) && c.column_stride == 1)
            return short_dots(a.data, b.data, b.rows, c.data, b.columns);
    constexpr int64_t many = 4 * dot_columns;
    const int64_t end = b.columns >= many ? b.columns / dot_columns * dot_columns : 0;
    if (end > 0) dot_groups<T>(a, b, c, end);
    for (int64_t j = end; j < b.columns; j += dot_columns) {
        const int64_t some = b.columns - j < dot_columns ? b.columns - j : dot_columns;
        const Matrix<const T> group = b.part(0, j, b.rows, some);
        if (some == 1)
            c(0, j) = dot_product(a.data, group.data, b.rows);
        else
            dot_group<T, 1>(a, group, c.part(0, j, 1, some), some, false);
    }
}

template <typename T, int MR>
PYDL_INLINE void dot_panel(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, int64_t begin, int64_t end,
                           bool accumulate) {
    if (MR == 1 && !accumulate)
        return dot_row<T>(a, b.part(0, begin, b.rows, end - begin), c.part(0, begin, 1, end - begin));
    for (int64_t j = begin; j < end; j += dot_columns)
        dot_products<T, MR>(a, b.part(0, j, b.rows, end - j), c.part(0, j, MR, end - j),
                            end - j < dot_columns ? end - j : dot_columns, accumulate);
}

// Panels of a few rows. Columns of B go in blocks that fit the second-level cache, where each panel finds
// them.
template <typename T>
void thin_by_dots(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, int64_t begin, int64_t end,
                  bool accumulate) {
    const RowPanels rows(a.rows, dot_rows);  // even ones: a single row reads more than it computes
    const int64_t block = dot_columns * (1 + (256 << 10) / int64_t(sizeof(T)) / dot_columns / (b.rows + 1));
    for (int64_t from = begin; from < end; from += block) {
        const int64_t to = end - from < block ? end : from + block;
        for (int64_t p = 0; p < rows.count; p++) {
            const int64_t i = rows.begin(p), m = rows.rows(p);
            const Matrix<const T> own = a.part(i, 0, m, a.columns);
            const Matrix<T> at = c.part(i, 0, m, b.columns);
            switch (m) {
                case 1:
                    dot_panel<T, 1>(own, b, at, from, to, accumulate);
                    break;
                case 2:
                    dot_panel<T, 2>(own, b, at, from, to, accumulate);
                    break;
                case 3:
                    dot_panel<T, 3>(own, b, at, from, to, accumulate);
                    break;
                case 4:
                    dot_panel < T, dot_rows<4 ? 1 : 4>(own, b, at, from, to, accumulate);
                    break;
                case 5:
                    dot_panel < T, dot_rows<5 ? 1 : 5>(own, b, at, from, to, accumulate);
                    break;
                case 6:
                    dot_panel < T, dot_rows<6 ? 1 : 6>(own, b, at, from, to, accumulate);
                    break;
            }
        }
    }
}

}  // namespace pydl::PYDL_ISA
