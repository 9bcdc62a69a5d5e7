// sigmoid: y = 1 / (1 + e^-x). See pydl/ops/sigmoid.py.
#include "elementwise/elementwise.h"
#include "elementwise/formulas.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void sigmoid_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise("sigmoid_forward: x must have the shape of y", [](vec<T> x) { return sigmoid(x); }, y, x);
}
PYDL_KERNEL(sigmoid_forward, "x, y")

template <typename T>
void sigmoid_backward(NdArray<const T> dy, NdArray<const T> y, NdArray<T> dx) {
    elementwise(
        "sigmoid_backward: dy and y must have the shape of dx",
        [](vec<T> dy, vec<T> y) { return formula::SigmoidBackward::apply(dy, y); }, dx, dy, y);
}
PYDL_KERNEL(sigmoid_backward, "dy, y, dx")

}  // namespace pydl::PYDL_ISA
