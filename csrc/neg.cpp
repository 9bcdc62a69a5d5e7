// neg: y = -x. See pydl/ops/neg.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void neg_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise("neg_forward: x must have the shape of y", [](vec<T> x) { return -x; }, y, x);
}
PYDL_KERNEL(neg_forward, "x, y")

}  // namespace pydl::PYDL_ISA
