// gelu: y = x P(X <= x) for X ~ N(0, 1). See pydl/ops/gelu.py.
#include "elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr double kCubic = 0.044715;
constexpr double kSlope = 0.79788456080286535588;          // sqrt(2 / pi)
constexpr double kDensityAtZero = 0.39894228040143267794;  // 1 / sqrt(2 pi)

// tanh(sqrt(2 / pi) (x + 0.044715 x^3))
template <typename T>
PYDL_INLINE vec<T> approximate_erf(vec<T> x) {
    return tanh(T(kSlope) * (x + T(kCubic) * (x * x * x)));
}

// P(X <= x), given P(X > |x|).
template <typename T>
PYDL_INLINE vec<T> probability_below(vec<T> x, vec<T> tail) {
    return select(x < T(0), tail, T(1) - tail);
}

}  // namespace

template <typename T>
void gelu_forward(NdArray<const T> x, bool tanh, NdArray<T> y) {
    const char* mismatch = "gelu_forward: x must have the shape of y";
    if (tanh)
        elementwise(mismatch, [](vec<T> x) { return T(0.5) * x * (T(1) + approximate_erf<T>(x)); }, y, x);
    else
        elementwise(mismatch, [](vec<T> x) { return x * probability_below<T>(x, normal(x).tail); }, y, x);
}
PYDL_KERNEL(gelu_forward, "x, tanh, y")

template <typename T>
void gelu_backward(NdArray<const T> dy, NdArray<const T> x, bool tanh, NdArray<T> dx) {
    const char* mismatch = "gelu_backward: dy and x must have the shape of dx";
    if (tanh)
        elementwise(
            mismatch,
            [](vec<T> dy, vec<T> x) {
                const vec<T> t = approximate_erf<T>(x);
                const vec<T> dt = (T(1) - t * t) * T(kSlope) * (T(1) + T(3 * kCubic) * (x * x));
                return dy * T(0.5) * (T(1) + t + x * dt);
            },
            dx, dy, x);
    else
        elementwise(
            mismatch,
            [](vec<T> dy, vec<T> x) {
                const auto [bell, tail] = normal(x);
                return dy * fma(x, bell * T(kDensityAtZero), probability_below<T>(x, tail));
            },
            dx, dy, x);
}
PYDL_KERNEL(gelu_backward, "dy, x, tanh, dx")

}  // namespace pydl::PYDL_ISA
