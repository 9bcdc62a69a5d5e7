// sqrt: y = the square root of x. See pydl/ops/sqrt.py.
#include "elementwise/elementwise.h"
#include "elementwise/formulas.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void sqrt_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise("sqrt_forward: x must have the shape of y", [](vec<T> x) { return sqrt(x); }, y, x);
}
PYDL_KERNEL(sqrt_forward, "x, y")

template <typename T>
void sqrt_backward(NdArray<const T> dy, NdArray<const T> y, NdArray<T> dx) {
    elementwise(
        "sqrt_backward: dy and y must have the shape of dx",
        [](vec<T> dy, vec<T> y) { return formula::SqrtBackward::apply(dy, y); }, dx, dy, y);
}
PYDL_KERNEL(sqrt_backward, "dy, y, dx")

}  // namespace pydl::PYDL_ISA
