// abs: y = |x|. See pydl/ops/abs.py.
#include "elementwise/elementwise.h"
#include "elementwise/formulas.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void abs_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise("abs_forward: x must have the shape of y", [](vec<T> x) { return abs(x); }, y, x);
}
PYDL_KERNEL(abs_forward, "x, y")

template <typename T>
void abs_backward(NdArray<const T> dy, NdArray<const T> x, NdArray<T> dx) {
    elementwise(
        "abs_backward: dy and x must have the shape of dx",
        [](vec<T> dy, vec<T> x) { return formula::AbsBackward::apply(dy, x); }, dx, dy, x);
}
PYDL_KERNEL(abs_backward, "dy, x, dx")

}  // namespace pydl::PYDL_ISA
