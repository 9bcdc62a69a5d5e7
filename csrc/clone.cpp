// clone: y = x, whatever the strides. See pydl/ops/clone.py.
#include "elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void clone_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise("clone_forward: x must have the shape of y", [](vec<T> x) { return x; }, y, x);
}
PYDL_KERNEL(clone_forward, "x, y")

}  // namespace pydl::PYDL_ISA
