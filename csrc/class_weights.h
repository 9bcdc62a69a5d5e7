// What losses over classes share: checked labels, and the weights of classes.
#pragma once
#include "loss.h"

namespace pydl::PYDL_ISA {

// The weights of C classes one behind another: ones where there are none. Where neither data() nor sum() is
// asked for, ones need not be stored nor weights added up.
template <typename T>
class ClassWeights {
  public:
    ClassWeights(const Optional<Array<const T, 1>>& weight, int64_t C, bool stored = true)
        : own_(is_own(weight, stored) ? C : 0),
          data_(is_own(weight, stored) ? own_.data()
                : weight               ? weight->data
                                       : nullptr),
          sum_(T(C)) {
        if (is_own(weight, stored))
            for (int64_t c = 0; c < C; ++c) own_[c] = weight ? (*weight)(c) : T(1);
        if (!weight || !stored) return;
        sum_ = T(0);
        for (int64_t c = 0; c < C; ++c) sum_ += data_[c];
    }
    const T* data() const { return data_; }
    T operator[](int64_t c) const { return data_ == nullptr ? T(1) : data_[c]; }
    T sum() const { return sum_; }

  private:
    static bool is_own(const Optional<Array<const T, 1>>& weight, bool stored) {
        return weight ? weight->stride[0] != 1 : stored;
    }
    Scratch<T> own_;
    const T* data_;
    T sum_;
};

// dy for each line, of one for each or one for all.
template <typename T>
Array<const T, 1> dy_of_lines(const Array<const T, 1>& dy, int64_t lines) {
    return {dy.data, {lines}, {dy.shape[0] == 1 ? 0 : dy.stride[0]}};
}

// No label may lead outside the logits, so labels are checked as they are copied: nobody can change them
// afterwards.
class ClassCheck {
  public:
    ClassCheck(int64_t classes, int64_t ignore_index) : classes_(classes), ignore_index_(ignore_index) {}

    // Of any other class the copy has class 0.
    void copy(const int64_t* labels, int64_t count, int64_t* to) {
        constexpr int64_t W = width<int64_t>;
        const auto ignore = broadcast<int64_t>(ignore_index_);
        vec<int64_t> wrong{}, others{};
        for (int64_t line = 0; line < count; line += W) {
            const int64_t left = count - line;
            vec<int64_t> label = ignore;
            if (left >= W)
                label = load(labels + line);
            else
                for (int64_t k = 0; k < left; ++k) label[k] = labels[line + k];
            const auto counts = label != ignore, out = ((label < 0) | (label >= classes_)) & counts;
            wrong |= out;
            others -= counts;
            label = select(out, vec<int64_t>{}, label);
            if (left >= W)
                store(to + line, label);
            else
                for (int64_t k = 0; k < left; ++k) to[line + k] = label[k];
        }
        ignored_ += count;
        for (int64_t k = 0; k < W; ++k) ignored_ -= others[k];
        valid_ = valid_ && !any(wrong);
    }
    int64_t ignored() const { return ignored_; }
    bool valid() const { return valid_; }

  private:
    int64_t classes_, ignore_index_, ignored_ = 0;
    bool valid_ = true;
};

// The classes of all lines of logits (N, C, D), one behind another.
class Classes {
  public:
    template <typename T>
    Classes(const int64_t (&x)[3], Array<const int64_t, 2> target, const Optional<Array<const T, 1>>& weight,
            int64_t ignore_index, bool checked = true)
        : copy_(checked || !contiguous(target) ? target.size() : 0), labels_(copy_.data()) {
        require(target.shape[0] == x[0] && target.shape[1] == x[2],
                "classes: target must have the shape (N, D) of x (N, C, D)");
        require(!weight || weight->shape[0] == x[1], "classes: weight must have an element a class");
        const int64_t N = target.shape[0], D = target.shape[1];
        if (contiguous(target))
            labels_ = target.data;
        else
            for (int64_t n = 0; n < N; ++n)
                for (int64_t d = 0; d < D; ++d) copy_[n * D + d] = target(n, d);
        if (!checked) return;
        ClassCheck check(x[1], ignore_index);
        check.copy(labels_, N * D, copy_.data());
        require_classes(check.valid());
        labels_ = copy_.data();
        ignored_ = check.ignored();
    }
    static void require_classes(bool valid) {
        require(valid, "classes: target has a class that x does not have");
    }
    const int64_t* data() const { return labels_; }
    int64_t operator[](int64_t line) const { return labels_[line]; }
    int64_t ignored() const { return ignored_; }

  private:
    static bool contiguous(const Array<const int64_t, 2>& target) {
        return Extents{2, target.shape, target.stride}.contiguous();
    }
    Scratch<int64_t> copy_;
    const int64_t* labels_;
    int64_t ignored_ = 0;
};

}  // namespace pydl::PYDL_ISA
