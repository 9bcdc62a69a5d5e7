// cross_entropy of logits (N, C, D) with classes (N, D).
// See pydl/ops/cross_entropy.py.
//
// Forward reads the logits and keeps two numbers a line, max and log(sum exp(x - max)); backward computes the
// probabilities from it in the one pass in which it writes the gradient. So nothing of the logits' size is
// ever stored.
#include "class_weights.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void cross_entropy_forward(Array<const T, 3> x, Array<const int64_t, 2> target,
                           Optional<Array<const T, 1>> weight, Array<T, 1> y, Array<T, 1> largest,
                           Array<T, 1> log_sum, Array<T, 1> norm, int64_t ignore_index,
                           double label_smoothing, int64_t reduction) {
    const Classes classes(x.shape, target, weight, ignore_index);
    const int64_t C = x.shape[1], lines = x.shape[0] * x.shape[2];
    require(log_sum.shape[0] == lines && log_sum.contiguous() && largest.shape[0] == lines &&
                largest.contiguous() && norm.shape[0] == 1 && y.contiguous() &&
                y.shape[0] == (reduction == kNone ? lines : 1),
            "cross_entropy_forward: y, largest, log_sum and norm must be contiguous and fit x");
    Scratch<T> own(reduction == kNone ? 0 : lines), counted(reduction == kMean ? lines : 0);
    T* losses = reduction == kNone ? y.data : own.data();
    const T smooth = C == 0 ? T(0) : T(label_smoothing / double(C)), sharp = T(1 - label_smoothing);
    for_each_line(
        [&](int64_t first, auto x) {
            using Line = decltype(x);
            const auto weights = weights_for<T>(weight, x);
            const Exponentials<T> e = sum_exponentials<T>(x);
            const vec<T> log_of_sum = log(e.sum);
            vec<T> others{};  // sum over c of w[c] log p[c], for label smoothing
            if (smooth != 0)
                others = sum_along<T>(x, [&](int64_t step) PYDL_INLINE_LAMBDA {
                    return weights.get(step) * ((x.get(step, T(0)) - e.largest) - log_of_sum);
                });
            for (int64_t lane = 0; lane < x.lines(); ++lane) {
                const int64_t line = first + lane, c = classes[line];
                largest.data[line] = e.largest[lane];
                log_sum.data[line] = log_of_sum[lane];
                T loss = 0;
                if (c != ignore_index) {
                    T logit;
                    if constexpr (Line::across)
                        logit = x.data[c * x.stride + lane * x.spacing];
                    else
                        logit = x.data[c * x.stride];
                    loss = -sharp * weights.of(c) * ((logit - e.largest[lane]) - log_of_sum[lane]);
                    if (smooth != 0) loss -= smooth * others[lane];
                }
                losses[line] = loss;
                if (reduction == kMean) counted[line] = c == ignore_index ? T(0) : weights.of(c);
            }
        },
        x);
    const double total_weight = reduction == kMean ? sum_of(counted.data(), lines) : 1;
    norm.data[0] = T(total_weight);
    if (reduction != kNone) y.data[0] = T(sum_of(losses, lines) / total_weight);
}
PYDL_KERNEL(cross_entropy_forward,
            "x, target, weight, y, largest, log_sum, norm, ignore_index, label_smoothing, reduction")

template <typename T>
void cross_entropy_backward(Array<const T, 1> dy, Array<const T, 3> x, Array<const int64_t, 2> target,
                            Optional<Array<const T, 1>> weight, Array<const T, 1> largest,
                            Array<const T, 1> log_sum, Array<const T, 1> norm, Array<T, 3> dx,
                            int64_t ignore_index, double label_smoothing) {
    const Classes classes(x.shape, target, weight, ignore_index);
    const int64_t C = x.shape[1], lines = x.shape[0] * x.shape[2];
    require(same_shape(x, dx) && largest.shape[0] == lines && log_sum.shape[0] == lines &&
                norm.shape[0] == 1 && (dy.shape[0] == 1 || dy.shape[0] == lines),
            "cross_entropy_backward: dy, largest, log_sum, norm and dx must fit x");
    if (dx.size() == 0) return;
    const T smooth = C == 0 ? T(0) : T(label_smoothing / double(C)), sharp = T(1 - label_smoothing);
    const T scale = T(1) / norm.data[0];
    const int64_t dy_step = dy.shape[0] == 1 ? 0 : dy.stride[0];
    T weight_sum = weight ? T(0) : T(C);
    if (weight)
        for (int64_t c = 0; c < C; ++c) weight_sum += (*weight)(c);
    for_each_line(
        [&](int64_t first, auto x, auto dx) {
            using Line = decltype(x);
            const auto weights = weights_for<T>(weight, x);
            // dx = g * (p * mass - target's share), with the line's numbers in all lanes that belong to it.
            vec<T> top{}, log_of_sum{}, g{}, mass{};
            const auto set = [&](int64_t lane, int64_t line) {
                const int64_t c = classes[line];
                const bool counts = c != ignore_index;
                top[lane] = largest(line);
                log_of_sum[lane] = log_sum(line);
                g[lane] = counts ? dy.data[line * dy_step] * scale : T(0);
                mass[lane] = counts ? sharp * weights.of(c) + smooth * weight_sum : T(0);
            };
            for (int64_t lane = 0; lane < x.lines(); ++lane) set(lane, first + lane);
            if constexpr (!Line::across) {
                top = broadcast<T>(top[0]), log_of_sum = broadcast<T>(log_of_sum[0]);
                g = broadcast<T>(g[0]), mass = broadcast<T>(mass[0]);
            }
            if (!any(mass != T(0))) {  // nothing counts: 0, also where a probability is NaN
                for (int64_t step = 0; step < x.steps(); ++step) dx.put(step, vec<T>{});
                return;
            }
            for (int64_t step = 0; step < x.steps(); ++step) {
                vec<T> slope = exp((x.get(step, T(0)) - top) - log_of_sum) * mass;
                if (smooth != 0) slope -= smooth * weights.get(step);
                dx.put(step, select(mass == T(0), vec<T>{}, slope * g));
            }
            for (int64_t lane = 0; lane < x.lines(); ++lane) {
                const int64_t line = first + lane, c = classes[line];
                if (c == ignore_index) continue;
                if constexpr (Line::across)
                    dx.data[c * dx.stride + lane * dx.spacing] -= g[lane] * sharp * weights.of(c);
                else
                    dx.data[c * dx.stride] -= g[0] * sharp * weights.of(c);
            }
        },
        x, dx);
}
PYDL_KERNEL(cross_entropy_backward,
            "dy, x, target, weight, largest, log_sum, norm, dx, ignore_index, label_smoothing")

}  // namespace pydl::PYDL_ISA
