// The gradient of max pooling: see pooling/max_pool.h.
#pragma once
#include "pooling/along.h"
#include "pooling/gather.h"
#include "pooling/halving.h"
#include "simd/bytes.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct MaxPoolBackward {
    Array<const T, 5> dy;
    const uint8_t* window;  // one of these, contiguous
    const int64_t* indices;
    T* dx;  // contiguous
    PoolWindows windows;

    int64_t planes() const { return dy.shape[0] * dy.shape[1]; }
};

template <typename T>
void set_zero(T* p, int64_t count) {
    for (int64_t k = 0; k < count; k += width<T>) store_partial(p + k, vec<T>{}, count - k);
}

// ---- windows of 2x2 with stride 2 and no padding ----

// Two rows of dx: each element belongs to one window. `readable` bytes follow in window.
template <typename T>
void max_pool_backward_row_2x2(const T* dy, int64_t step, const uint8_t* window, int64_t readable,
                               int64_t count, T* upper, T* lower) {
    constexpr int64_t W = width<T>;
    using I = int_of<T>;
    for (int64_t q = 0; q < count; q += W) {
        if (q + W > count && count >= W) q = count - W;
        const int64_t n = count - q;
        const vec<T> g = by_blocks(load_strided(dy + q * step, step, n < W ? n : W)), zero{};
        const mask<T> element = by_blocks(load_bytes<T>(window + q, readable - q));
        const vec<T> a = select(element == I(0), g, zero), b = select(element == I(1), g, zero);
        const vec<T> c = select(element == I(2), g, zero), d = select(element == I(3), g, zero);
        store_partial(upper + 2 * q, zip_by_blocks<false>(a, b), 2 * n);
        store_partial(upper + 2 * q + W, zip_by_blocks<true>(a, b), 2 * n - W);
        store_partial(lower + 2 * q, zip_by_blocks<false>(c, d), 2 * n);
        store_partial(lower + 2 * q + W, zip_by_blocks<true>(c, d), 2 * n - W);
    }
}

template <typename T>
void max_pool_backward_2x2(const MaxPoolBackward<T>& pool) {
    const int64_t H = pool.windows.rows.size, W = pool.windows.columns.size;
    const int64_t OH = pool.windows.rows.out, OW = pool.windows.columns.out;
    parallel_for(pool.planes(), row_grain(H * W), [&](int64_t begin, int64_t end) {
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* g = volume_of(pool.dy, plane);
            T* upper = pool.dx + plane * H * W;
            int64_t at = plane * OH * OW;
            for (int64_t p = 0; p < OH; ++p, g += pool.dy.stride[3], at += OW, upper += 2 * W) {
                max_pool_backward_row_2x2(g, pool.dy.stride[4], pool.window + at,
                                          pool.planes() * OH * OW - at, OW, upper, upper + W);
                if (2 * OW < W) {
                    set_zero(upper + 2 * OW, W - 2 * OW);
                    set_zero(upper + W + 2 * OW, W - 2 * OW);
                }
            }
            if (2 * OH < H) set_zero(upper, (H - 2 * OH) * W);
        }
    });
}

// The same where rows are shorter than a vector.
template <int G, typename T>
void max_pool_backward_halving(const MaxPoolBackward<T>& pool) {
    constexpr int64_t W = width<T>;
    using I = int_of<T>;
    const int64_t count = pool.planes() * pool.windows.rows.out * pool.windows.columns.out;
    parallel_for((count + W - 1) / W, row_grain(4 * W), [&](int64_t begin, int64_t end) {
        for (int64_t at = begin * W; at < end * W && at < count; at += W) {
            const vec<T> g = load_partial(pool.dy.data + at, count - at), zero{};
            const mask<T> element = load_bytes<T>(pool.window + at, count - at);
            store_quarters<G, T>(pool.dx + 4 * at,
                                 {select(element == I(0), g, zero), select(element == I(1), g, zero),
                                  select(element == I(2), g, zero), select(element == I(3), g, zero)},
                                 count - at);
        }
    });
}

// ---- windows of any kind: each adds its gradient where its winner is ----

// Where a winner may be: no number of a window leads elsewhere.
struct Range {
    int64_t begin, end;
    PYDL_INLINE bool has(int64_t at) const { return uint64_t(at - begin) < uint64_t(end - begin); }
};

// One row of windows, the first of whose corners is element `corner` of dx.
template <typename T>
void add_row(const T* dy, int64_t step, const uint8_t* window, const int64_t* distance, int64_t count,
             int64_t corner, int64_t stride, Range range, T* dx) {
    for (int64_t q = 0; q < count; ++q, corner += stride) {
        const int64_t at = corner + distance[window[q]];
        if (range.has(at)) dx[at] += dy[q * step];
    }
}
template <typename T>
void add_row(const T* dy, int64_t step, const int64_t* indices, int64_t count, Range range, T* dx) {
    for (int64_t q = 0; q < count; ++q)
        if (range.has(indices[q])) dx[indices[q]] += dy[q * step];
}

// A task is a band of rows of a plane, or of slices of a volume: it is set to zero, and then each window over
// the band adds to it, in row-major order wherever bands end.
template <typename T>
void max_pool_backward_bands(const MaxPoolBackward<T>& pool) {
    const PoolAxis &depth = pool.windows.depth, &rows = pool.windows.rows, &columns = pool.windows.columns;
    const int64_t OD = depth.out, OH = rows.out, OW = columns.out, size = pool.windows.input();
    const bool flat = depth.size == 1 && depth.out == 1;  // padding may give one slice several windows
    const PoolAxis& outer = flat ? rows : depth;
    const int64_t line = size / outer.size;
    const int64_t band = at_most(row_grain(line), outer.size), bands = (outer.size + band - 1) / band;
    // Numbers that no element has lead nowhere.
    int64_t distance[256];
    set_distances(pool.windows, distance, INT64_MIN / 4);
    parallel_for(pool.planes() * bands, row_grain(band * line), [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const int64_t plane = task / bands, top = task % bands * band;
            const int64_t bottom = at_most(top + band, outer.size);
            T* dx = pool.dx + plane * size;
            const Range range = {top * line, bottom * line};
            set_zero(dx + range.begin, range.end - range.begin);
            // From the first window that ends below `top` to the last that starts above `bottom`.
            int64_t first = top + outer.padding - outer.span() + 1, last = outer.out;
            first = first <= 0 ? 0 : (first + outer.stride - 1) / outer.stride;
            last = at_most(last, (bottom - 1 + outer.padding) / outer.stride + 1);
            for (int64_t o = first * (flat ? 1 : OH); o < last * (flat ? 1 : OH); ++o) {
                const int64_t z = flat ? 0 : o / OH, p = flat ? o : o % OH;
                const T* g = volume_of(pool.dy, plane) + z * pool.dy.stride[2] + p * pool.dy.stride[3];
                const int64_t at = (plane * OD * OH + o) * OW;
                if (pool.window)
                    add_row(g, pool.dy.stride[4], pool.window + at, distance, OW,
                            (depth.start(z) * rows.size + rows.start(p)) * columns.size - columns.padding,
                            columns.stride, range, dx);
                else
                    add_row(g, pool.dy.stride[4], pool.indices + at, OW, range, dx);
            }
        }
    });
}

// The same for planes of few windows that lie side by side: where each begins is looked up.
template <typename T>
void max_pool_backward_small(const MaxPoolBackward<T>& pool) {
    const PoolWindows& w = pool.windows;
    const int64_t outputs = w.outputs(), size = w.input(), OH = w.rows.out, OW = w.columns.out;
    int64_t distance[256];
    set_distances(w, distance, INT64_MIN / 4);
    const Scratch<int64_t> corner(outputs);
    for (int64_t o = 0; o < outputs; ++o)
        corner[o] = (w.depth.start(o / OW / OH) * w.rows.size + w.rows.start(o / OW % OH)) * w.columns.size +
                    w.columns.start(o % OW);
    parallel_for(pool.planes(), row_grain(size + outputs), [&](int64_t begin, int64_t end) {
        const int64_t* const from = corner.data();
        const Range range = {0, size};
        set_zero(pool.dx + begin * size, (end - begin) * size);
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* g = volume_of(pool.dy, plane);
            const uint8_t* number = pool.window + plane * outputs;
            T* dx = pool.dx + plane * size;
            for (int64_t o = 0; o < outputs; ++o) {
                const int64_t at = from[o] + distance[number[o]];
                if (range.has(at)) dx[at] += g[o];
            }
        }
    });
}

// ---- small windows: elements collect from those that they lie in ----

// Rows that are not dense are copied first.
template <typename T>
void max_pool_backward_strips(const MaxPoolBackward<T>& pool, const GatherKernel<T>& kernel) {
    constexpr int64_t W = width<T>;
    const int64_t OD = pool.dy.shape[2], OH = pool.dy.shape[3], OW = pool.dy.shape[4],
                  step = pool.dy.stride[4];
    if (step == 1)
        return gather_strips<T>(kernel, pool.windows, pool.dy, pool.window, pool.dx, nullptr, nullptr, T(1));
    const Scratch<T> dense(pool.dy.size());
    parallel_for(pool.planes() * OD * OH, row_grain(OW), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const T* from = volume_of(pool.dy, row / OH / OD) + row / OH % OD * pool.dy.stride[2] +
                            row % OH * pool.dy.stride[3];
            for (int64_t q = 0; q < OW; q += W)
                store_partial(dense.data() + row * OW + q,
                              load_strided(from + q * step, step, at_most(OW - q, W)), OW - q);
        }
    });
    MaxPoolBackward<T> copied = pool;
    copied.dy = {dense.data(),
                 {pool.dy.shape[0], pool.dy.shape[1], OD, OH, OW},
                 {pool.dy.shape[1] * OD * OH * OW, OD * OH * OW, OH * OW, OW, 1}};
    max_pool_backward_strips(copied, kernel);
}

template <typename T>
void max_pool_backward(const MaxPoolBackward<T>& pool) {
    const PoolWindows& w = pool.windows;
    if constexpr (has_along<T>)
        if (pool.window && w.columns.kernel <= 4 * w.columns.stride && suits_along(pool.dy, w))
            return spread_along(SpreadLines<T>{PoolLines<T>(pool.dy, w.columns), pool.window, T(1), pool.dx});
    if (pool.window && is_halving_run<T>(w, pool.dy))
        with_group<T>(w.columns.out, [&](auto G) { max_pool_backward_halving<G>(pool); });
    else if (const auto kernel = gather_kernel<true, T>(w); pool.window && kernel.run != nullptr)
        max_pool_backward_strips(pool, kernel);
    else if (has_own_pools<T> && pool.window && w.is_2x2() && w.columns.out >= width<T> / 4)
        max_pool_backward_2x2(pool);
    else if (pool.window && w.outputs() <= 1024 && w.input() <= kElementwiseGrain &&
             is_contiguous_volume(pool.dy))
        max_pool_backward_small(pool);
    else
        max_pool_backward_bands(pool);
}

}  // namespace pydl::PYDL_ISA
