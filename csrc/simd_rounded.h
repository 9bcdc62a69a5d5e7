// Products that are rounded before something is added to them, which compilers else do in one instruction.
#pragma once

#include "simd.h"

namespace pydl::PYDL_ISA {

// The same vector, about which the compiler knows nothing, as if it had been stored.
template <typename V>
PYDL_INLINE V rounded(V v) {
#if defined(__AVX512F__)
    asm("" : "+v"(v));
#elif defined(PYDL_X86)
    asm("" : "+x"(v));
#elif defined(PYDL_NEON)
    asm("" : "+w"(v));
#endif
    return v;
}

}  // namespace pydl::PYDL_ISA
