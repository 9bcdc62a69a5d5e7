// mean: y = the average of x over some dimensions. See pydl/ops/mean.py.
#include "kernel.h"
#include "reductions/reduce.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct Average : Addition<T> {
    static T finish(double sum, int64_t count) { return T(sum / double(count)); }  // nothing: 0/0 = NaN
};

template <typename T>
void mean_forward(NdArray<const T> x, NdArray<T> y) {
    reduce<Average<T>>("mean_forward: y must have the shape of x, with 1 where it is averaged", x, y);
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
