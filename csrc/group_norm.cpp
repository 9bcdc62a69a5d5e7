// group_norm of x (N, C, S): the channels of each sample in groups. See pydl/ops/group_norm.py.
//
// A group is C / G segments of S numbers; its statistics are taken as batch_norm takes a channel's. Without
// S, a group of all samples is a matrix whose rows layer_norm knows, and of many samples with small groups
// all numbers are taken for channels, each with its own copy of the weight.
#include "kernel.h"
#include "normalization/channel_lanes.h"
#include "normalization/row_norm_backward.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {
namespace {

// Group g of an array (N, C, 1) as (N, C / G), of an array (C) as (C / G).
template <typename T>
Array<T, 2> group_of(const Array<T, 3>& x, int64_t g, int64_t channels) {
    return {x.data + g * channels * x.stride[1], {x.shape[0], channels}, {x.stride[0], x.stride[1]}};
}
template <typename T>
Optional<Array<T, 1>> group_of(const Optional<Array<T, 1>>& w, int64_t g, int64_t channels) {
    if (!w) return w;
    return {{w->data + g * channels * w->stride[0], {channels}, {w->stride[0]}}, true};
}
template <typename T>
Array<T, 1> column(const Array<T, 2>& a, int64_t g) {
    return {a.data + g * a.stride[1], {a.shape[0]}, {a.stride[0]}};
}

constexpr int64_t kBlockNumbers = 65536;  // of samples that stay in the second-level cache for all groups

// At most `count` of the rows of a matrix or numbers of a vector, from the nth on.
template <typename A>
A samples(A a, int64_t n, int64_t count) {
    a.data += n * a.stride[0];
    a.shape[0] = a.shape[0] - n < count ? a.shape[0] - n : count;
    return a;
}

// What a group is normalised with.
struct Normal {
    double mean, rstd;
};

// f(channel, its group) for a run of channels.
template <typename F>
PYDL_INLINE void for_channels(int64_t first, int64_t run, int64_t channels, const F& f) {
    int64_t g = first / channels, end = (g + 1) * channels;
    for (int64_t c = first; c < first + run; ++c) {
        if (c == end) ++g, end += channels;
        f(c, g);
    }
}

// Of a channel, block by block.
template <typename T>
PYDL_INLINE GradientSums sums_of(Line<const T> dy, Line<const T> x, T center, int64_t count) {
    GradientSums all;
    for (int64_t s = 0; s < count; s += kMomentBlock) {
        Sums<T, 2> sums{};
        sums.add([center](vec<T> dy, vec<T> x)
                     PYDL_INLINE_LAMBDA { return Terms<T, 2>{{dy, dy * (x - center)}}; },
                 count - s < kMomentBlock ? count - s : kMomentBlock, dy.from(s), x.from(s));
        all.dy += sums.total(0);
        all.dot += sums.total(1);
    }
    return all;
}

template <typename T>
bool has_shape(const Array<T, 2>& a, int64_t N, int64_t G) {
    return a.shape[0] == N && a.shape[1] == G;
}

// Whether the rows of a group are sooner worked on than its channels one by one: where these are short, or
// where the samples are many enough to pay for the copies of the weight. On the way back all samples of a
// group come before the next group, so long rows would come from memory late, and sums are taken of each
// copy.
constexpr int64_t kMostForward = 256, kMostBackward = 128;
constexpr int64_t kShortChannel = 64, kFewSamples = 8;

template <typename T>
bool are_rows(const Array<T, 3>& x, int64_t channels, bool back) {
    const int64_t N = x.shape[0], S = x.shape[2], row = channels * S;
    const bool is_short = channels > 1 && S <= kShortChannel && (S < 16 || !back || N >= kFewSamples);
    const bool pays = row <= (back ? kMostBackward : kMostForward) && row <= 12 * N;
    return S == 1 || ((is_short || pays) && x.stride[1] == S && x.stride[2] == 1);
}

template <typename T>
Array<T, 3> as_channels(const Array<T, 3>& x) {
    const int64_t S = x.shape[2];
    return {x.data, {x.shape[0], x.shape[1] * S, 1}, {x.stride[0], S == 1 ? x.stride[1] : 1, 1}};
}

// Numbers of the channels, if any, with S copies of each.
template <typename T>
class Copies {
  public:
    Copies(const Optional<Array<const T, 1>>& w, int64_t C, int64_t S)
        : all_(w && S > 1 ? C * S + width<T> : 0), of_(w) {
        if (!w || S == 1) return;
        const Packed<T> packed(w, C, T(1));
        spread(all_.data(), S, C, packed.line().data);
        of_.value = {all_.data(), {C * S}, {1}};
    }
    const Optional<Array<const T, 1>>& get() const { return of_; }

  private:
    Scratch<T> all_;
    Optional<Array<const T, 1>> of_;
};

// Numbers that will be known for each copy, and the sums of them that are wanted.
template <typename T>
class CopySums {
  public:
    CopySums(const Optional<Array<T, 1>>& w, int64_t C, int64_t S)
        : w_(w), of_(w), all_(w && S > 1 ? C * S : 0), S_(S) {
        if (w && S > 1) of_.value = {all_.data(), {C * S}, {1}};
    }
    const Optional<Array<T, 1>>& get() const { return of_; }
    void finish() const {
        for (int64_t c = 0; w_ && S_ > 1 && c < w_->shape[0]; ++c) {
            Sums<T, 1> sum{};
            sum.add([](vec<T> v) PYDL_INLINE_LAMBDA { return Terms<T, 1>{{v}}; }, S_,
                    Line<const T>{all_.data() + c * S_, 1});
            w_.value(c) = T(sum.total(0));
        }
    }

  private:
    Optional<Array<T, 1>> w_, of_;
    Scratch<T> all_;
    int64_t S_;
};

}  // namespace

template <typename T>
void group_norm_forward(Array<const T, 3> x, Optional<Array<const T, 1>> weight,
                        Optional<Array<const T, 1>> bias, int64_t groups, double eps, Array<T, 3> y,
                        Array<T, 2> mean, Array<T, 2> rstd) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2], G = groups;
    require(y.shape[0] == N && y.shape[1] == C && y.shape[2] == S,
            "group_norm_forward: y must have the shape of x");
    require(G > 0 && C % G == 0 && has_shape(mean, N, G) && has_shape(rstd, N, G),
            "group_norm_forward: groups must divide the channels, mean and rstd must be (N, groups)");
    require((!weight || weight->shape[0] == C) && (!bias || bias->shape[0] == C),
            "group_norm_forward: weight and bias are (C) for x (N, C, S)");
    if (x.size() == 0) return;
    const int64_t channels = C / G;
    if (are_rows(x, channels, false) && are_rows(y, channels, false)) {
        const Copies<T> w(weight, C, S), b(bias, C, S);
        const Array<const T, 3> from = as_channels(x);
        const Array<T, 3> to = as_channels(y);
        const int64_t K = channels * S, block = kBlockNumbers / (C * S) + 1;
        for (int64_t n = 0; n < N; n += block)
            for (int64_t g = 0; g < G; ++g)
                normalise_rows<T, true>(samples(group_of(from, g, K), n, block), group_of(w.get(), g, K),
                                        group_of(b.get(), g, K), eps, samples(group_of(to, g, K), n, block),
                                        column(mean, g).data + n * mean.stride[0], mean.stride[0],
                                        samples(column(rstd, g), n, block));
        return;
    }
    const MomentBlocks blocks(channels, S);
    const int64_t pieces = blocks.pieces(N * G);
    Scratch<Moments> moments(N * G * pieces);
    Scratch<Normal> normal(N * G);
    // Where there are few groups, the way back through each is shared, too.
    const int64_t parts = N * G >= kMomentPieces ? 1 : channels;
    by_channels(
        parts, N * G, channels / parts * S, pieces,
        [&](int64_t r, int64_t p) {
            moments[r * pieces + p] =
                piece_moments(blocks, p, pieces, segment(x, r / G, r % G * channels), x.stride[1]);
        },
        [&](int64_t r) {
            Moments all;
            for (int64_t p = 0; p < pieces; ++p) combine(all, moments[r * pieces + p]);
            normal[r] = {all.mean, 1 / sqrt(all.variance() + eps)};
            mean(r / G, r % G) = T(all.mean);
            rstd(r / G, r % G) = T(normal[r].rstd);
        },
        [&](int64_t part, int64_t r) {
            const Normal own = normal[r];
            const int64_t n = r / G, some = channels / parts;
            for (int64_t k = 0; k < some; k += kSummedChannels) {
                Affine<T> affine[kSummedChannels];
                const int64_t first = r % G * channels + part * some + k;
                const int64_t count = some - k < kSummedChannels ? some - k : kSummedChannels;
                for (int64_t i = 0; i < count; ++i)
                    affine[i] = Affine<T>::of(own.mean, own.rstd, weight ? weight.value(first + i) : T(1),
                                              bias ? bias.value(first + i) : T(0));
                apply_lines(affine, Bounds<T>::none(), count, S, lines(x, n, first), {nullptr, 0, 0},
                            lines(y, n, first));
            }
        });
}
PYDL_KERNEL(group_norm_forward, "x, weight, bias, groups, eps, y, mean, rstd")

template <typename T>
void group_norm_backward(Array<const T, 3> dy, Array<const T, 3> x, Optional<Array<const T, 1>> weight,
                         Array<const T, 2> mean, Array<const T, 2> rstd, Optional<Array<T, 3>> dx,
                         Optional<Array<T, 1>> dweight, Optional<Array<T, 1>> dbias) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2], G = mean.shape[1];
    const auto like_x = [&](const auto& a) { return a.shape[0] == N && a.shape[1] == C && a.shape[2] == S; };
    require(like_x(dy) && (!dx || like_x(*dx)), "group_norm_backward: dy and dx must have the shape of x");
    require(G > 0 && C % G == 0 && has_shape(mean, N, G) && has_shape(rstd, N, G) &&
                (!weight || weight->shape[0] == C) && (!dweight || dweight->shape[0] == C) &&
                (!dbias || dbias->shape[0] == C),
            "group_norm_backward: mean and rstd are (N, groups), weight, dweight and dbias (C)");
    const int64_t channels = C / G;
    if (!dx && !dweight && !dbias) return;
    const auto by_rows = [&](const auto& a) { return are_rows(a, channels, true); };
    if (N > 0 && S > 0 && by_rows(x) && by_rows(dy) && (!dx || by_rows(*dx))) {
        const Copies<T> w(weight, C, S);
        const CopySums<T> dw(dweight, C, S), db(dbias, C, S);
        const int64_t K = channels * S;
        for (int64_t g = 0; g < G; ++g) {
            const auto of_w = group_of(dw.get(), g, K), of_b = group_of(db.get(), g, K);
            Optional<Array<T, 2>> to{{}, bool(dx)};
            if (dx) to.value = group_of(as_channels(*dx), g, K);
            const RowGradients<T> gradients(
                group_of(as_channels(dy), g, K), group_of(as_channels(x), g, K), group_of(w.get(), g, K),
                column(mean, g).data, mean.stride[0], column(rstd, g), to, of_w ? of_w->data : nullptr,
                of_w ? of_w->stride[0] : 0, of_b ? of_b->data : nullptr, of_b ? of_b->stride[0] : 0);
            gradients.run();
        }
        dw.finish();
        db.finish();
        return;
    }
    Scratch<GradientSums> sums(N * C), totals(N * G);
    const auto add_sums = [&](int64_t n, int64_t first, int64_t run) {
        for_channels(first, run, channels, [&](int64_t c, int64_t g) PYDL_INLINE_LAMBDA {
            sums[n * C + c] = sums_of(segment(dy, n, c), segment(x, n, c), T(mean(n, g)), S);
        });
    };
    // Of a group: what all dx have of (x - mean), and what they have besides.
    const double count = double(channels) * double(S);
    const auto add_total = [&](int64_t r) {
        GradientSums total;
        const int64_t first = r % G * channels;
        const GradientSums* own = sums.data() + r * channels;
        for (int64_t k = 0; k < channels; ++k) {
            const double w = weight ? double(weight.value(first + k)) : 1.0;
            total.dy += w * own[k].dy;
            total.dot += w * own[k].dot;
        }
        const double scale = rstd(r / G, r % G);
        totals[r] = {-scale * (total.dy / count), -scale * scale * scale * (total.dot / count)};
    };
    const auto write_dx = [&](int64_t n, int64_t first, int64_t run) {
        for_summed_channels(first, run, [&](int64_t begin, int64_t some) {
            T center[kSummedChannels];
            Slope<T> slope[kSummedChannels];
            for_channels(begin, some, channels, [&](int64_t c, int64_t g) PYDL_INLINE_LAMBDA {
                const GradientSums& total = totals[n * G + g];
                const T w = weight ? weight.value(c) : T(1);
                center[c - begin] = mean(n, g);
                slope[c - begin] = {T(double(rstd(n, g)) * double(w)), T(total.dot), T(total.dy)};
            });
            slope_lines(slope, center, true, some, S, lines(dy, n, begin), lines(x, n, begin),
                        lines(*dx, n, begin));
        });
    };
    if (x.size() > 0) for_each_run(N, C, S, add_sums);
    for (int64_t r = 0; dx && r < N * G; ++r) add_total(r);
    if (x.size() > 0 && dx) for_each_run(N, C, S, write_dx);
    Scratch<GradientSums> of_channels(C);
    for (int64_t c = 0; c < C; ++c) of_channels[c] = {};
    for (int64_t n = 0; n < N && S > 0; ++n)
        for (int64_t g = 0, c = 0; g < G; ++g)
            for (const double r = rstd(n, g); c < (g + 1) * channels; ++c) {
                of_channels[c].dot += sums[n * C + c].dot * r;
                of_channels[c].dy += sums[n * C + c].dy;
            }
    for (int64_t c = 0; c < C; ++c) {
        if (dweight) dweight.value(c) = T(of_channels[c].dot);
        if (dbias) dbias.value(c) = T(of_channels[c].dy);
    }
}
PYDL_KERNEL(group_norm_backward, "dy, x, weight, mean, rstd, dx, dweight, dbias")

}  // namespace pydl::PYDL_ISA
