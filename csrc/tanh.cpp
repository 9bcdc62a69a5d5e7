// tanh: y = tanh x. See pydl/ops/tanh.py.
#include "elementwise/elementwise.h"
#include "elementwise/formulas.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void tanh_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise("tanh_forward: x must have the shape of y", [](vec<T> x) { return tanh(x); }, y, x);
}
PYDL_KERNEL(tanh_forward, "x, y")

template <typename T>
void tanh_backward(NdArray<const T> dy, NdArray<const T> y, NdArray<T> dx) {
    elementwise(
        "tanh_backward: dy and y must have the shape of dx",
        [](vec<T> dy, vec<T> y) { return formula::TanhBackward::apply(dy, y); }, dx, dy, y);
}
PYDL_KERNEL(tanh_backward, "dy, y, dx")

}  // namespace pydl::PYDL_ISA
