// embedding: the sum of dy over the uses of each row; the rows themselves are taken by gather. See
// pydl/ops/embedding.py.
#include "elementwise/add_rows.h"
#include "elementwise/row_copies.h"
#include "elementwise/row_numbers.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kEmbeddingGrain = 16384;  // numbers worth a task of their own

}  // namespace

template <typename T>
void embedding_backward(Array<const T, 2> dy, Array<const int64_t, 1> index, int64_t padding_idx,
                        Array<T, 2> dweight) {
    const int64_t V = dweight.shape[0], D = dweight.shape[1], M = index.shape[0];
    require(dy.shape[0] == M && dy.shape[1] == D,
            "embedding_backward: dy is (M, D), index (M), dweight (V, D)");
    const Index numbers{index.data, {1, M, 1}, {0, index.stride[0], 0}};
    check_index(numbers, V, "embedding_backward: index must be from 0 to V - 1");
    if (D == 0) return;
    parallel_for(V, kEmbeddingGrain / D + 1, [&](int64_t begin, int64_t end) {
        if (dweight.contiguous()) return fill_zero(dweight.data + begin * D, (end - begin) * D);
        for (int64_t v = begin; v < end; ++v)
            for (int64_t d = 0; d < D; ++d)
                dweight.data[v * dweight.stride[0] + d * dweight.stride[1]] = T(0);
    });
    add_rows(dy, index, dweight, padding_idx);
}
PYDL_KERNEL(embedding_backward, "dy, index, padding_idx, dweight")

}  // namespace pydl::PYDL_ISA
