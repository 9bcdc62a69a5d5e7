// batch_norm of x (N, C, S): statistics over n and s, then one pass. See pydl/ops/batch_norm.py.
#include "batch_norm.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

// apply() for rows whose columns have an Affine each, in three arrays of `columns` numbers.
template <typename T>
void apply_rows(int64_t rows, int64_t columns, const T* center, const T* scale, const T* shift, const T* x,
                T* y) {
    parallel_for(rows, kMomentGrain / columns + 1, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n)
            map_line<T>([](vec<T> x, vec<T> center, vec<T> scale, vec<T> shift)
                            PYDL_INLINE_LAMBDA { return fma(x - center, scale, shift); },
                        columns, Line<T>{y + n * columns, 1}, Line<const T>{x + n * columns, 1},
                        Line<const T>{center, 1}, Line<const T>{scale, 1}, Line<const T>{shift, 1});
    });
}

template <typename T>
void apply_all(const Array<const T, 3>& x, const Array<T, 3>& y, const Affine<T>* of) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    if (!by_columns(x, y)) {
        for_each_segment(N, C, S,
                         [&](int64_t n, int64_t c) { apply(of[c], S, segment(x, n, c), segment(y, n, c)); });
        return;
    }
    Scratch<T> columns(3 * C * S);
    T *center = columns.data(), *scale = center + C * S, *shift = scale + C * S;
    for (int64_t j = 0; j < C * S; ++j) {
        center[j] = of[j / S].center;
        scale[j] = of[j / S].scale;
        shift[j] = of[j / S].shift;
    }
    apply_rows(N, C * S, center, scale, shift, x.data, y.data);
}

// The moments of `columns` columns over the rows of a piece.
template <typename T>
void column_moments(const ColumnTasks& tasks, int64_t piece, const T* x, int64_t stride, int64_t columns,
                    Moments* moments) {
    constexpr int64_t W = width<T>;
    T sums[kChannelColumns + W], squares[kChannelColumns + W], centers[kChannelColumns + W];
    tasks.for_rows(piece, [&](int64_t first, int64_t rows) {
        const T* block = x + first * stride;
        for (int64_t j = 0; j < columns; j += W) {
            const auto row = [&](int64_t n) PYDL_INLINE_LAMBDA {
                return load_partial(block + n * stride + j, columns - j);
            };
            // Near the mean: that of the first rows, or 0 where it is not finite.
            vec<T> center = rows < 4 ? row(0) : (row(0) + row(1) + row(2) + row(3)) * T(0.25);
            center = select(center - center == T(0), center, vec<T>{});
            vec<T> sum{}, square{};
            for (int64_t n = 0; n < rows; ++n) {
                const vec<T> d = row(n) - center;
                sum += d;
                square = fma(d, d, square);
            }
            store(sums + j, sum);
            store(squares + j, square);
            store(centers + j, center);
        }
        const double count = double(rows);
        for (int64_t j = 0; j < columns; ++j) {
            const double d = sums[j], mean = double(centers[j]) + d / count;
            combine(moments[j], {count, mean, double(squares[j]) - d * (d / count)});
        }
    });
}

// finish(c, moments) for all channels, in parallel or not, then the pass y = (x - mean) * scale + shift.
template <typename T, typename Finish>
void normalise(const Array<const T, 3>& x, const Array<T, 3>& y, const Finish& finish) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    Scratch<Affine<T>> affine(C);
    if (by_columns(x, y)) {
        const ColumnTasks tasks(N, C, S);
        Scratch<Moments> moments(tasks.pieces * C * S);
        for (int64_t i = 0; i < tasks.pieces * C * S; ++i) moments[i] = Moments{};
        parallel_for(tasks.blocks * tasks.pieces, kMomentGrain / (tasks.work() + 1) + 1,
                     [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                             const int64_t block = i / tasks.pieces, piece = i % tasks.pieces,
                                           first = block * tasks.channels * S;
                             column_moments(tasks, piece, x.data + first, C * S, tasks.columns(block),
                                            moments.data() + piece * C * S + first);
                         }
                     });
        for (int64_t c = 0; c < C; ++c) {
            Moments all;
            for (int64_t piece = 0; piece < tasks.pieces; ++piece)
                for (int64_t s = 0; s < S; ++s) combine(all, moments[(piece * C + c) * S + s]);
            affine[c] = finish(c, all);
        }
        apply_all(x, y, affine.data());
        return;
    }
    const MomentBlocks blocks(N, S);
    const int64_t pieces = blocks.pieces(C);
    Scratch<Moments> moments(C * pieces);
    by_channels(
        N, C, S, pieces,
        [&](int64_t c, int64_t p) {
            moments[c * pieces + p] = piece_moments(blocks, p, pieces, segment(x, 0, c), x.stride[0]);
        },
        [&](int64_t c) {
            Moments all;
            for (int64_t p = 0; p < pieces; ++p) combine(all, moments[c * pieces + p]);
            affine[c] = finish(c, all);
        },
        [&](int64_t n, int64_t c) { apply(affine[c], S, segment(x, n, c), segment(y, n, c)); });
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
                        Optional<Array<T, 1>> running_var, double momentum, double eps, Array<T, 3> y,
                        Array<T, 1> mean, Array<T, 1> rstd) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2];
    require(y.shape[0] == N && y.shape[1] == C && y.shape[2] == S,
            "batch_norm_forward: y must have the shape of x");
    require(has_size(mean, C) && has_size(rstd, C) && fits(weight, C) && fits(bias, C) &&
                fits(running_mean, C) && fits(running_var, C),
            "batch_norm_forward: x is (N, C, S), weight, bias and all statistics are (C)");
    require(N > 0 && S > 0, "batch_norm_forward: x must have numbers in every channel");
    if (C == 0) return;
    normalise(x, y, [&](int64_t c, const Moments& moments) {
        const double r = 1 / sqrt(moments.variance() + eps);
        mean(c) = T(moments.mean);
        rstd(c) = T(r);
        if (running_mean)
            running_mean.value(c) =
                T((1 - momentum) * double(running_mean.value(c)) + momentum * moments.mean);
        if (running_var)  // without the bias that the deviation from the sample's own mean has
            running_var.value(c) = T((1 - momentum) * double(running_var.value(c)) +
                                     momentum * (moments.variance() * (moments.count / (moments.count - 1))));
        return Affine<T>::of(moments.mean, r, weight ? weight.value(c) : T(1), bias ? bias.value(c) : T(0));
    });
}
PYDL_KERNEL(batch_norm_forward, "x, weight, bias, running_mean, running_var, momentum, eps, y, mean, rstd")

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
    if (x.size() > 0) apply_all(x, y, affine.data());
}
PYDL_KERNEL(batch_norm_inference, "x, mean, var, weight, bias, eps, y, rstd")

}  // namespace pydl::PYDL_ISA
