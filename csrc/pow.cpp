// pow: y = a^b. See pydl/ops/pow.py.
#include "elementwise.h"
#include "kernel.h"
#include "simd_pow.h"

namespace pydl::PYDL_ISA {
namespace {

// Adding 0 makes 0 of -0, and the root of -inf is NaN: a^(1/2) differs from the square root in both.
template <typename T>
PYDL_INLINE vec<T> root(vec<T> a) {
    const T infinity = T(__builtin_inf());
    return select(a == -infinity, broadcast<T>(infinity), sqrt(a) + T(0));
}

// run(power) with the quickest function power(a, b) for the exponents b + shift: the usual exponents of
// squares, cubes, roots and quotients need no logarithm, if b is one number.
template <typename T, typename F>
void with_power(const NdArray<const T>& b, double shift, const F& run) {
    const double exponent = b.size() == 1 ? double(*b.data) + shift : __builtin_nan("");
    if (exponent == 1) return run([](vec<T> a, vec<T>) { return a; });
    if (exponent == 2) return run([](vec<T> a, vec<T>) { return a * a; });
    if (exponent == 3) return run([](vec<T> a, vec<T>) { return a * a * a; });
    if (exponent == 0.5) return run([](vec<T> a, vec<T>) { return root<T>(a); });
    if (exponent == -0.5) return run([](vec<T> a, vec<T>) { return T(1) / root<T>(a); });
    if (exponent == -1) return run([](vec<T> a, vec<T>) { return T(1) / a; });
    run([shift = T(shift)](vec<T> a, vec<T> b) { return pow(a, b + shift); });
}

}  // namespace

template <typename T>
void pow_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
    with_power(b, 0,
               [&](auto power) { elementwise("pow_forward: a and b must broadcast to y", power, y, a, b); });
}
PYDL_KERNEL(pow_forward, "a, b, y")

template <typename T>
void pow_backward_input(NdArray<const T> dy, NdArray<const T> a, NdArray<const T> b, NdArray<T> da) {
    with_power(b, -1, [&](auto power) {
        elementwise(
            "pow_backward_input: dy, a and b must broadcast to da",
            [power](vec<T> dy, vec<T> a, vec<T> b) {
                return select(b == T(0), vec<T>{}, dy * (b * power(a, b)));
            },
            da, dy, a, b);
    });
}
PYDL_KERNEL(pow_backward_input, "dy, a, b, da")

template <typename T>
void pow_backward_exponent(NdArray<const T> dy, NdArray<const T> a, NdArray<const T> b, NdArray<const T> y,
                           NdArray<T> db) {
    elementwise(
        "pow_backward_exponent: dy, a, b and y must broadcast to db",
        [](vec<T> dy, vec<T> a, vec<T> b, vec<T> y) {
            return select((a == T(0)) & (b >= T(0)), vec<T>{}, dy * (y * log(a)));
        },
        db, dy, a, b, y);
}
PYDL_KERNEL(pow_backward_exponent, "dy, a, b, y, db")

}  // namespace pydl::PYDL_ISA
