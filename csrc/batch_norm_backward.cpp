// Gradients of batch_norm: two sums for each channel, then one pass. What reaches the normalised numbers is
// first found from dy, where something was done with them. See pydl/ops/batch_norm.py.
#include "kernel.h"
#include "normalization/batch_norm.h"

namespace pydl::PYDL_ISA {
namespace {

// Adds a block of rows to the sums of `columns` columns.
template <typename T>
void add_column_sums(const T* dy, const T* x, const T* mean, int64_t stride, int64_t rows, int64_t columns,
                     GradientSums* totals) {
    alignas(64) T sums[kMostColumns] = {}, dots[kMostColumns] = {};
    const int64_t ahead = kNumbersAhead / columns * stride;
    for_few_rows<T>(rows, columns, [&](int64_t j, int64_t n, auto few) PYDL_INLINE_LAMBDA {
        const vec<T> center = load_partial(mean + j, columns - j);
        vec<T> sum = load(sums + j), dot = load(dots + j);
#pragma GCC unroll 8
        for (int64_t i = 0; i < few.value; ++i) {
            const int64_t at = (n + i) * stride + j;
            prefetch(dy + at + ahead);
            prefetch(x + at + ahead);
            const vec<T> g = load_partial(dy + at, columns - j);
            sum += g;
            dot = fma(g, load_partial(x + at, columns - j) - center, dot);
        }
        store(sums + j, sum);
        store(dots + j, dot);
    });
    for (int64_t j = 0; j < columns; ++j) {
        totals[j].dy += double(sums[j]);
        totals[j].dot += double(dots[j]);
    }
}

// dadd = pass(dy + dy2, y): what comes to the normalised numbers. Where there is nothing to do, it is dy.
template <typename T>
struct Passage {
    const Array<const T, 3>& dy;
    const Optional<Array<const T, 3>>&dy2, &y;
    Bounds<T> bounds;
    Array<T, 3> dadd;

    bool any() const { return dy2 || y; }
    Array<const T, 3> found() const {
        if (!any()) return dy;
        Array<const T, 3> found;
        found.data = dadd.data;
        for (int d = 0; d < 3; ++d) found.shape[d] = dadd.shape[d], found.stride[d] = dadd.stride[d];
        return found;
    }
    // `count` numbers from s on of some channels of image n.
    void pass(int64_t n, int64_t first, int64_t channels, int64_t s, int64_t count) const {
        pass_lines(bounds, channels, count, lines(dy, n, first).from(s), lines(dy2, n, first).from(s),
                   lines(y, n, first).from(s), lines(dadd, n, first).from(s));
    }
    // Images whose channels are short runs: all channels of one are a single run where no array has gaps, as
    // dadd has none here.
    void pass_images(int64_t N, int64_t C, int64_t S) const {
        if (dy.contiguous() && (!dy2 || dy2->contiguous()) && (!y || y->contiguous())) S *= C, C = 1;
        for_each_run(N, C, S,
                     [&](int64_t n, int64_t first, int64_t channels) { pass(n, first, channels, 0, S); });
    }
};

template <typename T, typename Finish>
void differentiate_columns(const Array<const T, 3>& dy, const Array<const T, 3>& x,
                           const Array<const T, 1>& mean, bool training, const Optional<Array<T, 3>>& dx,
                           const Finish& finish) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2], J = C * S;
    Scratch<T> lanes(4 * J);
    T *center = lanes.data(), *a = center + J, *b = a + J, *shift = b + J;
    for (int64_t j = 0; j < J; ++j) center[j] = mean(j / S);
    const ColumnTasks tasks(N, C, S);
    Scratch<GradientSums> sums(tasks.pieces * J);
    for (int64_t i = 0; i < tasks.pieces * J; ++i) sums[i] = GradientSums{};
    tasks.for_blocks(2, [&](int64_t piece, int64_t n, int64_t rows, int64_t first, int64_t columns) {
        add_column_sums(dy.data + n * J + first, x.data + n * J + first, center + first, J, rows, columns,
                        sums.data() + piece * J + first);
    });
    for (int64_t c = 0; c < C; ++c) {
        GradientSums all;
        for (int64_t piece = 0; piece < tasks.pieces; ++piece)
            for (int64_t s = 0; s < S; ++s) {
                all.dy += sums[piece * J + c * S + s].dy;
                all.dot += sums[piece * J + c * S + s].dot;
            }
        const Slope<T> slope = finish(c, all);
        for (int64_t j = c * S; j < (c + 1) * S; ++j) {
            a[j] = slope.a;
            b[j] = slope.b;
            shift[j] = slope.c;
        }
    }
    if (!dx) return;
    parallel_for(N, kMomentGrain / J + 1, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            const Line<T> to{dx->data + n * J, 1};
            const Line<const T> from{dy.data + n * J, 1}, line{x.data + n * J, 1}, slopes{a, 1};
            if (!training)
                map_line<T>([](vec<T> dy, vec<T> a) PYDL_INLINE_LAMBDA { return dy * a; }, J, to, from,
                            slopes);
            else
                map_line<T>([](vec<T> dy, vec<T> x, vec<T> center, vec<T> a, vec<T> b, vec<T> c)
                                PYDL_INLINE_LAMBDA { return fma(dy, a, fma(x - center, b, c)); },
                            J, to, from, line, Line<const T>{center, 1}, slopes, Line<const T>{b, 1},
                            Line<const T>{shift, 1});
        }
    });
}

// The sums of piece p of some channels, each behind those of the channel's other pieces.
template <typename T>
[[gnu::noinline]] void channel_sums(const Passage<T>& passage, const MomentBlocks& blocks, int64_t p,
                                    int64_t pieces, const Array<const T, 3>& x, const T* centers,
                                    int64_t first, int64_t channels, GradientSums* sums) {
    const Array<const T, 3> dy = passage.found();
    for (int64_t c = first; c < first + channels; ++c) sums[c * pieces + p] = GradientSums{};
    for_channel_blocks(
        blocks, p, pieces, first, channels,
        [&](int64_t n, int64_t images, int64_t from, int64_t summed, int64_t s, int64_t count) {
            Sums<T, 2> block[kSummedChannels];  // of which often one alone is needed
            for (int64_t c = 0; c < summed; ++c) block[c] = Sums<T, 2>{};
            for (int64_t i = n; i < n + images; ++i) {
                // As many numbers as stay in the first-level cache between the two.
                const int64_t together = count < kMomentBlock ? kMomentBlock / count : 1;
                for (int64_t c = 0; c < summed; c += together) {
                    const int64_t few = summed - c < together ? summed - c : together;
                    if (passage.any()) passage.pass(i, from + c, few, s, count);
                    add_slopes(block + c, centers + from + c, few, count, lines(dy, i, from + c).from(s),
                               lines(x, i, from + c).from(s));
                }
            }
            for (int64_t c = 0; c < summed; ++c) {
                sums[(from + c) * pieces + p].dy += block[c].total(0);
                sums[(from + c) * pieces + p].dot += block[c].total(1);
            }
        });
}

template <typename T, typename Finish>
void differentiate_channels(const Passage<T>& passage, const Array<const T, 3>& x,
                            const Array<const T, 1>& mean, bool training, const Optional<Array<T, 3>>& dx,
                            const Finish& finish) {
    const Array<const T, 3> dy = passage.found();
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    const MomentBlocks blocks(N, S);
    const int64_t pieces = blocks.pieces(C);
    Scratch<GradientSums> sums(C * pieces);
    Scratch<Slope<T>> slopes(C);
    Scratch<T> centers(C);
    for (int64_t c = 0; c < C; ++c) centers[c] = mean(c);
    by_images<T>(
        N, C, S, pieces,
        [&](int64_t first, int64_t channels, int64_t p) {
            channel_sums(passage, blocks, p, pieces, x, centers.data(), first, channels, sums.data());
        },
        [&](int64_t c) {
            GradientSums all;
            for (int64_t p = 0; p < pieces; ++p) {
                all.dy += sums[c * pieces + p].dy;
                all.dot += sums[c * pieces + p].dot;
            }
            slopes[c] = finish(c, all);
        },
        [&](int64_t n, int64_t first, int64_t channels) {
            if (dx)
                slope_lines(slopes.data() + first, centers.data() + first, training, channels, S,
                            lines(dy, n, first), lines(x, n, first), lines(*dx, n, first));
        });
}

}  // namespace

template <typename T>
void batch_norm_backward(Array<const T, 3> dy, Optional<Array<const T, 3>> dy2, Optional<Array<const T, 3>> y,
                         double low, double high, Array<const T, 3> x, Optional<Array<const T, 1>> weight,
                         Array<const T, 1> mean, Array<const T, 1> rstd, bool training,
                         Optional<Array<T, 3>> dadd, Optional<Array<T, 3>> dx, Optional<Array<T, 1>> dweight,
                         Optional<Array<T, 1>> dbias) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    const auto like_x = [&](const auto& a) { return a.shape[0] == N && a.shape[1] == C && a.shape[2] == S; };
    require(like_x(dy) && (!dy2 || like_x(*dy2)) && (!y || like_x(*y)) && (!dadd || like_x(*dadd)) &&
                (!dx || like_x(*dx)),
            "batch_norm_backward: dy, dy2, y, dadd and dx must have the shape of x");
    require(!dadd || dy2 || y, "batch_norm_backward: dadd is dy where there is neither dy2 nor y");
    require(mean.shape[0] == C && rstd.shape[0] == C && (!weight || weight->shape[0] == C) &&
                (!dweight || dweight->shape[0] == C) && (!dbias || dbias->shape[0] == C),
            "batch_norm_backward: x is (N, C, S), weight, mean, rstd, dweight and dbias are (C)");
    const auto finish = [&](int64_t c, const GradientSums& sums) -> Slope<T> {
        const double r = rstd(c), scale = r * (weight ? double(weight.value(c)) : 1.0),
                     count = double(N) * double(S);
        if (dweight) dweight.value(c) = T(sums.dot * r);
        if (dbias) dbias.value(c) = T(sums.dy);
        if (!training) return {T(scale), T(0), T(0)};
        return {T(scale), T(-scale * r * r * (sums.dot / count)), T(-scale * (sums.dy / count))};
    };
    if (x.size() == 0) {
        for (int64_t c = 0; c < C; ++c) finish(c, GradientSums{});
        return;
    }
    // Where nobody wants dadd, dx's memory holds it until dx is made of it.
    const bool passes = dy2 || y;
    const Scratch<T> own(passes && !dadd && !dx ? x.size() : 0);
    Array<T, 3> kept;
    if (dadd || dx) {
        kept = dadd ? *dadd : *dx;
    } else {
        kept.data = own.data();
        for (int d = 0; d < 3; ++d) kept.shape[d] = x.shape[d];
        kept.stride[0] = C * S, kept.stride[1] = S, kept.stride[2] = 1;
    }
    const Passage<T> passage{dy, dy2, y, {T(low), T(high)}, kept};
    const Array<const T, 3> found = passage.found();
    if (!(dx ? by_columns(x, found, *dx) : by_columns(x, found)))
        return differentiate_channels(passage, x, mean, training, dx, finish);
    if (passes) passage.pass_images(N, C, S);
    differentiate_columns(found, x, mean, training, dx, finish);
}
PYDL_KERNEL(batch_norm_backward,
            "dy, dy2, y, low, high, x, weight, mean, rstd, training, dadd, dx, dweight, dbias")

}  // namespace pydl::PYDL_ISA
