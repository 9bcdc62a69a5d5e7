// Memory that is needed soon, asked for a few lines at a time while there is something to compute: all at
// once, it would have to be waited for.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Rows that will be read or written soon. far: they are brought no nearer than the second-level cache, for
// want of room in the first.
template <typename T>
class RowsAhead {
    static constexpr int64_t line = 64 / sizeof(T);

  public:
    RowsAhead(const T* data, int64_t stride, int64_t rows, int64_t length, bool far = false)
        : data_(data), stride_(stride), rows_(rows), length_(length), far_(far) {
        if (stride == length && rows > 0) rows_ = 1, length_ = rows * length;
    }
    int64_t lines() const { return rows_ * ((length_ - 1) / line + 1); }
    // The next `count` lines; of a single row, perhaps some behind it.
    PYDL_INLINE void prefetch(int64_t count) {
        if (rows_ == 1) {
            const T* next = data_ + at_;
            at_ += count * line;
            for (; count > 0; count--, next += line)
                if (far_)
                    __builtin_prefetch(next, 0, 2);
                else
                    __builtin_prefetch(next);
            return;
        }
        for (; count > 0 && rows_ > 0; count--) {
            __builtin_prefetch(data_ + at_);
            at_ += line;
            if (at_ >= length_) data_ += stride_, rows_--, at_ = 0;
        }
    }

  private:
    const T* data_;
    int64_t stride_, rows_, length_, at_ = 0;
    bool far_;
};

}  // namespace pydl::PYDL_ISA
