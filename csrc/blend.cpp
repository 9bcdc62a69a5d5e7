// blend: what is made of three numbers in one pass, without arrays for the steps on the way. See
// pydl/ops/blend.py.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {
namespace {

enum Form { kScaled, kProduct, kQuotient, kLine, kLength, kLengthBackward, kLogSum, kShare, kBetween };

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

// The form is looked at for each vector, which costs next to nothing and keeps one loop instead of six.
template <typename T>
struct Blend {
    int form;
    T value;

    // A product is rounded as where it is an operation of its own, whose bits these are: what has to be in a
    // register is not made part of a multiply-add.
    PYDL_INLINE vec<T> operator()(vec<T> a, vec<T> b, vec<T> c) const {
        if (form > kQuotient) return long_form<T>(form, a, b, c);
        const vec<T> term = form == kProduct ? in_register(b * c) : b / c;
        return a + in_register(value * term);
    }
};

}  // namespace

template <typename T>
void blend_forward(NdArray<const T> a, NdArray<const T> b, NdArray<const T> c, int64_t form, double value,
                   NdArray<T> y) {
    const char* mismatch = "blend_forward: a, b and c must broadcast to y";
    const T factor = T(value);
    if (form == kScaled)
        return elementwise(
            mismatch, [=](vec<T> a, vec<T> b) { return a + in_register(factor * b); }, y, a, b);
    if (form == kBetween)
        return elementwise(
            mismatch, [](vec<T> a, vec<T> b, vec<T> c) { return min(max(a, b), c); }, y, a, b, c);
    if (form == kLine)  // from the nearer end
        return elementwise(
            mismatch,
            [](vec<T> a, vec<T> b, vec<T> c) {
                const auto first = abs(c) < T(0.5);
                const vec<T> part = in_register((b - a) * select(first, c, c - T(1)));
                return select(first, a, b) + part;
            },
            y, a, b, c);
    elementwise(mismatch, Long{Blend<T>{int(form), factor}}, y, a, b, c);
}
PYDL_KERNEL(blend_forward, "a, b, c, form, value, y")

}  // namespace pydl::PYDL_ISA
