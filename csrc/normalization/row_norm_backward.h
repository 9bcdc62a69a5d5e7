// Gradients of layer_norm and rms_norm: see normalization/row_norm.h.
#pragma once
#include "normalization/row_norm.h"

namespace pydl::PYDL_ISA {

constexpr int kTogether = vector_registers / 8;  // rows passed over at once; divides kRowBatch

// dx = a g + b (x - mean) + c with g = dy weight, and how the weights' gradients take their share.
template <typename T>
struct RowSlope {
    T mean, rstd, b, c;
};

// Sums over a row of g and of g (x - mean).
struct RowSums {
    double g = 0, dot = 0;
};

// With Far rows `ahead` numbers further on are asked for.
template <typename T, bool Far>
[[gnu::noinline]] RowSums block_row_sums(T mean, int64_t count, Line<const T> dy, Line<const T> x,
                                         Line<const T> weight, int64_t ahead) {
    Sums<T, 2> sums{};
    RowAhead<T, Far> later_dy = {dy.data + ahead}, later_x = {x.data + ahead};
    sums.add(
        [mean, &later_dy, &later_x](vec<T> dy, vec<T> x, vec<T> weight) PYDL_INLINE_LAMBDA {
            later_dy.ask(), later_x.ask();
            const vec<T> g = dy * weight;
            return Terms<T, 2>{{g, g * (x - mean)}};
        },
        count, dy, x, weight);
    return {sums.total(0), sums.total(1)};
}

// One pass over `count` columns of a row: writes dx where it is wanted, adds to dweight and dbias (padded to
// whole vectors) where those are.
template <typename T, bool Input, bool Weights>
[[gnu::noinline]] void row_pass(const RowSlope<T>& of, int64_t count, Line<const T> dy, Line<const T> x,
                                Line<const T> weight, Line<T> dx, T* dweight, T* dbias) {
    constexpr int64_t W = width<T>;
    const vec<T> rstd = broadcast<T>(of.rstd), b = broadcast<T>(of.b), c = broadcast<T>(of.c);
    const bool plain = dy.stride == 1 && x.stride == 1 && (!Input || dx.stride == 1);
    const auto step = [&](vec<T> dy, vec<T> x, vec<T> weight, int64_t i) PYDL_INLINE_LAMBDA {
        const vec<T> d = x - of.mean;
        if constexpr (Weights) {
            store(dweight + i, fma(dy * d, rstd, load(dweight + i)));
            store(dbias + i, load(dbias + i) + dy);
        }
        return fma(dy * weight, rstd, fma(d, b, c));
    };
    int64_t i = 0;
    if (plain)
        for (; i + W <= count; i += W) {
            const vec<T> result = step(load(dy.data + i), load(x.data + i), load(weight.data + i), i);
            if constexpr (Input) store(dx.data + i, result);
        }
    for (; i < count; i += W) {
        const int64_t n = count - i < W ? count - i : W;
        const vec<T> result =
            step(load_strided(dy.data + i * dy.stride, dy.stride, n),
                 load_strided(x.data + i * x.stride, x.stride, n), load_partial(weight.data + i, n), i);
        if constexpr (Input) store_strided<T>(dx.data + i * dx.stride, dx.stride, result, n);
    }
}

// The same for several rows with input and weights' gradients at once, all without gaps: the sums over rows
// are read and written once for all of them. The order in which rows are added is the same.
template <typename T, int Rows, bool Far>
[[gnu::noinline]] void rows_pass(const RowSlope<T> (&of)[Rows], int64_t count, const T* dy, int64_t dy_stride,
                                 const T* x, int64_t x_stride, const T* weight, T* dx, int64_t dx_stride,
                                 T* dweight, T* dbias) {
    constexpr int64_t W = width<T>;
    for (int64_t i = 0; i < count; i += W) {
        const int64_t n = count - i;
        const vec<T> w = load_partial(weight + i, n);
        vec<T> weight_sum = load(dweight + i), bias_sum = load(dbias + i);
#pragma GCC unroll 4
        for (int r = 0; r < Rows; ++r) {
            const vec<T> g = load_partial(dy + r * dy_stride + i, n);
            const vec<T> d = load_partial(x + r * x_stride + i, n) - of[r].mean;
            weight_sum = fma(g * d, broadcast<T>(of[r].rstd), weight_sum);
            bias_sum += g;
            if constexpr (Far) RowAhead<T, Far>{dx + (r + Rows) * dx_stride + i}.ask();
            store_partial(
                dx + r * dx_stride + i,
                fma(g * w, broadcast<T>(of[r].rstd), fma(d, broadcast<T>(of[r].b), broadcast<T>(of[r].c))),
                n);
        }
        store(dweight + i, weight_sum);
        store(dbias + i, bias_sum);
    }
}

// total += part, part = 0
template <typename T>
void move_sums(int64_t count, T* total, T* part) {
    for (int64_t i = 0; i < count; i += width<T>) {
        store(total + i, load(total + i) + load(part + i));
        store(part + i, vec<T>{});
    }
}

template <typename T>
class RowGradients {
  public:
    // mean: null for rms_norm, which takes none off. dweight and dbias: null where nobody needs them.
    RowGradients(const Array<const T, 2>& dy, const Array<const T, 2>& x,
                 const Optional<Array<const T, 1>>& weight, const T* mean, int64_t mean_stride,
                 const Array<const T, 1>& rstd, const Optional<Array<T, 2>>& dx, T* dweight,
                 int64_t dweight_stride, T* dbias, int64_t dbias_stride)
        : dy_(dy),
          x_(x),
          weight_(weight, x.shape[1], T(1)),
          mean_(mean),
          mean_stride_(mean_stride),
          rstd_(rstd),
          dx_(dx),
          outputs_{{dweight, dweight_stride}, {dbias, dbias_stride}} {}

    void run() const {
        const int64_t R = x_.shape[0], D = x_.shape[1];
        if (R == 0 || D == 0) {
            for (const auto& output : outputs_)
                for (int64_t d = 0; output.data && d < D; ++d) output.data[d * output.stride] = T(0);
        } else if (turns<T>(R, D)) {
            run_turned_rows();
        } else if (D < kLongRow) {
            run_whole_rows();
        } else {
            run_long_rows();
        }
    }

  private:
    bool weights() const { return outputs_[0].data || outputs_[1].data; }
    T mean(int64_t r) const { return mean_ ? mean_[r * mean_stride_] : T(0); }

    RowSlope<T> slope(int64_t r, const RowSums& sums) const {
        const double s = rstd_(r), D = double(x_.shape[1]);
        return {mean(r), T(s), T(-s * s * s * (sums.dot / D)), mean_ ? T(-s * (sums.g / D)) : T(0)};
    }

    template <bool Far = false>
    RowSums sums(T mean, int64_t r, int64_t first, int64_t count) const {
        RowSums all;
        if (!dx_) return all;
        for (int64_t d = first; d < first + count; d += kMomentBlock) {
            const int64_t left = first + count - d;
            const RowSums part =
                block_row_sums<T, Far>(mean, left < kMomentBlock ? left : kMomentBlock, row(dy_, r).from(d),
                                       row(x_, r).from(d), weight_.line().from(d), kTogether * x_.shape[1]);
            all.g += part.g;
            all.dot += part.dot;
        }
        return all;
    }

    void pass(const RowSlope<T>& slope, int64_t r, int64_t d, int64_t count, T* dweight, T* dbias) const {
        const Line<const T> dy = row(dy_, r).from(d), x = row(x_, r).from(d), weight = weight_.line().from(d);
        if (!dx_)
            row_pass<T, false, true>(slope, count, dy, x, weight, Line<T>{nullptr, 1}, dweight, dbias);
        else if (weights())
            row_pass<T, true, true>(slope, count, dy, x, weight, row(*dx_, r).from(d), dweight, dbias);
        else
            row_pass<T, true, false>(slope, count, dy, x, weight, row(*dx_, r).from(d), nullptr, nullptr);
    }

    void put(int64_t d, int64_t count, const T* dweight, const T* dbias) const {
        const T* sums[2] = {dweight, dbias};
        for (int k = 0; k < 2; ++k)
            for (int64_t i = 0; outputs_[k].data && i < count; ++i)
                outputs_[k].data[(d + i) * outputs_[k].stride] = sums[k][i];
    }

    // dx of a bundle of turned rows, buffers of D vectors; adds to the D vectors each of dweight and dbias.
    void turned_pass(int64_t r, int64_t n, const T* dy, const T* x, T* dx, T* dweight, T* dbias) const {
        constexpr int64_t W = width<T>;
        const int64_t D = x_.shape[1];
        const vec<T> center = mean_ ? load_strided(mean_ + r * mean_stride_, mean_stride_, n) : vec<T>{};
        const vec<T> rstd = load_strided(rstd_.data + r * rstd_.stride[0], rstd_.stride[0], n);
        vec<T> sum{}, dot{};
        for (int64_t k = 0; k < D; ++k) {
            const vec<T> g = load(dy + k * W) * weight_.line().data[k];
            sum += g;
            dot = fma(g, load(x + k * W) - center, dot);
        }
        const vec<T> b = -rstd * rstd * rstd * (dot / T(D)), c = mean_ ? -rstd * (sum / T(D)) : vec<T>{};
        for (int64_t k = 0; k < D; ++k) {
            const vec<T> v = load(dy + k * W), d = load(x + k * W) - center;
            store(dx + k * W, fma(v * weight_.line().data[k], rstd, fma(d, b, c)));
            store(dweight + k * W, fma(v * d, rstd, load(dweight + k * W)));
            store(dbias + k * W, load(dbias + k * W) + v);
        }
    }

    void run_turned_rows() const {
        constexpr int64_t W = width<T>;
        const int64_t R = x_.shape[0], D = x_.shape[1], bundles = (R - 1) / W + 1;
        const int64_t possible = R * D / kMomentGrain + 1, most = possible < bundles ? possible : bundles;
        const int64_t pieces = most < kRowPieces ? most : kRowPieces;
        const bool far = are_far<T>(R * D);
        Scratch<T> results(pieces * 2 * D);
        parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
            Scratch<T> lanes(7 * D * W);
            T *dy = lanes.data(), *x = dy + D * W, *dx = x + D * W, *batch = dx + D * W,
              *total = batch + 2 * D * W;
            for (int64_t p = begin; p < end; ++p) {
                for (int64_t i = 0; i < 4 * D * W; i += W) store(batch + i, vec<T>{});
                const int64_t first = bundles * p / pieces, last = bundles * (p + 1) / pieces;
                for (int64_t i = first; i < last; ++i) {
                    const int64_t r = i * W, n = R - r < W ? R - r : W;
                    turn_rows<W>(row(dy_, r).data, dy_.stride[0], dy_.stride[1], n, D, dy, far);
                    turn_rows<W>(row(x_, r).data, x_.stride[0], x_.stride[1], n, D, x, far);
                    turned_pass(r, n, dy, x, dx, batch, batch + D * W);
                    if (dx_) turn_back<W>(dx, n, D, row(*dx_, r).data, dx_->stride[0], dx_->stride[1], far);
                    if ((i - first) % kRowBatch == kRowBatch - 1 || i == last - 1)
                        move_sums(2 * D * W, total, batch);
                }
                for (int64_t k = 0; k < 2 * D; ++k) results[p * 2 * D + k] = reduce_add(load(total + k * W));
            }
        });
        for (int64_t p = 1; p < pieces; ++p)
            for (int64_t k = 0; k < 2 * D; ++k) results[k] += results[p * 2 * D + k];
        put(0, D, results.data(), results.data() + D);
    }

    template <bool Far>
    void pass_together(int64_t r, T* dweight, T* dbias) const {
        const int64_t D = x_.shape[1];
        RowSlope<T> slopes[kTogether];
        for (int k = 0; k < kTogether; ++k) slopes[k] = slope(r + k, sums<Far>(mean(r + k), r + k, 0, D));
        rows_pass<T, kTogether, Far>(slopes, D, row(dy_, r).data, dy_.stride[0], row(x_, r).data,
                                     x_.stride[0], weight_.line().data, row(*dx_, r).data, dx_->stride[0],
                                     dweight, dbias);
    }

    void run_whole_rows() const {
        const int64_t R = x_.shape[0], D = x_.shape[1];
        const int64_t possible = R * D / (2 * kMomentGrain) + 1, most = possible < R ? possible : R;
        const int64_t pieces = most < kRowPieces ? most : kRowPieces;
        const int64_t padded = (D + width<T> - 1) / width<T> * width<T>;
        const int64_t kept = weights() ? 2 * padded : 0;
        const bool together =
            dx_ && weights() && dy_.stride[1] == 1 && x_.stride[1] == 1 && dx_->stride[1] == 1;
        const bool far = are_far<T>(R * D) && D >= kRowAhead;
        const auto run = far ? &RowGradients::pass_together<true> : &RowGradients::pass_together<false>;
        Scratch<T> totals(pieces * kept);
        parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
            Scratch<T> batch(kept);
            for (int64_t p = begin; p < end; ++p) {
                T* total = totals.data() + p * kept;
                for (int64_t i = 0; i < kept; ++i) total[i] = batch[i] = T(0);
                const int64_t first = R * p / pieces, last = R * (p + 1) / pieces;
                const bool one = last - first <= kRowBatch;
                T* near = one ? total : batch.data();
                for (int64_t r = first; r < last;) {
                    if (together && last - r >= kTogether) {
                        (this->*run)(r, near, near + padded);
                        r += kTogether;
                    } else {
                        pass(slope(r, sums(mean(r), r, 0, D)), r, 0, D, near, near + padded);
                        ++r;
                    }
                    if (!one && ((r - first) % kRowBatch == 0 || r == last)) move_sums(kept, total, near);
                }
            }
        });
        if (kept == 0) return;
        for (int64_t p = 1; p < pieces; ++p) move_sums(kept, totals.data(), totals.data() + p * kept);
        put(0, D, totals.data(), totals.data() + padded);
    }

    void run_long_rows() const {
        const int64_t R = x_.shape[0], D = x_.shape[1];
        const int64_t pieces = (D - 1) / kMomentGrain + 1;
        Scratch<RowSums> partial(R * pieces);
        Scratch<RowSlope<T>> slopes(R);
        parallel_for(R * pieces, 1, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                const int64_t r = i / pieces, d = i % pieces * kMomentGrain, left = D - d;
                partial[i] = sums(mean(r), r, d, left < kMomentGrain ? left : kMomentGrain);
            }
        });
        for (int64_t r = 0; r < R; ++r) {
            RowSums all;
            for (int64_t p = 0; p < pieces; ++p) {
                all.g += partial[r * pieces + p].g;
                all.dot += partial[r * pieces + p].dot;
            }
            slopes[r] = slope(r, all);
        }
        const int64_t chunks = (D - 1) / kPassColumns + 1;
        parallel_for(chunks, kMomentGrain / kPassColumns / R + 1, [&](int64_t begin, int64_t end) {
            Scratch<T> sums(4 * kPassColumns);
            T *total = sums.data(), *near = total + 2 * kPassColumns;
            for (int64_t i = begin; i < end; ++i) {
                const int64_t d = i * kPassColumns, left = D - d,
                              count = left < kPassColumns ? left : kPassColumns;
                for (int64_t j = 0; j < 4 * kPassColumns; ++j) total[j] = T(0);
                for (int64_t r = 0; r < R; ++r) {
                    pass(slopes[r], r, d, count, near, near + kPassColumns);
                    if (r % kRowBatch == kRowBatch - 1 || r == R - 1)
                        move_sums(2 * kPassColumns, total, near);
                }
                put(d, count, total, total + kPassColumns);
            }
        });
    }

    struct Output {
        T* data;
        int64_t stride;
    };

    Array<const T, 2> dy_, x_;
    Packed<T> weight_;
    const T* mean_;
    int64_t mean_stride_;
    Array<const T, 1> rstd_;
    Optional<Array<T, 2>> dx_;
    Output outputs_[2];
};

}  // namespace pydl::PYDL_ISA
