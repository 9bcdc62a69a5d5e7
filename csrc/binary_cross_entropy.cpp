// binary_cross_entropy: -w (t log x + (1 - t) log(1 - x)). See pydl/ops/binary_cross_entropy.py.
#include "kernel.h"
#include "loss.h"

namespace pydl::PYDL_ISA {

// A logarithm is never taken for less than -100: one hopeless example must not make the loss infinite.
template <typename T>
PYDL_INLINE vec<T> log_of(vec<T> x) {
    return max(log(x), broadcast<T>(T(-100)));
}
// Of 1 - x for x from 0 to 1. What 1 - x loses of x weighs 1 / (1 - x) in the logarithm; it loses something
// only below 1/2, where 1 + x is near enough to that.
template <typename T>
PYDL_INLINE vec<T> log_of_rest(vec<T> x) {
    const vec<T> rest = T(1) - x, lost = (T(1) - rest) - x;
    return max(log(rest) + fma(lost, x, lost), broadcast<T>(T(-100)));
}

// NaN is none.
template <typename T>
PYDL_INLINE mask<T> are_probabilities(vec<T> x) {
    return (x >= T(0)) & (x <= T(1));
}

template <typename T>
void binary_cross_entropy_forward(Array<const T, 1> x, Array<const T, 1> target,
                                  Optional<Array<const T, 1>> weight, Array<T, 1> y, int64_t reduction) {
    bool outside = false;
    loss_forward(
        "binary_cross_entropy_forward: target, weight and y must fit x",
        [&](vec<T> x, vec<T> t, vec<T> w) {
            if (!all(are_probabilities<T>(x) & are_probabilities<T>(t)))
                __atomic_store_n(&outside, true, __ATOMIC_RELAXED);
            return w * ((t - T(1)) * log_of_rest<T>(x) - t * log_of<T>(x));
        },
        reduction, y, x, target, or_ones(weight, x.shape[0]));
    require(!outside, "binary_cross_entropy_forward: x and target must lie between 0 and 1");
}
PYDL_KERNEL(binary_cross_entropy_forward, "x, target, weight, y, reduction")

template <typename T>
void binary_cross_entropy_backward(Array<const T, 1> dy, Array<const T, 1> x, Array<const T, 1> target,
                                   Optional<Array<const T, 1>> weight, Optional<Array<T, 1>> dx,
                                   Optional<Array<T, 1>> dtarget, bool mean) {
    const char* mismatch = "binary_cross_entropy_backward: all arrays must fit x";
    const Array<const T, 1> w = or_ones(weight, x.shape[0]);
    loss_backward(
        mismatch,
        [](vec<T> x, vec<T> t, vec<T> w) {
            return w * (x - t) / max((T(1) - x) * x, broadcast<T>(T(1e-12)));
        },
        mean, dy, dx, x, target, w);
    loss_backward(
        mismatch, [](vec<T> x, vec<T>, vec<T> w) { return w * (log_of_rest<T>(x) - log_of<T>(x)); }, mean, dy,
        dtarget, x, target, w);
}
PYDL_KERNEL(binary_cross_entropy_backward, "dy, x, target, weight, dx, dtarget, mean")

}  // namespace pydl::PYDL_ISA
