// sum_to: x summed over the dimensions along which y would be repeated. See pydl/ops/sum_to.py.
#include "kernel.h"
#include "reductions/reduce.h"

namespace pydl::PYDL_ISA {

// The loops are those of sum.cpp, where they are compiled.
extern template void reduce<Addition<float>>(const char*, NdArray<const float>, NdArray<float>, int64_t);
extern template void reduce<Addition<double>>(const char*, NdArray<const double>, NdArray<double>, int64_t);

template <typename T>
void sum_to_forward(NdArray<const T> x, NdArray<T> y) {
    const char* mismatch = "sum_to_forward: y must broadcast to x";
    const int lead = x.rank - y.rank;
    require(lead >= 0, mismatch);
    int64_t shape[kMaxRank], stride[kMaxRank];
    for (int d = 0; d < x.rank; ++d) {
        shape[d] = d < lead ? 1 : y.shape[d - lead];
        stride[d] = d < lead ? 0 : y.stride[d - lead];
    }
    reduce<Addition<T>>(mismatch, x, NdArray<T>{{x.rank, shape, stride}, y.data}, 1);
}
PYDL_KERNEL(sum_to_forward, "x, y")

}  // namespace pydl::PYDL_ISA
