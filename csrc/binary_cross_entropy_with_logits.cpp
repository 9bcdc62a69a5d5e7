// binary_cross_entropy_with_logits: w ((1 - t) x + (1 + (v - 1) t) log(1 + e^-x)).
// See pydl/ops/binary_cross_entropy_with_logits.py.
#include "kernel.h"
#include "loss.h"

namespace pydl::PYDL_ISA {

// log(1 + e^-x) without overflow.
template <typename T>
PYDL_INLINE vec<T> softplus_of_minus(vec<T> x) {
    return log1p_exp(x) + max(-x, vec<T>{});
}

template <typename T>
void binary_cross_entropy_with_logits_forward(Array<const T, 1> x, Array<const T, 1> target,
                                              Optional<Array<const T, 1>> weight,
                                              Optional<Array<const T, 1>> pos_weight, Array<T, 1> y,
                                              int64_t reduction) {
    loss_forward(
        "binary_cross_entropy_with_logits_forward: target, weight, pos_weight and y must fit x",
        [](vec<T> x, vec<T> t, vec<T> w, vec<T> v) {
            return w * ((T(1) - t) * x + ((v - T(1)) * t + T(1)) * softplus_of_minus<T>(x));
        },
        reduction, y, x, target, or_ones(weight, x.shape[0]), or_ones(pos_weight, x.shape[0]));
}
PYDL_KERNEL(binary_cross_entropy_with_logits_forward, "x, target, weight, pos_weight, y, reduction")

template <typename T>
void binary_cross_entropy_with_logits_backward(Array<const T, 1> dy, Array<const T, 1> x,
                                               Array<const T, 1> target, Optional<Array<const T, 1>> weight,
                                               Optional<Array<const T, 1>> pos_weight,
                                               Optional<Array<T, 1>> dx, Optional<Array<T, 1>> dtarget,
                                               bool mean) {
    const char* mismatch = "binary_cross_entropy_with_logits_backward: all arrays must fit x";
    const Array<const T, 1> w = or_ones(weight, x.shape[0]), v = or_ones(pos_weight, x.shape[0]);
    loss_backward(
        mismatch,
        [](vec<T> x, vec<T> t, vec<T> w, vec<T> v) {
            return w * ((T(1) - t) - ((v - T(1)) * t + T(1)) * sigmoid(-x));
        },
        mean, dy, dx, x, target, w, v);
    loss_backward(
        mismatch,
        [](vec<T> x, vec<T>, vec<T> w, vec<T> v) { return w * ((v - T(1)) * softplus_of_minus<T>(x) - x); },
        mean, dy, dtarget, x, target, w, v);
}
PYDL_KERNEL(binary_cross_entropy_with_logits_backward, "dy, x, target, weight, pos_weight, dx, dtarget, mean")

}  // namespace pydl::PYDL_ISA
