// Gradients of batch_norm: two sums for each channel, then one pass. What reaches the normalised numbers is
// first found from dy, where something was done with them. See pydl/ops/batch_norm.py.
#include "kernel.h"
#include "normalization/channel_lanes.h"

namespace pydl::PYDL_ISA {
namespace {

// Adds a block of rows, or the first of them, to the sums of `columns` columns.
template <typename T>
void add_column_sums(const T* dy, const T* x, const T* mean, int64_t stride, int64_t rows, int64_t columns,
                     bool is_first, double* dys, double* dots_of) {
    constexpr int64_t D = width<double>;
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
    const auto add = [&](const T* block, double* all) PYDL_INLINE_LAMBDA {
        for (int64_t j = 0; j < columns; j += D) {
            const vec<double> before = is_first ? vec<double>{} : load_partial(all + j, columns - j);
            store_partial(all + j, before + read_double(block + j), columns - j);
        }
    };
    add(sums, dys);
    add(dots, dots_of);
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

// The Slope of each of neighbouring channels.
template <typename T>
struct SlopeLanes {
    alignas(64) T a[width<double>], b[width<double>], c[width<double>];

    PYDL_INLINE SlopeLanes(vec<double> of_dy, vec<double> of_x, vec<double> shift) {
        store_doubles(a, of_dy, width<double>);
        store_doubles(b, of_x, width<double>);
        store_doubles(c, shift, width<double>);
    }
};

// finish(c, n, sums of dy, sums of dy (x - mean)), for n channels from c on, in lanes.
template <typename T, typename Finish>
void differentiate_columns(const Array<const T, 3>& dy, const Array<const T, 3>& x,
                           const Array<const T, 1>& mean, bool training, const Optional<Array<T, 3>>& dx,
                           const Finish& finish) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2], J = C * S;
    const int64_t places = J + width<T>;
    Scratch<T> lanes(4 * places);
    T *center = lanes.data(), *a = center + places, *b = a + places, *shift = b + places;
    for_lanes(0, C, [&](int64_t c, int64_t n) {
        T centers[width<double>];
        store_doubles(centers, read_channels(mean, c, n), width<double>);
        spread(center + c * S, S, n, centers);
    });
    const ColumnTasks tasks(N, C, S);
    Scratch<double> sums(2 * tasks.pieces * J);
    double *const dys = sums.data(), *const dots = dys + tasks.pieces * J;
    tasks.for_blocks(2, [&](int64_t piece, int64_t n, int64_t rows, int64_t first, int64_t columns) {
        const int64_t at = piece * J + first;
        add_column_sums(dy.data + n * J + first, x.data + n * J + first, center + first, J, rows, columns,
                        n == tasks.first_row(piece), dys + at, dots + at);
    });
    for_lanes(0, C, [&](int64_t c, int64_t n) {
        alignas(64) double dy_of[width<double>] = {}, dot_of[width<double>] = {};
        const bool are_channels = J == C && tasks.pieces == 1;
        for (int64_t k = 0; k < n && !are_channels; ++k)
            for (int64_t piece = 0; piece < tasks.pieces; ++piece)
                for (int64_t s = 0, j = piece * J + (c + k) * S; s < S; ++s, ++j) {
                    dy_of[k] += dys[j];
                    dot_of[k] += dots[j];
                }
        const double *const of = are_channels ? dys + c : dy_of, *const of2 =
                                                                     are_channels ? dots + c : dot_of;
        const SlopeLanes<T> slope = finish(c, n, load_partial(of, n), load_partial(of2, n));
        spread(a + c * S, S, n, slope.a);
        spread(b + c * S, S, n, slope.b);
        spread(shift + c * S, S, n, slope.c);
    });
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
        [&](int64_t first, int64_t channels) {
            for_lanes(first, channels, [&](int64_t c, int64_t n) {
                alignas(64) double dys[width<double>] = {}, dots[width<double>] = {};
                for (int64_t k = 0; k < n; ++k)
                    for (int64_t p = 0; p < pieces; ++p) {
                        dys[k] += sums[(c + k) * pieces + p].dy;
                        dots[k] += sums[(c + k) * pieces + p].dot;
                    }
                const SlopeLanes<T> of = finish(c, n, load(dys), load(dots));
                put_triples(n, of.a, of.b, of.c, slopes.data() + c);
            });
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
    const double count = double(N) * double(S);
    const auto finish = [&](int64_t c, int64_t n, vec<double> dys,
                            vec<double> dots) __attribute__((noinline)) {
        const vec<double> r = read_channels(rstd, c, n), scale = r * read_channels(weight, c, n, 1), zero{};
        if (dweight) write_channels(*dweight, c, n, dots * r);
        if (dbias) write_channels(*dbias, c, n, dys);
        if (!training) return SlopeLanes<T>(scale, zero, zero);
        return SlopeLanes<T>(scale, -scale * r * r * (dots / count), -scale * (dys / count));
    };
    if (x.size() == 0) {
        for_lanes(0, C, [&](int64_t c, int64_t n) { finish(c, n, vec<double>{}, vec<double>{}); });
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
