// blend: what is made of three numbers in one pass, without arrays for the steps on the way. See
// pydl/ops/blend.py.
#include "elementwise.h"
#include "kernel.h"
#include "simd_rounded.h"

namespace pydl::PYDL_ISA {
namespace {

enum Form { kScaled, kProduct, kQuotient, kLine, kLength, kLengthBackward, kFinite };

// The form is looked at for each vector, which costs next to nothing and keeps one loop instead of seven.
// Products are rounded as where they are operations of their own, whose bits these are.
template <typename T>
struct Blend {
    int form;
    T value;

    PYDL_INLINE vec<T> operator()(vec<T> a, vec<T> b, vec<T> c) const {
        if (form == kScaled) return a + rounded(value * b);
        if (form == kProduct) return a + rounded(value * rounded(b * c));
        if (form == kQuotient) return a + rounded(value * (b / c));
        if (form == kLine) return a + rounded(c * (b - a));
        if (form == kLengthBackward) return select(c == T(0), vec<T>{}, a * (b / c));
        if (form == kFinite) {
            const T infinity = T(__builtin_inf());
            return select(a != a, fill<vec<T>>(value),
                          select(a == infinity, b, select(a == -infinity, c, a)));
        }
        const vec<T> x = abs(a), z = abs(b), larger = max(x, z), ratio = min(x, z) / larger;
        // Of 0 and infinity there is no ratio.
        const auto plain = (larger > T(0)) & (larger < T(__builtin_inf()));
        return select(plain, larger * sqrt(fma(ratio, ratio, fill<vec<T>>(T(1)))), larger);
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
