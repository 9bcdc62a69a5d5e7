// Numbers of neighbouring channels, one in each lane, in double precision, and what is made of them for the
// columns that belong to a channel.
#pragma once
#include "normalization/batch_norm.h"
#include "simd/doubles.h"

namespace pydl::PYDL_ISA {

// f(c, n) for a run of channels, n of them from c on at a time: as many as there are lanes, or the rest.
template <typename F>
PYDL_INLINE void for_lanes(int64_t first, int64_t channels, const F& f) {
    for (int64_t c = first, left = channels; left > 0; c += width<double>, left -= width<double>)
        f(c, left < width<double> ? left : int64_t(width<double>));
}

// The numbers of n channels from c on, at most as many as there are lanes.
template <typename T>
[[gnu::noinline]] vec<double> read_channels(const Array<T, 1>& a, int64_t c, int64_t n) {
    const std::remove_const_t<T>* const from = a.data + c * a.stride[0];
    if (a.stride[0] == 1 && n == width<double>) return read_double(from);
    std::remove_const_t<T> lanes[width<double>] = {};
    for (int64_t k = 0; k < n; ++k) lanes[k] = from[k * a.stride[0]];
    return read_double(lanes);
}
template <typename T>
PYDL_INLINE vec<double> read_channels(const Optional<Array<T, 1>>& a, int64_t c, int64_t n,
                                      double otherwise) {
    return a ? read_channels(*a, c, n) : broadcast<double>(otherwise);
}

template <typename T>
[[gnu::noinline]] void write_channels(const Array<T, 1>& a, int64_t c, int64_t n, vec<double> v) {
    T* const to = a.data + c * a.stride[0];
    if (a.stride[0] == 1 && n == width<double>) return store_doubles(to, v, width<double>);
    T lanes[width<double>];
    store_doubles(lanes, v, width<double>);
    for (int64_t k = 0; k < n; ++k) to[k * a.stride[0]] = lanes[k];
}

// The n triples {a[k], b[k], c[k]}.
template <typename Triple, typename T>
[[gnu::noinline]] void put_triples(int64_t n, const T* a, const T* b, const T* c, Triple* to) {
    for (int64_t k = 0; k < n; ++k) to[k] = {a[k], b[k], c[k]};
}

// What Affine<T>::of() is of each channel.
template <typename T>
struct AffineLanes {
    alignas(64) T center[width<double>], scale[width<double>], shift[width<double>];

    PYDL_INLINE AffineLanes(vec<double> mean, vec<double> rstd, vec<double> weight, vec<double> bias) {
        const vec<double> factor = rstd * weight;
        store_doubles(center, mean, width<double>);
        store_doubles(scale, factor, width<double>);
        store_doubles(shift, bias - (mean - read_double(center)) * factor, width<double>);
    }
};

// Joins the moments of `rows` numbers of each of n lanes to those of the `before` ones: sum and sum2 are
// those of the distances from a center, and of their squares.
template <typename T>
PYDL_INLINE void join_lanes(vec<T> center, vec<T> sum, vec<T> sum2, double rows, double before, int64_t n,
                            double* mean, double* squares) {
    constexpr int64_t W = width<T>, D = width<double>;
    alignas(64) T centers[W], sums[W], sums2[W];
    store(centers, center);
    store(sums, sum);
    store(sums2, sum2);
    const double count = before + rows;
    for (int64_t j = 0; j < W && j < n; j += D) {
        const vec<double> d = read_double(sums + j), own = read_double(centers + j) + d / rows;
        const vec<double> own2 = read_double(sums2 + j) - d * d / rows;
        if (before == 0) {
            store_partial(mean + j, own, n - j);
            store_partial(squares + j, own2, n - j);
            continue;
        }
        const vec<double> old = load_partial(mean + j, n - j), apart = own - old;
        // Of infinite means one infinity stays what it is.
        const vec<double> joined = select(apart - apart == 0.0, old + apart * (rows / count),
                                          old * (before / count) + own * (rows / count));
        store_partial(mean + j, joined, n - j);
        store_partial(squares + j,
                      load_partial(squares + j, n - j) + own2 + apart * apart * (before * rows / count),
                      n - j);
    }
}

// The moments of S columns of `rows` numbers each.
[[gnu::noinline]] inline Moments moments_of_columns(const double* mean, const double* squares, double rows,
                                                    int64_t S) {
    Moments all{rows * double(S), 0, 0};
    for (int64_t s = 0; s < S; ++s) all.mean += mean[s] * (1 / double(S));
    for (int64_t s = 0; s < S; ++s) {
        const double distance = mean[s] - all.mean;
        all.squares += squares[s] + distance * distance * rows;
    }
    return all;
}

// S copies of each of n numbers, at most as many as there are lanes of doubles. What stands behind them, up
// to a vector, is overwritten, too.
template <typename T>
[[gnu::noinline]] void spread(T* to, int64_t S, int64_t n, const T* numbers) {
    if (S == 1) {
        __builtin_memcpy(to, numbers, width<double> * sizeof(T));
        return;
    }
    for (int64_t k = 0; k < n; ++k)
        for (int64_t s = 0; s < S; s += width<T>) store(to + k * S + s, broadcast<T>(numbers[k]));
}

}  // namespace pydl::PYDL_ISA
