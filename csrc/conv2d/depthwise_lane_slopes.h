// The gradient of depthwise convolutions with respect to the weight, with channels as lanes.
//
//   for each task: a vector of channels, some images      (in parallel)
//     for each image: turns it and its slopes (conv2d/channel_lanes.h), then for some taps at a time adds the
//                     products of all slopes with the pixels under them
#pragma once

#include "conv2d/depthwise_lane_frame.h"
#include "conv2d/shape.h"
#include "conv2d/weights.h"
#include "elementwise/turned_copy.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

// sum[q] += the products of all pixels of dy with those that tap q reads for them.
template <int Q, typename T>
void lane_slopes(const T* dy, int64_t rows, int64_t columns, const T* x, const int64_t* place, int64_t x_row,
                 int64_t x_step, vec<T>* sum) {
    vec<T> acc[Q];
#pragma GCC unroll 16
    for (int q = 0; q < Q; q++) acc[q] = vec<T>{};
    for (int64_t i = 0; i < rows; i++, x += x_row) {
        const T* from = x;
        for (int64_t j = 0; j < columns; j++, from += x_step, dy += width<T>) {
            const vec<T> slope = load(dy);
#pragma GCC unroll 16
            for (int q = 0; q < Q; q++) acc[q] = fma(slope, load(from + place[q]), acc[q]);
        }
    }
#pragma GCC unroll 16
    for (int q = 0; q < Q; q++) sum[q] += acc[q];
}

// The axes of a gradient with pixels as lanes: images of one column are turned into those of one row.
struct DepthwiseAxes {
    Axis rows, columns;
    bool turned;
    explicit DepthwiseAxes(const Conv2dShape& s) : rows(s.rows), columns(s.columns), turned(false) {
        turned = columns.source == 1 && columns.outputs == 1 && columns.taps == 1 && columns.origin == 0;
        if (turned) rows = s.columns, columns = s.rows;
    }
};

// Whether channels as lanes take less time than pixels, by what each was measured to take (cycles for a
// vector of channels, and for a channel).
template <typename T>
bool suits_lane_slopes(const Conv2dShape& s) {
    constexpr int64_t W = width<T>;
    const int64_t taps = s.U * s.V, outputs = s.I * s.J, pixels = s.H * s.W;
    if (s.C != s.groups || s.O != s.groups || taps < 3 || !suits_lanes<T>(s.C, 0, taps) ||
        outputs + pixels > most_lane_vectors)
        return false;
    const double sums = double(taps >= 9 ? (taps + 8) / 9 * 9 : (taps + 2) / 3 * 3),
                 lanes = (1.85 * sums + 12.5) * double(outputs) + 14 * double(pixels) + 300;
    const DepthwiseAxes axes(s);
    const bool framed = axes.columns.stride == 1 || (axes.rows.stride <= 2 && axes.rows.taps % 2 == 1);
    const double vectors = double(axes.rows.outputs * ((axes.columns.outputs - 1) / W + 1)),
                 per_tap = !framed                ? 4.5
                           : axes.rows.stride > 1 ? 2.5
                                                  : 1.65,
                 apart = (per_tap * double(taps) + 6.5) * vectors + 400;
    return lanes * double((s.C - 1) / W + 1) < apart * double(s.C);
}

template <typename T>
void lane_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                          const Array<T, 4>& dw, T* db, int64_t db_stride) {
    constexpr int64_t W = width<T>;
    const int64_t taps = s.U * s.V, I = s.rows.outputs, J = s.columns.outputs, blocks = (s.C + W - 1) / W;
    LaneFrame<T> layout;
    layout.add(s.rows, s.columns);
    // Taps that are added up at once; the last ones may be some of those before, too.
    const int64_t Q = taps >= 9 ? 9 : 3, chunks = (taps + Q - 1) / Q;
    const auto first_tap = [&](int64_t chunk) { return chunk + 1 < chunks ? chunk * Q : taps - Q; };
    const Scratch<int64_t> place(taps);
    for (int64_t u = 0; u < s.U; u++)
        for (int64_t v = 0; v < s.V; v++)
            place[u * s.V + v] =
                layout.place(s.rows.origin + u * s.rows.dilation, s.columns.origin + v * s.columns.dilation);
    // How the images are cut into parts depends on the sizes alone, and the parts are added in order.
    const Parts parts(s.N, (s.N * blocks - 1) / 16 + 1);
    const int64_t own = chunks * Q + 1;
    const Scratch<vec<T>> partial(blocks * parts.count * own);
    const int64_t work = parts.size * (layout.size() + I * J * W * (taps + 4));
    parallel_for(
        blocks * parts.count, 1 + GemmBlocks<T>::thread_work / work, [&](int64_t begin, int64_t end) {
            const Scratch<T> frame(layout.size()), slopes(I * J * W);
            for (int64_t task = begin; task < end; task++) {
                const int64_t first = task / parts.count * W, part = task % parts.count;
                const ChannelLanes<T> of_x(x, first, s.C), of_dy(dy, first, s.C);
                vec<T>* sum = partial.data() + task * own;
                for (int64_t k = 0; k < own; k++) sum[k] = vec<T>{};
                for (int64_t n = parts.begin(part); n < parts.begin(part) + parts.length(part, s.N); n++) {
                    layout.fill(frame.data(), of_x, n, task > begin || n > parts.begin(part));
                    of_dy.turn(slopes.data(), J, 0, I, n, 0, I, 0, J);
                    for (int64_t c = 0; c < chunks; c++)
                        (Q == 9 ? lane_slopes<9, T> : lane_slopes<3, T>)(slopes.data(), I, J, frame.data(),
                                                                         place.data() + first_tap(c),
                                                                         s.rows.stride * layout.columns() * W,
                                                                         s.columns.stride * W, sum + c * Q);
                    vec<T> total{};
                    for (int64_t k = 0; k < I * J; k++) total += load(slopes.data() + k * W);
                    sum[own - 1] += total;
                }
            }
        });
    const bool in_runs = dw.stride[3] == 1 && dw.stride[2] == s.V;
    for (int64_t block = 0; block < blocks; block++) {
        vec<T>* total = partial.data() + block * parts.count * own;
        for (int64_t part = 1; part < parts.count; part++)
            for (int64_t k = 0; k < own; k++) total[k] += total[part * own + k];
        const int64_t o = block * W, count = s.O - o < W ? s.O - o : W;
        for (int64_t c = 0; c < chunks; c++) {
            const T* sums = reinterpret_cast<const T*>(total + c * Q);
            if (in_runs)
                turn(sums, W, &dw(o, 0, 0, 0) + first_tap(c), dw.stride[0], count, Q);
            else
                for (int64_t k = 0; k < Q * W; k++) {
                    const int64_t tap = first_tap(c) + k / W, l = k % W;
                    if (l < count) dw(o + l, 0, tap / s.V, tap % s.V) = sums[k];
                }
        }
        for (int64_t l = 0; db != nullptr && l < count; l++) db[(o + l) * db_stride] = total[own - 1][l];
    }
}

}  // namespace pydl::PYDL_ISA
