// layer_norm and rms_norm: every row of x (R, D) is normalised by itself, then scaled by weight (D).
//
// A row that fits a cache is worked off whole by one thread. Where there are few long rows, their statistics
// are taken piece by piece and the pass over them is cut into columns. Which pieces there are depends on the
// shape alone, and a row's arithmetic is the same either way.
#pragma once
#include "normalization/moments.h"
#include "normalization/turned_rows.h"
#include "runtime/threads.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kLongRow = 32768;     // numbers of a row that is worth several tasks
constexpr int64_t kRowPieces = 32;      // pieces in which weights' gradients are summed
constexpr int64_t kRowBatch = 128;      // rows whose terms are added one after the other
constexpr int64_t kNearBytes = 24576;   // of rows that are still in the first cache when they are read again
constexpr int64_t kRowAhead = 256;      // numbers of a row that is worth asking for ahead
constexpr int64_t kPassColumns = 2048;  // columns of a task of the pass over long rows

template <typename T>
Line<const T> row(const Array<const T, 2>& x, int64_t r) {
    return {x.data + r * x.stride[0], x.stride[1]};
}
template <typename T>
Line<T> row(const Array<T, 2>& x, int64_t r) {
    return {x.data + r * x.stride[0], x.stride[1]};
}

// The numbers of an optional array one behind another, padded to whole vectors; `otherwise` where there is
// none.
template <typename T>
class Packed {
  public:
    Packed(const Optional<Array<const T, 1>>& array, int64_t count, T otherwise)
        : own_(array && array->stride[0] == 1 ? 0 : count),
          data_(array && array->stride[0] == 1 ? array->data : own_.data()) {
        if (data_ != own_.data()) return;
        for (int64_t d = 0; d < count; ++d) own_[d] = array ? array.value(d) : otherwise;
    }
    Line<const T> line() const { return {data_, 1}; }

  private:
    Scratch<T> own_;
    const T* data_;
};

// The sum of squares of one block of a row.
template <typename T>
[[gnu::noinline]] Moments block_squares(Line<const T> x, int64_t count) {
    Sums<T, 1> sums{};
    sums.add([](vec<T> x) PYDL_INLINE_LAMBDA { return Terms<T, 1>{{x * x}}; }, count, x);
    return {double(count), 0.0, sums.total(0)};
}

// Centered: mean and variance of a piece of a row; else the mean of the squares in place of the variance.
template <typename T, bool Centered>
Moments row_moments(const MomentBlocks& blocks, int64_t piece, int64_t pieces, Line<const T> x) {
    if constexpr (Centered) {
        return piece_moments(blocks, piece, pieces, x, 0);
    } else {
        Moments moments;
        blocks.for_piece(piece, pieces, [&](int64_t, int64_t, int64_t s, int64_t count) {
            combine(moments, block_squares(x.from(s), count));
        });
        return moments;
    }
}

// xhat = (x - center) rstd + shift; the part of the mean that T cannot hold is in the shift.
template <typename T>
struct RowScale {
    T center, rstd, shift;

    static RowScale of(double mean, double rstd) {
        return {T(mean), T(rstd), T(-(mean - double(T(mean))) * rstd)};
    }
};

// What a later row reads or writes is asked for, into the second cache, while there is nothing to wait for:
// passes over a few rows are too short for the processor to foresee the next ones. Without Far it asks for
// nothing.
template <typename T, bool Far>
struct RowAhead {
    const T* next;

    PYDL_INLINE void ask() {
        if constexpr (Far) __builtin_prefetch(next, 0, 2), next += width<T>;
    }
};

// By reference: in registers the numbers would travel in pairs, put together in memory, which waits until all
// that was stored before has left the processor.
template <typename T, bool Far = false>
[[gnu::noinline]] void scale_row(const RowScale<T>& scale, int64_t count, Line<const T> x,
                                 Line<const T> weight, Line<const T> bias, Line<T> y, int64_t ahead = 0) {
    const RowScale<T> of = scale;
    RowAhead<T, Far> later = {y.data + ahead};
    map_line<T>(
        [of, &later](vec<T> x, vec<T> weight, vec<T> bias) PYDL_INLINE_LAMBDA {
            later.ask();
            return fma(fma(x - of.center, broadcast<T>(of.rstd), broadcast<T>(of.shift)), weight, bias);
        },
        count, y, x, weight, bias);
}

// Rows of a few numbers, turned: a row in each lane.
template <typename T, bool Centered>
void normalise_turned_rows(const Array<const T, 2>& x, Line<const T> weight, Line<const T> bias, T eps,
                           const Array<T, 2>& y, T* mean, int64_t mean_stride, const Array<T, 1>& rstd) {
    constexpr int64_t W = width<T>;
    const int64_t R = x.shape[0], D = x.shape[1], bundles = (R - 1) / W + 1;
    const bool far = are_far<T>(R * D);
    parallel_for(bundles, kMomentGrain / (D * W) + 1, [&](int64_t begin, int64_t end) {
        Scratch<T> lanes(D * W);
        T* buffer = lanes.data();
        for (int64_t i = begin; i < end; ++i) {
            const int64_t r = i * W, n = R - r < W ? R - r : W;
            turn_rows<W>(row(x, r).data, x.stride[0], x.stride[1], n, D, buffer, far);
            vec<T> center{};
            if (Centered) {
                const vec<T> first = load(buffer);  // any number of the row: what is squared is small then
                center = select(first - first == T(0), first, vec<T>{});
            }
            vec<T> sum{}, squares{};
            for (int64_t k = 0; Centered && k < D; ++k) sum += load(buffer + k * W) - center;
            const vec<T> shift = sum / T(D);
            for (int64_t k = 0; k < D; ++k) {
                const vec<T> d = (load(buffer + k * W) - center) - shift;
                squares = fma(d, d, squares);
            }
            const vec<T> s = T(1) / sqrt(squares / T(D) + eps);
            for (int64_t k = 0; k < D; ++k) {
                const vec<T> xhat = ((load(buffer + k * W) - center) - shift) * s;
                store(buffer + k * W, fma(xhat, broadcast<T>(weight.data[k]), broadcast<T>(bias.data[k])));
            }
            turn_back<W>(buffer, n, D, row(y, r).data, y.stride[0], y.stride[1], far);
            if (Centered) store_strided<T>(mean + r * mean_stride, mean_stride, center + shift, n);
            store_strided<T>(rstd.data + r * rstd.stride[0], rstd.stride[0], s, n);
        }
    });
}

// Rows of one block each, without gaps, [begin, end) of them: some at a time, because what has to be known of
// a row before the next step can begin takes longer than the step. Sums are of distances from a center, the
// mean up to its rounding, so nothing cancels.
template <typename T, bool Centered, bool Far>
[[gnu::noinline]] void normalise_short_rows(const Array<const T, 2>& x, Line<const T> weight,
                                            Line<const T> bias, double eps, const Array<T, 2>& y, T* mean,
                                            int64_t mean_stride, const Array<T, 1>& rstd, int64_t begin,
                                            int64_t end) {
    constexpr int G = width<double>;
    const int64_t D = x.shape[1], fit = kNearBytes / int64_t(sizeof(T)) / D;
    const int64_t together = fit < 1 ? 1 : fit < G ? fit : G;
    for (int64_t first = begin; first < end; first += together) {
        const int rows = int(end - first < together ? end - first : together);
        alignas(PYDL_VECTOR_BYTES) double centers[G] = {}, sums[G] = {}, squares[G] = {};
        for (int k = 0; Centered && k < rows; ++k) {
            Sums<T, 1> sum{};
            sum.add([](vec<T> x) PYDL_INLINE_LAMBDA { return Terms<T, 1>{{x}}; }, D, row(x, first + k));
            const T center = T(sum.total(0) / double(D));
            centers[k] = center - center == 0 ? center : T(0);  // an infinite one would make NaN of all
        }
        for (int k = 0; k < rows; ++k) {
            Sums<T, 2> sum{};
            RowAhead<T, Far> later = {row(x, first + k).data + together * D};
            sum.add(
                [center = T(centers[k]), &later](vec<T> x) PYDL_INLINE_LAMBDA {
                    later.ask();
                    const vec<T> d = x - center;
                    return Terms<T, 2>{{d, d * d}};
                },
                D, row(x, first + k));
            sums[k] = Centered ? sum.total(0) : 0;
            squares[k] = sum.total(1);
        }
        const vec<double> d = load(sums), shift = d / double(D);
        vec<double> variance = (load(squares) - d * shift) / double(D);
        variance = select(variance < 0, vec<double>{}, variance);  // NaN stays NaN
        store(sums, load(centers) + shift);
        store(squares, 1 / sqrt(variance + eps));
        for (int k = 0; k < rows; ++k) {
            if (Centered) mean[(first + k) * mean_stride] = T(sums[k]);
            rstd(first + k) = T(squares[k]);
            scale_row<T, Far>(RowScale<T>::of(sums[k], squares[k]), D, row(x, first + k), weight, bias,
                              row(y, first + k), together * D);
        }
    }
}

template <typename T, bool Centered>
void normalise_rows(const Array<const T, 2>& x, const Optional<Array<const T, 1>>& weight,
                    const Optional<Array<const T, 1>>& bias, double eps, const Array<T, 2>& y, T* mean,
                    int64_t mean_stride, const Array<T, 1>& rstd) {
    const int64_t R = x.shape[0], D = x.shape[1];
    if (R == 0 || D == 0) return;
    const Packed<T> scale(weight, D, T(1)), shift(bias, D, T(0));
    if (turns<T>(R, D))
        return normalise_turned_rows<T, Centered>(x, scale.line(), shift.line(), T(eps), y, mean, mean_stride,
                                                  rstd);
    if (D <= kMomentBlock && x.stride[1] == 1) {
        const bool far = are_far<T>(R * D) && D >= kRowAhead;
        const auto run =
            far ? normalise_short_rows<T, Centered, true> : normalise_short_rows<T, Centered, false>;
        parallel_for(R, kMomentGrain / D + 1, [&](int64_t begin, int64_t end) {
            run(x, scale.line(), shift.line(), eps, y, mean, mean_stride, rstd, begin, end);
        });
        return;
    }
    const MomentBlocks blocks(1, D);
    const int64_t pieces = D < kLongRow ? 1 : blocks.pieces(R);
    const auto finish = [&](int64_t r, const Moments& moments) {
        const double s = 1 / sqrt(moments.variance() + eps);
        if (Centered) mean[r * mean_stride] = T(moments.mean);
        rstd(r) = T(s);
        return RowScale<T>::of(moments.mean, s);
    };
    if (pieces == 1 || R >= 4 * num_threads()) {
        parallel_for(R, kMomentGrain / D + 1, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r) {
                Moments all;
                for (int64_t p = 0; p < pieces; ++p)
                    combine(all, row_moments<T, Centered>(blocks, p, pieces, row(x, r)));
                scale_row(finish(r, all), D, row(x, r), scale.line(), shift.line(), row(y, r));
            }
        });
        return;
    }
    Scratch<Moments> partial(R * pieces);
    Scratch<RowScale<T>> scales(R);
    parallel_for(R * pieces, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            partial[i] = row_moments<T, Centered>(blocks, i % pieces, pieces, row(x, i / pieces));
    });
    for (int64_t r = 0; r < R; ++r) {
        Moments all;
        for (int64_t p = 0; p < pieces; ++p) combine(all, partial[r * pieces + p]);
        scales[r] = finish(r, all);
    }
    const int64_t chunks = (D - 1) / kPassColumns + 1;
    parallel_for(R * chunks, kMomentGrain / kPassColumns, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t r = i / chunks, d = i % chunks * kPassColumns, left = D - d;
            scale_row(scales[r], left < kPassColumns ? left : kPassColumns, row(x, r).from(d),
                      scale.line().from(d), shift.line().from(d), row(y, r).from(d));
        }
    });
}

}  // namespace pydl::PYDL_ISA
