// kl_div: target (log target - x), point by point. See pydl/ops/kl_div.py.
#include "kernel.h"
#include "loss.h"

namespace pydl::PYDL_ISA {

template <typename T>
void kl_div_forward(Array<const T, 1> x, Array<const T, 1> target, Array<T, 1> y, bool log_target,
                    int64_t reduction) {
    const char* mismatch = "kl_div_forward: target and y must fit x";
    if (log_target)
        loss_forward(
            mismatch, [](vec<T> x, vec<T> t) PYDL_INLINE_LAMBDA { return exp(t) * (t - x); }, reduction, y, x,
            target);
    else
        loss_forward(
            mismatch,
            [](vec<T> x, vec<T> t)
                PYDL_INLINE_LAMBDA { return select(t == T(0), vec<T>{}, t * log(t)) - t * x; },
            reduction, y, x, target);
}
PYDL_KERNEL(kl_div_forward, "x, target, y, log_target, reduction")

template <typename T>
void kl_div_backward(Array<const T, 1> dy, Array<const T, 1> x, Array<const T, 1> target,
                     Optional<Array<T, 1>> dx, Optional<Array<T, 1>> dtarget, bool log_target, bool mean) {
    const char* mismatch = "kl_div_backward: dy, target and the gradients must fit x";
    if (log_target) {
        loss_backward(
            mismatch, [](vec<T>, vec<T> t) PYDL_INLINE_LAMBDA { return -exp(t); }, mean, dy, dx, x, target);
        loss_backward(
            mismatch, [](vec<T> x, vec<T> t) PYDL_INLINE_LAMBDA { return exp(t) * (t - x + T(1)); }, mean, dy,
            dtarget, x, target);
    } else {
        loss_backward(
            mismatch, [](vec<T>, vec<T> t) PYDL_INLINE_LAMBDA { return -t; }, mean, dy, dx, x, target);
        loss_backward(
            mismatch, [](vec<T> x, vec<T> t) PYDL_INLINE_LAMBDA { return log(t) + T(1) - x; }, mean, dy,
            dtarget, x, target);
    }
}
PYDL_KERNEL(kl_div_backward, "dy, x, target, dx, dtarget, log_target, mean")

}  // namespace pydl::PYDL_ISA
