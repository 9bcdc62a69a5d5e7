// Means of windows of many elements: see pooling/avg_pool_lines.h.
#include "pooling/avg_pool_lines.h"

#include "elementwise/turned_copy.h"

namespace pydl::PYDL_ISA {

// Sums of rows of windows, a line in each lane, become means.
template <typename T>
void avg_pool_forward_lines(const Array<const T, 5>& x, const LaneWindows& w, const Divisors<T>& divisors,
                            T* y) {
    constexpr int64_t W = width<T>;
    const int64_t OW = w.columns.out;
    if constexpr (has_lines<T>)
        pool_lines<LaneSum<T>>(x, w, [&](int64_t first, int64_t count, const auto& sum) {
            T down[W] = {};
            WindowRow row(w, first);
            for (int64_t l = 0; l < count; ++l, row.advance(w)) down[l] = divisors.down(row.z, row.p);
            for (int64_t q = 0; q < OW; ++q)
                store(sum.value + q * W,
                      load(sum.value + q * W) / (load(down) * broadcast<T>(divisors.along(q)[0])));
            copy_columns(sum.value, W, y + first * OW, OW, count, OW);
        });
}

template <typename T>
void avg_pool_one_by_one(const Array<const T, 5>& x, const LaneWindows& w, const Divisors<T>& divisors,
                         T* y) {
    const int64_t OW = w.columns.out;
    pool_one_by_one<LaneSum<T>>(x, w, [&](int64_t first, int64_t count, const auto& sum) {
        vec<T> divisor = broadcast<T>(T(1));
        for (int64_t l = 0; l < count; ++l) {
            const WindowRow row(w, (first + l) / OW);
            divisor[l] = divisors.down(row.z, row.p) * divisors.along((first + l) % OW)[0];
        }
        store_partial(y + first, sum.value / divisor, count);
    });
}

template <typename T>
void copy_row(const T* from, int64_t n, T* to) {
    constexpr int64_t W = width<T>;
    if (n < W) return store_partial(to, load(from), n);
    for (int64_t k = 0; k + W < n; k += W) store(to + k, load(from + k));
    store(to + n - W, load(from + n - W));
}

template <typename T>
void avg_pool_spread(const Array<const T, 5>& dy, const AdaptiveWindows& w, T* dx) {
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, W = w.columns.size, H = w.rows.size;
    const WindowBounds slices(w.depth), rows(w.rows), columns(w.columns);
    const Divisors<T> divisors(w);
    parallel_for(dy.shape[0] * dy.shape[1], row_grain(w.input()), [&](int64_t begin, int64_t end) {
        // dy / size of the window, spread along the rows; rows of dx are sums of these.
        const int64_t room = W + 2 * width<T>;
        const Scratch<T> lines(OD * OH * room), shares(OW + width<T>);
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* g = volume_of(dy, plane);
            for (int64_t z = 0; z < OD; ++z)
                for (int64_t p = 0; p < OH; ++p) {
                    T* line = lines.data() + (z * OH + p) * room;
                    const T* from = g + z * dy.stride[2] + p * dy.stride[3];
                    const vec<T> down = broadcast<T>(divisors.down(z, p));
                    for (int64_t q = 0; q < OW; q += width<T>)
                        store(shares.data() + q,
                              load_strided(from + q * dy.stride[4], dy.stride[4], at_most(OW - q, width<T>)) /
                                  (down * divisors.along(q)));
                    int64_t done = 0;  // columns that a window before has part of
                    for (int64_t q = 0; q < OW; ++q) {
                        const int64_t first = columns.begin(q), last = columns.end(q);
                        const T share = shares[q];
                        for (int64_t c = first; c < done && c < last; ++c) line[c] += share;
                        // Whole vectors: what is written too far is written again.
                        for (int64_t c = first < done ? done : first; c < last; c += width<T>)
                            store(line + c, broadcast<T>(share));
                        done = last;
                    }
                }
            T* to = dx + plane * w.input();
            int64_t z0 = 0, z1 = 0;  // the slices of windows that hold slice d, and the rows that hold row h
            for (int64_t d = 0; d < w.depth.size; ++d) {
                slices.advance(d, z0, z1);
                int64_t p0 = 0, p1 = 0;
                for (int64_t h = 0; h < H; ++h, to += W) {
                    rows.advance(h, p0, p1);
                    if (z1 - z0 == 1 && p1 - p0 == 1) {
                        copy_row(lines.data() + (z0 * OH + p0) * room, W, to);
                        continue;
                    }
                    for (int64_t c = 0; c < W; c += width<T>) {
                        vec<T> total{};
                        for (int64_t z = z0; z < z1; ++z)
                            for (int64_t p = p0; p < p1; ++p)
                                total += load(lines.data() + (z * OH + p) * room + c);
                        store_partial(to + c, total, W - c);
                    }
                }
            }
        }
    });
}

template void avg_pool_forward_lines(const Array<const float, 5>&, const LaneWindows&, const Divisors<float>&,
                                     float*);
template void avg_pool_spread(const Array<const float, 5>&, const AdaptiveWindows&, float*);
template void avg_pool_one_by_one(const Array<const float, 5>&, const LaneWindows&, const Divisors<float>&,
                                  float*);
#if !defined(PYDL_FLOAT32_ALONE)
template void avg_pool_forward_lines(const Array<const double, 5>&, const LaneWindows&,
                                     const Divisors<double>&, double*);
template void avg_pool_spread(const Array<const double, 5>&, const AdaptiveWindows&, double*);
template void avg_pool_one_by_one(const Array<const double, 5>&, const LaneWindows&, const Divisors<double>&,
                                  double*);
#endif

}  // namespace pydl::PYDL_ISA
