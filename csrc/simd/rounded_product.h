// A product that is rounded before anything is added to it.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// The same vector, about which the compiler knows nothing: it would make a multiply-add of a product and the
// sum behind it.
template <typename V>
PYDL_INLINE V rounded_product(V product) {
#if defined(PYDL_X86)
    asm("" : "+v"(product));
#elif defined(PYDL_NEON)
    asm("" : "+w"(product));
#endif
    return product;
}

}  // namespace pydl::PYDL_ISA
