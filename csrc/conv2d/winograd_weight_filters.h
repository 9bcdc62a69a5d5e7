// From the sums of a weight gradient by Winograd's algorithm (conv2d/winograd_weight.h) back to filters, in
// two steps: the taps, whose lanes are channels still, and the filters, which have the channels apart.
#pragma once

#include "conv2d/frame.h"
#include "conv2d/winograd_transform.h"
#include "gemm/pack.h"

namespace pydl::PYDL_ISA {

// Filters of `count` taps, V a row, from taps whose lanes are channels.
template <typename T, int count, int V>
[[gnu::noinline]] bool put_filters(const T* taps, int64_t C, T* to, const int64_t* stride) {
    constexpr int64_t W = width<T>, filter_size = (count + W - 1) / W * W;
    const bool in_a_row = (stride[1] == V || count == V) && stride[2] == 1;
    const int64_t step = whole_vectors<T>(C);
    vec<T> check{};
    for (int64_t c = 0; c < C; c += W) {
        alignas(64) T filters[W * filter_size];
        for (int64_t k = 0; k < count; k += W) {
            vec<T> square[W];
#pragma GCC unroll 16
            for (int l = 0; l < W; l++)
                square[l] = k + l < count ? load(taps + (k + l) * step + c) : vec<T>{};
#pragma GCC unroll 16
            for (int l = 0; l < W; l++) check += square[l] - square[l];  // 0, unless it is not finite
            pydl::PYDL_ISA::transpose<T>(square);
#pragma GCC unroll 16
            for (int l = 0; l < W; l++) store(filters + l * filter_size + k, square[l]);
        }
        for (int64_t l = 0; l < W && c + l < C; l++) {
            T* filter = to + (c + l) * stride[0];
            if (in_a_row)
                copy_row(filter, filters + l * filter_size, int64_t(count));
            else
                for (int k = 0; k < count; k++)
                    filter[k / V * stride[1] + k % V * stride[2]] = filters[l * filter_size + k];
        }
    }
    return any(check != vec<T>{});
}

template <typename T, typename Line>
struct WeightGradientTaps {
    static constexpr int V = Line::taps, count = RowsOf<T, Line>::taps * V;
    static constexpr int64_t W = width<T>;

    // The taps of a feature of C channels, tap by tap.
    static int64_t size(int64_t C) { return count * whole_vectors<T>(C); }

    // taps (+)= those that belong to sums, whose places lie `pitch` apart.
    [[gnu::noinline]] static void add(T* taps, int64_t C, const T* sums, int64_t pitch, bool accumulate) {
        for (int64_t c = 0; c < C; c += W)
            winograd_weight<T, Line>(sums + c, pitch, taps + c, whole_vectors<T>(C), accumulate);
    }

    // Writes the feature's filters; stride: of channels, rows and columns. Whether a weight is not finite.
    static bool put(const T* taps, int64_t C, T* to, const int64_t* stride) {
        return put_filters<T, count, V>(taps, C, to, stride);
    }
};

}  // namespace pydl::PYDL_ISA
