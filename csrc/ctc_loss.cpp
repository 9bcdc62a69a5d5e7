// ctc_loss: forward and backward variables of connectionist temporal classification. See
// pydl/ops/ctc_loss.py.
//
// The places of a path are kept in two rows: the blanks 0 to L, and the labels 0 to L - 1, where label s lies
// between the blanks s and s + 1. So a blank is reached from two places and a label from three, by whole
// vectors, and all labels of a frame are gathered once. The largest number of a frame is taken off the next
// one and counted in double precision: rows stay near 0, and float32 keeps its digits over thousands of
// frames.
#include "kernel.h"
#include "loss.h"

namespace pydl::PYDL_ISA {
namespace {

template <typename T>
constexpr T kNever = -T(__builtin_inf());

// log(e^a + e^b), for vectors and numbers.
template <typename X>
PYDL_INLINE X log_add(X a, X b) {
    using T = lane<X>;
    const X largest = max(a, b);
    const X from = select(largest == kNever<T>, X{}, largest);  // -inf - -inf is NaN
    return largest + log(T(1) + exp(min(a, b) - from));
}

template <typename X>
PYDL_INLINE X log_add(X a, X b, X c) {
    using T = lane<X>;
    const X larger = max(a, b), largest = max(larger, c);
    const X from = select(largest == kNever<T>, X{}, largest);
    return largest + log(T(1) + exp(min(a, b) - from) + exp(min(larger, c) - from));
}

template <typename T>
struct Sequence {
    const T* x;  // log-probabilities (frame, class)
    int64_t frame_stride, class_stride, frames;
    const int64_t* labels;
    int64_t count, blank;
    PYDL_INLINE T at(int64_t frame, int64_t c) const { return x[frame * frame_stride + c * class_stride]; }
};

// The rows of one frame after another, in one direction of time: alpha (step 1) or beta (step -1). Lanes
// beyond the rows and around them are -inf, places that no path goes through.
template <typename T>
class Sweep {
  public:
    [[gnu::noinline]] Sweep(const Sequence<T>& sequence, int64_t step)
        : sequence_(sequence), step_(step), rows_(row_size(sequence.count)), memory_(6 * rows_ + 7 * W) {
        for (int64_t i = 0; i < 6 * rows_ + 7 * W; ++i) memory_[i] = kNever<T>;
        blanks_ = memory_.data() + W, labels_ = blanks_ + rows_ + W;
        next_blanks_ = labels_ + rows_ + W, next_labels_ = next_blanks_ + rows_ + W;
        skip_ = next_labels_ + rows_ + W, emissions_ = skip_ + rows_ + W;
        for (int64_t s = 1; s < sequence.count; ++s)
            if (sequence.labels[s] != sequence.labels[s - 1]) skip_[s] = T(0);
        if (step > 0) {
            blanks_[0] = labels_[0] = T(0);
        } else {
            blanks_[sequence.count] = T(0);
            if (sequence.count > 0) labels_[sequence.count - 1] = T(0);
        }
    }
    static int64_t row_size(int64_t count) { return (count + W) / W * W; }  // of count + 1 blanks

    // To the next frame, before its own probabilities are counted.
    [[gnu::noinline]] void advance() {
        // alpha: a blank from the label before it; a label from the blank and the label before it. beta: a
        // blank to the label behind it; a label to the blank and the label behind it.
        const T* const label_of_blank = labels_ - (step_ > 0 ? 1 : 0);
        const T* const blank_of_label = blanks_ + (step_ > 0 ? 0 : 1);
        const T* const label_of_label = labels_ - step_;
        const T* const skip = skip_ + (step_ > 0 ? 0 : 1);
        for (int64_t s = 0; s < rows_; s += W) {
            store(next_blanks_ + s, log_add(load(blanks_ + s), load(label_of_blank + s)));
            store(next_labels_ + s, log_add(load(labels_ + s), load(blank_of_label + s),
                                            load(label_of_label + s) + load(skip + s)));
        }
        T* const blanks = blanks_;
        T* const labels = labels_;
        blanks_ = next_blanks_, labels_ = next_labels_;
        next_blanks_ = blanks, next_labels_ = labels;
    }

    // Counts the probabilities of a frame. Lanes beyond the rows stay -inf. What is taken off is the largest
    // number of the frame before, so that nothing has to wait for that of this one.
    [[gnu::noinline]] void emit(int64_t frame) {
        for (int64_t s = 0; s < sequence_.count; ++s)
            emissions_[s] = sequence_.at(frame, sequence_.labels[s]);
        const vec<T> blank = broadcast<T>(sequence_.at(frame, sequence_.blank) - largest_);
        vec<T> most = broadcast<T>(kNever<T>);
        for (int64_t s = 0; s < rows_; s += W) {
            const vec<T> b = load(blanks_ + s) + blank;
            const vec<T> l = load(labels_ + s) + (load(emissions_ + s) - largest_);
            store(blanks_ + s, b);
            store(labels_ + s, l);
            most = max(most, max(b, l));
        }
        level_ += double(largest_);
        const T largest = reduce_max(most);
        largest_ = abs(largest) < T(__builtin_inf()) ? largest : T(0);  // no path, or NaN
    }

    const T* blanks() const { return blanks_; }
    const T* labels() const { return labels_; }
    double level() const { return level_; }  // what was taken off

  private:
    static constexpr int64_t W = width<T>;
    Sequence<T> sequence_;
    int64_t step_, rows_;
    Scratch<T> memory_;
    T *blanks_, *labels_, *next_blanks_, *next_labels_;
    T* skip_;  // 0 where a path may go from the label before straight to this one
    T* emissions_;
    T largest_ = 0;
    double level_ = 0;
};

// -log of the probability of all paths.
template <typename T>
T negative_log_likelihood(const Sequence<T>& sequence) {
    if (sequence.frames == 0) return sequence.count == 0 ? T(0) : -kNever<T>;
    Sweep<T> alpha(sequence, 1);
    for (int64_t t = 0; t < sequence.frames; ++t) {
        if (t > 0) alpha.advance();
        alpha.emit(t);
    }
    const T last = sequence.count > 0 ? alpha.labels()[sequence.count - 1] : kNever<T>;
    return T(-(alpha.level() + double(log_add(alpha.blanks()[sequence.count], last))));
}

// e^(a + b) of one frame for all places, as parts of their sum: what was rounded off over thousands of frames
// cancels. Those of the labels are written to `through`, that of all blanks is returned, both times `scale`.
template <typename T>
[[gnu::noinline]] T share_of_places(int64_t rows, const T* a_blanks, const T* a_labels, const T* b_blanks,
                                    const T* b_labels, T scale, T* through) {
    constexpr int64_t W = width<T>;
    vec<T> most = broadcast<T>(kNever<T>);
    for (int64_t s = 0; s < rows; s += W)
        most =
            max(most, max(load(a_blanks + s) + load(b_blanks + s), load(a_labels + s) + load(b_labels + s)));
    const T largest = reduce_max(most);
    vec<T> blanks{}, labels{};
    for (int64_t s = 0; s < rows; s += W) {
        blanks += exp(load(a_blanks + s) + load(b_blanks + s) - largest);
        const vec<T> label = exp(load(a_labels + s) + load(b_labels + s) - largest);
        labels += label;
        store(through + s, label);
    }
    scale /= reduce_add(blanks + labels);
    for (int64_t s = 0; s < rows; s += W) store(through + s, load(through + s) * scale);
    return reduce_add(blanks) * scale;
}

// dx = (e^x - what part of the target's probability goes through each class) * g, frame by frame.
template <typename T>
void gradient_of(const Sequence<T>& sequence, T g, T* dx, int64_t dx_stride, int64_t C) {
    constexpr int64_t W = width<T>;
    const int64_t rows = Sweep<T>::row_size(sequence.count);
    int64_t kept;
    if (__builtin_mul_overflow(sequence.frames, 2 * rows, &kept)) fail(no_memory);
    Scratch<T> alphas(kept), through(rows);
    Sweep<T> alpha(sequence, 1);
    for (int64_t t = 0; t < sequence.frames; ++t) {
        if (t > 0) alpha.advance();
        alpha.emit(t);
        for (int64_t s = 0; s < rows; s += W) {
            store(alphas.data() + t * 2 * rows + s, load(alpha.blanks() + s));
            store(alphas.data() + t * 2 * rows + rows + s, load(alpha.labels() + s));
        }
    }
    Sweep<T> beta(sequence, -1);
    for (int64_t t = sequence.frames - 1; t >= 0; --t) {
        if (t < sequence.frames - 1) beta.advance();
        T* const line = dx + t * dx_stride;
        for (int64_t c = 0; c < C; c += W) {
            const T* const x = sequence.x + t * sequence.frame_stride + c * sequence.class_stride;
            const int64_t n = C - c < W ? C - c : W;
            store_partial(line + c, exp(load_strided(x, sequence.class_stride, n)) * g, n);
        }
        const T* const alpha_t = alphas.data() + t * 2 * rows;
        line[sequence.blank] -=
            share_of_places(rows, alpha_t, alpha_t + rows, beta.blanks(), beta.labels(), g, through.data());
        for (int64_t s = 0; s < sequence.count; ++s) line[sequence.labels[s]] -= through[s];
        beta.emit(t);
    }
}

// The sequences of a batch. Labels and lengths are checked as they are copied: nobody can change them
// afterwards. Labels are rows, or one row of those of all sequences, one behind another.
template <typename T>
class Batch {
  public:
    Batch(const Array<const T, 3>& x, const Array<const int64_t, 2>& targets,
          const Array<const int64_t, 1>& input_lengths, const Array<const int64_t, 1>& target_lengths,
          int64_t blank)
        : x_(x), S_(targets.shape[1]), blank_(blank), labels_(targets.size()), lengths_(3 * x.shape[1]) {
        const int64_t T_ = x.shape[0], N = x.shape[1], C = x.shape[2];
        const bool joined = targets.shape[0] == 1 && N != 1;
        require(
            (joined || targets.shape[0] == N) && input_lengths.shape[0] == N && target_lengths.shape[0] == N,
            "ctc_loss: targets and lengths must fit log_probs");
        bool valid = uint64_t(blank) < uint64_t(C);
        for (int64_t n = 0, first = 0; n < N; ++n) {
            const int64_t frames = input_lengths(n), count = target_lengths(n);
            valid &= uint64_t(frames) <= uint64_t(T_) && uint64_t(count) <= uint64_t(S_ - first);
            lengths_[3 * n] = frames, lengths_[3 * n + 1] = count;
            const int64_t place = lengths_[3 * n + 2] = joined ? first : n * S_;
            for (int64_t s = 0; valid && s < count; ++s) {
                const int64_t c = labels_[place + s] = joined ? targets(0, first + s) : targets(n, s);
                valid &= uint64_t(c) < uint64_t(C) && c != blank;
            }
            if (joined && valid) first += count;
        }
        require(valid,
                "ctc_loss: lengths must lie within the arrays, labels must be classes and not the blank");
    }

    Sequence<T> operator[](int64_t n) const {
        return {x_.data + n * x_.stride[1],           x_.stride[0],        x_.stride[2], lengths_[3 * n],
                labels_.data() + lengths_[3 * n + 2], lengths_[3 * n + 1], blank_};
    }

    // f(n) for all sequences, in parallel.
    template <typename F>
    void for_each(const F& f) const {
        const int64_t work = x_.shape[0] * Sweep<T>::row_size(S_) * 8;
        parallel_for(x_.shape[1], kElementwiseGrain / (work + 1) + 1, [&](int64_t begin, int64_t end) {
            for (int64_t n = begin; n < end; ++n) f(n);
        });
    }

  private:
    Array<const T, 3> x_;
    int64_t S_, blank_;
    Scratch<int64_t> labels_, lengths_;  // of each sequence: frames, labels, and where these begin
};

}  // namespace

template <typename T>
void ctc_loss_forward(Array<const T, 3> log_probs, Array<const int64_t, 2> targets,
                      Array<const int64_t, 1> input_lengths, Array<const int64_t, 1> target_lengths,
                      Array<T, 1> y, Array<T, 1> nll, int64_t blank, int64_t reduction, bool zero_infinity) {
    const int64_t N = log_probs.shape[1];
    require(nll.shape[0] == N && y.shape[0] == (reduction == kNone ? N : 1),
            "ctc_loss_forward: y and nll must fit log_probs");
    const Batch<T> batch(log_probs, targets, input_lengths, target_lengths, blank);
    batch.for_each([&](int64_t n) { nll(n) = negative_log_likelihood(batch[n]); });
    double sum = 0;
    for (int64_t n = 0; n < N; ++n) {
        const T loss = zero_infinity && nll(n) == -kNever<T> ? T(0) : nll(n);
        const int64_t count = batch[n].count;
        if (reduction == kNone) y(n) = loss;
        sum += double(loss) / double(reduction == kMean && count > 0 ? count : 1);
    }
    if (reduction != kNone) y(0) = T(reduction == kMean ? sum / double(N) : sum);
}
PYDL_KERNEL(ctc_loss_forward,
            "log_probs, targets, input_lengths, target_lengths, y, nll, blank, reduction, zero_infinity")

template <typename T>
void ctc_loss_backward(Array<const T, 1> dy, Array<const T, 3> log_probs, Array<const int64_t, 2> targets,
                       Array<const int64_t, 1> input_lengths, Array<const int64_t, 1> target_lengths,
                       Array<const T, 1> nll, Array<T, 3> dlog_probs, int64_t blank, bool mean,
                       bool zero_infinity) {
    const int64_t N = log_probs.shape[1], C = log_probs.shape[2];
    for (int d = 0; d < 3; ++d)
        require(dlog_probs.shape[d] == log_probs.shape[d],
                "ctc_loss_backward: dlog_probs must have the shape of log_probs");
    require(dlog_probs.contiguous() && nll.shape[0] == N && (dy.shape[0] == 1 || dy.shape[0] == N),
            "ctc_loss_backward: dy, nll and dlog_probs must fit log_probs");
    const Batch<T> batch(log_probs, targets, input_lengths, target_lengths, blank);
    if (dlog_probs.size() == 0) return;
    batch.for_each([&](int64_t n) {
        const Sequence<T> sequence = batch[n];
        const int64_t count = sequence.count;
        T* const dx = dlog_probs.data + n * C;
        const bool impossible = nll(n) == -kNever<T>;
        const int64_t filled = impossible ? 0 : sequence.frames;
        const T divisor = mean ? T(N * (count > 0 ? count : 1)) : T(1);
        if (!impossible) gradient_of(sequence, dy(dy.shape[0] == 1 ? 0 : n) / divisor, dx, N * C, C);
        for (int64_t t = filled; t < log_probs.shape[0]; ++t)
            for (int64_t c = 0; c < C; ++c)
                dx[t * N * C + c] = t < sequence.frames && !zero_infinity ? T(__builtin_nan("")) : T(0);
    });
}
PYDL_KERNEL(ctc_loss_backward,
            "dy, log_probs, targets, input_lengths, target_lengths, nll, dlog_probs, blank, mean, "
            "zero_infinity")

}  // namespace pydl::PYDL_ISA
