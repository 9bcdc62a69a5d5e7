// add: y = a + b. See pydl/ops/add.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void add_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
    elementwise(
        "add_forward: a and b must broadcast to y", [](vec<T> a, vec<T> b) { return a + b; }, y, a, b);
}
PYDL_KERNEL(add_forward, "a, b, y")

}  // namespace pydl::PYDL_ISA
