// How the arrays of an element-by-element kernel are walked, without their types: compiled once for all
// kernels of as many arrays.
#pragma once
#include "array.h"
#include "elementwise/loop_nest.h"
#include "elementwise/packed.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kElementwiseGrain =
    16384;  // elements below which a second thread costs more than it brings

// How the N arrays of an element-by-element kernel are walked, the result first. Rows are cut into pieces of
// at most a grain, so that few long ones keep all threads busy too.
template <int N>
struct ElementwisePlan {
    LoopNest<N> nest;
    int64_t inner, piece, pieces;  // elements of a row and of a piece, pieces of a row

    [[gnu::noinline]] ElementwisePlan(const char* mismatch, const Extents* const (&arrays)[N]) {
        const Extents& y = *arrays[0];
        for (int k = 1; k < N; ++k) require(broadcasts_to(*arrays[k], y), mismatch);
        int order[kMaxRank];  // of the dimensions, as y lies in memory, the innermost first
        for (int n = 0; n < y.rank; ++n) {
            const int d = y.rank - 1 - n;
            int at = n;
            for (; at > 0 && distance(y, order[at - 1]) > distance(y, d); --at) order[at] = order[at - 1];
            order[at] = d;
        }
        for (int n = 0; n < y.rank; ++n) {
            const int d = order[n];
            int64_t stride[N] = {y.stride[d]};
            for (int k = 1; k < N; ++k) stride[k] = broadcast_stride(*arrays[k], y.rank, d);
            nest.add(y.shape[d], stride);
        }
        inner = nest.rank > 0 ? nest.shape[0] : 1;
        piece = inner < kElementwiseGrain ? inner : kElementwiseGrain;
        pieces = inner > 0 ? (inner - 1) / piece + 1 : 0;
    }

    static int64_t distance(const Extents& y, int d) { return y.stride[d] < 0 ? -y.stride[d] : y.stride[d]; }

    int64_t tasks() const { return nest.rows() * pieces; }
    int64_t grain() const { return inner > 0 ? kElementwiseGrain / piece : 1; }

    // The dimension along which an input of single numbers of `size` bytes lies without gaps, where y does so
    // along the innermost one and the input does not; else 0. Every second number is read well as it is.
    int turned_dimension(const int64_t (&bytes)[N]) const {
        if (nest.rank < 2 || nest.stride[0][0] != 1) return 0;
        for (int d = 1; d < nest.rank; ++d)
            for (int k = 1; k < N; ++k)
                if (is_turned(k, d, bytes) && nest.shape[d] > 1) return d;
        return 0;
    }
    bool is_turned(int k, int d, const int64_t (&bytes)[N]) const {
        return bytes[0] >= int64_t(sizeof(float)) && bytes[k] == bytes[0] && nest.stride[k][d] == 1 &&
               (nest.stride[k][0] < 0 || nest.stride[k][0] > 2);
    }
};

// The kernel and its arrays, without their types. A kernel without f copies its one input.
template <int N>
struct ElementwiseCall {
    ElementwiseRun run;
    const void* f;
    char* data[N];
    int64_t bytes[N];  // of an element

    PYDL_INLINE void operator()(const int64_t (&offset)[N], const int64_t (&stride)[N], int64_t count,
                                int64_t rows, const int64_t (&step)[N]) const {
        void* p[N];
        for (int k = 0; k < N; ++k) p[k] = data[k] + offset[k] * bytes[k];
        if (rows >= kManyRows) return run_short_rows(run, f, p, stride, count, rows, step, N, bytes);
        run_near(run, f, p, stride, count, rows, step, N, bytes);
    }
};

}  // namespace pydl::PYDL_ISA
