// relu: y = max(x, 0). See pydl/ops/relu.py.
#include "elementwise/elementwise.h"
#include "elementwise/formulas.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void relu_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise(
        "relu_forward: x must have the shape of y", [](vec<T> x) { return formula::Relu::apply(x); }, y, x);
}
PYDL_KERNEL(relu_forward, "x, y")

template <typename T>
void relu_backward(NdArray<const T> dy, NdArray<const T> y, NdArray<T> dx) {
    elementwise(
        "relu_backward: dy and y must have the shape of dx",
        [](vec<T> dy, vec<T> y) { return formula::ReluBackward::apply(dy, y); }, dx, dy, y);
}
PYDL_KERNEL(relu_backward, "dy, y, dx")

}  // namespace pydl::PYDL_ISA
