// sum: y = the sum of x over some dimensions. See pydl/ops/sum.py.
#include "kernel.h"
#include "reductions/reduce.h"

namespace pydl::PYDL_ISA {

template void reduce<Addition<float>>(const char*, NdArray<const float>, NdArray<float>, int64_t);
#if !defined(PYDL_FLOAT32_ALONE)
template void reduce<Addition<double>>(const char*, NdArray<const double>, NdArray<double>, int64_t);
#endif

template <typename T>
void sum_forward(NdArray<const T> x, NdArray<T> y) {
    reduce<Addition<T>>("sum_forward: y must have the shape of x, with 1 where it is summed", x, y);
}
PYDL_KERNEL(sum_forward, "x, y")

}  // namespace pydl::PYDL_ISA
