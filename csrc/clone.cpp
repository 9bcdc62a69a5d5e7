// clone: y = x, whatever the strides. See pydl/ops/clone.py.
#include "elementwise/copy.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

inline void clone_forward(NdNumbers<const char> x, NdNumbers<char> y) {
    const char* mismatch = "clone_forward: x must have the shape of y";
    require(x.rank == y.rank && broadcasts_to(y, x), mismatch);
    elementwise_copy(mismatch, y, x);
}
PYDL_KERNEL_OF_NUMBERS(clone_forward, "x, y")

}  // namespace pydl::PYDL_ISA
