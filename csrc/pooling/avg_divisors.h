// What the sums of average pooling are divided by.
#pragma once
#include "pooling/adaptive_pool.h"
#include "pooling/pooling.h"

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
        : deep_(w.depth.out + 1), down_(w.rows.out + 1), along_(w.columns.out + width<T>) {
        set(deep_, w.depth, count_include_pad, override);
        set(down_, w.rows, count_include_pad, override > 0);
        set(along_, w.columns, count_include_pad, override > 0);
        pad(w.columns.out);
    }
    [[gnu::noinline]] explicit Divisors(const AdaptiveWindows& w)
        : deep_(w.depth.out + 1), down_(w.rows.out + 1), along_(w.columns.out + width<T>) {
        set(deep_, w.depth);
        set(down_, w.rows);
        set(along_, w.columns);
        pad(w.columns.out);
    }
    T down(int64_t z, int64_t p) const { return deep_[z] * down_[p]; }
    PYDL_INLINE vec<T> along(int64_t q) const { return load(along_.data() + q); }
    // Whether all windows have the same divisor, first().
    bool uniform() const { return uniform_; }
    T first() const { return down(0, 0) * along_[0]; }

  private:
    void put(const Scratch<T>& to, int64_t o, int64_t count) {
        to[o] = T(count);
        uniform_ = uniform_ && to[o] == to[0];
    }
    void set(const Scratch<T>& to, const PoolAxis& axis, bool count_include_pad, int64_t override) {
        to[0] = T(1);  // where there are no windows
        const int64_t first = axis.first_inside(), last = axis.last_inside();
        for (int64_t o = 0; o < axis.out; ++o) {
            // A line may have millions of windows inside it.
            if (override == 0 && o == first && last > first + 1) {
                fill_row(to.data() + first, last - 1 - first, T(axis.kernel));
                o = last - 1;
            }
            put(to, o, override > 0 ? override : counted(axis, o, count_include_pad));
        }
    }
    void set(const Scratch<T>& to, const AdaptiveAxis& axis) {
        to[0] = T(1);
        for (int64_t o = 0; o < axis.out; ++o) put(to, o, axis.end(o) - axis.begin(o));
    }
    // What is loaded beyond the last window.
    void pad(int64_t out) { fill_row(along_.data() + out, int64_t(width<T>), T(1)); }

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
