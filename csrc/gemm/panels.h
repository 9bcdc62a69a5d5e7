// Where products put the panels that they pack.
#pragma once

#include "runtime/pocket.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Memory for panels: near at hand on the stack if they are small, because products of a microsecond cannot
// wait for a lock.
template <typename T>
class Panels {
  public:
    explicit Panels(int64_t count) {
        if (count <= near_count) return;
        pocket_allocate(far_, size_t(count) * sizeof(T));
        data_ = static_cast<T*>(far_.memory);
    }
    ~Panels() {
        if (data_ != near_) pocket_free(far_);
    }
    Panels(const Panels&) = delete;
    Panels& operator=(const Panels&) = delete;

    T* data() const { return data_; }

  private:
    static constexpr int64_t near_count = 8192 / sizeof(T);
    alignas(64) T near_[near_count];
    T* data_ = near_;
    Temporary far_;
};

}  // namespace pydl::PYDL_ISA
