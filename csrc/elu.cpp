// elu: y = scale x where x > 0, else scale alpha (e^(slope x) - 1). See pydl/ops/elu.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void elu_forward(NdArray<const T> x, double alpha, double scale, double slope, NdArray<T> y) {
    const T above = T(scale), below = T(scale * alpha), steepness = T(slope);
    elementwise(
        "elu_forward: x must have the shape of y",
        [=](vec<T> x) { return select(x > T(0), above * x, below * expm1(steepness * x)); }, y, x);
}
PYDL_KERNEL(elu_forward, "x, alpha, scale, slope, y")

template <typename T>
void elu_backward(NdArray<const T> dy, NdArray<const T> x, double alpha, double scale, double slope,
                  NdArray<T> dx) {
    const T above = T(scale), below = T(scale * alpha * slope), steepness = T(slope);
    elementwise("elu_backward: dy and x must have the shape of dx", Long{[=](vec<T> dy, vec<T> x) {
                    return dy * select(x > T(0), broadcast<T>(above), below * exp(steepness * x));
                }},
                dx, dy, x);
}
PYDL_KERNEL(elu_backward, "dy, x, alpha, scale, slope, dx")

}  // namespace pydl::PYDL_ISA
