// How a thread treats denormal numbers. Included by simd/simd.h.
#pragma once

#include "simd/simd.h"

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
