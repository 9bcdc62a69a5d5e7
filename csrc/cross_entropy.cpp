// cross_entropy of logits (N, C, D) with classes (N, D).
// See pydl/ops/cross_entropy.py.
//
// Forward reads the logits and keeps two numbers a line, max and log(sum exp(x - max)); backward computes the
// probabilities from it in the one pass in which it writes the gradient. So nothing of the logits' size is
// ever stored.
#include "class_weights.h"
#include "kernel.h"
#include "normalization/softmax_strips.h"
#include "simd/halves.h"

namespace pydl::PYDL_ISA {
namespace {

// The sum of exponentials is in log_sum, and the logit of the right class in losses, until finish takes the
// logarithms of many lines together.
template <typename T>
struct CrossEntropy : LineRule {
    static constexpr int kNear = has_halves ? 7 : 8, kFar = kNear;

    const Classes& classes;
    const ClassWeights<T>& weights;
    int64_t ignore_index;
    T sharp, smooth;
    T *largest, *log_sum, *losses;
    T* distances;  // the sum over c of w[c] (x[c] - largest), for label smoothing
    T* own;        // the weight of the line's class, where classes have weights

    CrossEntropy(const Classes& classes, const ClassWeights<T>& weights)
        : classes(classes), weights(weights) {}

    PYDL_INLINE void row(int64_t line, int64_t K, const T* x) const {
        const T most = largest_of_row<T>(x, K);
        largest[line] = most;
        take_classes(line, 1, {x, 1});
        log_sum[line] = sum_of_row<T>(K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
            return exp(load_partial<T>(x + i, n) - most);
        });
        if (smooth == 0) return;
        distances[line] = sum_of_row<T>(K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
            return load_partial<T>(weights.data() + i, n) * (load_partial<T>(x + i, n) - most);
        });
    }

    void strip(int64_t line, int64_t lines, int64_t K, Strip<T>, Strip<const T> x) const {
        T* const most = largest + line;
        largest_of_strip(K, lines, most, x);
        take_classes(line, lines, x);
        sum_of_strip(K, lines, log_sum + line, [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return exp(load_partial(x.row(k) + j, n) - load_partial<T>(most + j, n));
        });
        if (smooth == 0) return;
        sum_of_strip(K, lines, distances + line, [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return weights[k] * (load_partial(x.row(k) + j, n) - load_partial<T>(most + j, n));
        });
    }

    void finish(int64_t begin, int64_t end) const {
        for (int64_t line = begin; line < end; line += width<T>) {
            const int64_t n = end - line;
            const auto at = [&](const T* p) PYDL_INLINE_LAMBDA { return load_partial<T>(p + line, n); };
            const vec<T> log_of_sum = log(at(log_sum));
            vec<T> loss = -sharp * ((at(losses) - at(largest)) - log_of_sum);
            if (own != nullptr) loss *= at(own);
            if (smooth != 0) loss -= smooth * (at(distances) - log_of_sum * weights.sum());
            store_partial(log_sum + line, log_of_sum, n);
            store_partial(losses + line, loss, n);
        }
        if (classes.ignored() == 0) return;
        for (int64_t line = begin; line < end; ++line)
            if (classes[line] == ignore_index) losses[line] = T(0);
    }

  private:
    void take_classes(int64_t line, int64_t lines, Strip<const T> x) const {
        const int64_t *const labels = classes.data() + line, ignored = ignore_index;
        T *const logits = losses + line, *const w = own;
        for (int64_t j = 0; j < lines; ++j) {
            const bool counts = labels[j] != ignored;
            const int64_t c = counts ? labels[j] : 0;
            logits[j] = x.row(c)[j];
            if (w != nullptr) w[line + j] = counts ? weights[c] : T(0);
        }
    }
};

// dx = slope (p mass - the target's share of it).
template <typename T>
struct CrossEntropyGradient : LineRule {
    static constexpr int kSums = 5;

    Array<const T, 1> dy, largest, log_sum;
    const Classes& classes;
    const ClassWeights<T>& weights;
    int64_t ignore_index;
    T sharp, smooth, scale;

    CrossEntropyGradient(const Classes& classes, const ClassWeights<T>& weights)
        : classes(classes), weights(weights) {}

    // 0 where nothing counts, also if a factor is not finite. own: the weight where the class is the right
    // one.
    PYDL_INLINE vec<T> value(vec<T> x, vec<T> top, vec<T> log_of_sum, vec<T> mass, vec<T> slope,
                             vec<T> weight, vec<T> own) const {
        vec<T> share = exp((x - top) - log_of_sum) * mass - sharp * own;
        if (smooth != 0) share -= smooth * weight;
        return select(mass == T(0), vec<T>{}, share * slope);
    }

    PYDL_INLINE void row(int64_t line, int64_t K, const T* x, T* dx) const {
        const int64_t c = classes[line];
        if (c == ignore_index) return fill_zero(dx, K);
        const T slope = dy.data[line * dy.stride[0]] * scale, own = sharp * weights[c];
        const vec<T> top = broadcast<T>(largest(line)), sum = broadcast<T>(log_sum(line)),
                     mass = broadcast<T>(own + smooth * weights.sum()), g = broadcast<T>(slope);
        for_vectors<T>(K, [&](int64_t i, int64_t n, int) PYDL_INLINE_LAMBDA {
            const vec<T> weight = smooth == 0 ? vec<T>{} : load_partial<T>(weights.data() + i, n);
            const vec<T> v = load_partial<T>(x + i, n);
            store_partial(dx + i, value(v, top, sum, mass, g, weight, vec<T>{}), n);
        });
        dx[c] -= slope * own;
    }

    void strip(int64_t line, int64_t lines, int64_t K, Strip<T> space, Strip<const T> x, Strip<T> dx) const {
        T *const tops = space.row(0), *const sums = space.row(1);
        T *const masses = space.row(2), *const slopes = space.row(3);
        copy_along<T>(largest.data + line * largest.stride[0], largest.stride[0], tops, 1, lines);
        copy_along<T>(log_sum.data + line * log_sum.stride[0], log_sum.stride[0], sums, 1, lines);
        copy_along<T>(dy.data + line * dy.stride[0], dy.stride[0], slopes, 1, lines);
        const T share = sharp, others = smooth * weights.sum();
        const int64_t *const given = classes.data() + line, ignored = ignore_index;
        auto* const labels = reinterpret_cast<int_of<T>*>(space.row(4));
        for (int64_t j = 0; j < lines; ++j) {
            const bool counts = given[j] != ignored;
            labels[j] = int_of<T>(given[j]);
            masses[j] = counts ? share * weights[counts ? given[j] : 0] + others : T(0);
        }
        for (int64_t k = 0; k < K; ++k) {
            const vec<T> weight = broadcast<T>(weights[k]);
            for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
                const auto hit = load(labels + j) == int_of<T>(k);
                const vec<T> v =
                    value(load_partial<T>(x.row(k) + j, n), load(tops + j), load(sums + j), load(masses + j),
                          load(slopes + j) * scale, weight, select(hit, weight, vec<T>{}));
                store_partial(dx.row(k) + j, v, n);
            });
        }
    }
};

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
    Scratch<T> losses(reduction == kNone ? 0 : lines), distances(label_smoothing == 0 ? 0 : lines),
        own(weight ? lines : 0);
    require(C > 0 || lines == 0, "cross_entropy_forward: x must have a class");
    const ClassWeights<T> weights(weight, C, label_smoothing != 0);
    CrossEntropy<T> rule(classes, weights);
    rule.ignore_index = ignore_index;
    rule.sharp = T(1 - label_smoothing), rule.smooth = T(label_smoothing / double(C));
    rule.largest = largest.data, rule.log_sum = log_sum.data;
    rule.losses = reduction == kNone ? y.data : losses.data();
    rule.distances = distances.data(), rule.own = weight ? own.data() : nullptr;
    if (lines > 0) for_each_strip<T>(rule, x.shape, x);
    const double total_weight = reduction != kMean ? 1
                                : weight           ? sum_of(own.data(), lines)
                                                   : double(lines - classes.ignored());
    norm.data[0] = T(total_weight);
    if (reduction != kNone) y.data[0] = T(sum_of(rule.losses, lines) / total_weight);
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
    const ClassWeights<T> weights(weight, C, label_smoothing != 0);
    CrossEntropyGradient<T> rule(classes, weights);
    rule.dy = dy_of_lines(dy, lines), rule.largest = largest, rule.log_sum = log_sum;
    rule.ignore_index = ignore_index;
    rule.sharp = T(1 - label_smoothing), rule.smooth = T(label_smoothing / double(C));
    rule.scale = T(1) / norm.data[0];
    for_each_strip<T>(rule, x.shape, x, dx);
}
PYDL_KERNEL(cross_entropy_backward,
            "dy, x, target, weight, largest, log_sum, norm, dx, ignore_index, label_smoothing")

}  // namespace pydl::PYDL_ISA
