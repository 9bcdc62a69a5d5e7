// remainder: what a division by whole numbers leaves, and the whole number. See pydl/ops/remainder.py.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "simd/integers.h"

namespace pydl::PYDL_ISA {
namespace {

enum Form { kFmod, kRemainder, kFloorDivide, kTruncDivide };

// Numbers from here on have nothing behind the point; adding it rounds smaller ones to integers.
template <typename T>
constexpr T whole = T(int64_t(1) << (sizeof(T) == 4 ? 23 : 52));

PYDL_INLINE float rest_of(float a, float b) {
    return __builtin_fmodf(a, b);
}
PYDL_INLINE double rest_of(double a, double b) {
    return __builtin_fmod(a, b);
}

// Of any numbers, one after another.
template <typename T>
[[gnu::noinline]] vec<T> rests_one_by_one(vec<T> a, vec<T> b) {
    T x[width<T>], z[width<T>];
    store(x, a);
    store(z, b);
    for (int i = 0; i < width<T>; ++i) x[i] = rest_of(x[i], z[i]);
    return load(x);
}

// a - b trunc(a / b), exactly. The rounded quotient is at most one too large, and if it is small the
// difference is a number of the type, which a fused multiply-add finds.
template <typename T>
PYDL_INLINE vec<T> rest(vec<T> a, vec<T> b) {
    const vec<T> x = abs(a), z = abs(b), quotient = x / z;
    if (!has_fma || any(quotient >= whole<T> / 2)) return rests_one_by_one<T>(a, b);
    vec<T> n = (quotient + whole<T>)-whole<T>;
    n = select(n > quotient, n - T(1), n);
    vec<T> r = fma(-n, z, x);
    r = select(r < T(0), r + z, r);
    return copysign(select(x < z, x, r), a);
}

template <typename T>
PYDL_INLINE vec<T> nearest(vec<T> v) {
    const vec<T> size = abs(v);
    return copysign(select(size < whole<T>, (size + whole<T>)-whole<T>, size), v);
}

// One copy, not one for each of the loops: it is long.
template <typename T>
struct Division {
    int form;

    [[gnu::noinline]] vec<T> operator()(vec<T> a, vec<T> b) const {
        if (form == kTruncDivide) {
            const vec<T> quotient = a / b, n = nearest<T>(quotient);
            return select(abs(n) > abs(quotient), n - copysign(broadcast<T>(1), quotient), n);
        }
        const vec<T> r = rest<T>(a, b);
        if (form == kFmod) return r;
        const auto other_sign = select(b < T(0), -r, r) < T(0);
        if (form == kRemainder) return select(other_sign, r + b, r);
        vec<T> n = (a - r) / b;
        const vec<T> rounded = nearest<T>(n = select(other_sign, n - T(1), n));
        n = select(rounded - n == T(0.5), rounded - T(1), rounded);  // as PyTorch
        n = select(n == T(0), copysign(vec<T>{}, a / b), n);
        return select(b == T(0), a / b, n);
    }
};

// Whole numbers, as bits of doubles: that way they come and go by the loops for doubles. Below 2^51 they are
// doubles as well, whose quotient is only an integer where the exact one is, so that what is below it is
// right.
struct IntegerDivision {
    int form;

    [[gnu::noinline]] vec<double> operator()(vec<double> a, vec<double> b) const {
        const auto x = bit_cast<vec<int64_t>>(a), z = bit_cast<vec<int64_t>>(b);
        if (any((beyond_exact(x) | beyond_exact(z)) != 0) || any(z == 0)) return one_by_one(x, z);
        const vec<double> p = to_doubles(x), q = to_doubles(z), quotient = p / q;
        vec<double> n = nearest_integers(quotient);
        n = form == kFmod || form == kTruncDivide ? without_fraction(quotient)
                                                  : select(n > quotient, n - 1.0, n);
        return bit_cast<vec<double>>(to_integers(form == kFmod || form == kRemainder ? p - n * q : n));
    }

    // Any, those with a divisor of 0 as 0. What is beyond int64 is taken modulo 2^64.
    [[gnu::noinline]] vec<double> one_by_one(vec<int64_t> x, vec<int64_t> z) const {
        for (int i = 0; i < width<int64_t>; ++i) {
            const int64_t a = x[i], b = z[i];
            int64_t n = b == 0    ? 0
                        : b == -1 ? int64_t(-uint64_t(a))
                                  : a / b,
                    r = b == 0 || b == -1 ? 0 : a % b;
            if ((form == kRemainder || form == kFloorDivide) && r != 0 && (r < 0) != (b < 0)) --n, r += b;
            x[i] = form == kFmod || form == kRemainder ? r : n;
        }
        return bit_cast<vec<double>>(x);
    }
};

template <typename C>
NdArray<C> as_doubles(const Extents& extents, const void* data) {
    return {extents, static_cast<C*>(const_cast<void*>(data))};
}

}  // namespace

template <typename T>
void remainder_forward(NdArray<const T> a, NdArray<const T> b, int64_t form, NdArray<T> y) {
    elementwise("remainder_forward: a and b must broadcast to y", Division<T>{int(form)}, y, a, b);
}
PYDL_KERNEL(remainder_forward, "a, b, form, y")

inline void remainder_integers(NdArray<const int64_t> a, NdArray<const int64_t> b, int64_t form,
                               NdArray<int64_t> y) {
    elementwise("remainder_integers: a and b must broadcast to y", IntegerDivision{int(form)},
                as_doubles<double>(y, y.data), as_doubles<const double>(a, a.data),
                as_doubles<const double>(b, b.data));
}
PYDL_KERNEL_OF_NUMBERS(remainder_integers, "a, b, form, y")

}  // namespace pydl::PYDL_ISA
