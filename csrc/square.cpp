// square: y = x^2. See pydl/ops/square.py.
#include "elementwise/elementwise.h"
#include "elementwise/formulas.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void square_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise("square_forward: x must have the shape of y", [](vec<T> x) { return x * x; }, y, x);
}
PYDL_KERNEL(square_forward, "x, y")

template <typename T>
void square_backward(NdArray<const T> dy, NdArray<const T> x, NdArray<T> dx) {
    elementwise(
        "square_backward: dy and x must have the shape of dx",
        [](vec<T> dy, vec<T> x) { return formula::SquareBackward::apply(dy, x); }, dx, dy, x);
}
PYDL_KERNEL(square_backward, "dy, x, dx")

}  // namespace pydl::PYDL_ISA
