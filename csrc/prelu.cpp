// prelu: y = value where x > 0, else factor * value. See pydl/ops/prelu.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void prelu_forward(NdArray<const T> x, NdArray<const T> value, NdArray<const T> factor, NdArray<T> y) {
    elementwise(
        "prelu_forward: x, value and factor must broadcast to y",
        [](vec<T> x, vec<T> value, vec<T> factor) { return select(x > T(0), value, factor * value); }, y, x,
        value, factor);
}
PYDL_KERNEL(prelu_forward, "x, value, factor, y")

}  // namespace pydl::PYDL_ISA
