// Depthwise convolutions of small maps, whose rows of outputs fit half a vector, such as those of 7 x 7: two
// channels at once (conv2d/depthwise_plane_pair.h).
//
// The sums of all rows of outputs are in registers, and so are the weights of some columns of taps; each row
// of the image is added to the sums of all outputs that it belongs to. Rows outside the image are left out,
// which are zeros: weights that are not finite have to be multiplied by them elsewhere.
#pragma once

#include "conv2d/depthwise_framed.h"
#include "conv2d/depthwise_plane_pair.h"

namespace pydl::PYDL_ISA {

template <typename T, int K, int Stride>
class PairedPlanes {
    static constexpr int64_t W = width<T>, half = W / 2;
    static constexpr int R = 8;  // the most rows of outputs

  public:
    // Some channels of an image, one after another. A filter is read as w[channel * w_next + u * down + v *
    // along]; the rows of y lie side by side.
    struct Channels {
        int64_t count;
        const T *w, *bias, *x;
        T* y;
        int64_t w_next, down, along, bias_next, x_row, x_next, y_next;
    };

    PairedPlanes(const Axis& rows, const Axis& columns)
        : rows_(rows.outputs), columns_(columns.outputs), source_(columns.source) {
        inside_ = ((1u << rows.source) - 1) << K / 2;
    }
    void run(const Channels& channels) const {
        const int64_t I = rows_, J = columns_;
        const T *w = channels.w, *x = channels.x - K / 2 * channels.x_row, *b = channels.bias;
        T* y = channels.y;
        const PlanePair<T, Stride> rows(source_, J);
        const uint32_t inside = inside_;
        for (int64_t c = 0; c < channels.count; c += 2) {
            // The last channel may be its own neighbour.
            const int64_t next = c + 1 < channels.count, w_next = next * channels.w_next,
                          x_next = next * channels.x_next, y_next = next * channels.y_next;
            vec<T> bias{};
            if (b != nullptr) {
                bias = rows.both(b, next * channels.bias_next);
                b += 2 * channels.bias_next;
            }
            vec<T> acc[R];
#pragma GCC unroll 8
            for (int i = 0; i < R; i++) acc[i] = bias;
            add_columns<0>(w, w_next, channels.down, channels.along, x, channels.x_row, x_next, acc, rows,
                           inside, std::make_integer_sequence<int, 3>{});
            if constexpr (K == 5)
                add_columns<3>(w, w_next, channels.down, channels.along, x, channels.x_row, x_next, acc, rows,
                               inside, std::make_integer_sequence<int, 2>{});
#pragma GCC unroll 8
            for (int i = 0; i < R; i++)
                if (i < I) rows.store(y + i * J, y_next, acc[i]);
            w += 2 * channels.w_next, x += 2 * channels.x_next, y += 2 * channels.y_next;
        }
    }

  private:
    // acc[i] += the products with some columns of taps. x: the row under the first row of taps.
    template <int First, int... V>
    PYDL_INLINE void add_columns(const T* w, int64_t w_next, int64_t down, int64_t along, const T* x,
                                 int64_t x_row, int64_t x_next, vec<T> (&acc)[R],
                                 const PlanePair<T, Stride>& rows, uint32_t inside,
                                 std::integer_sequence<int, V...>) const {
        constexpr int VB = sizeof...(V);
        vec<T> weight[VB][K];
        w += First * along;
#pragma GCC unroll 3
        for (int b = 0; b < VB; b++, w += along) {
            const T* tap = w;
#pragma GCC unroll 5
            for (int u = 0; u < K; u++, tap += down) weight[b][u] = in_register(rows.both(tap, w_next));
        }
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
                    if (h - i * Stride >= 0 && h - i * Stride < K)
                        acc[i] = fma(weight[b][h - i * Stride], tap, acc[i]);
            };
            (add(std::integral_constant<int, V>{}), ...);
        }
    }

    int64_t rows_, columns_, source_;
    uint32_t inside_ = 0;  // a bit for each row of the image
};

// Whether they compute a convolution, and have.
template <int K, int Stride, typename T>
bool correlate_paired_planes(const Correlation<T>& conv) {
    if constexpr (sizeof(T) == 4 && picks_lanes) {
        using Planes = PairedPlanes<T, K, Stride>;
        if (!PlanePair<T, Stride>::suits(conv.rows, conv.columns, K) || conv.channels != 1 ||
            conv.features != 1 || conv.x.stride[3] != 1 || conv.y.stride[2] != conv.columns.outputs ||
            conv.x.slices > 1 || conv.y.slices > 1 || !has_finite_weights(conv, 1))
            return false;
        const Planes planes(conv.rows, conv.columns);
        const int64_t pairs = (conv.groups + 1) / 2;
        const int64_t work = conv.rows.outputs * width<T> * (K * K + 4);
        parallel_for(
            conv.x.shape[0] * pairs, 1 + GemmBlocks<T>::thread_work / work, [&](int64_t begin, int64_t end) {
                for (int64_t k = begin, past; k < end; k = past) {
                    const int64_t n = k / pairs, g = k % pairs * 2;
                    past = (n + 1) * pairs < end ? (n + 1) * pairs : end;
                    const int64_t left = conv.groups - g;
                    planes.run({left < 2 * (past - k) ? left : 2 * (past - k), conv.weights(g, 0),
                                conv.bias ? conv.bias + g * conv.bias_stride : nullptr, conv.x.at(n, g),
                                conv.y.at(n, g), conv.w_group, conv.w_stride[2], conv.w_stride[3],
                                conv.bias_stride, conv.x.stride[2], conv.x.stride[1], conv.y.stride[1]});
                }
            });
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
