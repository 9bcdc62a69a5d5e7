// The gradient with respect to the input of a depthwise convolution of stride 2 along both axes: see
// conv2d/depthwise.h.
//
// The pixels of dx fall into four phases, by even and odd rows and columns, each a convolution of stride 1
// over dy with every second tap (conv2d/phase.h). The two phases of a row are computed side by side, so that
// their outputs can be stored as one row.
//
//   for each task: an image, a group, some pairs of rows of dx      (in parallel)
//     copies the rows of dy that they read into a frame (conv2d/depthwise_frame.h)
//     for the even and the odd rows, for each vector of pairs of columns
//       for the even and the odd columns, for each tap of theirs: as in conv2d_depthwise.cpp
#include "conv2d/depthwise.h"
#include "conv2d/depthwise_frame.h"
#include "conv2d/depthwise_lane_gradient.h"
#include "conv2d/depthwise_rows.h"
#include "conv2d/phase.h"

namespace pydl::PYDL_ISA {

// The taps of one row phase of a plane, those of the last output row and column first: w[channel, u, v].
template <typename T>
struct PhaseTaps {
    const T* w[2];  // of the even and the odd columns
    int64_t channels, w_channel, down, along;
    const int64_t* tap[2];  // where the taps of a row are in the frame
    int64_t taps[2];
    int64_t channel, pitch;  // of the frame
    T bias;
    int64_t dx_pitch, columns;  // from one row of the phase to the next, columns of dx
};

// Up to four rows of a phase. As many are computed, and those that exist stored.
inline constexpr int kPhaseRows = 4;
template <typename T, int U>
void phase_rows(const PhaseTaps<T>& plane, const T* frame, T* dx, int64_t rows) {
    constexpr int R = kPhaseRows;
    constexpr int64_t W = width<T>;
    const int64_t columns = plane.columns, pitch = plane.pitch, down = plane.down;
    for (int64_t j = 0; 2 * j < columns; j += W) {
        // The last vectors are moved back to end with the row; what they compute again is the same.
        if (2 * (j + W) > columns && columns >= 2 * W && columns % 2 == 0) j = columns / 2 - W;
        vec<T> acc[2][R];
#pragma GCC unroll 2
        for (int b = 0; b < 2; b++) {
#pragma GCC unroll 4
            for (int i = 0; i < R; i++) acc[b][i] = broadcast<T>(plane.bias);
            for (int64_t c = 0; c < plane.channels; c++) {
                const T* w = plane.w[b] + c * plane.w_channel;
                for (int64_t v = 0; v < plane.taps[b]; v++, w += plane.along) {
                    const T* x = frame + c * plane.channel + plane.tap[b][v] + j;
                    vec<T> weight[U];
#pragma GCC unroll 4
                    for (int u = 0; u < U; u++) weight[u] = broadcast<T>(w[u * down]);
#pragma GCC unroll 8
                    for (int h = 0; h < R + U - 1; h++, x += pitch) {
                        const vec<T> slope = in_register(load(x));
#pragma GCC unroll 4
                        for (int i = 0; i < R; i++)
                            if (h - i >= 0 && h - i < U) acc[b][i] = fma(weight[h - i], slope, acc[b][i]);
                    }
                }
            }
        }
        T* to = dx + 2 * j;
#pragma GCC unroll 4
        for (int i = 0; i < R; i++, to += plane.dx_pitch) {
            if (i >= rows) break;
            store_partial(to, zip_low(acc[0][i], acc[1][i]), columns - 2 * j);
            store_partial(to + W, zip_high(acc[0][i], acc[1][i]), columns - 2 * j - W);
        }
    }
}

template <typename T>
using PhaseRows = void (*)(const PhaseTaps<T>&, const T* frame, T* dx, int64_t rows);
template <typename T>
PhaseRows<T> phase_function(int64_t taps) {
    return taps == 1   ? phase_rows<T, 1>
           : taps == 2 ? phase_rows<T, 2>
           : taps == 3 ? phase_rows<T, 3>
                       : phase_rows<T, 4>;
}

template <typename T>
bool is_depthwise_of_stride_2(const Conv2dShape& s, const Array<T, 4>& dx) {
    const auto fits = [](const Axis& axis) {
        return axis.stride == 2 && axis.dilation == 1 && axis.taps >= 2 && axis.taps <= 7 &&
               axis.origin >= -64 && axis.source >= 2 && axis.outputs > 0;
    };
    return fits(s.rows) && fits(s.columns) && s.C / s.groups <= 2 && s.O > 0 && s.O / s.groups <= 8 &&
           dx.stride[3] == 1;
}

// A plane of the gradient of 2x2, 3x3 and 4x4 filters with the usual padding. Pixels have a slope for each
// two by two of them, whose rows and columns meet up to two taps each, of this slope and of those beside it:
//
//     taps    even pixels    odd pixels
//     2       0              1
//     3       1              2, 0 of the next slope
//     4       1, 3 of the slope before      2, 0 of the next
//
// Slopes are read where they lie, and once more one to the left and to the right.
template <typename T>
struct PixelPlane {
    const T* w;
    int64_t down, along;  // from one weight to the next
    T bias;
    const T* dy;
    int64_t dy_pitch, dy_rows, dy_columns;
    T* dx;
    int64_t dx_pitch, rows, columns;
};
template <typename T, int K>
void pixels_of_plane(const PixelPlane<T>& plane) {
    constexpr int64_t W = width<T>;
    constexpr int padding = (K - 1) / 2, before = K > 3, behind = K > 2;  // slopes beside the own one
    const vec<T> bias = broadcast<T>(plane.bias);
    vec<T> w[K][K];
#pragma GCC unroll 16
    for (int k = 0; k < K * K; k++)
        w[k / K][k % K] = in_register(broadcast<T>(plane.w[k / K * plane.down + k % K * plane.along]));
    // The last pairs of columns; all vectors before them are whole.
    const int64_t end = (plane.columns - 1) / (2 * W) * W;
    const LaneRange<T> first(1, W),
        last[3] = {LaneRange<T>(end == 0, plane.dy_columns - end + 1),
                   LaneRange<T>(0, plane.dy_columns - end), LaneRange<T>(0, plane.dy_columns - end - 1)};
    // Slopes of the last columns, of the row before and the own one, which are read for the row before.
    vec<T> known[2][3] = {};
#pragma GCC unroll 3
    for (int c = 1 - before; c <= 1 + behind; c++)
        if (behind) known[1][c] = last[c].load(plane.dy + end + c - 1);
    T* to = plane.dx;
    for (int64_t h = 0; h < plane.rows; h += 2, to += 2 * plane.dx_pitch) {
        const T* const dy = plane.dy + h / 2 * plane.dy_pitch;
        const bool has_odd = h + 1 < plane.rows, exists[3] = {h > 0, true, h / 2 + 1 < plane.dy_rows};
        const auto write = [&](int64_t j, auto is_last) PYDL_INLINE_LAMBDA {
            constexpr bool Last = decltype(is_last)::value;
            ask_ahead(dy + j);
            vec<T> slope[3][3];
#pragma GCC unroll 3
            for (int c = 1 - before; c <= 1 + behind; c++)
#pragma GCC unroll 3
                for (int r = 1 - before; r <= 1 + behind; r++) {
                    const T* const from = dy + (r - 1) * plane.dy_pitch + j + c - 1;
                    if (Last && r < 1 + behind)
                        slope[r][c] = known[r][c];
                    else
                        slope[r][c] = in_register(!exists[r]         ? vec<T>{}
                                                  : Last             ? last[c].load(from)
                                                  : c == 0 && j == 0 ? first.load(from)
                                                                     : load(from));
                }
#pragma GCC unroll 3
            for (int c = 1 - before; c <= 1 + behind; c++)
                if (Last && behind) known[0][c] = slope[1][c], known[1][c] = slope[2][c];
            const auto write_row = [&](auto odd) PYDL_INLINE_LAMBDA {
                constexpr int a = decltype(odd)::value;
                vec<T> sum[2] = {bias, bias};
#pragma GCC unroll 16
                for (int k = 0; k < K * K; k++) {
                    const int u = k / K, v = k % K, b = (v + padding) % 2;
                    if ((u + padding) % 2 == a)
                        sum[b] =
                            fma(w[u][v], slope[1 + (a + padding - u) / 2][1 + (b + padding - v) / 2], sum[b]);
                }
                T* const row = to + a * plane.dx_pitch + 2 * j;
                const int64_t columns = Last ? plane.columns - 2 * end : 2 * W;
                ask_ahead<2>(row);
                store_partial(row, zip_low(sum[0], sum[1]), columns);
                store_partial(row + W, zip_high(sum[0], sum[1]), columns - W);
            };
            write_row(std::integral_constant<int, 0>{});
            if (has_odd) write_row(std::integral_constant<int, 1>{});
        };
        for (int64_t j = 0; j < end; j += W) write(j, std::false_type{});
        write(end, std::true_type{});
    }
}

// Whether its rows are better read where they lie. With few registers, a kernel for 4x4 filters would gain
// less than it is worth in size.
template <typename T>
bool gradient_by_rows(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                      int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s) {
    if constexpr (sizeof(T) == 4) {
        const auto fits = [&](const Axis& axis) {
            return axis.taps == s.U && axis.origin == -((s.U - 1) / 2) && 2 * axis.outputs >= axis.source;
        };
        if (s.O != s.groups || s.C != s.groups || dy.stride[3] != 1 || s.U < 2 || s.U > 4 || !fits(s.rows) ||
            !fits(s.columns) || (!many_registers && s.U == 4))
            return false;
        constexpr int largest = many_registers ? 4 : 3;
        const auto run = s.U == 2   ? pixels_of_plane<T, 2>
                         : s.U == 3 ? pixels_of_plane<T, 3>
                                    : pixels_of_plane<T, largest>;
        parallel_for(s.N * s.C, 1 + GemmBlocks<T>::thread_work / ((s.U * s.V + 4) * s.I * s.J),
                     [&](int64_t begin, int64_t end) {
                         for (int64_t task = begin; task < end; task++) {
                             const int64_t n = task / s.C, c = task % s.C;
                             run({&w(c, 0, 0, 0), w.stride[2], w.stride[3],
                                  bias != nullptr ? bias[c * bias_stride] : T(0), &dy(n, c, 0, 0),
                                  dy.stride[2], s.I, s.J, &dx(n, c, 0, 0), dx.stride[2], s.H, s.W});
                         }
                     });
        return true;
    }
    return false;
}

template <typename T>
void depthwise_input_gradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                              int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s) {
    // As in conv2d_depthwise.cpp.
    const bool is_narrow = (s.U == 4 ? 2 : 4) * s.J <= width<T> || (!many_registers && s.U != 3);
    if ((is_narrow && gradient_by_lanes(dy, w, bias, bias_stride, dx, s)) ||
        gradient_by_rows(dy, w, bias, bias_stride, dx, s) ||
        gradient_by_lanes(dy, w, bias, bias_stride, dx, s))
        return;
    const Phase row[2] = {conv2d_phase(s.rows, 0), conv2d_phase(s.rows, 1)};
    const Phase column[2] = {conv2d_phase(s.columns, 0), conv2d_phase(s.columns, 1)};
    RowTaps row_taps(column[0].axis);
    for (int64_t v = 0; v < column[1].axis.taps; v++) row_taps.add(column[1].axis.origin + v);
    int64_t first = row[0].axis.origin, last = first + row[0].axis.taps;  // rows of dy that row pair 0 reads
    if (row[1].axis.origin < first) first = row[1].axis.origin;
    if (row[1].axis.origin + row[1].axis.taps > last) last = row[1].axis.origin + row[1].axis.taps;

    const int64_t channels = s.O / s.groups, features = s.C / s.groups, pairs = row[0].axis.outputs;
    const Parts stripes(pairs,
                        depthwise_stripe<T>(RowFrame<T>(row_taps, 1, 1).pitch(), channels, last - first, 1));
    const RowFrame<T> layout(row_taps, stripes.size + kPhaseRows - 1 + last - first - 1, channels);
    const Scratch<int64_t> tap(s.V);
    PhaseTaps<T> same = {};
    for (int b = 0, k = 0; b < 2; b++) {
        same.tap[b] = tap.data() + k;
        same.taps[b] = column[b].axis.taps;
        for (int64_t v = 0; v < same.taps[b]; v++) tap[k++] = layout.place(column[b].axis.origin + v);
    }
    same.channels = channels, same.w_channel = w.stride[0];
    same.down = -2 * w.stride[2], same.along = -2 * w.stride[3];
    same.channel = layout.channel(), same.pitch = layout.pitch();
    same.dx_pitch = 2 * dx.stride[2], same.columns = s.W;

    const auto run = [&](int64_t begin, int64_t end) {
        const Scratch<T> frame(layout.size());
        layout.clear(frame.data());
        for (int64_t task = begin; task < end; task++) {
            const int64_t stripe = task % stripes.count, g = task / stripes.count % s.groups;
            const int64_t n = task / stripes.count / s.groups;
            const int64_t top = stripes.begin(stripe), count = stripes.length(stripe, pairs);
            for (int64_t c = 0; c < channels; c++)
                layout.fill(frame.data() + c * layout.channel(), &dy(n, g * channels + c, 0, 0), dy.stride[2],
                            dy.stride[3], s.I, top + first, count + last - first - 1);
            for (int64_t m = 0; m < features; m++)
                for (int a = 0; a < 2; a++) {
                    const int64_t c = g * features + m, taps = row[a].axis.taps;
                    const int64_t left = row[a].axis.outputs - top, rows = left < count ? left : count;
                    PhaseTaps<T> plane = same;
                    plane.bias = bias != nullptr ? bias[c * bias_stride] : T(0);
                    for (int b = 0; b < 2; b++)
                        plane.w[b] = &w(g * channels, m, row[a].last_tap, column[b].last_tap);
                    const T* from = frame.data() + (row[a].axis.origin - first) * layout.pitch();
                    T* to = &dx(n, c, 2 * top + a, 0);
                    for (int64_t i = 0; i < rows; i += kPhaseRows)
                        phase_function<T>(taps)(plane, from + i * layout.pitch(), to + i * plane.dx_pitch,
                                                rows - i);
                }
        }
    };
    const int64_t work = stripes.size * s.W * (channels * s.U * s.V / 2 + 4) * features;
    parallel_for(s.N * s.groups * stripes.count, 1 + GemmBlocks<T>::thread_work / work, run);
}
template bool is_depthwise_of_stride_2(const Conv2dShape&, const Array<float, 4>&);
template bool is_depthwise_of_stride_2(const Conv2dShape&, const Array<double, 4>&);
template void depthwise_input_gradient(const Array<const float, 4>&, const Array<const float, 4>&,
                                       const float*, int64_t, const Array<float, 4>&, const Conv2dShape&);
template void depthwise_input_gradient(const Array<const double, 4>&, const Array<const double, 4>&,
                                       const double*, int64_t, const Array<double, 4>&, const Conv2dShape&);

}  // namespace pydl::PYDL_ISA
