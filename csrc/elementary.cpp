// elementary: functions of each element that no network needs often. See pydl/ops/elementary.py.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "simd/circular.h"
#include "simd/exp2.h"

namespace pydl::PYDL_ISA {
namespace {

enum Form { kErf, kSin, kCos, kLog1p, kExpm1, kFrac, kExp2 };

// Of numbers of any size, one after another.
[[gnu::noinline]] vec<double> circular_one_by_one(vec<double> x, int64_t quarters) {
    double lanes[width<double>];
    store(lanes, x);
    for (double& each : lanes) each = quarters == 0 ? __builtin_sin(each) : __builtin_cos(each);
    return load(lanes);
}

[[gnu::noinline]] vec<double> circular(vec<double> x, int64_t quarters) {
    if (any(abs(x) > detail::kCircularLimit)) return circular_one_by_one(x, quarters);
    return detail::sine(x, quarters);
}

// In double precision, where x loses nothing on the way to its rest by pi / 2.
[[gnu::noinline]] vec<float> circular(vec<float> x, int64_t quarters) {
    float lanes[width<float>];
    store(lanes, x);
    for (int i = 0; i < width<float>; i += width<double>) {
        double wide[width<double>];
        for (int k = 0; k < width<double>; ++k) wide[k] = lanes[i + k];
        store(wide, circular(load(wide), quarters));
        for (int k = 0; k < width<double>; ++k) lanes[i + k] = float(wide[k]);
    }
    return load(lanes);
}

// One copy, not one for each of the loops: they are long.
template <typename T>
struct Elementary {
    int form;

    [[gnu::noinline]] vec<T> operator()(vec<T> x) const {
        if (form == kExp2) return exp2(x);
        if (form == kErf) return erf(x);
        if (form == kLog1p) return log1p(x);
        if (form == kExpm1) return expm1(x);
        return circular(x, form == kCos);
    }
};

// What is behind the point. Adding 2^23 (double: 2^52) to a smaller number rounds it to an integer.
template <typename T>
PYDL_INLINE vec<T> fraction(vec<T> x) {
    const T shift = sizeof(T) == 4 ? T(0x1p23) : T(0x1p52);
    const vec<T> size = abs(x), nearest = (size + shift) - shift;
    const vec<T> whole = nearest - select(nearest > size, broadcast<T>(1), vec<T>{});
    return x - copysign(select(size < shift, whole, size), x);
}

}  // namespace

template <typename T>
void elementary_forward(NdArray<const T> x, int64_t form, NdArray<T> y) {
    const char* mismatch = "elementary_forward: x must have the shape of y";
    if (form == kFrac) return elementwise(mismatch, [](vec<T> x) { return fraction<T>(x); }, y, x);
    elementwise(mismatch, Elementary<T>{int(form)}, y, x);
}
PYDL_KERNEL(elementary_forward, "x, form, y")

}  // namespace pydl::PYDL_ISA
