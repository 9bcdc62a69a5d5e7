// mish: y = x tanh(ln(1 + e^x)). See pydl/ops/mish.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

// tanh(ln(1 + e)) = n / (n + 2) with n = e (e + 2), for e = e^x. Beyond 20 it is 1 to the last digit.
template <typename T>
struct Gate {
    vec<T> x, e, n;
    PYDL_INLINE explicit Gate(vec<T> given)
        : x(min(given, broadcast<T>(T(20)))), e(exp(x)), n(e * (e + T(2))) {}
    PYDL_INLINE vec<T> value() const { return n / (n + T(2)); }
};

}  // namespace

template <typename T>
void mish_forward(NdArray<const T> x, NdArray<T> y) {
    elementwise(
        "mish_forward: x must have the shape of y", [](vec<T> x) { return x * Gate<T>(x).value(); }, y, x);
}
PYDL_KERNEL(mish_forward, "x, y")

// The gate's own slope is (1 - gate^2) e / (1 + e) = 4 e (1 + e) / (n + 2)^2.
template <typename T>
void mish_backward(NdArray<const T> dy, NdArray<const T> x, NdArray<T> dx) {
    elementwise("mish_backward: dy and x must have the shape of dx", Long{[](vec<T> dy, vec<T> x) {
                    const Gate<T> gate(x);
                    const vec<T> d = T(1) / (gate.n + T(2));
                    return dy * d * fma(gate.x, T(4) * gate.e * (gate.e + T(1)) * d, gate.n);
                }},
                dx, dy, x);
}
PYDL_KERNEL(mish_backward, "dy, x, dx")

}  // namespace pydl::PYDL_ISA
