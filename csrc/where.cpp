// where: y = a where condition holds, else b. See pydl/ops/where.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void where_forward(NdArray<const uint8_t> condition, NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
    elementwise(
        "where_forward: condition, a and b must broadcast to y",
        [](mask<T> condition, vec<T> a, vec<T> b) { return select(condition, a, b); }, y, condition, a, b);
}
PYDL_KERNEL(where_forward, "condition, a, b, y")

}  // namespace pydl::PYDL_ISA
