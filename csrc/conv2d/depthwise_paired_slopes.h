// The gradient of depthwise convolutions of small maps with respect to the weight, two channels at once
// (conv2d/depthwise_plane_pair.h).
//
// All rows of a channel's slopes are in registers, and so are the sums of some columns of taps, over all
// images of a part of the batch; each row of the image is multiplied by the slopes of all outputs that it
// belongs to. Rows outside the image are left out, which are zeros: slopes that are not finite have to be
// multiplied by them elsewhere.
#pragma once

#include "conv2d/depthwise_plane_pair.h"
#include "conv2d/shape.h"
#include "conv2d/weights.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

template <typename T, int K, int Stride>
class PairedSlopes {
    static constexpr int R = 8;  // the most rows of slopes

  public:
    static constexpr int groups = K * K / 8 + 1;
    static constexpr int64_t sums = groups * 8;  // of each plane: those of the taps, then that of the slopes

    explicit PairedSlopes(const Conv2dShape& s)
        : rows_(s.I), inside_(((1u << s.H) - 1) << K / 2), pair_(s.W, s.J) {}

    // Images of a plane and the one that is x_next and dy_next further: sum[v * K + u] is made the sum for
    // tap (u, v), the last one that of the slopes.
    struct Planes {
        const T *x, *dy;
        int64_t count, x_image, dy_image, x_next, dy_next, x_row, dy_row;
    };
    void run(const Planes& planes, T* to) const {
        vec<T> sum[sums] = {};
        add_columns<0>(planes, sum, std::make_integer_sequence<int, 3>{});
        if constexpr (K == 5) add_columns<3>(planes, sum, std::make_integer_sequence<int, 2>{});
        for (int g = 0; g < groups; g++) {
            const vec<T> both = pair_.sums(sum + 8 * g);
            store_half(to + 8 * g, first_half(both), 8);
            store_half(to + sums + 8 * g, second_half(both), 8);
        }
    }

  private:
    template <int First, int... V>
    void add_columns(const Planes& planes, vec<T>* sum, std::integer_sequence<int, V...>) const {
        constexpr int VB = sizeof...(V);
        const PlanePair<T, Stride> rows = pair_;
        const int64_t I = rows_, x_next = planes.x_next, x_row = planes.x_row;
        const uint32_t inside = inside_;
        vec<T> acc[VB][K], total{};
#pragma GCC unroll 15
        for (int k = 0; k < VB * K; k++) acc[k / K][k % K] = vec<T>{};
        const T *dy = planes.dy, *image = planes.x - K / 2 * x_row;
        for (int64_t n = 0; n < planes.count; n++, dy += planes.dy_image, image += planes.x_image) {
            vec<T> slope[R];
#pragma GCC unroll 8
            for (int i = 0; i < R; i++)
                if (i < 4 || i < I) {
                    slope[i] = in_register(rows.load_outputs(dy + i * planes.dy_row, planes.dy_next));
                    if constexpr (First == 0) total += slope[i];
                }
            const T* x = image;
#pragma GCC unroll 32
            for (int h = 0; h < (R - 1) * Stride + K; h++, x += x_row) {
                if (!(inside & 1u << h)) continue;
                vec<T> row[Stride];
                rows.load(x, x_next, row);
                const auto add = [&](auto v) PYDL_INLINE_LAMBDA {
                    constexpr int b = decltype(v)::value;
                    const vec<T> tap = in_register(rows.template moved<First + b - K / 2>(row));
#pragma GCC unroll 8
                    for (int i = 0; i < R; i++)
                        if (h - i * Stride >= 0 && h - i * Stride < K && (i < 4 || i < I))
                            acc[b][h - i * Stride] = fma(slope[i], tap, acc[b][h - i * Stride]);
                };
                (add(std::integral_constant<int, V>{}), ...);
            }
        }
#pragma GCC unroll 15
        for (int k = 0; k < VB * K; k++) sum[k % K * K + First + k / K] = acc[k / K][k % K];
        if (First == 0) sum[K * K] = total;
    }

    int64_t rows_;
    uint32_t inside_;  // a bit for each row of the image
    PlanePair<T, Stride> pair_;
};

// Whether they compute a gradient, and have.
template <int K, int Stride, typename T>
bool paired_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                            const Array<T, 4>& dw, T* db, int64_t db_stride) {
    if constexpr (sizeof(T) == 4 && picks_lanes) {
        using Slopes = PairedSlopes<T, K, Stride>;
        if (!PlanePair<T, Stride>::suits(s.rows, s.columns, K) || s.C != s.groups || s.O != s.groups ||
            x.stride[3] != 1 || dy.stride[3] != 1 || x.slices > 1 || dy.slices > 1)
            return false;
        const Slopes slopes(s);
        const int64_t pairs = (s.C + 1) / 2;
        // How the images are cut into parts depends on the sizes alone, and the parts are added in order.
        const Parts parts(s.N, (s.N * pairs - 1) / 16 + 1);
        constexpr int64_t own = 2 * Slopes::sums;
        const Scratch<T> partial(pairs * parts.count * own);
        parallel_for(
            pairs * parts.count, 1 + GemmBlocks<T>::thread_work / (parts.size * s.I * width<T> * (K * K + 4)),
            [&](int64_t begin, int64_t end) {
                for (int64_t task = begin; task < end; task++) {
                    // The last channel may be its own neighbour.
                    const int64_t c = task / parts.count * 2, part = task % parts.count,
                                  n = parts.begin(part), next = c + 1 < s.C;
                    slopes.run({x.at(n, c), dy.at(n, c), parts.length(part, s.N), x.stride[0], dy.stride[0],
                                next * x.stride[1], next * dy.stride[1], x.stride[2], dy.stride[2]},
                               partial.data() + task * own);
                }
            });
        T wrong = 0;
        for (int64_t pair = 0; pair < pairs; pair++) {
            T* total = partial.data() + pair * parts.count * own;
            for (int64_t part = 1; part < parts.count; part++)
                for (int64_t k = 0; k < own; k++) total[k] += total[part * own + k];
            wrong +=
                (total[K * K] - total[K * K]) + (total[Slopes::sums + K * K] - total[Slopes::sums + K * K]);
        }
        if (wrong != 0) return false;
        for (int64_t c = 0; c < s.C; c++) {
            const T* total = partial.data() + c / 2 * parts.count * own + c % 2 * Slopes::sums;
            for (int64_t u = 0; u < K; u++)
                copy_line(&dw(c, 0, u, 0), dw.stride[3], total + u * K, int64_t(1), int64_t(K));
            if (db != nullptr) db[c * db_stride] = total[K * K];
        }
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
