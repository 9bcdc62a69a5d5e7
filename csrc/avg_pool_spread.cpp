// Gradients of means of wide windows: see pooling/avg_pool_spread.h.
#include "pooling/avg_pool_spread.h"

#include "simd/bytes.h"

namespace pydl::PYDL_ISA {

// A row of dx again and again: `count` elements of the line, which goes on after `wide` elements as it began.
// What is written too far, no further than `left`, belongs to the next rows and is written again.
template <typename T>
PYDL_INLINE void repeat_line(const T* line, int64_t wide, int64_t step, int64_t count, int64_t left, T* to) {
    constexpr int64_t W = width<T>;
    const int64_t stop = at_most(count, left - W + 1);
    int64_t at = 0, k = 0;
    for (; k < stop; k += W) {
        store(to + k, load(line + at));
        at += step;
        if (at >= wide) at -= wide;
    }
    if (k < count) store_partial(to + k, load(line + at), left - k);
}

template <typename T>
void avg_pool_spread(const Array<const T, 5>& dy, const AdaptiveWindows& w, T* dx) {
    constexpr int64_t W = width<T>;
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, wide = w.columns.size,
                  H = w.rows.size;
    const WindowBounds slices(w.depth), rows(w.rows), columns(w.columns);
    const Divisors<T> divisors(w);
    const int64_t step = W % wide, narrow = w.columns.divides() && wide <= W * OW ? wide / OW : 0;
    parallel_for(dy.shape[0] * dy.shape[1], row_grain(w.input()), [&](int64_t begin, int64_t end) {
        // dy / size of the window, spread along the rows; rows of dx are sums of these.
        const int64_t room = wide + 2 * W;
        const Scratch<T> lines(OD * OH * room), shares(OW + W);
        T* to = dx + begin * w.input();
        int64_t left = (end - begin) * w.input();
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* g = volume_of(dy, plane);
            for (int64_t z = 0; z < OD; ++z)
                for (int64_t p = 0; p < OH; ++p) {
                    T* line = lines.data() + (z * OH + p) * room;
                    const T* from = g + z * dy.stride[2] + p * dy.stride[3];
                    const vec<T> down = broadcast<T>(divisors.down(z, p));
                    for (int64_t q = 0; q < OW; q += W)
                        store(shares.data() + q,
                              load_strided(from + q * dy.stride[4], dy.stride[4], at_most(OW - q, W)) /
                                  (down * divisors.along(q)));
                    // Whole vectors: what is written too far is written again.
                    if (narrow > 0) {
                        for (int64_t q = 0; q < OW; ++q) store(line + q * narrow, broadcast<T>(shares[q]));
                        continue;
                    }
                    int64_t done = 0;  // columns that a window before has part of
                    for (int64_t q = 0; q < OW; ++q) {
                        const int64_t first = columns.begin(q), last = columns.end(q);
                        const T share = shares[q];
                        for (int64_t c = first; c < done && c < last; ++c) line[c] += share;
                        for (int64_t c = first < done ? done : first; c < last; c += W)
                            store(line + c, broadcast<T>(share));
                        done = last;
                    }
                }
            for (int64_t l = 0; l < OD * OH; ++l) {
                T* line = lines.data() + l * room;
                if (wide >= W)
                    store(line + wide, load(line));
                else
                    for (int64_t c = wide; c < wide + W; ++c) line[c] = line[c - wide];
            }
            int64_t z0 = 0, z1 = 0;  // the slices of windows that hold slice d, and the rows that hold row h
            for (int64_t d = 0; d < w.depth.size; ++d) {
                slices.advance(d, z0, z1);
                int64_t p0 = 0, p1 = 0;
                for (int64_t h = 0, run; h < H; h += run, to += run * wide, left -= run * wide) {
                    rows.advance(h, p0, p1);
                    run = 1;
                    if (z1 - z0 == 1 && p1 - p0 == 1) {
                        // As many rows as this window has alone.
                        run = (p1 < OH ? at_most(rows.begin(p1), rows.end(p0)) : H) - h;
                        repeat_line(lines.data() + (z0 * OH + p0) * room, wide, step, run * wide, left, to);
                        continue;
                    }
                    for (int64_t c = 0; c < wide; c += W) {
                        vec<T> total{};
                        for (int64_t z = z0; z < z1; ++z)
                            for (int64_t p = p0; p < p1; ++p)
                                total += load(lines.data() + (z * OH + p) * room + c);
                        store_partial(to + c, total, wide - c);
                    }
                }
            }
        }
    });
}

template void avg_pool_spread(const Array<const float, 5>&, const AdaptiveWindows&, float*);
#if !defined(PYDL_FLOAT32_ALONE)
template void avg_pool_spread(const Array<const double, 5>&, const AdaptiveWindows&, double*);
#endif

}  // namespace pydl::PYDL_ISA
