// embedding: y[m] = weight[index[m]], and the sum of dy over the uses of each row. See pydl/ops/embedding.py.
#include "elementwise/add_rows.h"
#include "elementwise/row_copies.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kEmbeddingGrain = 16384;  // numbers worth a task of their own

inline bool all_rows_exist(const Array<const int64_t, 1>& index, int64_t V) {
    const int64_t step = index.stride[0];
    bool missing = false;
    parallel_for(index.shape[0], kEmbeddingGrain, [&](int64_t begin, int64_t end) {
        bool exist = true;
        const int64_t* p = index.data + begin * step;
        for (int64_t m = begin; m < end; ++m, p += step) exist &= uint64_t(*p) < uint64_t(V);
        if (!exist) __atomic_store_n(&missing, true, __ATOMIC_RELAXED);
    });
    return !missing;
}

// to[m] = from[numbers[m]], all with strides.
template <typename T>
[[gnu::noinline]] void gather_numbers(const T* from, int64_t from_stride, const int64_t* numbers,
                                      int64_t step, T* to, int64_t to_stride, int64_t count) {
#pragma GCC unroll 4
    for (int64_t m = 0; m < count; ++m, numbers += step, to += to_stride) *to = from[*numbers * from_stride];
}

}  // namespace

template <typename T>
void embedding_forward(Array<const T, 2> weight, Array<const int64_t, 1> index, Array<T, 2> y) {
    const int64_t V = weight.shape[0], D = weight.shape[1], M = index.shape[0];
    require(y.shape[0] == M && y.shape[1] == D, "embedding_forward: weight is (V, D), index (M), y (M, D)");
    require(all_rows_exist(index, V), "embedding_forward: index must be from 0 to V - 1");
    if (D == 0) return;
    const bool are_rows = weight.stride[1] == 1 && y.stride[1] == 1;
    parallel_for(M, kEmbeddingGrain / D + 1, [&](int64_t begin, int64_t end) {
        const int64_t* v = index.data;
        const int64_t step = index.stride[0];
        if (D == 1)  // the length of a row as a constant: no branch on it
            return gather_numbers(weight.data, weight.stride[0], v + begin * step, step,
                                  y.data + begin * y.stride[0], y.stride[0], end - begin);
        if (are_rows)
            return copy_rows(reinterpret_cast<const char*>(weight.data),
                             weight.stride[0] * int64_t(sizeof(T)), v + begin * step, step,
                             reinterpret_cast<char*>(y.data + begin * y.stride[0]),
                             y.stride[0] * int64_t(sizeof(T)), end - begin, D * int64_t(sizeof(T)));
        for (int64_t m = begin; m < end; ++m)
            copy_apart(weight.data + v[m * step] * weight.stride[0], weight.stride[1],
                       y.data + m * y.stride[0], y.stride[1], D);
    });
}
PYDL_KERNEL(embedding_forward, "weight, index, y")

template <typename T>
void embedding_backward(Array<const T, 2> dy, Array<const int64_t, 1> index, int64_t padding_idx,
                        Array<T, 2> dweight) {
    const int64_t V = dweight.shape[0], D = dweight.shape[1], M = index.shape[0];
    require(dy.shape[0] == M && dy.shape[1] == D,
            "embedding_backward: dy is (M, D), index (M), dweight (V, D)");
    require(all_rows_exist(index, V), "embedding_backward: index must be from 0 to V - 1");
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
