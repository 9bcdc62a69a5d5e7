// nll_loss: -weight * x[target], from log-probabilities (N, C, D) and classes (N, D). See
// pydl/ops/nll_loss.py.
#include "class_weights.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

// losses[i] = minus the logit of class i in row i, or 0; `step` from class to class. No two of them lie close
// together, so memory is asked for them ahead.
template <typename T>
[[gnu::noinline]] void negative_logits(const T* row, int64_t stride, int64_t step, const int64_t* classes,
                                       int64_t ignore_index, T* losses, int64_t count) {
    constexpr int64_t kAhead = 96;
    const auto pick = [&](int64_t i) PYDL_INLINE_LAMBDA {
        const int64_t c = classes[i];
        const bool counts = c != ignore_index;
        const T logit = row[(counts ? c : 0) * step];
        losses[i] = counts ? -logit : T(0);
        row += stride;
    };
    int64_t i = 0;
#pragma GCC unroll 4
    for (; i < count - kAhead; ++i) {
        prefetch(row + kAhead * stride + classes[i + kAhead] * step);
        pick(i);
    }
    for (; i < count; ++i) pick(i);
}

// Labels are checked a part at a time, which stays in the first cache, and so do the losses.
template <typename T>
void nll_loss_forward(Array<const T, 3> x, Array<const int64_t, 2> target, Optional<Array<const T, 1>> weight,
                      Array<T, 1> y, Array<T, 1> norm, int64_t ignore_index, int64_t reduction) {
    constexpr int64_t kPart = 1024;
    const Classes classes(x.shape, target, weight, ignore_index, false);
    const int64_t D = x.shape[2], lines = x.shape[0] * D;
    require(norm.shape[0] == 1 && y.contiguous() && y.shape[0] == (reduction == kNone ? lines : 1),
            "nll_loss_forward: y and norm must fit x");
    struct Counted {
        double weight;
        bool valid;
    };
    const int64_t blocks = (lines + kLossBlock - 1) / kLossBlock;
    const Scratch<Counted> counted(blocks);
    const double total = sum_blocks(lines, [&](int64_t begin, int64_t end) {
        ClassCheck check(x.shape[1], ignore_index);
        vec<T> sum{}, weights{};
        for (int64_t first = begin; first < end; first += kPart) {
            const int64_t last = first + kPart < end ? first + kPart : end, size = last - first;
            int64_t labels[kPart];
            alignas(64) T own[kPart], w[kPart];
            T* const losses = reduction == kNone ? y.data + first : own;
            check.copy(classes.data() + first, size, labels);
            for (int64_t line = first, count; line < last; line += count) {
                // One run if nothing is behind the classes.
                const int64_t n = line / D, d = line % D, left = D == 1 ? last - line : D - d;
                count = left < last - line ? left : last - line;
                negative_logits(x.data + n * x.stride[0] + d * x.stride[2], x.stride[D == 1 ? 0 : 2],
                                x.stride[1], labels + line - first, ignore_index, losses + line - first,
                                count);
            }
            for (int64_t i = 0; weight && i < size; ++i) {
                w[i] = labels[i] == ignore_index ? T(0) : (*weight)(labels[i]);
                losses[i] = labels[i] == ignore_index ? T(0) : losses[i] * w[i];
            }
            for (int64_t i = 0; reduction != kNone && i < size; i += width<T>) {
                sum += load_partial(losses + i, size - i);
                if (weight) weights += load_partial(w + i, size - i);
            }
        }
        const double all = weight ? double(reduce_add(weights)) : double(end - begin - check.ignored());
        counted[begin / kLossBlock] = {all, check.valid()};
        return double(reduce_add(sum));
    });
    Counted all = {0, true};
    for (int64_t block = 0; block < blocks; ++block) {
        all.weight += counted[block].weight;
        all.valid &= counted[block].valid;
    }
    Classes::require_classes(all.valid);
    const double total_weight = reduction == kMean ? all.weight : 1;
    norm.data[0] = T(total_weight);
    if (reduction != kNone) y.data[0] = T(total / total_weight);
}
PYDL_KERNEL(nll_loss_forward, "x, target, weight, y, norm, ignore_index, reduction")

template <typename T>
void nll_loss_backward(Array<const T, 1> dy, Array<const int64_t, 2> target,
                       Optional<Array<const T, 1>> weight, Array<const T, 1> norm, Array<T, 3> dx,
                       int64_t ignore_index) {
    const Classes classes(dx.shape, target, weight, ignore_index);
    const int64_t C = dx.shape[1], D = dx.shape[2], lines = dx.shape[0] * D;
    require(norm.shape[0] == 1 && dx.contiguous() && (dy.shape[0] == 1 || dy.shape[0] == lines),
            "nll_loss_backward: dy, norm and dx must fit each other");
    if (dx.size() == 0) return;
    const int64_t dy_step = dy.shape[0] == 1 ? 0 : dy.stride[0];
    const int64_t together = kElementwiseGrain / 4 / (C * D) + 1;  // what is filled with zeros at a time
    const T scale = T(-1) / norm.data[0];
    parallel_for(dx.shape[0], together, [&](int64_t begin, int64_t end) {
        for (int64_t first = begin; first < end; first += together) {
            const int64_t last = first + together < end ? first + together : end;
            fill_zero(dx.data + first * C * D, (last - first) * C * D);
            if (D == 1 && !weight && dy_step == 0) {  // the usual case
                const T slope = dy.data[0] * scale;
                T* row = dx.data + first * C;
                for (int64_t n = first; n < last; ++n, row += C)
                    if (classes[n] != ignore_index) row[classes[n]] = slope;
                continue;
            }
            for (int64_t n = first; n < last; ++n)
                for (int64_t d = 0; d < D; ++d) {
                    const int64_t c = classes[n * D + d];
                    if (c == ignore_index) continue;
                    dx.data[(n * C + c) * D + d] =
                        (weight ? (*weight)(c) : T(1)) * dy.data[(n * D + d) * dy_step] * scale;
                }
        }
    });
}
PYDL_KERNEL(nll_loss_backward, "dy, target, weight, norm, dx, ignore_index")

}  // namespace pydl::PYDL_ISA
