// The register tiles of matrix products: the scheme of gemm/microkernel.h, for factors wherever they lie.
//
// A, of which a step reads single numbers, is found in one of two ways:
//   rows together   a[k * a_stride + i]   a packed panel, or a column-major matrix
//   rows apart      a[i * a_stride + k]   a row-major matrix
// B, of which a step reads vectors, is found at b[k * b_stride + j]: a packed panel or a row-major matrix. If
// it is no panel, the vector at the right edge may reach beyond what exists; such tiles read a part of it.
#pragma once

#include "gemm/microkernel.h"

namespace pydl::PYDL_ISA {

// Shapes of tiles. With 32 registers of 64 bytes, 9x3 needs fewer loads for a multiply-add (12 for 27) than
// 14x2 (16 for 28). Both could keep the multipliers busy; but processors lower their clock when they draw
// much power, and loads draw it, so that the first is about 5 % faster where it was measured.
template <typename T>
inline constexpr int most_tile_vectors = many_registers ? 3 : 2;
template <typename T>
constexpr int most_tile_rows(int vectors) {
    if (!many_registers) return has_fma ? (vectors == 1 ? 12 : 6) : 4;
    if (width<T> * sizeof(T) == 16) return 8;
    return vectors == 3 ? 9 : 14;
}

//
// What is added to the sums of a tile lies at start[i * start_stride + j]: what C has already, or a bias;
// null if that is nothing.
template <typename T>
using GemmTile = void (*)(int64_t depth, const T* a, int64_t a_stride, const T* b, int64_t b_stride, T* c,
                          int64_t c_stride, int64_t columns, const T* start, int64_t start_stride);

// Whether tiles can read a part of a vector without much ado.
#if defined(PYDL_X86) && PYDL_VECTOR_BYTES > 16
inline constexpr bool has_partial_loads = true;
#else
inline constexpr bool has_partial_loads = false;
#endif

// The tile of this shape: rows <= most_tile_rows(vectors), vectors <= most_tile_vectors. Nothing of B is read
// behind the columns where parts of vectors can be read; else there must be whole vectors of it.
template <typename T>
GemmTile<T> gemm_tile(bool rows_apart, int rows, int64_t columns);

}  // namespace pydl::PYDL_ISA
