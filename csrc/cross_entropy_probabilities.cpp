// cross_entropy of logits (N, C, D) with probabilities (N, C, D). See pydl/ops/cross_entropy.py.
#include "class_weights.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

// The target after label smoothing, times the weight of the class: w[c] ((1 - smoothing) t[c] + smoothing /
// C).
template <typename T, typename Line, typename Target>
struct Shares {
    ClassWeights<T, Line> weights;
    Target target;
    T sharp, smooth;

    PYDL_INLINE vec<T> get(int64_t step) const {
        return weights.get(step) * (sharp * target.get(step, T(0)) + smooth);
    }
};

template <typename T>
void cross_entropy_probabilities_forward(Array<const T, 3> x, Array<const T, 3> target,
                                         Optional<Array<const T, 1>> weight, Array<T, 1> y,
                                         Array<T, 1> largest, Array<T, 1> log_sum, double label_smoothing,
                                         int64_t reduction) {
    const int64_t C = x.shape[1], lines = x.shape[0] * x.shape[2];
    require(same_shape(x, target) && (!weight || weight->shape[0] == C),
            "cross_entropy_probabilities_forward: target and weight must fit x");
    require(largest.shape[0] == lines && largest.contiguous() && log_sum.shape[0] == lines &&
                log_sum.contiguous() && y.contiguous() && y.shape[0] == (reduction == kNone ? lines : 1),
            "cross_entropy_probabilities_forward: y, largest and log_sum must be contiguous and fit x");
    Scratch<T> own(reduction == kNone ? 0 : lines);
    T* losses = reduction == kNone ? y.data : own.data();
    const T smooth = C == 0 ? T(0) : T(label_smoothing / double(C)), sharp = T(1 - label_smoothing);
    for_each_line(
        [&](int64_t first, auto x, auto target) {
            const Shares<T, decltype(x), decltype(target)> shares = {weights_for<T>(weight, x), target, sharp,
                                                                     smooth};
            const Exponentials<T> e = sum_exponentials<T>(x);
            const vec<T> log_of_sum = log(e.sum);
            // -log p is log_of_sum - (x - largest): two sums that need not wait for the logarithm.
            const vec<T> mass = sum_along<T>(x, [&](int64_t step) PYDL_INLINE_LAMBDA {
                target.fetch_next(step);
                return shares.get(step);
            });
            const vec<T> dot = sum_along<T>(x, [&](int64_t step) PYDL_INLINE_LAMBDA {
                return shares.get(step) * (x.get(step, T(0)) - e.largest);
            });
            store_partial(largest.data + first, e.largest, x.lines());
            store_partial(log_sum.data + first, log_of_sum, x.lines());
            store_partial(losses + first, log_of_sum * mass - dot, x.lines());
        },
        x, target);
    if (reduction != kNone) y.data[0] = T(sum_of(losses, lines) / (reduction == kMean ? double(lines) : 1));
}
PYDL_KERNEL(cross_entropy_probabilities_forward,
            "x, target, weight, y, largest, log_sum, label_smoothing, reduction")

template <typename T>
void cross_entropy_probabilities_backward(Array<const T, 1> dy, Array<const T, 3> x, Array<const T, 3> target,
                                          Optional<Array<const T, 1>> weight, Array<const T, 1> largest,
                                          Array<const T, 1> log_sum, Array<T, 3> dx,
                                          Optional<Array<T, 3>> dtarget, double label_smoothing, bool mean) {
    const int64_t C = x.shape[1], lines = x.shape[0] * x.shape[2];
    require(same_shape(x, target) && same_shape(x, dx) && (!dtarget || same_shape(x, *dtarget)) &&
                (!weight || weight->shape[0] == C) && largest.shape[0] == lines &&
                log_sum.shape[0] == lines && (dy.shape[0] == 1 || dy.shape[0] == lines),
            "cross_entropy_probabilities_backward: all arrays must fit x");
    if (dx.size() == 0) return;
    const T smooth = C == 0 ? T(0) : T(label_smoothing / double(C)), sharp = T(1 - label_smoothing);
    const T scale = mean ? T(1 / double(lines)) : T(1);
    const int64_t dy_step = dy.shape[0] == 1 ? 0 : dy.stride[0];
    for_each_line(
        [&](int64_t first, auto x, auto target, auto dx, auto dtarget_line) {
            using Line = decltype(x);
            const Shares<T, Line, decltype(target)> shares = {weights_for<T>(weight, x), target, sharp,
                                                              smooth};
            const int64_t n = x.lines();
            vec<T> top = load_strided(largest.data + first * largest.stride[0], largest.stride[0], n);
            vec<T> log_of_sum = load_strided(log_sum.data + first * log_sum.stride[0], log_sum.stride[0], n);
            vec<T> g =
                dy_step == 0 ? broadcast<T>(dy.data[0]) : load_strided(dy.data + first * dy_step, dy_step, n);
            g *= scale;
            if constexpr (!Line::across) {
                top = broadcast<T>(top[0]), log_of_sum = broadcast<T>(log_of_sum[0]);
                g = broadcast<T>(g[0]);
            }
            const vec<T> mass =
                sum_along<T>(x, [&](int64_t step) PYDL_INLINE_LAMBDA { return shares.get(step); });
            for (int64_t step = 0; step < x.steps(); ++step) {
                const vec<T> log_p = (x.get(step, T(0)) - top) - log_of_sum;
                dx.put(step, g * (exp(log_p) * mass - shares.get(step)));
                if (dtarget) dtarget_line.put(step, -g * sharp * shares.weights.get(step) * log_p);
            }
        },
        x, target, dx, dtarget ? *dtarget : dx);
}
PYDL_KERNEL(cross_entropy_probabilities_backward,
            "dy, x, target, weight, largest, log_sum, dx, dtarget, label_smoothing, mean")

}  // namespace pydl::PYDL_ISA
