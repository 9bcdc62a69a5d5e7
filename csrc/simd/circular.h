// Sine, cosine, tangent, the angle of a tangent, and the error function of vectors.
//
// Largest error in units in the last place, float / double, with fused multiply-add (SSE2 stays within one
// more):
//     sin, cos 1.5 / 1.6   tan 3.3 / 3.3   atan 1.9 / 1.8   erf 2.5 / 2
// NaN gives NaN, infinities their limits or, where there is none, NaN.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

namespace detail {

// (sin r - r) / r^3 and (cos r - 1 + r^2 / 2) / r^4 in r^2 for |r| <= pi / 4, (atan t - t) / t^3 in t^2 for
// |t| <= tan(pi / 8), erf(x) / x in x^2 for |x| <= 1: interpolation at Chebyshev nodes in 60 digits, lowest
// power first.
//
// pi / 2 in parts; all but the last two have so few bits that their products with k are exact up to the
// limit.
template <typename T>
struct Circle;
template <>
struct Circle<float> {
    static constexpr float half_pi[] = {0x1.92p+0f, 0x1.fb4p-12f, 0x1.444p-24f, 0x1.68c234p-39f};
    static constexpr float limit = 12000;
    static constexpr float sine_terms[] = {-0.1666666466f, 0.008332748271f, -0.0001958789088f};
    static constexpr float cosine_terms[] = {0.04166666466f, -0.001388830304f, 2.454794209e-5f};
    static constexpr float angle_terms[] = {-0.333333318f, 0.199995405f, -0.142639556f, 0.107437315f,
                                            -0.0645192821f};
};
template <>
struct Circle<double> {
    static constexpr double half_pi[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69};
    static constexpr double limit = 1e6;
    static constexpr double sine_terms[] = {-0.166666666666666646,   0.00833333333333094253,
                                            -0.0001984126983674956,  2.75573160978777502e-6,
                                            -2.50511308709682961e-8, 1.59180591369828102e-10};
    static constexpr double cosine_terms[] = {0.0416666666666666654,  -0.00138888888888873935,
                                              2.48015872987600488e-5, -2.75573172688053932e-7,
                                              2.08761456590593425e-9, -1.13825853525535215e-11};
    static constexpr double angle_terms[] = {
        -0.333333333333333332,  0.199999999999998045,  -0.142857142856598276,  0.111111111051554466,
        -0.0909090875350087684, 0.076922963750321424,  -0.0666642488573825533, 0.0587892899783477513,
        -0.0523045427065024452, 0.0455159322062654917, -0.0345705619814277469, 0.0162857568552210283};
};

template <typename T>
inline constexpr T erf_terms[] = {1.12837916709551257,     -0.376126389031837481,   0.112837916709548787,
                                  -0.0268661706450767932,  0.00522397762481801447,  -0.000854832698083378991,
                                  0.000120553311116427109, -1.49255952668311816e-5, 1.6461000484121368e-6,
                                  -1.6350312701054695e-7,  1.46597752740474358e-8,  -1.13728488567916737e-9,
                                  5.9571761477489114e-11};
template <>
inline constexpr float erf_terms<float>[] = {1.128379167f,     -0.3761263847f,  0.112837825f,
                                             -0.02686543073f,  0.005221031808f, -0.0008484080406f,
                                             0.0001126595903f, -9.667044571e-6f};

// x = k pi / 2 + r for |x| up to the limit: sin r, cos r and, in its lowest bits, k.
template <typename T, typename V>
struct Turned {
    V sine, cosine;
    vec<int_of<T>> k;
};
template <typename T, typename V>
PYDL_INLINE Turned<T, V> turned(V x) {
    using C = Circle<T>;
    constexpr int parts = sizeof(C::half_pi) / sizeof(T);
    const T shift = Format<T>::integer_shift;
    const V shifted = fma(x, fill<V>(T(0.63661977236758134308)), fill<V>(shift)), minus = shift - shifted;
    for (int i = 0; i < parts - 2; ++i) x = fma(minus, fill<V>(C::half_pi[i]), x);
    // What the last step but one rounds away goes into the last one.
    const V part = fill<V>(C::half_pi[parts - 2]), near = fma(minus, part, x);
    const V r = near + fma(minus, fill<V>(C::half_pi[parts - 1]), fma(minus, part, x - near));
    const V z = r * r;
    return {fma(r * z, polynomial(z, C::sine_terms), r),
            fma(z * z, polynomial(z, C::cosine_terms), fma(z, fill<V>(T(-0.5)), fill<V>(T(1)))),
            bit_cast<vec<int_of<T>>>(shifted)};
}

// sin(x + quarters pi / 2): k + quarters says which of the two, and which sign.
template <typename T, typename V>
PYDL_INLINE V sine(V x, int quarters) {
    const Turned<T, V> of = turned<T>(x);
    const auto turns = of.k + int_of<T>(quarters);
    const V value = select((turns & 1) != 0, of.cosine, of.sine);
    return select((turns & 2) != 0, -value, value);
}

template <typename T, typename V>
PYDL_INLINE V tangent(V x) {
    const Turned<T, V> of = turned<T>(x);
    const auto swapped = (of.k & 1) != 0;
    return select(swapped, -of.cosine, of.sine) / select(swapped, of.sine, of.cosine);
}

// atan|x| = base + atan t with |t| <= tan(pi / 8): t is |x|, (|x| - 1) / (|x| + 1) or -1 / |x|.
template <typename T, typename V>
PYDL_INLINE V arc_tangent(V x) {
    const V size = abs(x), one = fill<V>(T(1));
    const auto small = size <= T(0.41421356237309504880), middle = size <= T(2.41421356237309504880);
    const V t = select(small, size, select(middle, size - one, -one)) /
                select(small, one, select(middle, size + one, size));
    const V z = t * t;
    const T quarter = T(0.78539816339744830962);  // pi / 4, and what is left of it
    const T rest = sizeof(T) == 4 ? T(-2.18556941e-8) : T(3.06161699786838302e-17);
    const V times = select(small, V{}, select(middle, one, one + one));
    const V angle = fma(t * z, polynomial(z, Circle<T>::angle_terms), times * rest) + t;
    return copysign(fma(times, fill<V>(quarter), angle), x);
}

template <typename T, typename V>
PYDL_INLINE V erf(V x) {
    const V size = abs(x);
    const auto small = size <= T(1);
    const V near = x * polynomial(x * x, erf_terms<T>);
    if (all(small)) return near;
    // 2 P(X > sqrt(2) |x|) for X ~ N(0, 1); below 1/6, it adds little of its own error.
    const V far = T(1) - T(2) * normal<T>(size * T(1.41421356237309504880)).tail;
    return select(small, near, copysign(far, x));
}

}  // namespace detail

template <typename V>
PYDL_INLINE V erf(V x) {
    return detail::erf<lane<V>>(x);
}
}  // namespace pydl::PYDL_ISA
