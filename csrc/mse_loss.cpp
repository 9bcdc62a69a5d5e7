// mse_loss: (x - target)^2. See pydl/ops/mse_loss.py.
#include "kernel.h"
#include "loss.h"

namespace pydl::PYDL_ISA {

template <typename T>
void mse_loss_forward(Array<const T, 1> x, Array<const T, 1> target, Array<T, 1> y, int64_t reduction) {
    loss_forward(
        "mse_loss_forward: target and y must fit x", [](vec<T> x, vec<T> t) { return (x - t) * (x - t); },
        reduction, y, x, target);
}
PYDL_KERNEL(mse_loss_forward, "x, target, y, reduction")

template <typename T>
void mse_loss_backward(Array<const T, 1> dy, Array<const T, 1> x, Array<const T, 1> target,
                       Optional<Array<T, 1>> dx, Optional<Array<T, 1>> dtarget, bool mean) {
    const char* mismatch = "mse_loss_backward: dy, target and the gradients must fit x";
    const auto slope = [](vec<T> x, vec<T> t) PYDL_INLINE_LAMBDA { return T(2) * (x - t); };
    loss_backward(mismatch, slope, mean, dy, dx, x, target);
    loss_backward(mismatch, [&](vec<T> x, vec<T> t) { return -slope(x, t); }, mean, dy, dtarget, x, target);
}
PYDL_KERNEL(mse_loss_backward, "dy, x, target, dx, dtarget, mean")

}  // namespace pydl::PYDL_ISA
