// mean: y = the average of x over some dimensions. See pydl/ops/mean.py.
#include "kernel.h"
#include "reductions/reduce.h"

namespace pydl::PYDL_ISA {

// The loops are those of sum.cpp, where they are compiled.
extern template void reduce<Addition<float>>(const char*, NdArray<const float>, NdArray<float>, int64_t);
extern template void reduce<Addition<double>>(const char*, NdArray<const double>, NdArray<double>, int64_t);

template <typename T>
void mean_forward(NdArray<const T> x, NdArray<T> y) {
    const int64_t results = y.size(), count = results > 0 ? x.size() / results : 0;  // of nothing: 0/0 = NaN
    reduce<Addition<T>>("mean_forward: y must have the shape of x, with 1 where it is averaged", x, y, count);
}
PYDL_KERNEL(mean_forward, "x, y")

// dx = dy / count in the shape of dy; the caller repeats it over what was averaged.
template <typename T>
void mean_backward(NdArray<const T> dy, int64_t count, NdArray<T> dx) {
    elementwise(
        "mean_backward: dy must have the shape of dx", [=](vec<T> dy) { return dy / T(count); }, dx, dy);
}
PYDL_KERNEL(mean_backward, "dy, count, dx")

}  // namespace pydl::PYDL_ISA
