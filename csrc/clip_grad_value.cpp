// clip_grad_value: every element of every gradient kept in a range. See pydl/optim/clip_grad_value.py.
#include "kernel.h"
#include "tensor_list.h"

namespace pydl::PYDL_ISA {

template <typename T>
void clip_grad_value(ArrayList<T> g, double limit) {
    const vec<T> high = broadcast<T>(T(limit)), low = -high;
    update([=](vec<T>& g) PYDL_INLINE_LAMBDA { g = max(min(g, high), low); }, g);  // NaN stays NaN
}
PYDL_KERNEL(clip_grad_value, "g, limit")

}  // namespace pydl::PYDL_ISA
