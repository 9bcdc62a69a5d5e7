// What losses over classes share: checked labels, and weights of classes as vectors that fit the lines of
// logits.
#pragma once
#include "loss.h"
#include "softmax_lines.h"

namespace pydl::PYDL_ISA {

// The weights of one line's classes as vectors that fit the line's: all ones where there are none.
template <typename T, typename Line>
struct ClassWeights {
    const T* data;
    int64_t stride, size;

    PYDL_INLINE vec<T> get(int64_t step) const {
        if (data == nullptr) return broadcast<T>(T(1));
        if constexpr (Line::across) return broadcast<T>(data[step * stride]);
        return AlongLine<T>{const_cast<T*>(data), stride, size}.get(step, T(0));
    }
    T of(int64_t c) const { return data == nullptr ? T(1) : data[c * stride]; }
};

// The class of every line of logits (N, C, D). No label may lead outside the logits, so they are checked as
// they are copied: nobody can change them afterwards.
class Classes {
  public:
    template <typename T>
    Classes(const int64_t (&x)[3], Array<const int64_t, 2> target, const Optional<Array<const T, 1>>& weight,
            int64_t ignore_index)
        : copy_(target.size()) {
        require(target.shape[0] == x[0] && target.shape[1] == x[2],
                "classes: target must have the shape (N, D) of x (N, C, D)");
        require(!weight || weight->shape[0] == x[1], "classes: weight must have an element a class");
        const int64_t N = target.shape[0], D = target.shape[1];
        const Extents from = {2, target.shape, target.stride};
        if (!from.contiguous())
            for (int64_t n = 0; n < N; ++n)
                for (int64_t d = 0; d < D; ++d) copy_[n * D + d] = target(n, d);
        const int64_t* labels = from.contiguous() ? target.data : copy_.data();
        constexpr int64_t W = width<int64_t>;
        const auto ignore = broadcast<int64_t>(ignore_index), one = broadcast<int64_t>(1);
        vec<int64_t> wrong{}, ignored{};
        for (int64_t line = 0; line < N * D; line += W) {
            const int64_t left = N * D - line;
            vec<int64_t> label = ignore;
            if (left >= W)
                label = load(labels + line);
            else
                for (int64_t k = 0; k < left; ++k) label[k] = labels[line + k];
            const auto out = (label < 0) | (label >= x[1]), counts = label != ignore;
            wrong |= out & counts;
            ignored += counts + one;
            if (left >= W)
                store(copy_.data() + line, label);
            else
                for (int64_t k = 0; k < left; ++k) copy_[line + k] = label[k];
        }
        for (int64_t k = 0; k < W; ++k) ignored_ += ignored[k];
        if (N * D % W != 0) ignored_ -= W - N * D % W;
        const bool valid = !any(wrong);
        require(valid, "classes: target has a class that x does not have");
    }
    int64_t operator[](int64_t line) const { return copy_[line]; }
    int64_t ignored() const { return ignored_; }

  private:
    Scratch<int64_t> copy_;
    int64_t ignored_ = 0;
};

template <typename T, typename Line>
ClassWeights<T, Line> weights_for(const Optional<Array<const T, 1>>& weight, const Line& line) {
    if (!weight) return {nullptr, 0, 0};
    return {weight->data, weight->stride[0], line.size};
}

// f(step) summed over a line, counting only lanes inside it.
template <typename T, typename Line, typename F>
PYDL_INLINE vec<T> sum_along(const Line& line, const F& f) {
    vec<T> sum{};
    for (int64_t step = 0; step < line.steps(); ++step) {
        if constexpr (Line::across) {
            sum += f(step);
        } else {
            const int64_t left = line.size - step * width<T>;
            sum +=
                left >= width<T> ? f(step) : select(iota<int_of<T>>() < int_of<T>(left), f(step), vec<T>{});
        }
    }
    return Line::all_sum(sum);
}

}  // namespace pydl::PYDL_ISA
