// Vectors that the compiler has to keep in a register.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// The same vector, about which the compiler knows nothing. Without this a vector that was loaded for several
// uses may be loaded again for each, and a product may become part of a multiply-add.
template <typename V>
PYDL_INLINE V in_register(V v) {
#if defined(PYDL_X86)
    asm("" : "+v"(v));
#elif defined(PYDL_NEON)
    asm("" : "+w"(v));
#endif
    return v;
}

}  // namespace pydl::PYDL_ISA
