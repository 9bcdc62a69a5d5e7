// mul: y = a b. See pydl/ops/mul.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void mul_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
    elementwise(
        "mul_forward: a and b must broadcast to y", [](vec<T> a, vec<T> b) { return a * b; }, y, a, b);
}
PYDL_KERNEL(mul_forward, "a, b, y")

}  // namespace pydl::PYDL_ISA
