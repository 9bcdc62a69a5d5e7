// pow: y = a^b. See pydl/ops/pow.py.
#include "simd/pow.h"
#include "elementwise/elementwise.h"
#include "kernel.h"

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

enum class Exponent { kAny, kZero, kOne, kTwo, kThree, kMinusOne, kMinusTwo, kHalf, kMinusHalf };

PYDL_INLINE Exponent usual_exponent(double b) {
    constexpr double usual[] = {0, 1, 2, 3, -1, -2, 0.5, -0.5};
    for (int i = 0; i < 8; ++i)
        if (b == usual[i]) return Exponent(i + 1);
    return Exponent::kAny;
}

// a^(b + shift). The usual exponents of squares, cubes, roots and quotients need no logarithm, if b is one
// number; it is looked at for each vector, which costs next to nothing and keeps one loop instead of nine.
template <typename T>
struct Power {
    T shift;
    Exponent usual;

    Power(const NdArray<const T>& b, double shift)
        : shift(T(shift)), usual(b.size() == 1 ? usual_exponent(double(*b.data) + shift) : Exponent::kAny) {}
    PYDL_INLINE vec<T> operator()(vec<T> a, vec<T> b) const {
        switch (usual) {
            case Exponent::kZero:
                return broadcast<T>(1);
            case Exponent::kOne:
                return a;
            case Exponent::kTwo:
                return a * a;
            case Exponent::kThree:
                return a * a * a;
            case Exponent::kMinusOne:
                return T(1) / a;
            case Exponent::kMinusTwo:
                return T(1) / (a * a);
            case Exponent::kHalf:
                return root<T>(a);
            case Exponent::kMinusHalf:
                return T(1) / root<T>(a);
            case Exponent::kAny:
                break;
        }
        return any_power<T>(a, b + shift);
    }
};

template <typename T>
void pow_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
    const char* mismatch = "pow_forward: a and b must broadcast to y";
    const Power<T> power(b, 0);
    // Those that take less time than choosing among all of them.
    if (power.usual == Exponent::kZero)
        return elementwise(mismatch, [](vec<T>, vec<T>) { return broadcast<T>(1); }, y, a, b);
    if (power.usual == Exponent::kThree)
        return elementwise(mismatch, [](vec<T> a, vec<T>) { return a * a * a; }, y, a, b);
    if (power.usual == Exponent::kMinusTwo)
        return elementwise(mismatch, [](vec<T> a, vec<T>) { return T(1) / (a * a); }, y, a, b);
    elementwise(mismatch, power, y, a, b);
}
PYDL_KERNEL(pow_forward, "a, b, y")

template <typename T>
void pow_backward_input(NdArray<const T> dy, NdArray<const T> a, NdArray<const T> b, NdArray<T> da) {
    elementwise("pow_backward_input: dy, a and b must broadcast to da",
                Long{[power = Power<T>(b, -1)](vec<T> dy, vec<T> a, vec<T> b) {
                    return select(b == T(0), vec<T>{}, dy * (b * power(a, b)));
                }},
                da, dy, a, b);
}
PYDL_KERNEL(pow_backward_input, "dy, a, b, da")

template <typename T>
void pow_backward_exponent(NdArray<const T> dy, NdArray<const T> a, NdArray<const T> b, NdArray<const T> y,
                           NdArray<T> db) {
    elementwise("pow_backward_exponent: dy, a, b and y must broadcast to db",
                Long{[](vec<T> dy, vec<T> a, vec<T> b, vec<T> y) {
                    return select((a == T(0)) & (b >= T(0)), vec<T>{}, dy * (y * log(a)));
                }},
                db, dy, a, b, y);
}
PYDL_KERNEL(pow_backward_exponent, "dy, a, b, y, db")

}  // namespace pydl::PYDL_ISA
