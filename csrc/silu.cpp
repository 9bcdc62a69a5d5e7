// silu: y = x sigmoid(x). See pydl/ops/silu.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void silu_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise("silu_forward: x must have the shape of y", [](vec<T> x) { return x * sigmoid(x); }, y, x);
}
PYDL_KERNEL(silu_forward, "x, y")

template <typename T>
void silu_backward(NdArray<const T> dy, NdArray<const T> x, NdArray<T> dx) {
    elementwise("silu_backward: dy and x must have the shape of dx", Long{[](vec<T> dy, vec<T> x) {
                    const vec<T> s = sigmoid(x);
                    return dy * s * (T(1) + x * (T(1) - s));
                }},
                dx, dy, x);
}
PYDL_KERNEL(silu_backward, "dy, x, dx")

}  // namespace pydl::PYDL_ISA
