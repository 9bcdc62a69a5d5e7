// blend: what is made of three numbers in one pass, without arrays for the steps on the way. See
// pydl/ops/blend.py.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {
namespace {

enum Form { kScaled, kProduct, kQuotient, kLine, kLength, kLengthBackward, kLogSum, kShare };

// a - b, 0 of equal infinities.
template <typename T>
PYDL_INLINE vec<T> difference(vec<T> a, vec<T> b) {
    return select(a == b, vec<T>{}, a - b);
}

template <typename T>
[[gnu::noinline]] vec<T> exponential_form(int form, vec<T> a, vec<T> b, vec<T> c) {
    if (form == kLogSum) return max(a, b) + log1p_exp(difference<T>(a, b));
    return a * sigmoid(difference<T>(b, c));
}

// One copy, not one for each of the loops: these are longer, or seldom asked for.
template <typename T>
[[gnu::noinline]] vec<T> long_form(int form, vec<T> a, vec<T> b, vec<T> c) {
    if (form > kLengthBackward) return exponential_form<T>(form, a, b, c);
    if (form == kLengthBackward) return select(c == T(0), vec<T>{}, a * (b / c));
    const vec<T> x = abs(a), z = abs(b), larger = max(x, z), ratio = min(x, z) / larger;
    const vec<T> infinite = fill<vec<T>>(T(__builtin_inf()));
    // Of 0 and infinity there is no ratio, and infinity is as long beside NaN.
    const vec<T> length = select(larger > T(0), larger * sqrt(fma(ratio, ratio, fill<vec<T>>(T(1)))), larger);
    return select((x == infinite) | (z == infinite), infinite, length);
}

// The form is looked at for each vector, which costs next to nothing and keeps one loop instead of eight.
// Products are rounded as where they are operations of their own, whose bits these are: one that has to be in
// a register is not made part of a multiply-add.
template <typename T>
struct Blend {
    int form;
    T value;

    PYDL_INLINE vec<T> operator()(vec<T> a, vec<T> b, vec<T> c) const {
        if (form > kLine) return long_form<T>(form, a, b, c);
        if (form == kLine) {  // from the nearer end
            const auto first = abs(c) < T(0.5);
            const vec<T> part = in_register((b - a) * select(first, c, c - T(1)));
            return select(first, a, b) + part;
        }
        const vec<T> term = form == kScaled ? b : form == kProduct ? in_register(b * c) : b / c;
        return a + in_register(value * term);
    }
};

}  // namespace

template <typename T>
void blend_forward(NdArray<const T> a, NdArray<const T> b, NdArray<const T> c, int64_t form, double value,
                   NdArray<T> y) {
    elementwise("blend_forward: a, b and c must broadcast to y", Blend<T>{int(form), T(value)}, y, a, b, c);
}
PYDL_KERNEL(blend_forward, "a, b, c, form, value, y")

}  // namespace pydl::PYDL_ISA
