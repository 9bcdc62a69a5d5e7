// Gradients of pooling by rows of x: every element collects from the windows that it lies in. For windows
// whose columns are at most two apart.
//
// Rows of windows are copied to lines with room on all sides, so that no window has to be looked for: those
// that are not there have a gradient of zero. Element S * u + e of an axis, where S is the stride, lies in
// window u + shift as element j for every j that fits:   S * shift = e + padding - j * dilation
//
//     kernel 3, stride 2, padding 1:     even elements   element 1 of window u
//                                        odd elements    element 2 of window u, element 0 of window u + 1
#pragma once
#include "pool_frame.h"

namespace pydl::PYDL_ISA {

// The windows u + first, ..., u + last are those that elements of group u of an axis lie in.
struct GatherReach {
    int64_t first, last;

    explicit GatherReach(const PoolAxis& axis) {
        const int64_t left = axis.padding - axis.span() + 1;  // where windows that end with element 0 begin
        first = left < 0 ? -(-left / axis.stride) : (left + axis.stride - 1) / axis.stride;
        last = (axis.stride - 1 + axis.padding) / axis.stride;
    }
};

// Lines of windows' gradients and, where Numbered, of the numbers of the elements that these belong to. Lines
// are `room` apart.
template <typename T>
struct GatherLines {
    const T* gradient;
    const int_of<T>* number;
    int64_t room;
};

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

// Windows whose sizes are known, not dilated: an axis of kernel K, stride S and P = padding % S.
template <int K, int S, int P>
struct FixedAxis {
    static constexpr int stride = S, first = -((K - 1 - P) / S), count = (S - 1 + P) / S - first + 1;
    PYDL_INLINE static constexpr int element(int e, int shift) { return e + P - S * shift; }
    PYDL_INLINE static constexpr bool has(int e, int shift) {
        return element(e, shift) >= 0 && element(e, shift) < K;
    }
    static constexpr int kernel = K;
    static bool fits(const PoolAxis& axis) {
        return axis.kernel == K && axis.stride == S && axis.padding % S == P && axis.dilation == 1;
    }
};

// `groups` groups of rows of dx.
template <bool Numbered, typename Rows, typename Columns, typename T>
void gather_fixed(const GatherLines<T>& windows, int64_t number, int64_t groups, int64_t wide, T* dx,
                  T* stop) {
    constexpr int64_t W = width<T>, S = Columns::stride, R = Rows::stride;
    using I = int_of<T>;
    GatherLines<T> lines = windows;
    for (int64_t v = 0; v < groups;
         ++v, dx += R * wide, lines.gradient += lines.room, lines.number += lines.room)
        for (int64_t c = 0; c < wide; c += S * W) {
            vec<T> sum[R][2] = {};
#pragma GCC unroll 4
            for (int r = 0; r < Rows::count; ++r)
#pragma GCC unroll 4
                for (int s = 0; s < Columns::count; ++s) {
                    const int64_t at = r * lines.room + c / S + s;
                    const vec<T> g = load(lines.gradient + at);
                    const mask<T> winner = Numbered ? load(lines.number + at) : mask<T>{};
#pragma GCC unroll 4
                    for (int a = 0; a < R; ++a)
#pragma GCC unroll 4
                        for (int b = 0; b < S; ++b) {
                            if (!Rows::has(a, r + Rows::first) || !Columns::has(b, s + Columns::first))
                                continue;
                            const int element = Rows::element(a, r + Rows::first) * Columns::kernel +
                                                Columns::element(b, s + Columns::first);
                            sum[a][b] +=
                                Numbered ? select(winner == broadcast<I>(I(number + element)), g, vec<T>{})
                                         : g;
                        }
                }
#pragma GCC unroll 4
            for (int a = 0; a < R; ++a)
                if (a == 0 || dx + a * wide < stop)
                    store_columns<S>(dx + a * wide + c, wide - c, sum[a][0], sum[a][1]);
        }
}

// `groups` groups of rows of dx from lines of windows, whose elements on this slice begin with `number`.
template <typename T>
using GatherKernel = void (*)(const GatherLines<T>& windows, int64_t number, int64_t groups, int64_t wide,
                              T* dx, T* stop);

// The kernel for these windows, or null: not for few in a row, and not for float64, which would take as much
// room again.
template <bool Numbered, typename T>
GatherKernel<T> gather_kernel(const PoolWindows& w) {
    if constexpr (has_special_kernels && std::is_same_v<T, float>) {
        if (4 * w.columns.out < 3 * width<T> || depth_slots(w.depth) != 1) return nullptr;
        if (w.columns.padding >= w.columns.kernel || w.rows.padding >= w.rows.kernel) return nullptr;
        using One = FixedAxis<1, 1, 0>;
        using Halves = FixedAxis<2, 2, 0>;
        using Shifted = FixedAxis<2, 2, 1>;
        using Three = FixedAxis<3, 1, 0>;
        using Overlapping = FixedAxis<3, 2, 0>;
        using Padded = FixedAxis<3, 2, 1>;
        const auto fits = [&](auto rows, auto columns) {
            return decltype(rows)::fits(w.rows) && decltype(columns)::fits(w.columns);
        };
        if (fits(Padded{}, Padded{})) return gather_fixed<Numbered, Padded, Padded, T>;
        if (fits(Overlapping{}, Overlapping{})) return gather_fixed<Numbered, Overlapping, Overlapping, T>;
        if (fits(Shifted{}, Shifted{})) return gather_fixed<Numbered, Shifted, Shifted, T>;
        if constexpr (Numbered) {  // shares of means are as fast otherwise, or have kernels of their own
            if (fits(Three{}, Three{})) return gather_fixed<Numbered, Three, Three, T>;
            if (fits(Halves{}, Halves{})) return gather_fixed<Numbered, Halves, Halves, T>;
            if (fits(One{}, Halves{})) return gather_fixed<Numbered, One, Halves, T>;
            if (fits(One{}, Padded{})) return gather_fixed<Numbered, One, Padded, T>;
        }
    }
    return nullptr;
}

// Copies row p of slice z of the windows of a plane to a line.
template <typename T>
using FillLine = void (*)(const void* pool, int64_t plane, int64_t z, int64_t p, T* gradient,
                          int_of<T>* number);

// dx of all planes. It knows nothing of what it gathers, so that it is compiled once.
template <typename T>
[[gnu::noinline]] void gather_rows(GatherKernel<T> kernel, const PoolWindows& w, int64_t planes, T* dx,
                                   FillLine<T> fill, const void* pool) {
    constexpr int64_t W = width<T>;
    const PoolAxis &depth = w.depth, &rows = w.rows;
    const int64_t D = depth.size, H = rows.size, wide = w.columns.size, R = rows.stride, OW = w.columns.out;
    const GatherReach down(rows), along(w.columns);
    const int64_t before = along.first < 0 ? -along.first : 0;
    const int64_t groups = (wide - 1) / w.columns.stride + 1 + along.last;
    const int64_t room = before + (groups > OW ? groups : OW) + 2 * W, reach = down.last - down.first;
    // Lines stay in the first-level cache.
    const int64_t fit = 2048 / room, least = 4 * reach + 4, row_groups = (H - 1) / R + 1;
    const int64_t band = at_most(fit > least ? fit : least, row_groups), bands = (row_groups - 1) / band + 1;
    parallel_for(planes * D * bands, row_grain(band * R * wide), [&](int64_t begin, int64_t end) {
        const int64_t size = (band + reach) * room, origin = before + along.first;
        const Scratch<T> gradients(size), numbers(size);
        fill_row(gradients.data(), size, T(0));
        fill_row(numbers.data(), size, T(0));
        int_of<T>* const number = reinterpret_cast<int_of<T>*>(numbers.data());
        for (int64_t task = begin; task < end; ++task) {
            const int64_t plane = task / bands / D, d = task / bands % D, v = task % bands * band;
            const int64_t count = at_most(band, row_groups - v), p = v + down.first;
            T* to = dx + ((plane * D + d) * H + v * R) * wide;
            T* const stop = dx + ((plane * D + d) * H + at_most((v + count) * R, H)) * wide;
            int64_t elements = 0,
                    z = -1;  // those of windows before slice d, and the slice of windows over it
            for (int64_t k = 0; k < depth.kernel; ++k) {
                const int64_t place = d + depth.padding - k * depth.dilation;
                if (place < 0 || place % depth.stride != 0 || place / depth.stride >= depth.out) continue;
                elements = k * rows.kernel * w.columns.kernel;
                z = place / depth.stride;
            }
            for (int64_t line = 0; line < count + reach; ++line) {
                const int64_t at = line * room + before;
                if (z < 0 || p + line < 0 || p + line >= rows.out)
                    fill_row(gradients.data() + at, OW, T(0));
                else
                    fill(pool, plane, z, p + line, gradients.data() + at, number + at);
            }
            kernel({gradients.data() + origin, number + origin, room}, elements, count, wide, to, stop);
        }
    });
}

}  // namespace pydl::PYDL_ISA
