// linear: y = f(x W^T + b), and the gradients of W and b. See pydl/ops/linear.py.
#include "gemm/gemm.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
Matrix<T> matrix(const Array<T, 2>& x) {
    return {x.data, x.shape[0], x.shape[1], x.stride[0], x.stride[1]};
}

template <typename T>
BiasActivation<T> finish(const Optional<Array<const T, 1>>& bias, int64_t features, int64_t activation) {
    require(!bias || bias->shape[0] == features,
            "linear: bias must have as many elements as weight has rows");
    require(activation >= 0 && activation <= int64_t(Activation::tanh),
            "linear: activation must be a number from 0 to 3");
    return {nullptr, 0, bias ? bias->data : nullptr, bias ? bias->stride[0] : 0, Activation(activation)};
}

template <typename T>
void linear_forward(Array<const T, 2> x, Array<const T, 2> weight, Optional<Array<const T, 1>> bias,
                    Array<T, 2> y, int64_t activation) {
    require(x.shape[1] == weight.shape[1] && y.shape[0] == x.shape[0] && y.shape[1] == weight.shape[0],
            "linear_forward: x (N, K), weight (M, K) and y (N, M) do not fit");
    gemm<T>(matrix(x), matrix(weight).transposed(), matrix(y), finish<T>(bias, weight.shape[0], activation));
}
PYDL_KERNEL(linear_forward, "x, weight, bias, y, activation")

template <typename T>
void linear_packed(Array<const T, 2> x, Array<const T, 3> panels, Optional<Array<const T, 1>> bias,
                   Array<T, 2> y, int64_t activation) {
    const int64_t M = y.shape[1], L = panels.shape[2];
    require(L > 0 && L % width<T> == 0 && panels.contiguous() && panels.shape[0] == (M + L - 1) / L &&
                panels.shape[1] == x.shape[1] && y.shape[0] == x.shape[0] &&
                (y.stride[1] == 1 || M <= 1 || x.shape[0] == 0),
            "linear_packed: x (N, K), panels (P, K, L) and y (N, M) do not fit");
    gemm_packed<T>(matrix(x), panels.data, L, matrix(y), finish<T>(bias, M, activation));
}
PYDL_KERNEL(linear_packed, "x, panels, bias, y, activation")

// Column sums in blocks of rows of fixed size, added in order: the same bits for any number of threads.
template <typename T>
void linear_backward_bias(Array<const T, 2> dy, Array<T, 1> dbias) {
    require(dbias.shape[0] == dy.shape[1], "linear_backward_bias: dy (N, M) and dbias (M) do not fit");
    const int64_t N = dy.shape[0], M = dy.shape[1];
    const int64_t grain = width<T> * (1 + 65536 / ((N + 1) * width<T>));
    parallel_for(M, grain, [&](int64_t begin, int64_t end) {
        for (int64_t m = begin; m < end; m += width<T>) {
            const int64_t lanes = end - m < width<T> ? end - m : width<T>;
            // Four sums, because an addition waits for the one before it.
            vec<T> sum[4] = {};
            for (int64_t n = 0; n < N; ++n) {
                vec<T> row{};
                if (dy.stride[1] == 1) {
                    row = load_partial(&dy(n, m), lanes);
                } else {
                    for (int64_t l = 0; l < lanes; ++l) row[l] = dy(n, m + l);
                }
                sum[n % 4] += row;
            }
            const vec<T> total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
            for (int64_t l = 0; l < lanes; ++l) dbias(m + l) = total[l];
        }
    });
}
PYDL_KERNEL(linear_backward_bias, "dy, dbias")

// Matrices of a list, one below the other.
template <typename T>
[[gnu::noinline]] void gather(const ArrayList<const T>& list, int64_t first, int64_t last, T* to) {
    for (int64_t i = first; i < last; to += list.size(i), i++)
        for (int64_t k = 0, count = list.size(i); k < count; k += width<T>)
            store_partial(to + k, load_partial(list.data(i) + k, count - k), count - k);
}

template <typename T>
void linear_backward_weight(ArrayList<const T> dy, ArrayList<const T> x, Array<T, 2> dweight, bool adds) {
    constexpr int64_t together =
        384;  // rows, of several steps: a product of so many hardly waits for dweight
    const int64_t M = dweight.shape[0], K = dweight.shape[1];
    bool fits = dy.count == x.count && dy.count > 0;
    for (int64_t i = 0; fits && i < dy.count; i++) {
        const ArrayValue &a = dy.arrays[i], &b = x.arrays[i];
        fits = a.rank == 2 && b.rank == 2 && a.shape[0] == b.shape[0] && a.shape[1] == M && b.shape[1] == K;
    }
    require(fits, "linear_backward_weight: dy (N, M), x (N, K) and dweight (M, K) do not fit");
    for (int64_t first = 0, last; first < dy.count; first = last, adds = true) {
        int64_t rows = dy.arrays[first].shape[0];
        for (last = first + 1; last < dy.count && rows + dy.arrays[last].shape[0] <= together; last++)
            rows += dy.arrays[last].shape[0];
        const bool several = last > first + 1;
        const Scratch<T> all_dy(several ? rows * M : 0), all_x(several ? rows * K : 0);
        if (several) gather(dy, first, last, all_dy.data()), gather(x, first, last, all_x.data());
        gemm<T>({several ? all_dy.data() : dy.data(first), M, rows, 1, M},
                {several ? all_x.data() : x.data(first), rows, K, K, 1}, matrix(dweight), adds);
    }
}
PYDL_KERNEL(linear_backward_weight, "dy, x, dweight, adds")

}  // namespace pydl::PYDL_ISA
