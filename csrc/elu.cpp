// elu: y = x where x > 0, else alpha (e^x - 1). See pydl/ops/elu.py.
#include "elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void elu_forward(NdArray<const T> x, double alpha, NdArray<T> y) {
    const T scale = T(alpha);
    elementwise(
        "elu_forward: x must have the shape of y",
        [=](vec<T> x) { return select(x > T(0), x, scale * expm1(x)); }, y, x);
}
PYDL_KERNEL(elu_forward, "x, alpha, y")

template <typename T>
void elu_backward(NdArray<const T> dy, NdArray<const T> x, double alpha, NdArray<T> dx) {
    const T scale = T(alpha);
    elementwise(
        "elu_backward: dy and x must have the shape of dx",
        [=](vec<T> dy, vec<T> x) { return select(x > T(0), dy, scale * exp(x) * dy); }, dx, dy, x);
}
PYDL_KERNEL(elu_backward, "dy, x, alpha, dx")

}  // namespace pydl::PYDL_ISA
