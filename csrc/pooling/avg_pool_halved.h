// Means of windows that lie side by side and are 2, 4, 8, ... columns wide. When the rows of each row of
// windows have been added up (pooling/lines.h), neighbours are added up, and the neighbours among these sums,
// until each window has one number. Nothing is turned, and all lines that are at hand are one run:
//
//     a b c d e f g h   ->   a+b c+d e+f g+h   ->   a+b+c+d e+f+g+h
#pragma once
#include "pooling/avg_divisors.h"
#include "pooling/lines.h"

namespace pydl::PYDL_ISA {

// Whether they are such, from the first column on.
inline bool are_halved(const LaneAxis& columns) {
    const int64_t wide = columns[0].count;
    bool halved = wide > 1 && (wide & (wide - 1)) == 0;
    for (int64_t q = 0; q < columns.out; ++q)
        halved = halved && columns[q].begin == q * wide && columns[q].count == wide;
    return halved && columns.step == 1;
}

template <typename T>
void avg_pool_forward_halved(const Array<const T, 5>& x, const LaneWindows& w, const Divisors<T>& divisors,
                             T* y) {
    constexpr int64_t W = width<T>;
    const int64_t OW = w.columns.out, wide = w.columns[0].count, whole = wide > W ? wide : W;
    const int64_t lanes = (w.columns.size + whole - 1) / whole * whole;  // all lines are halved as one run
    const bool uniform = divisors.uniform();
    const Divide<T> mean(divisors.first());
    using Cells = LaneCells<LaneSum<T>, T>;
    for_lines<LaneSum<T>>(
        x, w, lanes, 0, [&](int64_t first, int64_t count, const Cells& lines, const Cells&) {
            T* const run = lines.value;
            int64_t line = lanes;
            for (int64_t n = wide; n > 1; n >>= 1) {
                line >>= 1;
                for (int64_t i = 0; i < count * line; i += W) {
                    const vec<T> a = load(run + 2 * i), b = load(run + 2 * i + W);
                    store(run + i, even_lanes(a, b) + odd_lanes(a, b));
                }
            }
            WindowRow row(w, first);
            T* to = y + first * OW;
            for (int64_t l = 0; l < count; ++l, row.advance(w), to += OW) {
                const vec<T> down = uniform ? vec<T>{} : broadcast<T>(divisors.down(row.z, row.p));
                for (int64_t q = 0; q < OW; q += W) {
                    const vec<T> sum = load(run + l * line + q);
                    store_partial(to + q, uniform ? mean(sum) : sum / (down * divisors.along(q)), OW - q);
                }
            }
        });
}

}  // namespace pydl::PYDL_ISA
