// clamp: y = min(max(x, low), high). See pydl/ops/clamp.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void clamp_forward(NdArray<const T> x, double low, double high, NdArray<T> y) {
    const vec<T> lowest = broadcast<T>(T(low)), highest = broadcast<T>(T(high));
    elementwise(
        "clamp_forward: x must have the shape of y",
        [=](vec<T> x) {
            x = lowest > x ? lowest : x;  // an instruction, after which NaN is still NaN
            return highest < x ? highest : x;
        },
        y, x);
}
PYDL_KERNEL(clamp_forward, "x, low, high, y")

template <typename T>
void clamp_backward(NdArray<const T> dy, NdArray<const T> x, double low, double high, NdArray<T> dx) {
    const T lowest = T(low), highest = T(high);
    elementwise(
        "clamp_backward: dy and x must have the shape of dx",
        [=](vec<T> dy, vec<T> x) { return select((x >= lowest) & (x <= highest), dy, vec<T>{}); }, dx, dy, x);
}
PYDL_KERNEL(clamp_backward, "dy, x, low, high, dx")

}  // namespace pydl::PYDL_ISA
