// getitem_backward: dx[index[m], :] += dy[m, :]; rows that were taken several times sum up. See
// pydl/ops/getitem.py.
#include "kernel.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void getitem_backward(Array<const T, 2> dy, Array<const int64_t, 1> index, Array<T, 2> dx) {
    const int64_t M = dy.shape[0], D = dy.shape[1], N = dx.shape[0];
    require(index.shape[0] == M && dx.shape[1] == D, "getitem_backward: dy is (M, D), index (M), dx (N, D)");
    if (dy.size() == 0) return;
    const int64_t step = index.stride[0];
    bool inside = true;
    for (int64_t m = 0; m < M; ++m) inside &= uint64_t(index.data[m * step]) < uint64_t(N);
    require(inside, "getitem_backward: index is outside of dx");
    const bool unit = dy.stride[1] == 1 && dx.stride[1] == 1;
    // Each thread goes through all of index and adds what falls into its own rows, in the order of m.
    const int64_t work = (M * D) / (N > 0 ? N : 1) + 1;
    parallel_for(N, 16384 / work + 1, [&](int64_t begin, int64_t end) {
        for (int64_t m = 0; m < M; ++m) {
            const int64_t n = index.data[m * step];
            if (n < begin || n >= end) continue;
            const T* from = dy.data + m * dy.stride[0];
            T* to = dx.data + n * dx.stride[0];
            int64_t d = 0;
            if (unit)
                for (; d + width<T> <= D; d += width<T>) store(to + d, load(to + d) + load(from + d));
            for (; d < D; ++d) to[d * dx.stride[1]] += from[d * dy.stride[1]];
        }
    });
}
PYDL_KERNEL(getitem_backward, "dy, index, dx")

}  // namespace pydl::PYDL_ISA
