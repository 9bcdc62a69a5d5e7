// Gradients of pooling by strips of dx: a vector of windows goes down the rows, and what it gives to rows
// that the next windows see too is kept until these have added to it. For windows whose columns are at most
// two apart, which is pooling/strips.h the other way round.
//
// Columns S * u + e, where S is the stride, are a lane for each u. They are element j of the windows u +
// shift for every j that fits:   S * shift = e + padding - j
//
//     kernel 3, stride 2, padding 1:     even columns   element 1 of window u
//                                        odd columns    element 2 of window u, element 0 of window u + 1
#pragma once
#include "pooling/ahead.h"
#include "pooling/avg_divisors.h"
#include "pooling/frame.h"
#include "pooling/lanes.h"
#include "simd/bytes.h"

namespace pydl::PYDL_ISA {

// Columns whose groups are a lane each: the first and the second of every group. All but the first `left` are
// left out, and the second vector where it is not `wide`.
template <int S, typename T>
PYDL_INLINE void store_columns(T* to, int64_t left, bool wide, vec<T> first, vec<T> second) {
    if constexpr (S == 1) {
        store_partial(to, first, left);
    } else {
        first = by_blocks(first), second = by_blocks(second);
        const vec<T> low = zip_by_blocks<false>(first, second), high = zip_by_blocks<true>(first, second);
        if (left >= 2 * width<T>) {
            store(to, low);
            if (wide) store(to + width<T>, high);
        } else {
            store_partial(to, low, left);
            if (wide) store_partial(to + width<T>, high, left - width<T>);
        }
    }
}

// Columns of windows whose sizes are known, not dilated: kernel K, stride S and P = padding % S.
template <int K, int S, int P>
struct FixedColumns {
    static constexpr int kernel = K, stride = S, first = -((K - 1 - P) / S),
                         count = (S - 1 + P) / S - first + 1;
    // Which element of the windows u + first + s the columns e are, and whether they are one.
    PYDL_INLINE static constexpr int element(int e, int s) { return e + P - S * (first + s); }
    PYDL_INLINE static constexpr bool has(int e, int s) { return element(e, s) >= 0 && element(e, s) < K; }
};

// A strip of dx of `slices` slices, one after the other, what windows have for it and where it is.
template <typename T>
struct GatherTask {
    const T* gradient;        // of the first windows, rows of which are `pitch` apart
    int64_t pitch, windows;   // so many rows of windows
    bool whole;               // whether all that is loaded are windows
    LaneRange<T> present[3];  // which lanes of the vectors of windows u + first + s are
    const uint8_t* numbers;   // of the elements that these belong to, rows of which are `step` apart
    int64_t step;
    int64_t number;  // of the first element on this slice
    T* dx;
    int64_t row, columns, left;  // of a row; from the strip to its end, and to where nothing may be written
    int64_t h, top, bottom;      // the first row that the windows see, and which are to be written
    T divisor;                   // of gradients without numbers
    int64_t slices, gradients_apart, numbers_apart, dx_apart;
};

template <bool Numbered, int KH, int SH, typename Columns, typename T>
void gather_strip(const GatherTask<T>& task, StripAhead<T>& next) {
    constexpr int S = Columns::stride, elements = Numbered ? KH * Columns::kernel : 1;
    using I = int_of<T>;
    StripAhead<T> ahead = next;
    mask<T> number[elements];
#pragma GCC unroll 9
    for (int e = 0; e < elements; ++e) number[e] = broadcast<I>(I(task.number + e));
    const Divide<T> mean(task.divisor);
    // Copies, which no store can change. What the loop over slices needs stays in memory, for the loop over
    // rows needs the registers.
    const LaneRange<T> present[3] = {task.present[0], task.present[1], task.present[2]};
    const bool whole = task.whole, wide = task.columns > width<T>;
    const int64_t pitch = task.pitch, step = task.step, row = task.row, top = task.top, bottom = task.bottom;
    for (int64_t slice = 0; slice < task.slices; ++slice) {
        const T* gradient = task.gradient + slice * task.gradients_apart;
        const uint8_t* numbers = Numbered ? task.numbers + slice * task.numbers_apart : nullptr;
        T* dx = task.dx + slice * task.dx_apart;
        int64_t left = task.left - slice * task.dx_apart, windows = task.windows;
        vec<T> sum[KH][2] = {};
        for (int64_t h = task.h; h < bottom; h += SH) {
            if (--windows >= 0) {
                vec<T> share[2] = {};  // without numbers, all rows get the same
#pragma GCC unroll 4
                for (int s = 0; s < Columns::count; ++s) {
                    const vec<T> g = whole ? load(gradient + s) : present[s].load(gradient + s);
                    mask<T> winner{};
                    if constexpr (Numbered) winner = widen_bytes<T>(numbers + s);
#pragma GCC unroll 4
                    for (int b = 0; b < S; ++b) {
                        if (!Columns::has(b, s)) continue;
                        if constexpr (!Numbered) {
                            share[b] += g;
                        } else {
#pragma GCC unroll 4
                            for (int i = 0; i < KH; ++i)
                                sum[i][b] =
                                    select(winner == number[i * Columns::kernel + Columns::element(b, s)],
                                           sum[i][b] + g, sum[i][b]);
                        }
                    }
                }
                if constexpr (!Numbered) {
                    share[0] = mean(share[0]);
                    if (S == 2) share[1] = mean(share[1]);
#pragma GCC unroll 4
                    for (int i = 0; i < KH; ++i) sum[i][0] += share[0], sum[i][1] += share[1];
                }
                gradient += pitch;
                if constexpr (Numbered) numbers += step;
            }
#pragma GCC unroll 4
            for (int i = 0; i < SH; ++i, dx += row, left -= row) {
                if (h + i >= top && h + i < bottom) store_columns<S>(dx, left, wide, sum[i][0], sum[i][1]);
            }
#pragma GCC unroll 4
            for (int i = 0; i < KH; ++i)
#pragma GCC unroll 2
                for (int b = 0; b < 2; ++b)
                    sum[i][b] = i + SH < KH ? sum[i + SH < KH ? i + SH : i][b] : vec<T>{};
            ahead.template ask<SH * S>();
        }
    }
    next = ahead;
}

template <typename T>
using GatherStripKernel = void (*)(const GatherTask<T>& task, StripAhead<T>& ahead);

// The kernel for some windows; the first of its vectors of windows, and how many there are (FixedColumns).
template <typename T>
struct GatherKernel {
    GatherStripKernel<T> run;
    int64_t first, count;
};

// The kernel for these windows, of which `run` is null if there is none: not for few in a row, and not for
// float64, which would take as much room again.
template <bool Numbered, typename T>
GatherKernel<T> gather_kernel(const PoolWindows& w) {
    if constexpr (has_special_kernels && std::is_same_v<T, float>) {
        const bool few = 8 * w.columns.out < 3 * width<T> || depth_slots(w.depth) != 1;
        if (few || !suits_strips<T>(w) || w.columns.padding >= w.columns.kernel ||
            w.rows.padding >= w.rows.kernel)
            return {};
        if (w.rows.dilation != 1 || w.columns.dilation != 1) return {};
        const auto fits = [&](const PoolAxis& axis, int64_t kernel, int64_t stride) {
            return axis.kernel == kernel && axis.stride == stride;
        };
        const auto both = [&](int64_t kernel, int64_t stride) {
            return fits(w.rows, kernel, stride) && fits(w.columns, kernel, stride);
        };
        const bool odd = w.columns.padding % 2 == 1;
        const auto chosen = [](auto rows, auto step, auto columns) -> GatherKernel<T> {
            using Columns = decltype(columns);
            return {gather_strip<Numbered, rows, step, Columns, T>, Columns::first, Columns::count};
        };
        constexpr std::integral_constant<int, 1> one{};
        constexpr std::integral_constant<int, 2> two{};
        constexpr std::integral_constant<int, 3> three{};
        if (both(3, 2))
            return odd ? chosen(three, two, FixedColumns<3, 2, 1>())
                       : chosen(three, two, FixedColumns<3, 2, 0>());
        if (both(2, 2) && odd) return chosen(two, two, FixedColumns<2, 2, 1>());
        if (both(3, 1)) return chosen(three, one, FixedColumns<3, 1, 0>());
        if (both(2, 2)) return chosen(two, two, FixedColumns<2, 2, 0>());
    }
    return {};
}

// Copies row p of slice z of the windows of a plane to a line.
template <typename T>
using FillLine = void (*)(const void* pool, int64_t plane, int64_t z, int64_t p, T* gradient);

// dx of all planes, from windows' gradients as they are or, if there is `fill`, from lines that it makes of
// them; divided by `divisor` if there are no `numbers` of elements. It knows nothing of what it gathers, so
// that it is compiled once.
template <typename T>
[[gnu::noinline]] void gather_strips(const GatherKernel<T>& kernel, const PoolWindows& w,
                                     const Array<const T, 5>& dy, const uint8_t* numbers, T* dx,
                                     FillLine<T> fill, const void* pool, T divisor) {
    constexpr int64_t W = width<T>;
    const PoolAxis &depth = w.depth, &rows = w.rows, &columns = w.columns;
    const int64_t D = depth.size, H = rows.size, wide = columns.size, R = rows.stride, S = columns.stride;
    const int64_t OD = depth.out, OH = rows.out, OW = columns.out, planes = dy.shape[0] * dy.shape[1];
    // Lines have zeros on both sides. Bands stay in the second cache.
    const int64_t before = 2, room = before + (OW > wide ? OW : wide) + 3 * W;
    const int64_t most = 4 * R + 16384 / wide / R * R, bands = (H - 1) / most + 1,
                  band = ((H - 1) / bands / R + 1) * R;
    // Planes that lie evenly are taken some at once.
    const bool even = D == 1 && OD == 1 && bands == 1 && fill == nullptr && has_even_planes(dy);
    const bool far = planes * D * H * wide * int64_t(sizeof(T)) > kFarStrips;
    const int64_t bytes = int64_t(sizeof(T)) * (H * wide + OH * OW);
    const int64_t run = even ? slices_at_once(bytes, wide <= S * W) : 1;
    // Strips go from right to left: what is written beyond a row belongs to the next one, and is written
    // again.
    const int64_t leftmost = columns.padding / S + kernel.first, strips = (wide - 1) / (S * W) + 1;
    parallel_for(planes * D * bands, row_grain(band * wide), [&](int64_t begin, int64_t end) {
        // Where bytes that are loaded might not belong to the numbers, these are copied.
        constexpr int64_t loaded = W + 2;
        const int64_t all = planes * OD * OH * OW;
        const Scratch<uint8_t> copied((band / R + rows.kernel + 1) * loaded);
        const Scratch<T> lines(fill != nullptr ? (band / R + rows.kernel + 1) * room : 0);
        if (fill != nullptr) fill_row(lines.data(), (band / R + rows.kernel + 1) * room, T(0));
        const T* const stop = dx + (end / bands * H + at_most(end % bands * band, H)) * wide;
        for (int64_t task = begin, count; task < end; task += count) {
            const int64_t plane = task / bands / D, d = task / bands % D, top = task % bands * band,
                          bottom = at_most(top + band, H);
            count = 1;
            if (top >= bottom) continue;
            int64_t number = 0, z = -1;  // of elements before slice d, and the slice of windows over it
            for (int64_t k = 0; k < depth.kernel; ++k) {
                const int64_t place = d + depth.padding - k * depth.dilation;
                if (place < 0 || place % depth.stride != 0 || place / depth.stride >= depth.out) continue;
                number = k * rows.kernel * columns.kernel;
                z = place / depth.stride;
            }
            const int64_t above = top + rows.padding - rows.kernel + 1;
            const int64_t p = above <= 0 ? 0 : (above + R - 1) / R,
                          last = at_most((bottom - 1 + rows.padding) / R + 1, OH);
            const int64_t seen = z < 0 || last < p ? 0 : last - p;
            const int64_t pitch = fill != nullptr ? room : dy.stride[3];
            const T* from =
                fill != nullptr ? lines.data() + before : volume_of(dy, plane) + z * dy.stride[2] + p * pitch;
            if (fill != nullptr)
                for (int64_t r = 0; r < seen; ++r)
                    fill(pool, plane, z, p + r, lines.data() + before + r * room);
            const int64_t h = rows.start(p);
            T* const row = dx + ((plane * D + d) * H + h) * wide;
            const int64_t corner = ((plane * OD + z) * OH + p) * OW;
            if (even && corner + leftmost >= 0) {
                count = at_most(run, end - task);
                const int64_t reach = (seen - 1) * OW + leftmost + strips * W + loaded;
                if (numbers != nullptr)
                    while (count > 1 && corner + (count - 1) * OH * OW + reach > all) --count;
            }
            StripAhead<T> ahead = {dx + ((plane * D + d + count - 1) * H + bottom) * wide,
                                   from + (count - 1) * OH * OW + seen * pitch, far};
            for (int64_t c = (strips - 1) * S * W; c >= 0; c -= S * W) {
                const int64_t q = c / S + leftmost, at = corner + q;
                const uint8_t* number_at = numbers != nullptr ? numbers + at : nullptr;
                int64_t step = OW;
                if (numbers != nullptr && (at < 0 || at + (seen - 1) * OW + loaded > all)) {
                    number_at = copied.data(), step = loaded;
                    for (int64_t r = 0; r < seen; ++r) {
                        const int64_t from = at + r * OW, last = at_most(from + loaded, all);
                        for (int64_t i = from < 0 ? 0 : from; i < last; ++i)
                            copied[r * loaded + i - from] = numbers[i];
                    }
                }
                const auto present = [&](int64_t s) { return LaneRange<T>(-q - s, OW - q - s); };
                kernel.run({from + q,
                            pitch,
                            seen,
                            fill != nullptr || (q >= 0 && q + kernel.count - 1 + W <= OW),
                            {present(0), present(1), present(2)},
                            number_at,
                            step,
                            number,
                            row + c,
                            wide,
                            wide - c,
                            stop - row - c,
                            h,
                            top,
                            bottom,
                            divisor,
                            count,
                            even ? plane_step(dy) : 0,
                            OH * OW,
                            H * wide},
                           ahead);
            }
        }
    });
}

}  // namespace pydl::PYDL_ISA
