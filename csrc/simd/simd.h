// The vector type of one instruction set and the few operations every kernel is written with.
//
// Kernels are compiled once per instruction set; PYDL_ISA names the variant and is also its namespace, so
// that variants never meet at link time. Only simd*.h ask which processor they are compiled for.
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
#error \
    "simd/simd.h knows x86-64 and AArch64; compile the variant generic (-DPYDL_GENERIC) for other processors"
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

// The same bits, as another type.
template <typename To, typename From>
PYDL_INLINE To bit_cast(From v) {
    static_assert(sizeof(To) == sizeof(From));
    To out;
    __builtin_memcpy(&out, &v, sizeof(out));
    return out;
}

}  // namespace pydl::PYDL_ISA

#include "simd/arithmetic.h"
#include "simd/denormals.h"
#include "simd/lanes.h"
#include "simd/math.h"
