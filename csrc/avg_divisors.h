// What the sums of average pooling are divided by.
#pragma once
#include "adaptive_pool.h"
#include "pooling.h"

namespace pydl::PYDL_ISA {

// What the elements of window o count for the divisor along one axis.
inline int64_t counted(const PoolAxis& axis, int64_t o, bool count_include_pad) {
    if (!count_include_pad) return axis.last(o) - axis.first(o);
    const int64_t room = axis.size + axis.padding - axis.start(o);
    return room < axis.kernel ? room : axis.kernel;
}

// divisor(z, p, q) = deep(z) * down(p) * along[q]; override replaces them where it is not 0.
template <typename T>
class Divisors {
  public:
    [[gnu::noinline]] Divisors(const PoolWindows& w, bool count_include_pad, int64_t override)
        : Divisors(w.depth.out, w.rows.out, w.columns.out, [&](int axis, int64_t o) {
              if (override > 0) return axis == 0 ? override : 1;
              return counted(axis == 0 ? w.depth : axis == 1 ? w.rows : w.columns, o, count_include_pad);
          }) {}
    [[gnu::noinline]] explicit Divisors(const AdaptiveWindows& w)
        : Divisors(w.depth.out, w.rows.out, w.columns.out, [&](int axis, int64_t o) {
              const AdaptiveAxis& windows = axis == 0 ? w.depth : axis == 1 ? w.rows : w.columns;
              return windows.end(o) - windows.begin(o);
          }) {}
    T down(int64_t z, int64_t p) const { return deep_[z] * down_[p]; }
    PYDL_INLINE vec<T> along(int64_t q) const { return load(along_.data() + q); }
    // Whether all windows have the same divisor, first().
    bool uniform() const { return uniform_; }
    T first() const { return down(0, 0) * along_[0]; }

  private:
    template <typename Count>
    Divisors(int64_t deep, int64_t down, int64_t along, const Count& count)
        : deep_(deep), down_(down), along_(along + width<T>) {
        const Scratch<T>* const axes[] = {&deep_, &down_, &along_};
        const int64_t out[] = {deep, down, along};
        for (int axis = 0; axis < 3; ++axis)
            for (int64_t o = 0; o < out[axis]; ++o) {
                (*axes[axis])[o] = T(count(axis, o));
                uniform_ = uniform_ && (*axes[axis])[o] == (*axes[axis])[0];
            }
        for (int64_t q = along; q < along + width<T>; ++q) along_[q] = T(1);
    }

    bool uniform_ = true;
    Scratch<T> deep_, down_, along_;
};

// Division by one number: by its reciprocal, with the remainder divided once more so that the result is
// rounded as a division's.
template <typename T>
class Divide {
  public:
    explicit Divide(T divisor) : divisor_(broadcast<T>(divisor)), inverse_(broadcast<T>(T(1) / divisor)) {}
    PYDL_INLINE vec<T> operator()(vec<T> x) const {
        const vec<T> quotient = x * inverse_, rest = fma(-quotient, divisor_, x);
        return select(rest == rest, fma(rest, inverse_, quotient), quotient);  // infinity has no remainder
    }

  private:
    vec<T> divisor_, inverse_;
};

}  // namespace pydl::PYDL_ISA
