// huber_loss: a parabola near 0, straight lines beyond. See pydl/ops/huber_loss.py.
#include "kernel.h"
#include "loss.h"

namespace pydl::PYDL_ISA {

template <typename T>
void huber_loss_forward(Array<const T, 1> x, Array<const T, 1> target, Array<T, 1> y, double delta,
                        double scale, int64_t reduction) {
    const vec<T> bend = broadcast<T>(T(delta)), factor = broadcast<T>(T(scale));
    loss_forward(
        "huber_loss_forward: target and y must fit x",
        [&](vec<T> x, vec<T> t) PYDL_INLINE_LAMBDA {
            const vec<T> d = abs(x - t), inner = min(d, bend);
            return factor * inner * (d - T(0.5) * inner);
        },
        reduction, y, x, target);
}
PYDL_KERNEL(huber_loss_forward, "x, target, y, delta, scale, reduction")

template <typename T>
void huber_loss_backward(Array<const T, 1> dy, Array<const T, 1> x, Array<const T, 1> target,
                         Optional<Array<T, 1>> dx, Optional<Array<T, 1>> dtarget, double delta, double scale,
                         bool mean) {
    const char* mismatch = "huber_loss_backward: dy, target and the gradients must fit x";
    // By value, because what is written could be the numbers that a reference leads to.
    const vec<T> bend = broadcast<T>(T(delta)), factor = broadcast<T>(T(scale));
    const auto slope = [bend, factor](vec<T> x, vec<T> t)
                           PYDL_INLINE_LAMBDA { return factor * min(max(x - t, -bend), bend); };
    loss_backward(mismatch, slope, mean, dy, dx, x, target);
    loss_backward(
        mismatch, [slope](vec<T> x, vec<T> t) PYDL_INLINE_LAMBDA { return -slope(x, t); }, mean, dy, dtarget,
        x, target);
}
PYDL_KERNEL(huber_loss_backward, "dy, x, target, dx, dtarget, delta, scale, mean")

}  // namespace pydl::PYDL_ISA
