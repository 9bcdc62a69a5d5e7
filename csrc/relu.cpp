// relu: y = max(x, 0). See pydl/ops/relu.py.
#include "elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void relu_forward(NdArray<const T> x, NdArray<T> y) {
    // "x <= 0 ? 0 : x" and not max(x, 0): NaN compares false and stays.
    elementwise(
        "relu_forward: x must have the shape of y", [](vec<T> x) { return select(x <= T(0), vec<T>{}, x); },
        y, x);
}
PYDL_KERNEL(relu_forward, "x, y")

template <typename T>
void relu_backward(NdArray<const T> dy, NdArray<const T> y, NdArray<T> dx) {
    elementwise(
        "relu_backward: dy and y must have the shape of dx",
        [](vec<T> dy, vec<T> y) { return select(y <= T(0), vec<T>{}, dy); }, dx, dy, y);
}
PYDL_KERNEL(relu_backward, "dy, y, dx")

}  // namespace pydl::PYDL_ISA
