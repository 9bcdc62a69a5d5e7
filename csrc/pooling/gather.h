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
#include "simd/bytes.h"

namespace pydl::PYDL_ISA {

// The first `count` of the columns whose groups are a lane each: the first and the second of every group.
template <int S, typename T>
PYDL_INLINE void store_columns(T* to, int64_t count, vec<T> first, vec<T> second) {
    if constexpr (S == 1) {
        store_partial(to, first, count);
    } else {
        first = by_blocks(first), second = by_blocks(second);
        store_partial(to, zip_by_blocks<false>(first, second), count);
        store_partial(to + width<T>, zip_by_blocks<true>(first, second), count - width<T>);
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

// A strip of dx, what windows have for it and where it is.
template <typename T>
struct GatherStrip {
    const T* gradient;        // of the first windows, rows of which are `pitch` apart
    int64_t pitch, windows;   // so many rows of windows
    bool whole;               // whether all that is loaded are windows
    LaneRange<T> present[3];  // which lanes of the vectors of windows u + first + s are
    const uint8_t* numbers;   // of the elements that these belong to, rows of which are `step` apart
    int64_t step;
    int64_t number;  // of the first element on this slice
    T* dx;
    int64_t wide, columns;   // of a row, and from the strip to its end
    int64_t h, top, bottom;  // the first row that the windows see, and which are to be written
    StripAhead<T> ahead;
    T divisor;  // of gradients without numbers
};

template <bool Numbered, int KH, int SH, typename Columns, typename T>
void gather_strip(GatherStrip<T>& windows) {
    constexpr int S = Columns::stride, elements = Numbered ? KH * Columns::kernel : 1;
    using I = int_of<T>;
    GatherStrip<T> strip = windows;  // a copy, which no store can change
    mask<T> number[elements];
#pragma GCC unroll 9
    for (int e = 0; e < elements; ++e) number[e] = broadcast<I>(I(strip.number + e));
    const Divide<T> mean(strip.divisor);
    vec<T> sum[KH][2] = {};
    for (; strip.h < strip.bottom; strip.h += SH) {
        if (--strip.windows >= 0) {
            vec<T> share[2] = {};  // without numbers, all rows get the same
#pragma GCC unroll 4
            for (int s = 0; s < Columns::count; ++s) {
                const vec<T> g =
                    strip.whole ? load(strip.gradient + s) : strip.present[s].load(strip.gradient + s);
                mask<T> winner{};
                if constexpr (Numbered) winner = widen_bytes<T>(strip.numbers + s);
#pragma GCC unroll 4
                for (int b = 0; b < S; ++b) {
                    if (!Columns::has(b, s)) continue;
                    if constexpr (!Numbered) {
                        share[b] += g;
                    } else {
#pragma GCC unroll 4
                        for (int i = 0; i < KH; ++i)
                            sum[i][b] = select(winner == number[i * Columns::kernel + Columns::element(b, s)],
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
            strip.gradient += strip.pitch;
            if constexpr (Numbered) strip.numbers += strip.step;
        }
#pragma GCC unroll 4
        for (int i = 0; i < SH; ++i, strip.dx += strip.wide) {
            if (strip.h + i >= strip.top && strip.h + i < strip.bottom)
                store_columns<S>(strip.dx, strip.columns, sum[i][0], sum[i][1]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < KH; ++i)
#pragma GCC unroll 2
            for (int b = 0; b < 2; ++b) sum[i][b] = i + SH < KH ? sum[i + SH < KH ? i + SH : i][b] : vec<T>{};
        strip.ahead.template ask<SH * S>();
    }
    windows.ahead = strip.ahead;
}

template <typename T>
using GatherStripKernel = void (*)(GatherStrip<T>& strip);

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
        const bool few = 4 * w.columns.out < 3 * width<T> || depth_slots(w.depth) != 1;
        if (few || w.columns.padding >= w.columns.kernel || w.rows.padding >= w.rows.kernel) return {};
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
        if constexpr (Numbered) {  // shares of means have kernels of their own
            if (both(2, 2)) return chosen(two, two, FixedColumns<2, 2, 0>());
        }
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
    parallel_for(planes * D * bands, row_grain(band * wide), [&](int64_t begin, int64_t end) {
        // Where bytes that are loaded might not belong to the numbers, these are copied.
        constexpr int64_t loaded = W + 2;
        const int64_t all = planes * OD * OH * OW;
        const Scratch<uint8_t> copied((band / R + rows.kernel + 1) * loaded);
        const Scratch<T> lines(fill != nullptr ? (band / R + rows.kernel + 1) * room : 0);
        if (fill != nullptr) fill_row(lines.data(), (band / R + rows.kernel + 1) * room, T(0));
        for (int64_t task = begin; task < end; ++task) {
            const int64_t plane = task / bands / D, d = task / bands % D, top = task % bands * band,
                          bottom = at_most(top + band, H);
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
            StripAhead<T> ahead = {dx + ((plane * D + d) * H + bottom) * wide, from + seen * pitch,
                                   planes * D * H * wide * int64_t(sizeof(T)) > kFarStrips};
            for (int64_t c = 0; c < wide; c += S * W) {
                const int64_t q = c / S + columns.padding / S + kernel.first, at = corner + q;
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
                GatherStrip<T> strip = {from + q,
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
                                        h,
                                        top,
                                        bottom,
                                        ahead,
                                        divisor};
                kernel.run(strip);
                ahead = strip.ahead;
            }
        }
    });
}

}  // namespace pydl::PYDL_ISA
