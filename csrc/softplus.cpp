// softplus: y = ln(1 + e^(beta x)) / beta. See pydl/ops/softplus.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void softplus_forward(NdArray<const T> x, double beta, double threshold, NdArray<T> y) {
    const T b = T(beta), limit = T(threshold), inverse = T(1 / beta);
    elementwise(
        "softplus_forward: x must have the shape of y",
        [=](vec<T> x) {
            const vec<T> z = b * x;
            return select(z > limit, x, (max(z, vec<T>{}) + log1p_exp(z)) * inverse);
        },
        y, x);
}
PYDL_KERNEL(softplus_forward, "x, beta, threshold, y")

template <typename T>
void softplus_backward(NdArray<const T> dy, NdArray<const T> x, double beta, double threshold,
                       NdArray<T> dx) {
    const T b = T(beta), limit = T(threshold);
    elementwise("softplus_backward: dy and x must have the shape of dx", Long{[=](vec<T> dy, vec<T> x) {
                    const vec<T> z = b * x;
                    return select(z > limit, dy, dy * sigmoid(z));
                }},
                dx, dy, x);
}
PYDL_KERNEL(softplus_backward, "dy, x, beta, threshold, dx")

}  // namespace pydl::PYDL_ISA
