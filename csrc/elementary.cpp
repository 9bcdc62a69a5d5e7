// elementary: functions of each element that no network needs often. See pydl/ops/elementary.py.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "simd/circular.h"

namespace pydl::PYDL_ISA {
namespace {

enum Form { kErf, kSin, kCos, kLog1p, kExpm1 };

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
        if (form == kErf) return erf(x);
        if (form == kLog1p) return log1p(x);
        if (form == kExpm1) return expm1(x);
        return circular(x, form == kCos);
    }
};

}  // namespace

template <typename T>
void elementary_forward(NdArray<const T> x, int64_t form, NdArray<T> y) {
    elementwise("elementary_forward: x must have the shape of y", Elementary<T>{int(form)}, y, x);
}
PYDL_KERNEL(elementary_forward, "x, form, y")

}  // namespace pydl::PYDL_ISA
