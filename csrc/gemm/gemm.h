// C = A B, or C += A B, for matrices with any strides. Compiled once, in gemm.cpp, and not for every kernel
// that has products.
#pragma once

#include "gemm/epilogue.h"
#include "gemm/pack.h"
#include "parallel.h"
#include "runtime/threads.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

// c (+)= a b. Sizes may be zero; without accumulation c is not read. c must not overlap a or b.
template <typename T>
void gemm(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, bool accumulate = false);

// c = a b + a2 b2, as what a recurrent unit gets from its input and from its state, if that is faster than
// the two products one after another; else false, and nothing was done.
template <typename T>
bool gemm_sum(Matrix<const T> a, Matrix<const T> b, Matrix<const T> a2, Matrix<const T> b2, Matrix<T> c);

// Products of one shape, each of whose factors and result lie `step` elements behind the ones before.
template <typename T>
void gemm_each(int64_t count, Matrix<const T> a, Matrix<const T> b, Matrix<T> c, const int64_t (&step)[3]);

// c = f(a b + bias).
template <typename T>
void gemm(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, const BiasActivation<T>& finish);

// The same for a B that was packed before: column j of row k is at panels[(j / L * K + k) * L + j % L], L
// being `panel_columns`, whole vectors of them, whose last ones may lie beyond C.
template <typename T>
void gemm_packed(Matrix<const T> a, const T* panels, int64_t panel_columns, Matrix<T> c,
                 const BiasActivation<T>& finish);

// Many products; products(begin, end) runs some with gemm(). Small ones share the threads between them, large
// ones, and those of middle size that are left over, use all threads one after another. work: multiply-adds
// of one product.
template <typename F>
void gemm_batch(int64_t count, int64_t work, const F& products) {
    constexpr int64_t large = 1 << 24, middle = 1 << 20;
    const int64_t shared = work < middle                 ? count
                           : work >= large && count < 64 ? 0
                                                         : count - count % num_threads();
    parallel_for(shared, 1 + 200000 / (work + 200), products);
    if (shared < count) products(shared, count);
}

}  // namespace pydl::PYDL_ISA
