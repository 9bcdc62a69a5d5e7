// Depthwise convolutions with 5x5 filters, or 4x4 and a stride of 2, of narrow images, whose rows are read
// where they lie and moved in registers as those of 3x3 filters are (conv2d/depthwise_rows.h).
//
// There are no registers left for most of the weights, so that each product reads its own. In exchange the
// sums of all rows of outputs that a row of the image belongs to are in registers:
//
//     stride 1, row m of the image    sum 0 (of output row m)      += taps (0, ..)
//                                     sum 1 (of output row m - 1)  += taps (1, ..)   ...   the last is
//                                     complete
#pragma once

#include "conv2d/depthwise_rows.h"

namespace pydl::PYDL_ISA {

// The pixels of a row under one tap, `Place` pixels from the middle one, for NV vectors of outputs.
template <int Place, int Stride, int NV, typename T>
PYDL_INLINE void move_row(const vec<T> (&row)[Stride][NV], vec<T> (&tap)[NV]) {
    constexpr int W = width<T>, residue = (Place % Stride + Stride) % Stride, by = (Place - residue) / Stride;
    const auto& from = row[residue];
#pragma GCC unroll 4
    for (int n = 0; n < NV; n++)
        if constexpr (by == 0)
            tap[n] = from[n];
        else if constexpr (by < 0)
            tap[n] = lanes_from<W + by, T>(n > 0 ? from[n - 1] : vec<T>{}, from[n]);
        else
            tap[n] = lanes_from<by, T>(from[n], n + 1 < NV ? from[n + 1] : vec<T>{});
}

inline constexpr int64_t kOutside = int64_t(1) << 62;  // instead of where a row outside the image begins

template <typename T>
struct WidePlane {
    const T *w, *x;
    const T* zeros;  // the rows outside the image; null: they need not be multiplied
    T bias;
    int64_t source, outputs;  // columns of the image and of y
    T* y;
    int64_t y_pitch;
    int64_t x_next, y_next;  // to the plane after this one, which is fetched on the way
};

// `count` rows of outputs, whose filter of K x K weights is one run, of the rows of x listed, by where they
// begin.
template <typename T, int K, int Stride, int NV>
class WideRows {
    static constexpr int W = width<T>, loaded = Stride * NV;
    static constexpr int open =
        (K - 1) / Stride + 1;  // rows of outputs that a row of the image may belong to
    // Two of the image for each of outputs, of a single vector: each product would wait for the one before,
    // so that what a row adds to a sum is added up apart.
    static constexpr bool adds_apart = Stride == 2 && NV == 1;
    // Columns of weights that registers hold. Of a single vector, as many are read as there are products,
    // besides the image.
    static constexpr int some = NV == 1 ? 3 : 0;

  public:
    static constexpr int64_t rows_listed(int64_t count) { return (count - 1 + open) * Stride; }
    static bool suits(int64_t columns, int64_t outputs) {
        return outputs > (NV - 1) * W && outputs <= NV * W && columns > (loaded - 2) * W &&
               columns <= loaded * W;
    }
    static void run(const WidePlane<T>& plane, const int64_t* listed, int64_t count) {
        const LaneRange<T> before(0, plane.source - (loaded - 2) * W),
            last(0, plane.source - (loaded - 1) * W);
        const vec<T> bias = broadcast<T>(plane.bias);
        const T* w = plane.w;
        vec<T> held[K * some + 1];
#pragma GCC unroll 32
        for (int k = 0; k < K * some; k++) held[k] = in_register(broadcast<T>(w[k % K * K + k / K]));
        vec<T> sum[open][NV];
#pragma GCC unroll 7
        for (int a = 0; a < open; a++)
#pragma GCC unroll 4
            for (int n = 0; n < NV; n++) sum[a][n] = bias;
        T* y = plane.y;
        for (int64_t i = 1 - open; i < count; i++, listed += Stride) {
            const T* row[Stride];
            for (int s = 0; s < Stride; s++) {
                row[s] = listed[s] == kOutside ? plane.zeros : plane.x + listed[s];
                for (int n = 0; n < loaded && row[s] != nullptr; n++) prefetch(row[s] + plane.x_next + n * W);
            }
            constexpr auto taps = std::make_integer_sequence<int, K>{};
            if (row[0] != nullptr) add<0>(sum, w, held, row[0], before, last, taps);
            if constexpr (Stride == 2)
                if (row[1] != nullptr) add<1>(sum, w, held, row[1], before, last, taps);
            if (i >= 0) {
#pragma GCC unroll 4
                for (int n = 0; n < NV; n++) prefetch(y + plane.y_next + n * W);
#pragma GCC unroll 4
                for (int n = 0; n + 1 < NV; n++) store(y + n * W, sum[open - 1][n]);
                store_partial(y + (NV - 1) * W, sum[open - 1][NV - 1], plane.outputs - (NV - 1) * W);
                y += plane.y_pitch;
            }
#pragma GCC unroll 4
            for (int n = 0; n < NV; n++) {
#pragma GCC unroll 7
                for (int a = open - 1; a > 0; a--) sum[a][n] = sum[a - 1][n];
                sum[0][n] = bias;
            }
        }
    }

  private:
    // The products of a row with taps (u, ..), (u + Stride, ..), ... for u = First.
    template <int First, int... V>
    PYDL_INLINE static void add(vec<T> (&sum)[open][NV], const T* w, const vec<T>* held, const T* from,
                                const LaneRange<T>& before, const LaneRange<T>& last,
                                std::integer_sequence<int, V...>) {
        vec<T> row[Stride][NV];
        const auto vector = [&](int k) PYDL_INLINE_LAMBDA {
            return k == loaded - 1   ? last.load(from + k * W)
                   : k == loaded - 2 ? before.load(from + k * W)
                                     : load(from + k * W);
        };
#pragma GCC unroll 4
        for (int n = 0; n < NV; n++)
            if constexpr (Stride == 1) {
                row[0][n] = vector(n);
            } else {
                const vec<T> a = vector(2 * n), b = vector(2 * n + 1);
                row[0][n] = even_lanes(a, b), row[1][n] = odd_lanes(a, b);
            }
        vec<T> more[open];
        const auto add_tap = [&](auto place, int v) PYDL_INLINE_LAMBDA {
            vec<T> tap[NV];
            move_row<decltype(place)::value, Stride, NV, T>(row, tap);
#pragma GCC unroll 7
            for (int u = First; u < K; u += Stride) {
                const vec<T> weight = v < some ? held[v * K + u] : broadcast<T>(w[u * K + v]);
                if constexpr (adds_apart)
                    more[u / Stride] = v == 0 ? weight * tap[0] : fma(weight, tap[0], more[u / Stride]);
                else
#pragma GCC unroll 4
                    for (int n = 0; n < NV; n++) sum[u / Stride][n] = fma(weight, tap[n], sum[u / Stride][n]);
            }
        };
        (add_tap(std::integral_constant<int, V - (K - 1) / 2>{}, V), ...);
        if constexpr (adds_apart)
#pragma GCC unroll 7
            for (int u = First; u < K; u += Stride) sum[u / Stride][0] += more[u / Stride];
    }
};

template <typename T>
struct WideRowsKernel {
    void (*run)(const WidePlane<T>&, const int64_t* listed, int64_t count);
    int64_t (*rows_listed)(int64_t count);
};

// Null where rows are not narrow, or no such filter slides over them.
template <typename T>
WideRowsKernel<T> choose_wide_rows(const Axis& rows, const Axis& columns) {
    if constexpr (many_registers && sizeof(T) == 4) {
        const auto fits = [](const Axis& axis) {
            return axis.dilation == 1 && axis.origin == -((axis.taps - 1) / 2);
        };
        if (!fits(rows) || !fits(columns) || rows.taps != columns.taps || rows.stride != columns.stride)
            return {nullptr, nullptr};
        const auto kernel = [&](auto one, auto two) -> WideRowsKernel<T> {
            using One = decltype(one);
            using Two = decltype(two);
            if (One::suits(columns.source, columns.outputs)) return {One::run, One::rows_listed};
            if (Two::suits(columns.source, columns.outputs)) return {Two::run, Two::rows_listed};
            return {nullptr, nullptr};
        };
        if (rows.taps == 5 && rows.stride == 1) return kernel(WideRows<T, 5, 1, 1>{}, WideRows<T, 5, 1, 2>{});
        if (rows.taps == 4 && rows.stride == 2) return kernel(WideRows<T, 4, 2, 1>{}, WideRows<T, 4, 2, 2>{});
        if (rows.taps == 5 && rows.stride == 2) return kernel(WideRows<T, 5, 2, 1>{}, WideRows<T, 5, 2, 2>{});
    }
    return {nullptr, nullptr};
}

}  // namespace pydl::PYDL_ISA
