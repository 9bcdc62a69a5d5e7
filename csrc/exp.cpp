// exp: y = e^x. See pydl/ops/exp.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void exp_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise("exp_forward: x must have the shape of y", [](vec<T> x) { return exp(x); }, y, x);
}
PYDL_KERNEL(exp_forward, "x, y")

}  // namespace pydl::PYDL_ISA
