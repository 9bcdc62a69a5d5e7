// div: y = a / b. See pydl/ops/div.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void div_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
    elementwise(
        "div_forward: a and b must broadcast to y", [](vec<T> a, vec<T> b) { return a / b; }, y, a, b);
}
PYDL_KERNEL(div_forward, "a, b, y")

// The gradient by the divisor; that by the dividend is dy / b, which is div_forward.
template <typename T>
void div_backward_other(NdArray<const T> dy, NdArray<const T> a, NdArray<const T> b, NdArray<T> db) {
    // (a / b) / b and not a / (b b), which leaves the range of the type where b is very large or small.
    elementwise(
        "div_backward_other: dy, a and b must broadcast to db",
        [](vec<T> dy, vec<T> a, vec<T> b) { return -dy * ((a / b) / b); }, db, dy, a, b);
}
PYDL_KERNEL(div_backward_other, "dy, a, b, db")

}  // namespace pydl::PYDL_ISA
