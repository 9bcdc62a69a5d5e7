// gelu: y = x P(X <= x) for X ~ N(0, 1). See pydl/ops/gelu.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr double kCubic = 0.044715;
constexpr double kSlope = 0.79788456080286535588;          // sqrt(2 / pi)
constexpr double kDensityAtZero = 0.39894228040143267794;  // 1 / sqrt(2 pi)

// 1 + e^-2z for z = sqrt(2 / pi) (x + 0.044715 x^3): (1 + tanh z) / 2 is its inverse.
template <typename T>
PYDL_INLINE vec<T> inverse_probability(vec<T> x) {
    return T(1) + exp(x * fma(x * x, broadcast<T>(T(-2 * kSlope * kCubic)), broadcast<T>(T(-2 * kSlope))));
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
        elementwise(mismatch, [](vec<T> x) { return x / inverse_probability<T>(x); }, y, x);
    else
        elementwise(
            mismatch,
            [](vec<T> x) {
                // x tail below 0 and x - x tail above, where infinity times 0 must not be part of it.
                const auto [bell, tail, below] = normal(x);
                return fma(x < below ? x : below, tail, at_least(x, T(0)));
            },
            y, x);
}
PYDL_KERNEL(gelu_forward, "x, tanh, y")

template <typename T>
void gelu_backward(NdArray<const T> dy, NdArray<const T> x, bool tanh, NdArray<T> dx) {
    const char* mismatch = "gelu_backward: dy and x must have the shape of dx";
    if (tanh)
        elementwise(mismatch, Long{[](vec<T> dy, vec<T> x) {
                        const vec<T> p = T(1) / inverse_probability<T>(x);
                        const vec<T> slope = T(2 * kSlope) + T(6 * kSlope * kCubic) * (x * x);
                        return dy * fma(x * slope, p * (T(1) - p), p);
                    }},
                    dx, dy, x);
    else
        elementwise(mismatch, Long{[](vec<T> dy, vec<T> x) {
                        const auto [bell, tail, below] = normal(x);
                        return dy * fma(x, bell * T(kDensityAtZero), probability_below<T>(x, tail));
                    }},
                    dx, dy, x);
}
PYDL_KERNEL(gelu_backward, "dy, x, tanh, dx")

}  // namespace pydl::PYDL_ISA
