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

// Some lanes: those whose number in a mask is not zero.
class LaneSet {
  public:
    explicit LaneSet(mask<float> lanes) {
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
    explicit LanePick(mask<float> index) : index_(index) {
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

}  // namespace pydl::PYDL_ISA
