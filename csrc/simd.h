// The vector type of one instruction set and the few operations every kernel is written with.
//
// Kernels are compiled once per instruction set; PYDL_ISA names the variant and is also its namespace, so
// that variants never meet at link time. This is the only file that asks which processor it is compiled for.
//
// vec<T> is a GCC/Clang vector extension: + - * / & | ^ and comparisons work on it (with a scalar on one side
// too), a comparison gives a mask (all bits of a lane set or clear) for select(), and v[i] reads a lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#ifndef PYDL_ISA
#error "PYDL_ISA must name the variant this file is compiled for: sse2, avx2, avx512, neon or generic"
#endif

// PYDL_GENERIC: the compiler's vector extensions alone, for a processor that this file does not know.
#if defined(PYDL_GENERIC)
#define PYDL_VECTOR_BYTES 16
#elif defined(__AVX512F__) || defined(__AVX2__) || defined(__SSE2__)
#define PYDL_X86 1
#if defined(__AVX512F__)
#include <immintrin.h>
#define PYDL_VECTOR_BYTES 64
#elif defined(__AVX2__)
#include <immintrin.h>
#define PYDL_VECTOR_BYTES 32
#else
#include <emmintrin.h>  // a tenth of the text, which every source reads again
#define PYDL_VECTOR_BYTES 16
#endif
#elif defined(__aarch64__)
#include <arm_neon.h>
#define PYDL_NEON 1
#define PYDL_VECTOR_BYTES 16
#else
#error "simd.h knows x86-64 and AArch64; compile the variant generic (-DPYDL_GENERIC) for other processors"
#endif

// A vector function that is not inlined spills every vector register around its call.
#define PYDL_INLINE [[gnu::always_inline]] inline
#define PYDL_INLINE_LAMBDA __attribute__((always_inline))

namespace pydl::PYDL_ISA {

template <typename T>
struct VecOf {
    typedef T type __attribute__((vector_size(PYDL_VECTOR_BYTES)));
    typedef T unaligned __attribute__((vector_size(PYDL_VECTOR_BYTES), aligned(alignof(T)), may_alias));
};

template <typename T>
using vec = typename VecOf<T>::type;

template <typename T>
inline constexpr int width = PYDL_VECTOR_BYTES / sizeof(T);

// Vector registers of the instruction set: what a register tile may be made of.
#if defined(__AVX512F__) || defined(PYDL_NEON)
inline constexpr int vector_registers = 32;
#else
inline constexpr int vector_registers = 16;
#endif

#if defined(__FMA__) || defined(PYDL_NEON)
inline constexpr bool has_fma = true;
#else
inline constexpr bool has_fma = false;
#endif

// Whether there are kernels for special cases, which are faster there and take room. x86 processors without
// AVX, from before 2013, compute those cases as all others.
inline constexpr bool has_special_kernels = has_fma;

// lane<X> is the element type of a vector and X itself for a scalar; int_of<T> the signed integer as wide.
template <typename X, typename = void>
struct LaneOf {
    using type = std::remove_cv_t<std::remove_reference_t<decltype(std::declval<X&>()[0])>>;
};
template <typename X>
struct LaneOf<X, std::enable_if_t<std::is_arithmetic_v<X>>> {
    using type = X;
};
template <typename X>
using lane = typename LaneOf<X>::type;
template <typename T>
using int_of =
    std::conditional_t<sizeof(T) == 8, int64_t, std::conditional_t<sizeof(T) == 4, int32_t, int8_t>>;
template <typename T>
using mask = vec<int_of<T>>;

// ---- memory ----

template <typename T>
PYDL_INLINE vec<T> load(const T* p) {
    return *reinterpret_cast<const typename VecOf<T>::unaligned*>(p);
}

template <typename T>
PYDL_INLINE void store(T* p, std::common_type_t<vec<T>> v) {
    *reinterpret_cast<typename VecOf<T>::unaligned*>(p) = v;
}

// s in every lane of an X (which may be a scalar). Subtracting zero keeps s; adding it would lose -0.
template <typename X>
PYDL_INLINE X fill(lane<X> s) {
    return s - X{};
}
template <typename T>
PYDL_INLINE vec<T> broadcast(std::common_type_t<T> s) {
    return fill<vec<T>>(s);
}

template <typename T, int... I>
PYDL_INLINE vec<T> iota_lanes(std::integer_sequence<int, I...>) {
    return vec<T>{T(I)...};
}
// 0, 1, 2, ...
template <typename T>
PYDL_INLINE vec<T> iota() {
    return iota_lanes<T>(std::make_integer_sequence<int, width<T>>{});
}

// The first n lanes from p (n <= 0: none, n >= width: all), the others zero. Reads nothing beyond p[n - 1].
template <typename T>
PYDL_INLINE vec<T> load_partial(const T* p, int64_t n) {
    if (n >= width<T>) return load(p);
    if (n < 0) n = 0;
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<T, float>) return (vec<T>)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
    if constexpr (std::is_same_v<T, double>) return (vec<T>)_mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), p);
#elif defined(__AVX2__)
    [[maybe_unused]] const auto lanes = iota<int_of<T>>() < int_of<T>(n);
    if constexpr (std::is_same_v<T, float>) return (vec<T>)_mm256_maskload_ps(p, (__m256i)lanes);
    if constexpr (std::is_same_v<T, double>) return (vec<T>)_mm256_maskload_pd(p, (__m256i)lanes);
#endif
    vec<T> v{};
#pragma GCC unroll 64
    for (int i = 0; i < width<T> - 1; i++)
        if (i < n) v[i] = p[i];
    return v;
}

// Writes the first n lanes and nothing beyond p[n - 1].
template <typename T>
PYDL_INLINE void store_partial(T* p, std::common_type_t<vec<T>> v, int64_t n) {
    if (n >= width<T>) return store(p, v);
    if (n <= 0) return;
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<T, float>)
        return _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)v);
    if constexpr (std::is_same_v<T, double>)
        return _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1), (__m512d)v);
#elif defined(__AVX2__)
    [[maybe_unused]] const auto lanes = iota<int_of<T>>() < int_of<T>(n);
    if constexpr (std::is_same_v<T, float>) return _mm256_maskstore_ps(p, (__m256i)lanes, (__m256)v);
    if constexpr (std::is_same_v<T, double>) return _mm256_maskstore_pd(p, (__m256i)lanes, (__m256d)v);
#endif
#pragma GCC unroll 64
    for (int i = 0; i < width<T> - 1; i++)
        if (i < n) p[i] = v[i];
}

// The same pointer, about which the compiler knows nothing. After a long loop it keeps addresses derived from
// the pointer from being computed before the loop, where they would take registers from it.
template <typename T>
PYDL_INLINE T* forget(T* p) {
    asm("" : "+r"(p));
    return p;
}

template <typename T>
PYDL_INLINE void prefetch(const T* p) {
    __builtin_prefetch(p);
}
// ---- lane by lane ----

template <typename To, typename From>
PYDL_INLINE To bit_cast(From v) {
    static_assert(sizeof(To) == sizeof(From));
    To out;
    __builtin_memcpy(&out, &v, sizeof(out));
    return out;
}

// a * b + c, rounded once where the instruction set can (all but SSE2 and generic).
PYDL_INLINE float fma(float a, float b, float c) {
    if constexpr (has_fma) return __builtin_fmaf(a, b, c);
    return a * b + c;
}
PYDL_INLINE double fma(double a, double b, double c) {
    if constexpr (has_fma) return __builtin_fma(a, b, c);
    return a * b + c;
}
PYDL_INLINE vec<float> fma(vec<float> a, vec<float> b, vec<float> c) {
#if defined(__AVX512F__)
    return (vec<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    return (vec<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(PYDL_NEON)
    return (vec<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}
PYDL_INLINE vec<double> fma(vec<double> a, vec<double> b, vec<double> c) {
#if defined(__AVX512F__)
    return (vec<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    return (vec<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(PYDL_NEON)
    return (vec<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}

// m ? a : b in every lane.
template <typename M, typename X>
PYDL_INLINE X select(M m, X a, X b) {
    return m ? a : b;
}

// NaN in either argument gives NaN, like torch.minimum and torch.maximum: the comparison alone, one
// instruction, gives b where either is NaN, and setting all bits of a lane makes NaN of it where a is.
template <typename X>
PYDL_INLINE X nan_of(X a, X otherwise) {
    if constexpr (std::is_arithmetic_v<X>)
        return a != a ? a : otherwise;
    else
        return bit_cast<X>(bit_cast<mask<lane<X>>>(otherwise) | (a != a));
}
template <typename X>
PYDL_INLINE X min(X a, X b) {
    const X smaller = a < b ? a : b;
    if constexpr (std::is_floating_point_v<lane<X>>) return nan_of(a, smaller);
    return smaller;
}
template <typename X>
PYDL_INLINE X max(X a, X b) {
    const X larger = a > b ? a : b;
    if constexpr (std::is_floating_point_v<lane<X>>) return nan_of(a, larger);
    return larger;
}

PYDL_INLINE float abs(float x) {
    return __builtin_fabsf(x);
}
PYDL_INLINE double abs(double x) {
    return __builtin_fabs(x);
}
template <typename X>
PYDL_INLINE X abs(X x) {
    using T = lane<X>;
    if constexpr (std::is_floating_point_v<T>)
        return bit_cast<X>(bit_cast<mask<T>>(x) & ~bit_cast<mask<T>>(fill<X>(T(-0.0))));
    return x < 0 ? -x : x;
}

// |magnitude| with the sign of sign.
template <typename X>
PYDL_INLINE X copysign(X magnitude, X sign) {
    using T = lane<X>;
    if constexpr (std::is_arithmetic_v<X>) {
        if constexpr (sizeof(T) == 4)
            return __builtin_copysignf(magnitude, sign);
        else
            return __builtin_copysign(magnitude, sign);
    } else {
        const mask<T> bit = bit_cast<mask<T>>(fill<X>(T(-0.0)));
        return bit_cast<X>((bit_cast<mask<T>>(magnitude) & ~bit) | (bit_cast<mask<T>>(sign) & bit));
    }
}

PYDL_INLINE float sqrt(float x) {
    return __builtin_sqrtf(x);
}
PYDL_INLINE double sqrt(double x) {
    return __builtin_sqrt(x);
}
PYDL_INLINE vec<float> sqrt(vec<float> x) {
#if defined(__AVX512F__)
    return (vec<float>)_mm512_maskz_sqrt_ps(__mmask16(-1), (__m512)x);
#elif defined(__AVX2__)
    return (vec<float>)_mm256_sqrt_ps((__m256)x);
#elif defined(PYDL_X86)
    return (vec<float>)_mm_sqrt_ps((__m128)x);
#elif defined(PYDL_NEON)
    return (vec<float>)vsqrtq_f32((float32x4_t)x);
#else
    for (int i = 0; i < width<float>; i++) x[i] = sqrt(x[i]);
    return x;
#endif
}
PYDL_INLINE vec<double> sqrt(vec<double> x) {
#if defined(__AVX512F__)
    return (vec<double>)_mm512_maskz_sqrt_pd(__mmask8(-1), (__m512d)x);
#elif defined(__AVX2__)
    return (vec<double>)_mm256_sqrt_pd((__m256d)x);
#elif defined(PYDL_X86)
    return (vec<double>)_mm_sqrt_pd((__m128d)x);
#elif defined(PYDL_NEON)
    return (vec<double>)vsqrtq_f64((float64x2_t)x);
#else
    for (int i = 0; i < width<double>; i++) x[i] = sqrt(x[i]);
    return x;
#endif
}

// x * 2^k in one instruction, where there is one.
#if defined(__AVX512F__)
inline constexpr bool has_scalef = true;
PYDL_INLINE vec<float> scalef(vec<float> x, vec<float> k) {
    return (vec<float>)_mm512_maskz_scalef_ps(__mmask16(-1), (__m512)x, (__m512)k);
}
PYDL_INLINE vec<double> scalef(vec<double> x, vec<double> k) {
    return (vec<double>)_mm512_maskz_scalef_pd(__mmask8(-1), (__m512d)x, (__m512d)k);
}
#else
inline constexpr bool has_scalef = false;
template <typename V>
V scalef(V x, V k) = delete;
#endif

// True where any / every lane of a comparison holds.
PYDL_INLINE bool any(bool m) {
    return m;
}
PYDL_INLINE bool all(bool m) {
    return m;
}
template <typename M>
PYDL_INLINE bool any(M m) {
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)m, (__m512i)m) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_epi8((__m256i)m) != 0;
#elif defined(PYDL_X86)
    return _mm_movemask_epi8((__m128i)m) != 0;
#elif defined(PYDL_NEON)
    return vmaxvq_u32((uint32x4_t)m) != 0;
#else
    const auto halves = bit_cast<vec<int64_t>>(m);
    return (halves[0] | halves[1]) != 0;
#endif
}
template <typename M>
PYDL_INLINE bool all(M m) {
    return !any(~m);
}

}  // namespace pydl::PYDL_ISA

#include "simd_lanes.h"
#include "simd_math.h"

namespace pydl::PYDL_ISA {

// While one lives, this thread's arithmetic treats denormal numbers as zero: they are far below anything
// training can use, and each costs some hundred cycles. Only float kernels ask for it; the caller's setting
// comes back with the end of the scope.
class FlushDenormals {
  public:
    FlushDenormals() : before_(state()) { set_state(before_ | flush_bits); }
    ~FlushDenormals() { set_state(before_); }
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;

    // The thread's control word, so that a worker thread can be given its caller's.
    static uint64_t state() {
#if defined(PYDL_X86)
        return _mm_getcsr();
#elif defined(PYDL_NEON)
        uint64_t word;
        asm volatile("mrs %0, fpcr" : "=r"(word));
        return word;
#else
        return 0;  // denormals keep their value where nothing is known of the processor
#endif
    }
    static void set_state([[maybe_unused]] uint64_t word) {
#if defined(PYDL_X86)
        _mm_setcsr(uint32_t(word));
#elif defined(PYDL_NEON)
        asm volatile("msr fpcr, %0" ::"r"(word));
#endif
    }

  private:
#if defined(PYDL_X86)
    static constexpr uint64_t flush_bits = 0x8040;  // flush-to-zero and denormals-are-zero of MXCSR
#else
    static constexpr uint64_t flush_bits = uint64_t(1) << 24;  // FPCR.FZ
#endif
    uint64_t before_;
};

}  // namespace pydl::PYDL_ISA
