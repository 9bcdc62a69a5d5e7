// Pooling of rows of planes: a vector combines the rows of windows first, column by column, and then the
// columns. For sums and maxima, and for rows whose windows are at most two columns apart.
//
//     rows    a b c d e f g h      down, with padding     phase 0   . B D F H      windows    .+A+B  B+C+D
//     ...
//             i j k l m n o p   -> A B C D E F G H     -> phase 1   A C E G     ->
#pragma once
#include "pooling/pooling.h"

namespace pydl::PYDL_ISA {

// Whether windows suit it. Planes that are narrower than a vector are left to frames.
template <typename T>
bool suits_rows(const Array<const T, 5>& x, const PoolWindows& w) {
    return has_special_kernels && x.stride[4] == 1 && w.columns.stride <= 2 && w.columns.out >= width<T> &&
           w.columns.span() + w.columns.padding < 4096;
}

// For every row of windows: combine(a, b) of all elements of each, where padding counts as `neutral`, given
// to finish(result, z, p, q) for the windows q, q + 1, ... of row p of slice z.
template <typename T, typename Combine, typename Finish>
void pool_rows(const Array<const T, 5>& x, T* y, const PoolWindows& w, T neutral, const Combine& combine,
               const Finish& finish) {
    constexpr int64_t W = width<T>;
    using I = int_of<T>;
    const PoolAxis &depth = w.depth, &rows = w.rows, &columns = w.columns;
    const int64_t OD = depth.out, OH = rows.out, OW = columns.out, KW = columns.kernel;
    const int64_t S = columns.stride;
    // A line has S phases, each long enough for the last vector of windows.
    const int64_t stored = (columns.size + columns.padding) / S, loaded = OW + columns.reach();
    const int64_t room = (stored > loaded ? stored : loaded) + 2 * W;
    const bool far = is_far(x);
    const Scratch<int64_t> offset(KW);
    for (int64_t j = 0; j < KW; ++j) offset[j] = columns.phase(j) * room + columns.place(j);
    const int64_t work = row_grain(columns.size * (depth.kernel * rows.kernel + KW));
    parallel_for(x.shape[0] * x.shape[1] * OD * OH, work, [&](int64_t begin, int64_t end) {
        // Some lines at a time: what was just stored would be waited for if it were loaded at once, in other
        // pieces.
        constexpr int64_t batch = 8;
        const Scratch<T> lines(batch * S * room);
        for (int64_t k = 0; k < batch * S * room; k += W)
            store_partial(lines.data() + k, broadcast<T>(neutral), batch * S * room - k);

        const auto down = [&](int64_t plane, int64_t z, int64_t p, T* line) PYDL_INLINE_LAMBDA {
            const int64_t i0 = rows.first(p), i1 = rows.last(p), k0 = depth.first(z), k1 = depth.last(z);
            const T* top = volume_of(x, plane) + (depth.start(z) + k0 * depth.dilation) * x.stride[2] +
                           (rows.start(p) + i0 * rows.dilation) * x.stride[3];
            const int64_t row_step = rows.dilation * x.stride[3], slice_step = depth.dilation * x.stride[2];
            const int64_t fresh = far ? at_most(rows.stride, rows.kernel) : 0;
            const T* ahead = top + (i1 - i0 + 3 * rows.stride) * row_step;
            const int64_t size = columns.size, padding = columns.padding;
            T* even = line + padding % S * room + padding / S;
            T* odd = line + (padding + 1) % S * room + (padding + 1) / S;
            vec<T> sum[2];
            for (int64_t c = 0; c < size; c += 2 * W) {
                const int64_t n = size - c;
                // New rows, some rows of windows ahead: lines are too short for the processor to see a
                // pattern.
                for (int64_t i = 0; i < fresh; ++i) {
                    prefetch(ahead + i * row_step + c);
                    prefetch(ahead + i * row_step + c + W);
                }
                sum[0] = sum[1] = broadcast<T>(neutral);
                for (int64_t k = k0; k < k1; ++k) {
                    const T* row = top + (k - k0) * slice_step + c;
                    for (int64_t i = i0; i < i1; ++i, row += row_step) {
                        sum[0] = combine(sum[0], load_partial(row, n));
                        sum[1] = combine(sum[1], load_partial(row + W, n - W));
                    }
                }
                if (n < 2 * W) {  // what is right of the input is padding
                    const mask<T> column = iota<I>() - broadcast<I>(I(n));
                    sum[0] = select(column < I(0), sum[0], broadcast<T>(neutral));
                    sum[1] = select(column < I(-W), sum[1], broadcast<T>(neutral));
                }
                if (S == 1) {
                    store(even + c, sum[0]);
                    store(even + c + W, sum[1]);
                } else {
                    store(even + c / 2, even_lanes(sum[0], sum[1]));
                    store(odd + c / 2, odd_lanes(sum[0], sum[1]));
                }
            }
        };
        const auto along = [&](int64_t z, int64_t p, const T* line, T* to, int64_t left) PYDL_INLINE_LAMBDA {
            for (int64_t q = 0; q < OW; q += 2 * W) {
                vec<T> a = load(line + q), b = load(line + q + W);
                for (int64_t j = 1; j < KW; ++j) {
                    const T* from = line + offset[j] + q;
                    a = combine(a, load(from));
                    b = combine(b, load(from + W));
                }
                // What is stored beyond a row belongs to the next one, and is stored again.
                const int64_t n = left - q >= 2 * W ? 2 * W : OW - q;
                store_partial(to + q, finish(a, z, p, q), n);
                if (q + W < OW) store_partial(to + q + W, finish(b, z, p, q + W), n - W);
            }
        };
        for (int64_t first = begin; first < end; first += batch) {
            const int64_t count = at_most(batch, end - first);
            const auto for_rows = [&](const auto& f) PYDL_INLINE_LAMBDA {
                int64_t plane = first / OH / OD, z = first / OH % OD, p = first % OH;
                for (int64_t r = 0; r < count; ++r) {
                    f(plane, z, p, r);
                    if (++p < OH) continue;
                    p = 0;
                    if (++z == OD) z = 0, ++plane;
                }
            };
            for_rows([&](int64_t plane, int64_t z, int64_t p, int64_t r)
                         PYDL_INLINE_LAMBDA { down(plane, z, p, lines.data() + r * S * room); });
            for_rows([&](int64_t, int64_t z, int64_t p, int64_t r) PYDL_INLINE_LAMBDA {
                along(z, p, lines.data() + r * S * room, y + (first + r) * OW, (end - first - r) * OW);
            });
        }
    });
}

}  // namespace pydl::PYDL_ISA
