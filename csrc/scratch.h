// Temporary memory of a kernel.
#pragma once

#include "runtime/fail.h"
#include "runtime/pocket.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// count elements of undefined contents, 64-byte aligned, given back at the end of the scope. Cheap enough to
// ask for inside a parallel loop, once for each chunk.
template <typename T>
class Scratch {
  public:
    explicit Scratch(int64_t count) {
        size_t bytes;
        if (count < 0 || __builtin_mul_overflow(size_t(count), sizeof(T), &bytes)) fail(no_memory);
        pocket_allocate(temporary_, bytes);
    }
    ~Scratch() { pocket_free(temporary_); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    T* data() const { return static_cast<T*>(temporary_.memory); }
    T& operator[](int64_t i) const { return data()[i]; }

  private:
    Temporary temporary_;
};

}  // namespace pydl::PYDL_ISA
