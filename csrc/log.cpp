// log: y = ln x. See pydl/ops/log.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void log_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise("log_forward: x must have the shape of y", [](vec<T> x) { return log(x); }, y, x);
}
PYDL_KERNEL(log_forward, "x, y")

}  // namespace pydl::PYDL_ISA
