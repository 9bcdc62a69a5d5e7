// What losses over classes share: checked labels, and the weights of classes.
#pragma once
#include "loss.h"

namespace pydl::PYDL_ISA {

// The weights of C classes one behind another: ones where there are none.
template <typename T>
class ClassWeights {
  public:
    ClassWeights(const Optional<Array<const T, 1>>& weight, int64_t C)
        : own_(C), data_(weight && weight->stride[0] == 1 ? weight->data : own_.data()), sum_(T(C)) {
        if (data_ == own_.data())
            for (int64_t c = 0; c < C; ++c) own_[c] = weight ? (*weight)(c) : T(1);
        if (!weight) return;
        sum_ = T(0);
        for (int64_t c = 0; c < C; ++c) sum_ += data_[c];
    }
    const T* data() const { return data_; }
    T operator[](int64_t c) const { return data_[c]; }
    T sum() const { return sum_; }

  private:
    Scratch<T> own_;
    const T* data_;
    T sum_;
};

// dy for each line, of one for each or one for all.
template <typename T>
Array<const T, 1> dy_of_lines(const Array<const T, 1>& dy, int64_t lines) {
    return {dy.data, {lines}, {dy.shape[0] == 1 ? 0 : dy.stride[0]}};
}

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
    const int64_t* data() const { return copy_.data(); }
    int64_t operator[](int64_t line) const { return copy_[line]; }
    int64_t ignored() const { return ignored_; }

  private:
    Scratch<int64_t> copy_;
    int64_t ignored_ = 0;
};

}  // namespace pydl::PYDL_ISA
