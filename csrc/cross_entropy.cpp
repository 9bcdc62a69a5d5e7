// cross_entropy of logits (N, C, D) with classes (N, D).
// See pydl/ops/cross_entropy.py.
//
// Forward reads the logits and keeps two numbers a line, max and log(sum exp(x - max)); backward computes the
// probabilities from it in the one pass in which it writes the gradient. So nothing of the logits' size is
// ever stored.
#include "class_weights.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

// Long rows without gaps, of equal weight and sharp labels: the logarithms of many rows are taken together.
template <typename T>
void cross_entropy_rows(const Array<const T, 3>& x, const Classes& classes, T* losses, T* largest, T* log_sum,
                        int64_t ignore_index) {
    constexpr int64_t W = width<T>;
    const int64_t C = x.shape[1];
    parallel_for(x.shape[0], kElementwiseGrain / 4 / (C + 1) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            const AlongLine<T> row = line_along(x, n);
            const T most = largest_of_row<T>(row.data, C);
            largest[n] = most;
            log_sum[n] = sum_of_row<T>(C, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
                return exp(load_partial<T>(row.data + i, n) - most);
            });
        }
        for (int64_t n = begin; n < end; n += W)
            store_partial(log_sum + n, log(load_partial<T>(log_sum + n, end - n)), end - n);
        for (int64_t n = begin; n < end; ++n) {
            const int64_t c = classes[n];
            losses[n] = T(0);
            if (c != ignore_index)
                losses[n] = -((x.data[n * x.stride[0] + c * x.stride[1]] - largest[n]) - log_sum[n]);
        }
    });
}

}  // namespace

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
    const bool are_rows = x.shape[2] == 1 && x.stride[1] == 1 && !turns<T>(x.shape[0], C) && C > 0;
    if (are_rows && !weight && label_smoothing == 0) {
        cross_entropy_rows(x, classes, losses, largest.data, log_sum.data, ignore_index);
        const double count = reduction == kMean ? double(lines - classes.ignored()) : 1;
        norm.data[0] = T(count);
        if (reduction != kNone) y.data[0] = T(sum_of(losses, lines) / count);
        return;
    }
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
            T top[width<T>], sums[width<T>], rest[width<T>];
            store(top, e.largest), store(sums, log_of_sum), store(rest, others);
            for (int64_t lane = 0; lane < x.lines(); ++lane) {
                const int64_t line = first + lane, c = classes[line];
                largest.data[line] = top[lane];
                log_sum.data[line] = sums[lane];
                T loss = 0;
                if (c != ignore_index) {
                    T logit;
                    if constexpr (Line::across)
                        logit = x.data[c * x.stride + lane * x.spacing];
                    else
                        logit = x.data[c * x.stride];
                    loss = -sharp * weights.of(c) * ((logit - top[lane]) - sums[lane]);
                    if (smooth != 0) loss -= smooth * rest[lane];
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
            constexpr int64_t lanes = Line::across ? width<T> : 1;
            T tops[lanes] = {}, sums[lanes] = {}, slopes[lanes] = {}, masses[lanes] = {};
            for (int64_t lane = 0; lane < x.lines(); ++lane) {
                const int64_t line = first + lane, c = classes[line];
                const bool counts = c != ignore_index;
                tops[lane] = largest(line);
                sums[lane] = log_sum(line);
                slopes[lane] = counts ? dy.data[line * dy_step] * scale : T(0);
                masses[lane] = counts ? sharp * weights.of(c) + smooth * weight_sum : T(0);
            }
            vec<T> top, log_of_sum, g, mass;
            if constexpr (Line::across) {
                top = load(tops), log_of_sum = load(sums), g = load(slopes), mass = load(masses);
            } else {
                top = broadcast<T>(tops[0]), log_of_sum = broadcast<T>(sums[0]);
                g = broadcast<T>(slopes[0]), mass = broadcast<T>(masses[0]);
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
                    dx.data[c * dx.stride + lane * dx.spacing] -= slopes[lane] * sharp * weights.of(c);
                else
                    dx.data[c * dx.stride] -= slopes[0] * sharp * weights.of(c);
            }
        },
        x, dx);
}
PYDL_KERNEL(cross_entropy_backward,
            "dy, x, target, weight, largest, log_sum, norm, dx, ignore_index, label_smoothing")

}  // namespace pydl::PYDL_ISA
