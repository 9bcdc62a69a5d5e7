// randn: normal numbers from random words. See pydl/ops/randn.py.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "simd/random.h"

namespace pydl::PYDL_ISA {
namespace {

static_assert(kElementwiseGrain % kRandomBlock == 0, "threads share no block of random words");

// How a word becomes one of the numbers 0, 1, ... 2^bits - 1, all of which T can hold.
template <typename T>
struct Word;
template <>
struct Word<float> {
    static constexpr int bits = 24;
    PYDL_INLINE static vec<float> number(const uint32_t* words) {
        return __builtin_convertvector(bit_cast<vec<int32_t>>(load(words) >> 8), vec<float>);
    }
};
template <>
struct Word<double> {
    static constexpr int bits = 52;
    PYDL_INLINE static vec<double> number(const uint32_t* words) {
        const vec<uint64_t> mantissa = load(reinterpret_cast<const uint64_t*>(words)) >> 12;
        return (bit_cast<vec<double>>(mantissa | uint64_t(0x3ff0000000000000)) - 1.0) * 0x1p52;
    }
};

// (-1)^k (2 pi)^n / n! for n = 2 k + 1 and n = 2 k: sine and cosine of a part of a turn, at most 1/8. Half of
// them are enough for float.
constexpr double kSine[] = {6.283185307179586477,  -41.34170224039976023,  81.60524927607505420,
                            -76.70585975306138584, 42.05869394489765314,   -15.09464257682299039,
                            3.819952584848282128,  -0.7181223017785005122, 0.1042291622081398412};
constexpr double kCosine[] = {1.0,
                              -19.73920880217871724,
                              64.93939402266829149,
                              -85.45681720669372774,
                              60.24464137187666036,
                              -26.42625678337439745,
                              7.903536371318468804,
                              -1.714390711088672065,
                              0.2820059684557912151,
                              -0.03638284114254567077};

template <typename T, size_t N>
PYDL_INLINE vec<T> of_square(vec<T> square, const double (&terms)[N]) {
    constexpr int kTerms = sizeof(T) == sizeof(float) ? 6 : int(N);
    vec<T> sum = broadcast<T>(T(terms[kTerms - 1]));
#pragma GCC unroll 10
    for (int k = kTerms - 2; k >= 0; --k) sum = fma(sum, square, broadcast<T>(T(terms[k])));
    return sum;
}

// Box and Muller: first = r cos(2 pi t), second = r sin(2 pi t), where r = sqrt(-2 ln u).
template <typename T>
PYDL_INLINE void two_normal(vec<T> u, vec<T> t, T* first, T* second) {
    const T shift = detail::Format<T>::integer_shift;  // rounds to an integer
    const vec<T> r = sqrt(T(-2) * log(u));
    const vec<T> quarters = (T(4) * t + shift) - shift, part = fma(broadcast<T>(T(-0.25)), quarters, t);
    const vec<T> sine = part * of_square<T>(part * part, kSine), cosine = of_square<T>(part * part, kCosine);
    // A quarter turn makes (cos, sin) of (cos, sin) into (-sin, cos).
    const auto odd = (quarters == T(1)) | (quarters == T(3));
    const vec<T> x = select(odd, sine, cosine), y = select(odd, cosine, sine);
    store(first, r * select((quarters == T(1)) | (quarters == T(2)), -x, x));
    store(second, r * select((quarters == T(2)) | (quarters == T(3)), -y, y));
}

}  // namespace

template <typename T>
void randn_forward(int64_t key, int64_t words, Array<T, 1> y) {
    constexpr int64_t kWords = sizeof(T) / sizeof(uint32_t), kNumbers = kRandomBlock / kWords,
                      kHalf = kNumbers / 2;
    require(words == kWords, "randn_forward: words must be 1 for float32, 2 for float64");
    require(y.contiguous(), "randn_forward: y must be contiguous");
    parallel_for(y.shape[0], kElementwiseGrain, [&](int64_t begin, int64_t end) {
        alignas(64) uint32_t random[kRandomBlock];
        alignas(64) T numbers[kNumbers];
        const T step = T(1) / T(int64_t(1) << Word<T>::bits);
        for (int64_t i = begin; i < end; i += kNumbers) {
            random_block(uint64_t(key), uint64_t(i / kNumbers), random);
            T* const to = end - i < kNumbers ? numbers : y.data + i;
            for (int64_t j = 0; j < kHalf; j += width<T>) {
                const vec<T> u = (Word<T>::number(random + j * kWords) + T(1)) * step;
                const vec<T> t = Word<T>::number(random + (kHalf + j) * kWords) * step;
                two_normal<T>(u, t, to + j, to + kHalf + j);
            }
            for (int64_t j = 0; to == numbers && j < end - i; ++j) y.data[i + j] = numbers[j];
        }
    });
}
PYDL_KERNEL(randn_forward, "key, words, y")

}  // namespace pydl::PYDL_ISA
