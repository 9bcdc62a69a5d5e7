// Convolutions whose windows tile the image, and their transposes, of a few patches. Others sort the filters
// first; here these are many more numbers than the patches, which are gathered into a matrix instead, so that
// the product (gemm/gemm.h) reads the filters as they lie:
//
//     y[o, p]         = bias[o] + sum over k of  w[o, k] * patch[k, p]
//     dx's patch[k, p] = bias[c] + sum over o of  w[o, k] * dy[o, p]
//
// for the numbers k = (c, u, v) of the patches p = (n, i, j).
#pragma once

#include "conv2d/tiling.h"
#include "elementwise/turned_copy.h"
#include "gemm/gemm.h"

namespace pydl::PYDL_ISA {

template <typename T>
class FewPatches {
  public:
    FewPatches(const Conv2dShape& s, const Array<const T, 4>& w)
        : s_(s),
          w_(w),
          channels_(s.C / s.groups),
          features_(s.O / s.groups),
          depth_(channels_ * s.U * s.V),
          pixels_(s.N * s.I * s.J),
          patches_(depth_ * pixels_) {}

    // Whether windows tile the image, filters lie in one run each, and patches are so few that gathering them
    // costs less than sorting the filters. Outputs of several images are copied, too, for which sums have to
    // be long.
    static bool suits(const Conv2dShape& s, const Array<const T, 4>& w) {
        if (!has_tiles(s) || s.V == 1 || w.stride[3] != 1 || w.stride[2] != s.V || w.stride[1] != s.U * s.V)
            return false;
        const int64_t features = s.O / s.groups, depth = s.C / s.groups * s.U * s.V, pixels = s.I * s.J;
        return s.N == 1 ? depth >= 32 && features >= 32 && 2 * pixels < features
                        : depth >= 128 && features >= 64 && s.N > 0 && 4 * s.N * pixels < features;
    }
    // The transposed convolution has the filters to sort for longer sums.
    static bool suits_gradient(const Conv2dShape& s, const Array<const T, 4>& w) {
        return s.O / s.groups >= 64 && suits(s, w);
    }

    void forward(const Array<const T, 4>& x, const T* bias, int64_t bias_stride, const Array<T, 4>& y) const {
        const bool direct = y.shape[0] == 1 && lies_flat(y);
        const Scratch<T> outputs(direct ? 0 : features_ * pixels_);
        for (int64_t group = 0; group < s_.groups; group++) {
            for_each_row([&](int64_t c, int64_t n, int64_t i, int64_t u, T* patch) {
                read_row(patch, &x(n, group * channels_ + c, i * s_.U + u, 0), x.stride[3]);
            });
            const int64_t m = group * features_;
            Matrix<T> to{outputs.data(), features_, pixels_, pixels_, 1};
            if (direct) to = {&y(0, m, 0, 0), features_, pixels_, y.stride[1], 1};
            gemm<T>({filters(group), features_, depth_, w_.stride[0], 1},
                    {patches_.data(), depth_, pixels_, pixels_, 1}, to,
                    BiasActivation<T>{bias == nullptr ? nullptr : bias + m * bias_stride, bias_stride,
                                      nullptr, 0});
            if (direct) continue;
            for_each_output(
                [&](int64_t o, int64_t n, int64_t i, T* numbers) {
                    copy_line(&y(n, m + o, i, 0), y.stride[3], numbers, int64_t(1), s_.J);
                },
                outputs.data());
        }
    }

    void input_gradient(const Array<const T, 4>& dy, const T* bias, int64_t bias_stride,
                        const Array<T, 4>& dx) const {
        fill_below_tiles(dx, bias, bias_stride, s_);
        const bool direct = dy.shape[0] == 1 && lies_flat(dy);
        const Scratch<T> slopes(direct ? 0 : features_ * pixels_), start(depth_);
        for (int64_t group = 0; group < s_.groups; group++) {
            const int64_t m = group * features_;
            Matrix<const T> from{slopes.data(), features_, pixels_, pixels_, 1};
            if (direct)
                from = {&dy(0, m, 0, 0), features_, pixels_, dy.stride[1], 1};
            else
                for_each_output(
                    [&](int64_t o, int64_t n, int64_t i, T* numbers) {
                        copy_line(numbers, int64_t(1), &dy(n, m + o, i, 0), dy.stride[3], s_.J);
                    },
                    slopes.data());
            for (int64_t k = 0; k < depth_; k++)
                start[k] =
                    bias != nullptr ? bias[(group * channels_ + k / (s_.U * s_.V)) * bias_stride] : T(0);
            gemm<T>({filters(group), depth_, features_, 1, w_.stride[0]}, from,
                    {patches_.data(), depth_, pixels_, pixels_, 1},
                    BiasActivation<T>{start.data(), 1, nullptr, 0});
            for_each_row([&](int64_t c, int64_t n, int64_t i, int64_t u, const T* patch) {
                const int64_t channel = group * channels_ + c;
                write_row(&dx(n, channel, i * s_.U + u, 0), dx.stride[3], patch, start[c * s_.U * s_.V]);
            });
        }
    }

  private:
    const T* filters(int64_t group) const { return &w_(group * features_, 0, 0, 0); }
    template <typename A>
    bool lies_flat(const A& a) const {
        return a.stride[3] == 1 && (s_.I == 1 || a.stride[2] == s_.J);
    }

    // run(c, n, i, u, patch) for every row of every patch: its numbers (c, u, v), v = 0, 1, ..., of the
    // patches (n, i, j) are rows of patch[v][j], `pixels_` apart.
    template <typename F>
    void for_each_row(const F& run) const {
        parallel_for(channels_, 1 + 16384 / (s_.N * s_.H * s_.W), [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; c++)
                for (int64_t n = 0; n < s_.N; n++)
                    for (int64_t i = 0; i < s_.I; i++)
                        for (int64_t u = 0; u < s_.U; u++)
                            run(c, n, i, u,
                                patches_.data() + (c * s_.U + u) * s_.V * pixels_ + (n * s_.I + i) * s_.J);
        });
    }
    // run(o, n, i, numbers) for every row of a matrix of outputs.
    template <typename F>
    void for_each_output(const F& run, T* numbers) const {
        parallel_for(features_, 1 + 16384 / pixels_, [&](int64_t begin, int64_t end) {
            for (int64_t o = begin; o < end; o++)
                for (int64_t n = 0; n < s_.N; n++)
                    for (int64_t i = 0; i < s_.I; i++)
                        run(o, n, i, numbers + o * pixels_ + (n * s_.I + i) * s_.J);
        });
    }

    // The numbers of J patches side by side, of a row of x.
    void read_row(T* patch, const T* row, int64_t stride) const {
        const int64_t J = s_.J, V = s_.V;
        if (V == 2 && stride == 1) {
            copy_every_second(patch, row, J);
            copy_every_second(patch + pixels_, row + 1, J);
        } else if (V >= 8 && stride == 1) {
            turn(row, V, patch, pixels_, V, J);
        } else {
            for (int64_t j = 0; j < J; j++)
                for (int64_t v = 0; v < V; v++) patch[v * pixels_ + j] = row[(j * V + v) * stride];
        }
    }
    // A row of dx: those of J patches side by side, and `start` beyond them.
    void write_row(T* row, int64_t stride, const T* patch, T start) const {
        constexpr int64_t W = width<T>;
        const int64_t J = s_.J, V = s_.V;
        if (V == 2 && stride == 1) {
            for (int64_t j = 0; j < J; j += W) {
                const int64_t left = 2 * (J - j);
                const vec<T> even = load_partial(patch + j, J - j),
                             odd = load_partial(patch + pixels_ + j, J - j);
                store_partial(row + 2 * j, zip_low(even, odd), left);
                store_partial(row + 2 * j + W, zip_high(even, odd), left - W);
            }
        } else if (V >= 8 && stride == 1) {
            turn(patch, pixels_, row, V, J, V);
        } else {
            for (int64_t j = 0; j < J; j++)
                for (int64_t v = 0; v < V; v++) row[(j * V + v) * stride] = patch[v * pixels_ + j];
        }
        for (int64_t x = J * V; x < s_.W; x++) row[x * stride] = start;
    }

    const Conv2dShape& s_;
    const Array<const T, 4>& w_;
    int64_t channels_, features_, depth_, pixels_;
    Scratch<T> patches_;
};

}  // namespace pydl::PYDL_ISA
