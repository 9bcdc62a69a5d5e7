// The loops over a common shape in which several arrays lie with strides of their own.
#pragma once
#include "array.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// How N operands walk through a shape, with dimensions merged where every operand allows it, so that
// contiguous arrays of any rank become one row. Operand 0 is the output. Dimension 0 is the innermost.
template <int N>
struct LoopNest {
    int rank = 0;
    int64_t shape[kMaxRank];
    int64_t stride[N][kMaxRank] = {};

    // Puts a dimension outside of those already there or merges it with the outermost one.
    // Not inlined, like Position below: the code would otherwise be in every kernel, several times as large
    // as its loop.
    [[gnu::noinline]] void add(int64_t size, const int64_t (&strides)[N]) {
        if (size == 1) return;
        if (rank > 0) {
            bool merges = true;
            for (int k = 0; k < N; ++k)
                merges = merges && strides[k] == stride[k][rank - 1] * shape[rank - 1];
            if (merges) {
                shape[rank - 1] *= size;
                return;
            }
        }
        shape[rank] = size;
        for (int k = 0; k < N; ++k) stride[k][rank] = strides[k];
        ++rank;
    }

    // The number of runs along the innermost dimension.
    int64_t rows() const {
        int64_t n = 1;
        for (int d = 1; d < rank; ++d) n *= shape[d];
        return n;
    }

    // Where the operands are at the start of a row; advance() goes to the next one without a division.
    struct Position {
        int64_t offset[N] = {};
        int64_t index[kMaxRank];

        [[gnu::noinline]] Position(const LoopNest& nest, int64_t row) {
            for (int d = 1; d < nest.rank; ++d) {
                index[d] = row % nest.shape[d];
                row /= nest.shape[d];
                for (int k = 0; k < N; ++k) offset[k] += index[d] * nest.stride[k][d];
            }
        }

        // `rows` of them, at most to the end of the dimension around the innermost one.
        PYDL_INLINE void advance(const LoopNest& nest, int64_t rows = 1) {
            if (nest.rank > 1) {
                for (int k = 0; k < N; ++k) offset[k] += (rows - 1) * nest.stride[k][1];
                index[1] += rows - 1;
            }
            for (int d = 1; d < nest.rank; ++d) {
                for (int k = 0; k < N; ++k) offset[k] += nest.stride[k][d];
                if (++index[d] < nest.shape[d]) return;
                for (int k = 0; k < N; ++k) offset[k] -= nest.shape[d] * nest.stride[k][d];
                index[d] = 0;
            }
        }
    };
};

// The stride by which x moves when the index of y's dimension d grows: 0 where x is repeated.
inline int64_t broadcast_stride(const Extents& x, int y_rank, int d) {
    const int own = d - (y_rank - x.rank);
    return own < 0 || x.shape[own] == 1 ? 0 : x.stride[own];
}

// Whether x can be read as if it had the shape of y: leading dimensions and dimensions of size 1 are
// repeated.
inline bool broadcasts_to(const Extents& x, const Extents& y) {
    if (x.rank > y.rank) return false;
    for (int d = 0; d < x.rank; ++d) {
        const int64_t size = y.shape[d + y.rank - x.rank];
        if (x.shape[d] != size && x.shape[d] != 1) return false;
    }
    return true;
}

}  // namespace pydl::PYDL_ISA
