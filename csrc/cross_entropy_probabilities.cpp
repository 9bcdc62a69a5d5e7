// cross_entropy of logits (N, C, D) with probabilities (N, C, D). See pydl/ops/cross_entropy.py.
#include "class_weights.h"
#include "kernel.h"
#include "normalization/softmax_strips.h"

namespace pydl::PYDL_ISA {
namespace {

// The target after label smoothing, times the weight of the class: w[c] ((1 - smoothing) t[c] + smoothing /
// C).
template <typename T>
struct Shares : LineRule {
    const ClassWeights<T>& weights;
    T sharp, smooth;

    Shares(const ClassWeights<T>& weights, double label_smoothing, int64_t C)
        : weights(weights), sharp(T(1 - label_smoothing)), smooth(T(label_smoothing / double(C))) {}

    PYDL_INLINE vec<T> share(vec<T> target, vec<T> weight) const {
        return weight * (sharp * target + smooth);
    }
    PYDL_INLINE vec<T> of_row(const T* target, int64_t i, int64_t n) const {
        return share(load_partial<T>(target + i, n), load_partial<T>(weights.data() + i, n));
    }
    PYDL_INLINE vec<T> of_strip(Strip<const T> target, int64_t k, int64_t j, int64_t n) const {
        return share(load_partial<T>(target.row(k) + j, n), broadcast<T>(weights[k]));
    }
};

// -log p is log_sum - (x - largest), so a line's loss is log_sum times its mass, the sum of its shares, minus
// their sum with x - largest. The sum is in log_sum until finish takes the logarithms of many lines together.
template <typename T>
struct SoftCrossEntropy : Shares<T> {
    T *largest, *log_sum, *losses, *masses;

    using Shares<T>::Shares;

    PYDL_INLINE void row(int64_t line, int64_t K, const T* x, const T* target) const {
        const T most = largest_of_row<T>(x, K);
        largest[line] = most;
        log_sum[line] = sum_of_row<T>(K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
            return exp(load_partial<T>(x + i, n) - most);
        });
        masses[line] = sum_of_row<T>(
            K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA { return this->of_row(target, i, n); });
        losses[line] = sum_of_row<T>(K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
            return this->of_row(target, i, n) * (load_partial<T>(x + i, n) - most);
        });
    }

    void strip(int64_t line, int64_t lines, int64_t K, Strip<T>, Strip<const T> x,
               Strip<const T> target) const {
        T* const most = largest + line;
        largest_of_strip(K, lines, most, x);
        sum_of_strip(K, lines, log_sum + line, [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return exp(load_partial(x.row(k) + j, n) - load_partial<T>(most + j, n));
        });
        sum_of_strip(K, lines, masses + line, [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return this->of_strip(target, k, j, n);
        });
        sum_of_strip(K, lines, losses + line, [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return this->of_strip(target, k, j, n) *
                   (load_partial(x.row(k) + j, n) - load_partial<T>(most + j, n));
        });
    }

    void finish(int64_t begin, int64_t end) const {
        for (int64_t line = begin; line < end; line += width<T>) {
            const int64_t n = end - line;
            const vec<T> log_of_sum = log(load_partial<T>(log_sum + line, n));
            store_partial(log_sum + line, log_of_sum, n);
            store_partial(losses + line,
                          log_of_sum * load_partial<T>(masses + line, n) - load_partial<T>(losses + line, n),
                          n);
        }
    }
};

// dx = slope (p mass - share).
template <typename T>
struct SoftCrossEntropyGradient : Shares<T> {
    static constexpr int kSums = 4;

    Array<const T, 1> dy, largest, log_sum;
    T scale;

    using Shares<T>::Shares;

    T slope(int64_t line) const { return dy.data[line * dy.stride[0]] * scale; }

    PYDL_INLINE void row(int64_t line, int64_t K, const T* x, const T* target, T* dx) const {
        const vec<T> top = broadcast<T>(largest(line)), log_of_sum = broadcast<T>(log_sum(line));
        const T mass = sum_of_row<T>(
            K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA { return this->of_row(target, i, n); });
        for_vectors<T>(K, [&](int64_t i, int64_t n, int) PYDL_INLINE_LAMBDA {
            const vec<T> p = exp((load_partial<T>(x + i, n) - top) - log_of_sum);
            store_partial(dx + i, slope(line) * (p * mass - this->of_row(target, i, n)), n);
        });
    }

    void strip(int64_t line, int64_t lines, int64_t K, Strip<T> space, Strip<const T> x,
               Strip<const T> target, Strip<T> dx) const {
        T *const tops = space.row(0), *const sums = space.row(1);
        T *const slopes = space.row(2), *const masses = space.row(3);
        copy_along<T>(largest.data + line * largest.stride[0], largest.stride[0], tops, 1, lines);
        copy_along<T>(log_sum.data + line * log_sum.stride[0], log_sum.stride[0], sums, 1, lines);
        copy_along<T>(dy.data + line * dy.stride[0], dy.stride[0], slopes, 1, lines);
        sum_of_strip(K, lines, masses, [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return this->of_strip(target, k, j, n);
        });
        for (int64_t k = 0; k < K; ++k)
            for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
                const vec<T> p = exp((load_partial(x.row(k) + j, n) - load(tops + j)) - load(sums + j));
                const vec<T> slope = p * load(masses + j) - this->of_strip(target, k, j, n);
                store_partial(dx.row(k) + j, load(slopes + j) * scale * slope, n);
            });
    }
};

// dtarget = -slope (1 - smoothing) w[c] log p. Few ask for it.
template <typename T>
void target_gradient(const SoftCrossEntropyGradient<T>& of, const Array<const T, 3>& x,
                     const Array<T, 3>& dtarget) {
    const int64_t C = x.shape[1], D = x.shape[2];
    parallel_for(x.shape[0], kSoftmaxGrain / (C * D + 1) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n)
            for (int64_t c = 0; c < C; ++c)
                for (int64_t d = 0; d < D; ++d) {
                    const int64_t line = n * D + d;
                    const T log_p = (x(n, c, d) - of.largest(line)) - of.log_sum(line);
                    dtarget(n, c, d) = -of.slope(line) * of.sharp * of.weights[c] * log_p;
                }
    });
}

}  // namespace

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
    require(C > 0 || lines == 0, "cross_entropy_probabilities_forward: x must have a class");
    Scratch<T> own(reduction == kNone ? 0 : lines), masses(lines);
    const ClassWeights<T> weights(weight, C);
    SoftCrossEntropy<T> rule(weights, label_smoothing, C);
    rule.largest = largest.data, rule.log_sum = log_sum.data, rule.masses = masses.data();
    rule.losses = reduction == kNone ? y.data : own.data();
    if (lines > 0) for_each_strip<T>(rule, x.shape, x, target);
    if (reduction != kNone)
        y.data[0] = T(sum_of(rule.losses, lines) / (reduction == kMean ? double(lines) : 1));
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
    const ClassWeights<T> weights(weight, C);
    SoftCrossEntropyGradient<T> rule(weights, label_smoothing, C);
    rule.dy = dy_of_lines(dy, lines), rule.largest = largest, rule.log_sum = log_sum;
    rule.scale = mean ? T(1 / double(lines)) : T(1);
    for_each_strip<T>(rule, x.shape, x, target, dx);
    if (dtarget) target_gradient(rule, x, *dtarget);
}
PYDL_KERNEL(cross_entropy_probabilities_backward,
            "dy, x, target, weight, largest, log_sum, dx, dtarget, label_smoothing, mean")

}  // namespace pydl::PYDL_ISA
