// Sine, cosine and the error function of vectors.
//
// Largest error in units in the last place, float / double, with fused multiply-add (SSE2 stays within one
// more):
//     sin, cos 0.6 / 1.6   erf 2.5 / 2
// NaN gives NaN, infinities their limits or, where there is none, NaN.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

namespace detail {

// (sin r - r) / r^3 and (cos r - 1 + r^2 / 2) / r^4 in r^2 for |r| <= pi / 4, erf(x) / x in x^2 for |x| <= 1:
// interpolation at Chebyshev nodes in 60 digits, lowest power first.
inline constexpr double sine_terms[] = {-0.166666666666666646,   0.00833333333333094253,
                                        -0.0001984126983674956,  2.75573160978777502e-6,
                                        -2.50511308709682961e-8, 1.59180591369828102e-10};
inline constexpr double cosine_terms[] = {0.0416666666666666654,  -0.00138888888888873935,
                                          2.48015872987600488e-5, -2.75573172688053932e-7,
                                          2.08761456590593425e-9, -1.13825853525535215e-11};
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

// pi / 2 in three parts; the first two have so few bits that their products with k are exact up to the limit.
constexpr double kHalfPi[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69};
constexpr double kCircularLimit = 1e6;

// sin(x + quarters pi / 2) for |x| up to the limit: x = k pi / 2 + r, and k + quarters says which of the two
// functions, and which sign, r takes.
template <typename V>
PYDL_INLINE V sine(V x, int64_t quarters) {
    const double shift = Format<double>::integer_shift;
    const V shifted = fma(x, fill<V>(0.63661977236758134308), fill<V>(shift)), k = shifted - shift;
    const V minus = -k, first = fma(minus, fill<V>(kHalfPi[0]), x),
            near = fma(minus, fill<V>(kHalfPi[1]), first);
    // What the second step rounded away goes into the third.
    const V rest = fma(minus, fill<V>(kHalfPi[1]), first - near);
    const V r = near + fma(minus, fill<V>(kHalfPi[2]), rest);
    const V z = r * r;
    const V odd = fma(r * z, polynomial(z, sine_terms), r);
    const V even = fma(z * z, polynomial(z, cosine_terms), fma(z, fill<V>(-0.5), fill<V>(1.0)));
    const auto turns = bit_cast<vec<int64_t>>(shifted) + quarters;
    const V value = select((turns & 1) != 0, even, odd);
    return select((turns & 2) != 0, -value, value);
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
