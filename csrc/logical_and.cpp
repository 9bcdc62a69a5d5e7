// logical_and: whether both of two truth values hold, either, or one alone. See pydl/ops/logical_and.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

enum : int64_t { kBothHold = 1, kOneHolds = 2 };  // what `form` is a sum of, as in pydl/ops/logical_and.py

inline void logical_and_forward(NdArray<const uint8_t> a, NdArray<const uint8_t> b, int64_t form,
                                NdArray<uint8_t> y) {
    using Mask = mask<float>;
    const Mask both = Mask{} - int((form & kBothHold) != 0), one = Mask{} - int((form & kOneHolds) != 0);
    elementwise_of<float>(
        "logical_and_forward: a and b must broadcast to y",
        [=](Mask a, Mask b) -> Mask { return (a & b & both) | ((a ^ b) & one); }, y, a, b);
}
PYDL_KERNEL_OF_NUMBERS(logical_and_forward, "a, b, form, y")

}  // namespace pydl::PYDL_ISA
