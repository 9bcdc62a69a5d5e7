// batch_norm of x (N, C, S): statistics over n and s, then one pass, in which another array may be added and
// the sum be kept between bounds. See pydl/ops/batch_norm.py.
#include "kernel.h"
#include "normalization/apply_columns.h"

namespace pydl::PYDL_ISA {
namespace {

template <typename T>
void apply_run(const Affine<T>* of, const Array<const T, 3>& x, const Completion<T>& then,
               const Array<T, 3>& y, int64_t n, int64_t first, int64_t channels) {
    apply_lines(of + first, then.bounds, channels, x.shape[2], lines(x, n, first), lines(then.add, n, first),
                lines(y, n, first));
}

template <typename T>
[[gnu::noinline]] void apply_all(const Affines<T>& affines, const Array<const T, 3>& x, Bounds<T> bounds,
                                 const Array<T, 3>& y) {
    const Optional<Array<const T, 3>> nothing{{}, false};
    const Completion<T> then{nothing, bounds};
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    if (x.size() == 0) return;
    if (by_columns(x, y, then)) return apply_columns(affines, x, then, y);
    const Scratch<Affine<T>> of(C);
    put_triples(C, affines.center(), affines.scale(), affines.shift(), of.data());
    for_each_run(N, C, S, [&](int64_t n, int64_t first, int64_t channels) {
        apply_run(of.data(), x, then, y, n, first, channels);
    });
}

// Joins a block of rows to the moments of `columns` columns over the rows `before`.
template <typename T>
void add_column_moments(const T* x, int64_t stride, int64_t rows, int64_t columns, int64_t before,
                        double* means, double* squares_of) {
    constexpr int64_t W = width<T>;
    alignas(64) T sums[kMostColumns], squares[kMostColumns], centers[kMostColumns];
    const auto row = [&](int64_t n, int64_t j)
                         PYDL_INLINE_LAMBDA { return load_partial(x + n * stride + j, columns - j); };
    for (int64_t j = 0; j < columns; j += W) {
        // Near the mean: that of the first rows, or 0 where it is not finite.
        vec<T> center = rows < 4 ? row(0, j) : (row(0, j) + row(1, j) + row(2, j) + row(3, j)) * T(0.25);
        store(centers + j, select(center - center == T(0), center, vec<T>{}));
        store(sums + j, vec<T>{});
        store(squares + j, vec<T>{});
    }
    const int64_t ahead = kNumbersAhead / columns * stride;
    for_few_rows<T>(rows, columns, [&](int64_t j, int64_t n, auto few) PYDL_INLINE_LAMBDA {
        const vec<T> center = load(centers + j);
        vec<T> sum = load(sums + j), square = load(squares + j);
#pragma GCC unroll 8
        for (int64_t i = 0; i < few.value; ++i) {
            prefetch(x + (n + i) * stride + j + ahead);
            const vec<T> d = row(n + i, j) - center;
            sum += d;
            square = fma(d, d, square);
        }
        store(sums + j, sum);
        store(squares + j, square);
    });
    for (int64_t j = 0; j < columns; j += W)
        join_lanes<T>(load(centers + j), load(sums + j), load(squares + j), double(rows), double(before),
                      columns - j, means + j, squares_of + j);
}

// Adds `count` numbers of some channels to their sums.
template <typename T>
[[gnu::noinline]] void add_moments(Sums<T, 2>* sums, const T* centers, int64_t channels, int64_t count,
                                   Lines<const T> x) {
    for (int64_t c = 0; c < channels; ++c) {
        const T center = centers[c];
        Sums<T, 2> more = sums[c];
        more.add(
            [center](vec<T> x) PYDL_INLINE_LAMBDA {
                const vec<T> d = x - center;
                return Terms<T, 2>{{d, d * d}};
            },
            count, x[c]);
        sums[c] = more;
    }
}

// The moments of piece p of some channels, each behind those of the channel's other pieces.
template <typename T>
[[gnu::noinline]] void channel_moments(const MomentBlocks& blocks, int64_t p, int64_t pieces,
                                       const Array<const T, 3>& x, int64_t first, int64_t channels,
                                       Moments* moments) {
    for (int64_t c = first; c < first + channels; ++c) moments[c * pieces + p] = Moments{};
    for_channel_blocks(
        blocks, p, pieces, first, channels,
        [&](int64_t n, int64_t images, int64_t from, int64_t summed, int64_t s, int64_t count) {
            Sums<T, 2> sums[kSummedChannels];  // of which often one alone is needed
            T centers[kSummedChannels];
            for (int64_t c = 0; c < summed; ++c) sums[c] = Sums<T, 2>{};
            for (int64_t c = 0; c < summed; ++c) centers[c] = center_of(lines(x, n, from).from(s)[c], count);
            for (int64_t i = n; i < n + images; ++i)
                add_moments(sums, centers, summed, count, lines(x, i, from).from(s));
            const double numbers = double(count) * double(images);
            for (int64_t c = 0; c < summed; ++c) {
                const double d = sums[c].total(0);
                combine(moments[(from + c) * pieces + p],
                        {numbers, double(centers[c]) + d / numbers, sums[c].total(1) - d * (d / numbers)});
            }
        });
}

// finish(c, n, means, variances), for n channels from c on, in lanes, for all channels, in parallel or not,
// then the pass y = (x - mean) * scale + shift and what comes after it.
template <typename T, typename Finish>
void normalise_columns(const Array<const T, 3>& x, const Completion<T>& then, const Array<T, 3>& y,
                       const Finish& finish) {
    constexpr int64_t D = width<double>;
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2], J = C * S;
    const Affines<T> affines(C);
    const ColumnTasks tasks(N, C, S);
    const Scratch<double> moments(2 * tasks.pieces * J);
    double *const means = moments.data(), *const squares = means + tasks.pieces * J;
    tasks.for_blocks(1, [&](int64_t piece, int64_t n, int64_t rows, int64_t first, int64_t columns) {
        const int64_t at = piece * J + first;
        add_column_moments(x.data + n * J + first, J, rows, columns, n - tasks.first_row(piece), means + at,
                           squares + at);
    });
    const bool are_channels = J == C && tasks.pieces == 1;
    for_lanes(0, C, [&](int64_t c, int64_t n) {
        alignas(64) double mean[D] = {}, all[D] = {};
        for (int64_t k = 0; k < n && !are_channels; ++k) {
            Moments own;
            for (int64_t piece = 0, at = (c + k) * S; piece < tasks.pieces; ++piece, at += J)
                combine(own,
                        moments_of_columns(means + at, squares + at,
                                           double(tasks.first_row(piece + 1) - tasks.first_row(piece)), S));
            mean[k] = own.mean;
            all[k] = own.squares;
        }
        const double *const of = are_channels ? means + c : mean, *const of2 =
                                                                      are_channels ? squares + c : all;
        affines.set(c, finish(c, n, load_partial(of, n), load_partial(of2, n)));
    });
    apply_columns(affines, x, then, y);
}

template <typename T, typename Finish>
void normalise(const Array<const T, 3>& x, const Completion<T>& then, const Array<T, 3>& y,
               const Finish& finish) {
    if (by_columns(x, y, then)) return normalise_columns(x, then, y, finish);
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    const MomentBlocks blocks(N, S);
    const int64_t pieces = blocks.pieces(C);
    Scratch<Affine<T>> affine(C);
    Scratch<Moments> moments(C * pieces);
    by_images<T>(
        N, C, S, pieces,
        [&](int64_t first, int64_t channels, int64_t p) {
            channel_moments(blocks, p, pieces, x, first, channels, moments.data());
        },
        [&](int64_t first, int64_t channels) {
            for_lanes(first, channels, [&](int64_t c, int64_t n) {
                alignas(64) double mean[width<double>] = {}, squares[width<double>] = {};
                for (int64_t k = 0; k < n; ++k) {
                    Moments all;
                    for (int64_t p = 0; p < pieces; ++p) combine(all, moments[(c + k) * pieces + p]);
                    mean[k] = all.mean, squares[k] = all.squares;
                }
                const AffineLanes<T> of = finish(c, n, load(mean), load(squares));
                put_triples(n, of.center, of.scale, of.shift, affine.data() + c);
            });
        },
        [&](int64_t n, int64_t first, int64_t channels) {
            apply_run(affine.data(), x, then, y, n, first, channels);
        });
}

template <typename A>
bool has_size(const A& a, int64_t C) {
    return a.shape[0] == C;
}
template <typename T>
bool fits(const Optional<Array<T, 1>>& a, int64_t C) {
    return !a || a->shape[0] == C;
}

}  // namespace

template <typename T>
void batch_norm_forward(Array<const T, 3> x, Optional<Array<const T, 1>> weight,
                        Optional<Array<const T, 1>> bias, Optional<Array<T, 1>> running_mean,
                        Optional<Array<T, 1>> running_var, double momentum, double eps,
                        Optional<Array<const T, 3>> add, double low, double high, Array<T, 3> y,
                        Array<T, 1> mean, Array<T, 1> rstd, Optional<Array<T, 2>> affine) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    const auto like_x = [&](const auto& a) { return a.shape[0] == N && a.shape[1] == C && a.shape[2] == S; };
    require(like_x(y) && (!add || like_x(*add)), "batch_norm_forward: y and add must have the shape of x");
    require(has_size(mean, C) && has_size(rstd, C) && fits(weight, C) && fits(bias, C) &&
                fits(running_mean, C) && fits(running_var, C) &&
                (!affine || (affine->shape[0] == 3 && affine->shape[1] == C)),
            "batch_norm_forward: x is (N, C, S), weight, bias and all statistics are (C), affine is (3, C)");
    require(N > 0 && S > 0, "batch_norm_forward: x must have numbers in every channel");
    if (C == 0) return;
    const double count = double(N) * double(S);
    normalise(x, {add, {T(low), T(high)}}, y,
              [&](int64_t c, int64_t n, vec<double> m, vec<double> squares) __attribute__((noinline)) {
                  const vec<double> zero{},
                      variance = select(squares < zero, zero, squares) / count;  // NaN stays NaN
                  const vec<double> r = 1.0 / sqrt(variance + eps);
                  write_channels(mean, c, n, m);
                  write_channels(rstd, c, n, r);
                  const auto run = [&](const Optional<Array<T, 1>>& running, vec<double> now) {
                      if (running)
                          write_channels(*running, c, n,
                                         (1 - momentum) * read_channels(*running, c, n) + momentum * now);
                  };
                  run(running_mean, m);
                  // Without the bias that the deviation from the sample's own mean has.
                  run(running_var, variance * (count / (count - 1)));
                  const AffineLanes<T> of(m, r, read_channels(weight, c, n, 1), read_channels(bias, c, n, 0));
                  for (int64_t k = 0; affine && k < n; ++k) {
                      affine.value(0, c + k) = of.center[k];
                      affine.value(1, c + k) = of.scale[k];
                      affine.value(2, c + k) = of.shift[k];
                  }
                  return of;
              });
}
PYDL_KERNEL(
    batch_norm_forward,
    "x, weight, bias, running_mean, running_var, momentum, eps, add, low, high, y, mean, rstd, affine")

template <typename T>
void batch_norm_inference(Array<const T, 3> x, Array<const T, 1> mean, Array<const T, 1> var,
                          Optional<Array<const T, 1>> weight, Optional<Array<const T, 1>> bias, double eps,
                          Array<T, 3> y, Array<T, 1> rstd) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    require(y.shape[0] == N && y.shape[1] == C && y.shape[2] == S,
            "batch_norm_inference: y must have the shape of x");
    require(has_size(mean, C) && has_size(var, C) && has_size(rstd, C) && fits(weight, C) && fits(bias, C),
            "batch_norm_inference: x is (N, C, S), weight, bias and the statistics are (C)");
    const Affines<T> affines(C);
    for_lanes(0, C, [&](int64_t c, int64_t n) {
        const vec<double> r = 1.0 / sqrt(read_channels(var, c, n) + eps);
        write_channels(rstd, c, n, r);
        affines.set(
            c, {read_channels(mean, c, n), r, read_channels(weight, c, n, 1), read_channels(bias, c, n, 0)});
    });
    apply_all(affines, x, Bounds<T>::none(), y);
}
PYDL_KERNEL(batch_norm_inference, "x, mean, var, weight, bias, eps, y, rstd")

template <typename T>
void batch_norm_again(Array<const T, 3> x, Array<const T, 2> affine, double low, double high, Array<T, 3> y) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    require(
        y.shape[0] == N && y.shape[1] == C && y.shape[2] == S && affine.shape[0] == 3 && affine.shape[1] == C,
        "batch_norm_again: y must have the shape of x (N, C, S), affine is (3, C)");
    const Affines<T> of(C);
    for (int64_t c = 0; c < C; ++c) {
        of.center()[c] = affine(0, c);
        of.scale()[c] = affine(1, c);
        of.shift()[c] = affine(2, c);
    }
    apply_all(of, x, {T(low), T(high)}, y);
}
PYDL_KERNEL(batch_norm_again, "x, affine, low, high, y")

}  // namespace pydl::PYDL_ISA
