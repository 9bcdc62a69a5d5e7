// elementary: functions of each element that no network needs often. See pydl/ops/elementary.py.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "simd/circular.h"
#include "simd/exp2.h"
#include "simd/rounding.h"

namespace pydl::PYDL_ISA {
namespace {

// As in pydl/ops/elementary.py.
enum Form {
    kErf,
    kSin,
    kCos,
    kTan,
    kLog1p,
    kExpm1,
    kExp2,
    kSinh,
    kCosh,
    kLog2,
    kLog10,
    kAsin,
    kAcos,
    kAtan,
    kAtanh,
    kAsinh,
    kAcosh,
    kFrac,
    kFloor,
    kCeil,
    kTrunc,
    kRound
};

// Of numbers of any size, one after another.
[[gnu::noinline]] vec<double> circular_one_by_one(vec<double> x, int form) {
    double lanes[width<double>];
    store(lanes, x);
    for (double& each : lanes)
        each = form == kSin ? __builtin_sin(each) : form == kCos ? __builtin_cos(each) : __builtin_tan(each);
    return load(lanes);
}

template <typename T>
PYDL_INLINE vec<T> circular_near(vec<T> x, int form) {
    return form == kTan ? detail::tangent<T>(x) : detail::sine<T>(x, form == kCos);
}

[[gnu::noinline]] vec<double> circular(vec<double> x, int form) {
    if (any(abs(x) > detail::Circle<double>::limit)) return circular_one_by_one(x, form);
    return circular_near<double>(x, form);
}

// Large ones in double precision, where x loses nothing on the way to its rest by pi / 2.
[[gnu::noinline]] vec<float> circular_of_large(vec<float> x, int form) {
    float lanes[width<float>];
    store(lanes, x);
    for (int i = 0; i < width<float>; i += width<double>) {
        double wide[width<double>];
        for (int k = 0; k < width<double>; ++k) wide[k] = lanes[i + k];
        store(wide, circular(load(wide), form));
        for (int k = 0; k < width<double>; ++k) lanes[i + k] = float(wide[k]);
    }
    return load(lanes);
}

[[gnu::noinline]] vec<float> circular(vec<float> x, int form) {
    if (any(abs(x) > detail::Circle<float>::limit)) return circular_of_large(x, form);
    return circular_near<float>(x, form);
}

// sin a = x for a = atan(x / sqrt(1 - x^2)), and cos a = x for half of it = atan sqrt((1 - x) / (1 + x)).
template <typename T>
[[gnu::noinline]] vec<T> angle(vec<T> x, int form) {
    const vec<T> below = T(1) - x, above = T(1) + x;
    const vec<T> tangent = form == kAtan ? x : form == kAsin ? x / sqrt(below * above) : sqrt(below / above);
    const vec<T> found = detail::arc_tangent<T>(tangent);
    return form == kAcos ? found + found : found;
}

// (e^|x| +- e^-|x|) / 2 by halves of e^|x|, which do not overflow before the result does, and of e^|x| - 1.
template <typename T>
[[gnu::noinline]] vec<T> hyperbolic(vec<T> x, int form) {
    const vec<T> size = abs(x), one = broadcast<T>(1);
    const detail::Reduced<vec<T>> e =
        detail::reduce_exponent<T>(clamp(size, T(0), detail::Format<T>::exp_high + T(1)));
    const vec<T> half = detail::scale<T>(e.expm1 + one, e.k - one), power = detail::scale<T>(one, e.k - one);
    const vec<T> less = fma(e.expm1, power, power - T(0.5));
    if (form == kCosh) return half + T(0.25) / half;
    return copysign(select(size > T(20), half, less + less / (less + less + one)), x);
}

// To the base 2 or 10.
template <typename T>
[[gnu::noinline]] vec<T> logarithm_to_base(vec<T> x, int form) {
    const detail::LogParts<vec<T>> of = detail::log_parts<T>(x);
    const vec<T> of_mantissa = of.f - of.correction;
    // The first part of log10 2 has so few bits that its product with the exponent is exact.
    const T high = sizeof(T) == 4 ? T(0x1.344p-2) : T(0x1.34413509p-2),
            low = T(0.30102999566398119521 - double(high));
    const vec<T> value = form == kLog2
                             ? fma(of_mantissa, broadcast<T>(T(1.44269504088896340736)), of.e)
                             : fma(of.e, broadcast<T>(high),
                                   fma(of.e, broadcast<T>(low), of_mantissa * T(0.43429448190325182765)));
    return detail::log_or_limit<T>(x, value);
}

// The inverses of tanh, sinh and cosh are log1p of something, half of it, or with ln 2 more where a square
// would overflow and 1 is nothing beside x. Only log1p is long, and stands once.
template <typename T>
[[gnu::noinline]] vec<T> logarithm(vec<T> x, int form) {
    if (form == kLog1p) return log1p(x);
    const vec<T> size = form == kAcosh ? x : abs(x), one = broadcast<T>(1);
    const auto large = size > T(sizeof(T) == 4 ? 0x1p30 : 0x1p60);
    vec<T> argument = (size + size) / (one - size);
    if (form == kAsinh) argument = size + size * (size / (one + sqrt(fma(size, size, one))));
    if (form == kAcosh) argument = (x - one) + sqrt(x - one) * sqrt(x + one);  // NaN below 1
    if (form != kAtanh) argument = select(large, size, argument);
    const vec<T> value = log1p(argument);
    if (form == kAtanh) return copysign(value * T(0.5), x);
    const vec<T> whole = value + select(large, broadcast<T>(T(0.69314718055994530942)), vec<T>{});
    return form == kAcosh ? whole : copysign(whole, x);
}

// One copy, not one for each of the loops: they are long.
template <typename T>
struct Elementary {
    int form;

    [[gnu::noinline]] vec<T> operator()(vec<T> x) const {
        if (form == kErf) return erf(x);
        if (form <= kTan) return circular(x, form);
        if (form == kExpm1) return expm1(x);
        if (form == kExp2) return exp2(x);
        if (form == kSinh || form == kCosh) return hyperbolic<T>(x, form);
        if (form == kLog2 || form == kLog10) return logarithm_to_base<T>(x, form);
        if (form == kAsin || form == kAcos || form == kAtan) return angle<T>(x, form);
        return logarithm<T>(x, form);
    }
};

// The derivative at x, where the function is y.
template <typename T>
[[gnu::noinline]] vec<T> slope(vec<T> x, vec<T> y, int form) {
    const vec<T> one = broadcast<T>(1);
    switch (form) {
        case kErf:
            return exp(-x * x) * T(1.12837916709551257390);  // 2 / sqrt(pi)
        case kSin:
            return circular(x, kCos);
        case kCos:
            return -circular(x, kSin);
        case kTan:
            return fma(y, y, one);
        case kSinh:
            return hyperbolic<T>(x, kCosh);
        case kCosh:
            return hyperbolic<T>(x, kSinh);
        case kExpm1:
            return y + one;
        case kExp2:
            return y * T(0.69314718055994530942);
        case kLog1p:
            return one / (x + one);
        case kLog2:
            return one / (x * T(0.69314718055994530942));
        case kLog10:
            return one / (x * T(2.30258509299404568402));
        case kAsin:
            return one / sqrt((one - x) * (one + x));
        case kAcos:
            return T(-1) / sqrt((one - x) * (one + x));
        case kAtan:
            return one / fma(x, x, one);
        case kAtanh:
            return one / ((one - x) * (one + x));
        case kAsinh:
            return one / sqrt(fma(x, x, one));
        case kAcosh:
            return one / sqrt((x - one) * (x + one));
        case kFrac:
            return one;
        default:  // steps
            return vec<T>{};
    }
}

// So few instructions that they are not called.
template <typename T>
struct Whole {
    int form;

    PYDL_INLINE vec<T> operator()(vec<T> x) const {
        if (form == kFloor) return rounded<kDown, T>(x);
        if (form == kCeil) return rounded<kUp, T>(x);
        if (form == kRound) return rounded<kNearest, T>(x);
        const vec<T> whole = rounded<kInwards, T>(x);
        return form == kTrunc ? whole : x - whole;
    }
};

}  // namespace

template <typename T>
void elementary_forward(NdArray<const T> x, int64_t form, NdArray<T> y) {
    const char* mismatch = "elementary_forward: x must have the shape of y";
    if (form >= kFrac) return elementwise(mismatch, Whole<T>{int(form)}, y, x);
    elementwise(mismatch, Elementary<T>{int(form)}, y, x);
}
PYDL_KERNEL(elementary_forward, "x, form, y")

template <typename T>
void elementary_backward(NdArray<const T> dy, NdArray<const T> x, NdArray<const T> y, int64_t form,
                         NdArray<T> dx) {
    elementwise(
        "elementary_backward: dy, x and y must have the shape of dx",
        [=](vec<T> dy, vec<T> x, vec<T> y) { return dy * slope<T>(x, y, int(form)); }, dx, dy, x, y);
}
PYDL_KERNEL(elementary_backward, "dy, x, y, form, dx")

}  // namespace pydl::PYDL_ISA
