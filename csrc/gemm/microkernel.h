// The register tile: every matrix product, convolution and recurrent layer spends its time in the loop below.
//
// A tile of C, MR rows by NV vectors, stays in registers while k runs. Each step takes NV vectors of B and MR
// single numbers of A and adds their outer product:
//
//                      B panel, depth x (NV * width)
//                     k=0   | b00 b01 ... b0N |
//                     k=1   | b10 b11 ... b1N |      one step reads one row of it
//                           |      ...        |
//    A panel, depth x MR
//    k=0  | a00 a10 ... aM0 |  \                          c00 ... c0N
//    k=1  | a01 a11 ... aM1 |   } a step reads one row;   c10 ... c1N   in registers
//         |      ...        |  /  a_ik meets all of b_k*  ...
//                                                         cM0 ... cMN
//
// Both panels are read from front to back without gaps. Rules:
//  - depth may be 0; the tile is then zero (or C, when accumulating).
//  - Rows at the lower edge have tiles of their own (every MR from 1 is instantiated): an A panel has no
//    padding.
//  - Columns at the right edge are padded: a row of the B panel has whole vectors, whose unused lanes may
//    hold anything, and `columns` says how many of them exist in C. Nothing is stored beyond.
//  - Without accumulation C is never read, so it may hold anything.
//  - An element is one chain of fused multiply-adds over k in order, whatever the tile's shape: results do
//    not depend on how a matrix is cut into tiles.
#pragma once

#include "simd/register.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// The largest tile whose accumulators, one row of B and one number of A fit the registers: 14x32 (AVX-512),
// 6x16 (AVX2), 4x8 (SSE2), 8x12 (NEON) in float, half as many columns in double.
inline constexpr bool many_registers = vector_registers >= 32;
template <typename T>
inline constexpr int tile_vectors = many_registers && width<T> * sizeof(T) == 16 ? 3 : 2;
template <typename T>
inline constexpr int tile_rows = !many_registers        ? (has_fma ? 6 : 4)
                                 : tile_vectors<T> == 3 ? 8
                                                        : 14;
template <typename T>
inline constexpr int tile_columns = tile_vectors<T> * width<T>;

// Where step k finds its numbers of A: in a packed panel, in a matrix of any strides, or behind one pointer a
// row.
template <typename T, int MR>
struct PanelRows {
    const T* panel;
    PYDL_INLINE T operator()(int64_t k, int i) const { return panel[k * MR + i]; }
};
template <typename T>
struct StridedRows {
    const T* data;
    int64_t row_stride, k_stride;
    PYDL_INLINE T operator()(int64_t k, int i) const { return data[i * row_stride + k * k_stride]; }
};
template <typename T, int MR>
struct PointerRows {
    const T* row[MR];
    PYDL_INLINE T operator()(int64_t k, int i) const { return row[i][k]; }
};

// Where it finds its vectors of B: row k starts `stride` elements after row k - 1.
template <typename T>
struct Columns {
    const T* data;
    int64_t stride;
    PYDL_INLINE vec<T> operator()(int64_t k, int v) const { return load(data + k * stride + v * width<T>); }
};

// acc += A B over `depth` steps.
template <typename T, int MR, int NV, typename A, typename B>
PYDL_INLINE void outer_products(vec<T> (&acc)[MR][NV], int64_t depth, A a, B b) {
    // Few rows of sums leave room for a row of B, which compilers otherwise read again for each of them. With
    // AVX-512 a number of A comes from memory as part of the multiply-add.
    constexpr bool keeps_row = MR > 1 && MR * NV + NV + (many_registers ? 0 : 1) <= vector_registers;
#pragma GCC unroll 4
    for (int64_t k = 0; k < depth; k++) {
        vec<T> row[NV];
#pragma GCC unroll 16
        for (int v = 0; v < NV; v++) row[v] = keeps_row ? in_register(b(k, v)) : b(k, v);
#pragma GCC unroll 32
        for (int i = 0; i < MR; i++) {
            const vec<T> factor = broadcast<T>(a(k, i));
#pragma GCC unroll 16
            for (int v = 0; v < NV; v++) acc[i][v] = fma(factor, row[v], acc[i][v]);
        }
    }
}

// The first `count` < width numbers of some rows, one after another in memory, to rows of C. In pieces:
// without AVX-512, a masked store takes a dozen cycles on many processors, and numbers one by one take as
// many.
template <typename T>
[[gnu::noinline]] void store_ends(const T* from, int64_t from_stride, int rows, T* to, int64_t stride,
                                  int64_t count) {
    static_assert(width<T> * sizeof(T) <= 32);
    const size_t bytes = size_t(count) * sizeof(T);
#pragma GCC unroll 1
    for (int i = 0; i < rows; i++, from += from_stride, to += stride) {
        auto source = reinterpret_cast<const char*>(from);
        auto target = reinterpret_cast<char*>(to);
        if (bytes & 16) __builtin_memcpy(target, source, 16), source += 16, target += 16;
        if (bytes & 8) __builtin_memcpy(target, source, 8), source += 8, target += 8;
        if (bytes & 4) __builtin_memcpy(target, source, 4);
    }
}

// A finished or half-finished tile and C. `columns` of the NV * width columns exist.
template <typename T, int MR, int NV>
PYDL_INLINE void store_tile(const vec<T> (&acc)[MR][NV], T* c, int64_t c_stride, int64_t columns,
                            bool accumulate) {
    if (columns == NV * width<T>) {
#pragma GCC unroll 32
        for (int i = 0; i < MR; i++, c += c_stride) {
#pragma GCC unroll 16
            for (int v = 0; v < NV; v++) {
                T* at = c + v * width<T>;
                store(at, accumulate ? load(at) + acc[i][v] : acc[i][v]);
            }
        }
    } else {
        T tile[MR * NV * width<T>];
#pragma GCC unroll 32
        for (int i = 0; i < MR; i++)
#pragma GCC unroll 16
            for (int v = 0; v < NV; v++) store(tile + (i * NV + v) * width<T>, acc[i][v]);
#pragma GCC unroll 1
        for (int i = 0; i < MR; i++, c += c_stride)
            for (int64_t j = 0; j < columns; j += width<T>) {
                const vec<T> sum = load(tile + i * NV * width<T> + j);
                store_partial(c + j, accumulate ? load_partial(c + j, columns - j) + sum : sum, columns - j);
            }
    }
}

// The tile as a function, to be called through a table: C tile (+)= A panel * B panel.
template <typename T>
using TileFunction = void (*)(int64_t depth, const T* a, const T* b, int64_t b_stride, T* c, int64_t c_stride,
                              int64_t columns, bool accumulate);

// The tile for rows <= tile_rows and columns <= tile_columns. Defined in microkernel.cpp, so that the sizes
// of tiles are compiled once and not for every kernel that uses them.
template <typename T>
TileFunction<T> tile_function(int rows, int64_t columns);

}  // namespace pydl::PYDL_ISA
