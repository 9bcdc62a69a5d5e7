// leaky_relu: y = x where x > 0, else negative_slope x. See pydl/ops/leaky_relu.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void leaky_relu_forward(NdArray<const T> x, double negative_slope, NdArray<T> y) {
    const T slope = T(negative_slope);
    elementwise(
        "leaky_relu_forward: x must have the shape of y",
        [=](vec<T> x) { return select(x > T(0), x, slope * x); }, y, x);
}
PYDL_KERNEL(leaky_relu_forward, "x, negative_slope, y")

template <typename T>
void leaky_relu_backward(NdArray<const T> dy, NdArray<const T> x, double negative_slope, NdArray<T> dx) {
    const T slope = T(negative_slope);
    elementwise(
        "leaky_relu_backward: dy and x must have the shape of dx",
        [=](vec<T> dy, vec<T> x) { return select(x > T(0), dy, slope * dy); }, dx, dy, x);
}
PYDL_KERNEL(leaky_relu_backward, "dy, x, negative_slope, dx")

}  // namespace pydl::PYDL_ISA
