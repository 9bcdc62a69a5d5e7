// pow: y = a^b. See pydl/ops/pow.py.
#include "elementwise.h"
#include "kernel.h"
#include "simd_pow.h"

namespace pydl::PYDL_ISA {

// Adding 0 makes 0 of -0, and the root of -inf is NaN: a^(1/2) differs from the square root in both.
template <typename T>
PYDL_INLINE vec<T> root(vec<T> a) {
    const T infinity = T(__builtin_inf());
    return select(a == -infinity, broadcast<T>(infinity), sqrt(a) + T(0));
}

// One copy: it is long, and what it computes takes far longer than the call.
template <typename T>
[[gnu::noinline]] vec<T> any_power(vec<T> a, vec<T> b) {
    return pow(a, b);
}

// a^(b + shift). The usual exponents of squares, cubes, roots and quotients need no logarithm, if b is one
// number; it is looked at for each vector, which costs next to nothing and keeps one loop instead of seven.
template <typename T>
struct Power {
    T shift, exponent;

    Power(const NdArray<const T>& b, double shift)
        : shift(T(shift)), exponent(b.size() == 1 ? T(double(*b.data) + shift) : T(__builtin_nan(""))) {}
    PYDL_INLINE vec<T> operator()(vec<T> a, vec<T> b) const {
        if (exponent == T(1)) return a;
        if (exponent == T(2)) return a * a;
        if (exponent == T(3)) return a * a * a;
        if (exponent == T(0.5)) return root<T>(a);
        if (exponent == T(-0.5)) return T(1) / root<T>(a);
        if (exponent == T(-1)) return T(1) / a;
        return any_power<T>(a, b + shift);
    }
};

template <typename T>
void pow_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
    elementwise("pow_forward: a and b must broadcast to y", Power<T>(b, 0), y, a, b);
}
PYDL_KERNEL(pow_forward, "a, b, y")

template <typename T>
void pow_backward_input(NdArray<const T> dy, NdArray<const T> a, NdArray<const T> b, NdArray<T> da) {
    elementwise(
        "pow_backward_input: dy, a and b must broadcast to da",
        [power = Power<T>(b, -1)](vec<T> dy, vec<T> a, vec<T> b) {
            return select(b == T(0), vec<T>{}, dy * (b * power(a, b)));
        },
        da, dy, a, b);
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
