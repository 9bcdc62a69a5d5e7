// nan_to_num: y = x, with other numbers in place of NaN and infinities. See pydl/ops/nan_to_num.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void nan_to_num_forward(NdArray<const T> x, double nan, double posinf, double neginf, NdArray<T> y) {
    const T number = T(nan), high = T(posinf), low = T(neginf), infinity = T(__builtin_inf());
    elementwise(
        "nan_to_num_forward: x must have the shape of y",
        [=](vec<T> x) {
            const vec<T> finite = select(x == infinity, broadcast<T>(high), x);
            const vec<T> any = select(x == -infinity, broadcast<T>(low), finite);
            return select(x != x, broadcast<T>(number), any);
        },
        y, x);
}
PYDL_KERNEL(nan_to_num_forward, "x, nan, posinf, neginf, y")

}  // namespace pydl::PYDL_ISA
