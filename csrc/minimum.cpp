// minimum: y = min(a, b). See pydl/ops/minimum.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void minimum_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
    elementwise(
        "minimum_forward: a and b must broadcast to y", [](vec<T> a, vec<T> b) { return min(a, b); }, y, a,
        b);
}
PYDL_KERNEL(minimum_forward, "a, b, y")

// The gradient by a; that by b is the same with the two exchanged.
template <typename T>
void minimum_backward(NdArray<const T> dy, NdArray<const T> a, NdArray<const T> b, NdArray<T> da) {
    elementwise(
        "minimum_backward: dy, a and b must broadcast to da",
        [](vec<T> dy, vec<T> a, vec<T> b) {
            return select(a > b, vec<T>{}, select(a == b, dy * T(0.5), dy));
        },
        da, dy, a, b);
}
PYDL_KERNEL(minimum_backward, "dy, a, b, da")

}  // namespace pydl::PYDL_ISA
