// Depthwise convolutions by filters of one row, of narrow images: their rows are read where they lie, once
// each, and moved in registers for each tap, as those of 3x3 filters are (conv2d/depthwise_rows.h), but by
// any distance.
//
//     row          a b c d
//     tap at -2    . . a b
//     tap at +1    b c d .
#pragma once

#include "conv2d/frame.h"
#include "gemm/microkernel.h"
#include "simd/permute.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct LineRows {
    static constexpr int64_t W = width<T>;
    static constexpr bool exist = picks_lanes && sizeof(T) == 4;

    const T* w;            // a filter
    const int64_t* place;  // of each tap from the output on, in growing order, at most a vector away
    int64_t taps, before;  // before: taps to the left
    int64_t source, outputs, x_pitch, y_pitch;
    T bias;

    // Rows of outputs that are computed at once. A row is NV vectors.
    template <int NV>
    static constexpr int rows_at_once = NV == 1 ? 7 : 8 / NV;

    // `count` rows, not fewer than are computed at once; the last block is moved back to end with them.
    template <int NV>
    static void run(const LineRows& line, const T* x, T* y, int64_t count) {
        constexpr int R = rows_at_once<NV>;
        const LaneRange<T> last(0, line.source - (NV - 1) * W);
        const int64_t left = line.outputs - (NV - 1) * W;
        for (int64_t next = 0; next < count; next += R) {
            const int64_t i = next + R > count ? count - R : next;
            vec<T> row[R][NV], sum[R][NV];
#pragma GCC unroll 8
            for (int r = 0; r < R; r++)
#pragma GCC unroll 4
                for (int n = 0; n < NV; n++) {
                    const T* from = x + (i + r) * line.x_pitch + n * W;
                    row[r][n] = n + 1 < NV ? load(from) : last.load(from);
                    sum[r][n] = broadcast<T>(line.bias);
                }
            int64_t v = 0;
            for (; v < line.before; v++) {
                const vec<T> weight = broadcast<T>(line.w[v]);
                const mask<T> lane = iota<int_of<T>>() + int_of<T>(W + line.place[v]);
#pragma GCC unroll 8
                for (int r = 0; r < R; r++)
#pragma GCC unroll 4
                    for (int n = 0; n < NV; n++)
                        sum[r][n] = fma(weight, lanes_at(n > 0 ? row[r][n - 1] : vec<T>{}, row[r][n], lane),
                                        sum[r][n]);
            }
            for (; v < line.taps; v++) {
                const vec<T> weight = broadcast<T>(line.w[v]);
                const mask<T> lane = iota<int_of<T>>() + int_of<T>(line.place[v]);
#pragma GCC unroll 8
                for (int r = 0; r < R; r++)
#pragma GCC unroll 4
                    for (int n = 0; n < NV; n++)
                        sum[r][n] =
                            fma(weight, lanes_at(row[r][n], n + 1 < NV ? row[r][n + 1] : vec<T>{}, lane),
                                sum[r][n]);
            }
#pragma GCC unroll 8
            for (int r = 0; r < R; r++)
#pragma GCC unroll 4
                for (int n = 0; n < NV; n++) {
                    T* to = y + (i + r) * line.y_pitch + n * W;
                    if (n + 1 < NV)
                        store(to, sum[r][n]);
                    else
                        store_partial(to, sum[r][n], left);
                }
        }
    }

    using Run = void (*)(const LineRows&, const T* x, T* y, int64_t count);
    // Null where it does not suit the axes.
    static Run find([[maybe_unused]] const Axis& rows, [[maybe_unused]] const Axis& columns) {
        if constexpr (exist) {
            const int64_t first = columns.origin, last = first + (columns.taps - 1) * columns.dilation;
            const int64_t NV = (columns.source - 1) / W + 1;
            if (rows.taps != 1 || rows.leaves_source() || columns.stride != 1 || first < -W || last > W ||
                (columns.outputs - 1) / W + 1 != NV)
                return nullptr;
            if (NV == 1 && rows.outputs >= rows_at_once<1>) return run<1>;
            if (NV == 2 && rows.outputs >= rows_at_once<2>) return run<2>;
            if (NV == 3 && rows.outputs >= rows_at_once<3>) return run<3>;
            if (NV == 4 && rows.outputs >= rows_at_once<4>) return run<4>;
        }
        return nullptr;
    }
};

}  // namespace pydl::PYDL_ISA
