// batch_norm of x (N, C, S): statistics over n and s, then one pass, in which another array may be added and
// the sum be kept between bounds. See pydl/ops/batch_norm.py.
#include "normalization/batch_norm.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

// What comes after the normalisation.
template <typename T>
struct Completion {
    const Optional<Array<const T, 3>>& add;
    Bounds<T> bounds;

    bool any() const { return add || bounds.any(); }
    bool contiguous() const { return !add || add->contiguous(); }
    const T* row(int64_t n) const { return add ? add->data + n * add->stride[0] : nullptr; }
};

// apply() for rows whose columns have an Affine each, in three arrays of `columns` numbers.
template <typename T>
void apply_rows(int64_t rows, int64_t columns, const T* center, const T* scale, const T* shift, const T* x,
                const Completion<T>& then, T* y) {
    parallel_for(rows, kMomentGrain / columns + 1, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            const Line<T> to{y + n * columns, 1};
            const Line<const T> from{x + n * columns, 1}, c{center, 1}, a{scale, 1}, b{shift, 1};
            const Bounds<T> bounds = then.bounds;
            if (!then.any())
                map_line<T>([](vec<T> x, vec<T> center, vec<T> scale, vec<T> shift)
                                PYDL_INLINE_LAMBDA { return fma(x - center, scale, shift); },
                            columns, to, from, c, a, b);
            else if (!then.add)
                map_line<T>([=](vec<T> x, vec<T> center, vec<T> scale, vec<T> shift)
                                PYDL_INLINE_LAMBDA { return bounds.keep(fma(x - center, scale, shift)); },
                            columns, to, from, c, a, b);
            else
                map_line<T>(
                    [=](vec<T> x, vec<T> center, vec<T> scale, vec<T> shift, vec<T> add)
                        PYDL_INLINE_LAMBDA { return bounds.keep(fma(x - center, scale, shift) + add); },
                    columns, to, from, c, a, b, Line<const T>{then.row(n), 1});
        }
    });
}

template <typename T>
void apply_run(const Affine<T>* of, const Array<const T, 3>& x, const Completion<T>& then,
               const Array<T, 3>& y, int64_t n, int64_t first, int64_t channels) {
    apply_lines(of + first, then.bounds, channels, x.shape[2], lines(x, n, first), lines(then.add, n, first),
                lines(y, n, first));
}

template <typename T>
void apply_all(const Array<const T, 3>& x, const Completion<T>& then, const Array<T, 3>& y,
               const Affine<T>* of) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    if (!by_columns(x, y, then)) {
        for_each_run(N, C, S, [&](int64_t n, int64_t first, int64_t channels) {
            apply_run(of, x, then, y, n, first, channels);
        });
        return;
    }
    Scratch<T> columns(3 * C * S);
    T *center = columns.data(), *scale = center + C * S, *shift = scale + C * S;
    for (int64_t j = 0; j < C * S; ++j) {
        center[j] = of[j / S].center;
        scale[j] = of[j / S].scale;
        shift[j] = of[j / S].shift;
    }
    apply_rows(N, C * S, center, scale, shift, x.data, then, y.data);
}

// Adds a block of rows to the moments of `columns` columns.
template <typename T>
void add_column_moments(const T* x, int64_t stride, int64_t rows, int64_t columns, Moments* moments) {
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
    // What combine() would do, its divisions once for all columns.
    const double count = double(rows), before = moments[0].count, share = count / (before + count);
    for (int64_t j = 0; j < columns; ++j) {
        const double d = sums[j], part = d * (1 / count), mean = double(centers[j]) + part;
        const double square = double(squares[j]) - d * part, distance = mean - moments[j].mean;
        if (before == 0 || distance - distance != 0) {
            combine(moments[j], {count, mean, square});
            continue;
        }
        moments[j].mean += distance * share;
        moments[j].squares += square + distance * distance * (before * share);
        moments[j].count = before + count;
    }
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

// finish(c, moments) for all channels, in parallel or not, then the pass y = (x - mean) * scale + shift and
// what comes after it.
template <typename T, typename Finish>
void normalise(const Array<const T, 3>& x, const Completion<T>& then, const Array<T, 3>& y,
               const Finish& finish) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    Scratch<Affine<T>> affine(C);
    if (by_columns(x, y, then)) {
        const ColumnTasks tasks(N, C, S);
        Scratch<Moments> moments(tasks.pieces * C * S);
        for (int64_t i = 0; i < tasks.pieces * C * S; ++i) moments[i] = Moments{};
        tasks.for_blocks(1, [&](int64_t piece, int64_t n, int64_t rows, int64_t first, int64_t columns) {
            add_column_moments(x.data + n * C * S + first, C * S, rows, columns,
                               moments.data() + piece * C * S + first);
        });
        for (int64_t c = 0; c < C; ++c) {
            Moments all;
            for (int64_t piece = 0; piece < tasks.pieces; ++piece)
                for (int64_t s = 0; s < S; ++s) combine(all, moments[(piece * C + c) * S + s]);
            affine[c] = finish(c, all);
        }
        apply_all(x, then, y, affine.data());
        return;
    }
    const MomentBlocks blocks(N, S);
    const int64_t pieces = blocks.pieces(C);
    Scratch<Moments> moments(C * pieces);
    by_images<T>(
        N, C, S, pieces,
        [&](int64_t first, int64_t channels, int64_t p) {
            channel_moments(blocks, p, pieces, x, first, channels, moments.data());
        },
        [&](int64_t c) {
            Moments all;
            for (int64_t p = 0; p < pieces; ++p) combine(all, moments[c * pieces + p]);
            affine[c] = finish(c, all);
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
    normalise(x, {add, {T(low), T(high)}}, y, [&](int64_t c, const Moments& moments) {
        const double r = 1 / sqrt(moments.variance() + eps);
        mean(c) = T(moments.mean);
        rstd(c) = T(r);
        if (running_mean)
            running_mean.value(c) =
                T((1 - momentum) * double(running_mean.value(c)) + momentum * moments.mean);
        if (running_var)  // without the bias that the deviation from the sample's own mean has
            running_var.value(c) = T((1 - momentum) * double(running_var.value(c)) +
                                     momentum * (moments.variance() * (moments.count / (moments.count - 1))));
        const Affine<T> of =
            Affine<T>::of(moments.mean, r, weight ? weight.value(c) : T(1), bias ? bias.value(c) : T(0));
        if (affine) {
            affine.value(0, c) = of.center;
            affine.value(1, c) = of.scale;
            affine.value(2, c) = of.shift;
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
    Scratch<Affine<T>> affine(C);
    for (int64_t c = 0; c < C; ++c) {
        const double r = 1 / sqrt(double(var(c)) + eps);
        rstd(c) = T(r);
        affine[c] =
            Affine<T>::of(double(mean(c)), r, weight ? weight.value(c) : T(1), bias ? bias.value(c) : T(0));
    }
    const Optional<Array<const T, 3>> nothing{{}, false};
    if (x.size() > 0) apply_all(x, {nothing, Bounds<T>::none()}, y, affine.data());
}
PYDL_KERNEL(batch_norm_inference, "x, mean, var, weight, bias, eps, y, rstd")

template <typename T>
void batch_norm_again(Array<const T, 3> x, Array<const T, 2> affine, double low, double high, Array<T, 3> y) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    require(
        y.shape[0] == N && y.shape[1] == C && y.shape[2] == S && affine.shape[0] == 3 && affine.shape[1] == C,
        "batch_norm_again: y must have the shape of x (N, C, S), affine is (3, C)");
    Scratch<Affine<T>> of(C);
    for (int64_t c = 0; c < C; ++c) of[c] = {affine(0, c), affine(1, c), affine(2, c)};
    const Optional<Array<const T, 3>> nothing{{}, false};
    if (x.size() > 0) apply_all(x, {nothing, {T(low), T(high)}}, y, of.data());
}
PYDL_KERNEL(batch_norm_again, "x, affine, low, high, y")

}  // namespace pydl::PYDL_ISA
