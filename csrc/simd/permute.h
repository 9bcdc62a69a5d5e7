// Lanes picked by numbers that are known at run time.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Whether that takes one instruction.
#if defined(__AVX512F__)
inline constexpr bool picks_lanes = true;
#else
inline constexpr bool picks_lanes = false;
#endif

// Lane i of the result is lane number index[i], below 2 * width, of a and what follows of b.
PYDL_INLINE vec<float> lanes_at(vec<float> a, vec<float> b, mask<float> index) {
#if defined(__AVX512F__)
    return (vec<float>)_mm512_permutex2var_ps((__m512)a, (__m512i)index, (__m512)b);
#else
    vec<float> v{};
    for (int i = 0; i < width<float>; i++)
        v[i] = index[i] < width<float> ? a[index[i]] : b[index[i] - width<float>];
    return v;
#endif
}

// The same of one vector.
PYDL_INLINE vec<float> lanes_at(vec<float> v, mask<float> index) {
#if defined(__AVX512F__)
    return (vec<float>)_mm512_maskz_permutexvar_ps(__mmask16(-1), (__m512i)index, (__m512)v);
#else
    return lanes_at(v, v, index);
#endif
}

// Lanes First, First + 1, ... of a and what follows of b.
template <int First, typename V, int... I>
PYDL_INLINE V lanes_from(V a, V b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (First + I)...);
}
template <int First, typename T>
PYDL_INLINE vec<T> lanes_from(std::common_type_t<vec<T>> a, std::common_type_t<vec<T>> b) {
#if defined(__AVX512F__)
    // Compilers take lanes_at for it, which competes with multiplications.
    if constexpr (sizeof(T) == 4 && First < width<T>)
        return (vec<T>)_mm512_maskz_alignr_epi32(__mmask16(-1), (__m512i)b, (__m512i)a, First);
#endif
    return lanes_from<First>(a, b, std::make_integer_sequence<int, width<T>>{});
}

// Some lanes: those whose number in a mask is not zero.
class LaneSet {
  public:
    PYDL_INLINE explicit LaneSet(mask<float> lanes) {
#if defined(__AVX512F__)
        lanes_ = _mm512_test_epi32_mask((__m512i)lanes, (__m512i)lanes);
#else
        lanes_ = lanes != 0;
#endif
    }
    // These lanes from v, the others from `otherwise`.
    PYDL_INLINE vec<float> select(vec<float> v, vec<float> otherwise) const {
#if defined(__AVX512F__)
        return (vec<float>)_mm512_mask_mov_ps((__m512)otherwise, lanes_, (__m512)v);
#else
        return lanes_ ? v : otherwise;
#endif
    }

  private:
#if defined(__AVX512F__)
    __mmask16 lanes_;
#else
    mask<float> lanes_;
#endif
};

// The same for any number of vectors, and zero where the number is negative.
class LanePick {
  public:
    PYDL_INLINE explicit LanePick(mask<float> index) : index_(index) {
#if defined(__AVX512F__)
        exists_ = _mm512_cmpge_epi32_mask((__m512i)index, _mm512_setzero_si512());
#endif
    }
    PYDL_INLINE vec<float> operator()(vec<float> a, vec<float> b) const {
#if defined(__AVX512F__)
        return (vec<float>)_mm512_maskz_permutex2var_ps(exists_, (__m512)a, (__m512i)index_, (__m512)b);
#else
        return index_ >= 0 ? lanes_at(a, b, index_) : vec<float>{};
#endif
    }
    // The same of one vector, which takes several times less where products are computed meanwhile.
    PYDL_INLINE vec<float> operator()(vec<float> a) const {
#if defined(__AVX512F__)
        return (vec<float>)_mm512_maskz_permutexvar_ps(exists_, (__m512i)index_, (__m512)a);
#else
        return (*this)(a, a);
#endif
    }

  private:
    mask<float> index_;
#if defined(__AVX512F__)
    __mmask16 exists_;
#endif
};

// Neighbouring lanes of two vectors, a and what follows of b, as lanes_at picks them: each is turned, then
// they are joined. None of these instructions competes with multiplications.
class LaneShift {
  public:
    // From lane `first` of a on.
    PYDL_INLINE explicit LaneShift(int64_t first)
        : index_((iota<int32_t>() + int32_t(first)) & int32_t(width<float> - 1)),
          of_a_(iota<int32_t>() + int32_t(first) < int32_t(width<float>)) {}
    PYDL_INLINE vec<float> turned(vec<float> v) const { return lanes_at(v, index_); }
    PYDL_INLINE vec<float> joined(vec<float> a, vec<float> b) const { return of_a_.select(a, b); }

  private:
    mask<float> index_;
    LaneSet of_a_;
};

}  // namespace pydl::PYDL_ISA
