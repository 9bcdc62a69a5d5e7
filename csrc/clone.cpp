// clone: y = x, whatever the strides. See pydl/ops/clone.py.
#include "elementwise_copy.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void clone_forward(NdArray<const T> x, NdArray<T> y) {
    const char* mismatch = "clone_forward: x must have the shape of y";
    require(x.rank == y.rank && broadcasts_to(y, x), mismatch);
    elementwise_copy(mismatch, y, x);
}
PYDL_KERNEL(clone_forward, "x, y")

}  // namespace pydl::PYDL_ISA
