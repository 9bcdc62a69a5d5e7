// amax, amin: y = the largest, the smallest of x over some dimensions. See pydl/ops/amax.py.
#include "kernel.h"
#include "reductions/reduce.h"

namespace pydl::PYDL_ISA {

// The larger, or with sign = -1 the smaller, of two; NaN wins.
template <typename T, int sign>
struct Extreme {
    using Sum = T;
    static vec<T> identity() { return broadcast<T>(-sign * T(__builtin_inf())); }
    PYDL_INLINE static vec<T> read(const T* p) { return load(p); }
    PYDL_INLINE static vec<T> combine(vec<T> a, vec<T> b) { return sign > 0 ? max(a, b) : min(a, b); }
    PYDL_INLINE static T fold(vec<T> v) { return sign > 0 ? reduce_max(v) : reduce_min(v); }
    template <typename V>
    PYDL_INLINE static V finish(V extreme, int64_t) {
        return extreme;
    }

    PYDL_INLINE static vec<T> of(vec<T> x) { return x; }
    PYDL_INLINE static vec<T> start() { return identity(); }
    PYDL_INLINE static vec<T> join(vec<T> a, vec<T> b) { return combine(a, b); }
    PYDL_INLINE static vec<T> first(vec<T> v, int64_t n) {
        return select(iota<int_of<T>>() < int_of<T>(n), v, identity());
    }
    PYDL_INLINE static T join_sums(T a, T b) { return sign > 0 ? max(a, b) : min(a, b); }
    struct Total {
        vec<T> extreme = identity();
        PYDL_INLINE void take(vec<T> v) { extreme = combine(extreme, v); }
        T fold() const { return Extreme::fold(extreme); }
    };
};

template <typename T>
void amax_forward(NdArray<const T> x, NdArray<T> y) {
    require(x.size() > 0 || y.size() == 0, "amax_forward: nothing has no largest element");
    reduce<Extreme<T, 1>>("amax_forward: y must have the shape of x, with 1 where it is reduced", x, y);
}
PYDL_KERNEL(amax_forward, "x, y")

template <typename T>
void amin_forward(NdArray<const T> x, NdArray<T> y) {
    require(x.size() > 0 || y.size() == 0, "amin_forward: nothing has no smallest element");
    reduce<Extreme<T, -1>>("amin_forward: y must have the shape of x, with 1 where it is reduced", x, y);
}
PYDL_KERNEL(amin_forward, "x, y")

// The sums of ties are those of sum.cpp, where they are compiled.
extern template void reduce<Addition<float>>(const char*, NdArray<const float>, NdArray<float>, int64_t);
extern template void reduce<Addition<double>>(const char*, NdArray<const double>, NdArray<double>, int64_t);

// dx = dy / ties where x is the extreme y, else 0.
template <typename T>
void amax_backward(NdArray<const T> dy, NdArray<const T> x, NdArray<const T> y, NdArray<T> dx) {
    require(same_shape(x, dx) && same_shape(dy, y),
            "amax_backward: dx must have the shape of x, dy that of y");
    const char* mismatch = "amax_backward: y must have the shape of x, with 1 where it is reduced";
    elementwise(
        mismatch,
        [](vec<T> x, vec<T> y) {
            return select((x == y) | ((x != x) & (y != y)), broadcast<T>(1), vec<T>{});
        },
        dx, x, y);
    Scratch<T> counts(y.size());
    int64_t stride[kMaxRank], next = 1;
    for (int d = y.rank - 1; d >= 0; --d) {
        stride[d] = next;
        next *= y.shape[d];
    }
    const NdArray<T> ties{{y.rank, y.shape, stride}, counts.data()};
    reduce<Addition<T>>(mismatch, read_only(dx), ties);
    // An element that is no extreme gets 0, also where dy is infinite or NaN.
    elementwise(
        mismatch, [](vec<T> hit, vec<T> ties, vec<T> dy) { return select(hit != T(0), dy / ties, vec<T>{}); },
        dx, read_only(dx), read_only(ties), dy);
}
PYDL_KERNEL(amax_backward, "dy, x, y, dx")

}  // namespace pydl::PYDL_ISA
