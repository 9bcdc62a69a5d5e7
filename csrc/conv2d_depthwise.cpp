// A convolution whose groups have one or two features: see conv2d/depthwise.h.
//
// There is nothing to share between outputs but the pixels: the lanes of a vector are neighbouring outputs of
// a row, and a tile is some rows of such vectors. A pixel vector is loaded once for all outputs of its column
// that it is a tap of.
//
//   for each task: an image, a group, some of its output rows      (in parallel)
//     copies the rows of the image into a frame (conv2d/depthwise_frame.h)
//     for each block of output rows, for each vector of columns
//       for each channel, for each tap v along the row
//         loads the column of taps w[.., v], then row by row a vector of pixels, and adds its products
//
// That is in conv2d/depthwise_framed.h. Rows that fit few vectors need no frame under filters of 3x3
// (conv2d/depthwise_rows.h), 5x5 (conv2d/depthwise_wide_rows.h) and one row (conv2d/depthwise_sorted_rows.h;
// with dilation conv2d/depthwise_line_rows.h), nor do long rows under such (conv2d/depthwise_lines.h), and
// the lanes may be channels (conv2d/depthwise_lanes.h). Of small maps a vector has a row of two channels
// (conv2d/depthwise_paired_planes.h).
//
// With dilated rows, every d-th output row reads every d-th row: the others follow, as an image of their own.
// An image of one column is turned into one of one row. The rows of its tiles are pieces of that row.
#include "conv2d/depthwise.h"

#include "conv2d/depthwise_framed.h"
#include "conv2d/depthwise_lanes.h"
#include "conv2d/depthwise_line_rows.h"
#include "conv2d/depthwise_lines.h"
#include "conv2d/depthwise_paired_planes.h"
#include "conv2d/depthwise_paired_rows.h"
#include "conv2d/depthwise_sorted_rows.h"
#include "conv2d/depthwise_wide_rows.h"
#include "conv2d/tap_span.h"

namespace pydl::PYDL_ISA {

template <typename T>
Correlation<T> as_one_row(Correlation<T> conv) {
    const auto swap = [](auto& a, auto& b) {
        const auto c = a;
        a = b, b = c;
    };
    swap(conv.rows, conv.columns);
    swap(conv.w_stride[2], conv.w_stride[3]);
    swap(conv.x.shape[2], conv.x.shape[3]), swap(conv.x.stride[2], conv.x.stride[3]);
    swap(conv.y.shape[2], conv.y.shape[3]), swap(conv.y.stride[2], conv.y.stride[3]);
    return conv;
}
template <typename T>
bool has_one_column(const Correlation<T>& conv) {
    const Axis& axis = conv.columns;
    return axis.source == 1 && axis.outputs == 1 && axis.taps == 1 && axis.origin == 0;
}

template <typename T>
bool is_depthwise(const Correlation<T>& given) {
    const Correlation<T> conv = has_one_column(given) ? as_one_row(given) : given;
    const Axis& rows = conv.rows;
    if (conv.features > 2 || conv.channels > 8 || conv.channels < 1 || conv.y.stride[3] != 1) return false;
    if (rows.taps > 1 && !rows_apart(rows) && !has_depthwise_kernels<T>(rows.taps)) return false;
    return rows.taps >= 1 && rows.taps <= 64 && rows.stride <= 64 && rows.dilation <= 64 &&
           rows.origin >= -64 * rows.dilation && suits_row_frame(conv.columns);
}

// Whether the channels are better taken as lanes than pixels, by the multiply-adds that an output of each
// takes, or what takes as long. Lanes of channels are all of use, and taps that lie outside the image are
// left out, but images have to be turned, and stay in the second-level cache meanwhile.
template <typename T>
bool prefers_lanes(const Correlation<T>& conv) {
    constexpr int64_t W = width<T>;
    const Axis &rows = conv.rows, &columns = conv.columns;
    const int64_t pixels = rows.source * columns.source, outputs = rows.outputs * columns.outputs,
                  vectors = (conv.groups - 1) / W + 1;
    if (conv.x.shape[0] * vectors < (rows.taps >= 7 ? 2 : 6) || pixels + outputs > 8000) return false;
    // Of filters of one row, by cycles fitted to measurements.
    if (sizeof(T) == 4 && rows.taps == 1) {
        const double lanes = (1.4 * double(conv.taps()) + 7) * double(outputs) + 16.4 * double(pixels) + 300,
                     apart = columns.taps < 4 ? 0 : cost_of_row_taps<T>(rows, columns);
        return lanes * double(vectors) < apart * double(conv.groups);
    }
    const double moved = double(1 + rows.stride * columns.stride);  // pixels, and an output
    const double lost = double(whole_vectors<T>(conv.groups)) / double(conv.groups);
    const double filled = double(columns.outputs) / double(whole_vectors<T>(columns.outputs));
    // With pixels as lanes, rows of taps are taken one by one. What that takes was fitted to measurements.
    if (sizeof(T) == 4 && rows.taps > 1 && rows_apart(rows))
        return choose_outputs<T>(rows, columns) == nullptr && !PairedRows<T>::suits(rows, columns) &&
               1.25 * (double(conv.taps()) + 9 * moved) * lost < (4.5 * double(conv.taps()) + 40) / filled;
    if (!suits_lane_rows<T>(rows)) return false;
    const auto inside = [](const Axis& axis) {
        int64_t met = 0;
        for (int64_t tap = 0; tap < axis.taps; tap++) {
            const OutputSpan outputs(axis, tap);
            met += outputs.end - outputs.begin;
        }
        return double(met) / double(axis.outputs);
    };
    const double turning = (many_registers ? 9 : 17) * moved;
    const double again = double(lane_row_blocks(rows) * kLaneRows) / double(rows.outputs);
    // How much longer pixels as lanes take, which are moved in registers or copied.
    const double moving = !many_registers      ? columns.stride == 1 ? 1.3 : 3.4
                          : columns.stride > 1 ? 2.1
                          : rows.dilation > 1  ? 1.28
                          : rows.taps >= 7     ? 1.7
                          : choose_wide_rows<T>(rows, columns).run != nullptr ? 1.26
                                                                              : 1.4;
    return (again * inside(rows) * inside(columns) + turning) * lost < double(conv.taps()) / filled * moving;
}

// Whether its channels are lanes: where that is not preferred, those of small maps.
template <typename T>
bool correlate_lanes(const Correlation<T>& conv, bool preferred) {
    const int64_t pixels = preferred ? 0 : conv.rows.outputs * conv.columns.outputs;
    if (conv.channels != 1 || conv.y.taps != 1 || conv.rows.stride > (preferred ? 4 : 2) ||
        !suits_lanes<T>(conv.groups, pixels, conv.taps()))
        return false;
    LaneFrame<T> frame;
    frame.add(conv.rows, conv.columns);
    DepthwiseLanes<T> lanes(conv.x, conv.y, conv.groups, conv.features, conv.w_group, conv.w_stride[0],
                            conv.bias, conv.bias_stride, conv.taps());
    lanes.add(frame, conv.rows, conv.columns, conv.w, conv.w_stride[2], conv.w_stride[3], 0, 0);
    lanes.run(frame);
    return true;
}

// Whether its rows are better read where they lie.
template <typename T>
bool correlate_rows(const Correlation<T>& conv) {
    const Axis &rows = conv.rows, &columns = conv.columns;
    const OutputsOfPlane<T> kernel = choose_outputs<T>(rows, columns);
    if (kernel == nullptr || conv.channels != 1 || conv.x.stride[3] != 1) return false;
    const int64_t I = rows.outputs, J = columns.outputs, D = rows.dilation;
    const int64_t work = I * J * (9 + 4) * conv.features;
    parallel_for(
        conv.x.shape[0] * conv.groups, 1 + GemmBlocks<T>::thread_work / work,
        [&](int64_t begin, int64_t end) {
            const Scratch<T> zeros(columns.source);
            for (int64_t k = 0; k < columns.source; k++) zeros[k] = T(0);
            const Scratch<const T*> row((I - 1) * rows.stride + 3);
            RowsPlane<T> plane = {nullptr, conv.w_stride[2],     conv.w_stride[3], T(0), columns.source, J,
                                  nullptr, D * conv.y.stride[2], columns.dilation};
            DepthwiseTask task(begin, conv.groups);
            for (int64_t k = begin; k < end; k++, task.advance(conv.groups))
                for (int64_t first = 0; first < D && first < I; first++) {
                    const int64_t count = D == 1 ? I : (I - first - 1) / D + 1;
                    list_rows(row.data(), (count - 1) * rows.stride + 3, conv.x.at(task.n, task.group),
                              conv.x.stride[2], rows.origin + first, rows.source, zeros.data(), D);
                    for (int64_t m = 0; m < conv.features; m++) {
                        const int64_t o = task.group * conv.features + m;
                        plane.bias = conv.bias ? conv.bias[o * conv.bias_stride] : T(0);
                        plane.y = conv.y.at(task.n, o) + first * conv.y.stride[2];
                        plane.w = conv.weights(task.group, m);
                        kernel(plane, row.data(), count);
                    }
                }
        });
    return true;
}

// The same of very narrow images.
template <typename T>
bool correlate_paired_rows(const Correlation<T>& conv) {
    if constexpr (sizeof(T) == 4 && picks_lanes) {
        if (conv.channels != 1 || conv.x.stride[3] != 1 || !PairedRows<T>::suits(conv.rows, conv.columns))
            return false;
        const PairedRows<T> rows(conv.rows, conv.columns, conv.x.stride[2]);
        const int64_t work = conv.rows.outputs * width<T> * 9 * conv.features;
        parallel_for(conv.x.shape[0] * conv.groups, 1 + GemmBlocks<T>::thread_work / work,
                     [&](int64_t begin, int64_t end) {
                         DepthwiseTask task(begin, conv.groups);
                         for (int64_t k = begin; k < end; k++, task.advance(conv.groups))
                             for (int64_t m = 0; m < conv.features; m++) {
                                 const int64_t o = task.group * conv.features + m;
                                 rows.run(conv.weights(task.group, m), conv.w_stride[2], conv.w_stride[3],
                                          conv.bias ? conv.bias[o * conv.bias_stride] : T(0),
                                          conv.x.at(task.n, task.group), conv.y.at(task.n, o),
                                          conv.y.stride[2]);
                             }
                     });
        return true;
    }
    return false;
}

// The same of wider filters.
template <typename T>
bool correlate_wide_rows(const Correlation<T>& conv) {
    const Axis &rows = conv.rows, &columns = conv.columns;
    const WideRowsKernel<T> kernel = choose_wide_rows<T>(rows, columns);
    if (kernel.run == nullptr || conv.channels != 1 || conv.x.stride[3] != 1) return false;
    const int64_t I = rows.outputs, J = columns.outputs, K = rows.taps, listed = kernel.rows_listed(I);
    const int64_t work = I * J * (K * K + 4) * conv.features;
    const int64_t down = conv.w_stride[2], along = conv.w_stride[3];
    const bool in_place = along == 1 && down == K, backwards = along == -1 && down == -K,
               finite = has_finite_weights(conv, 1);
    const Scratch<int64_t> row(listed);
    for (int64_t k = 0; k < listed; k++) {
        const int64_t h = rows.origin + k;
        row[k] = h >= 0 && h < rows.source ? h * conv.x.stride[2] : kOutside;
    }
    parallel_for(conv.x.shape[0] * conv.groups, 1 + GemmBlocks<T>::thread_work / work,
                 [&](int64_t begin, int64_t end) {
                     const Scratch<T> zeros(columns.source), w(K * K);
                     for (int64_t k = 0; k < columns.source; k++) zeros[k] = T(0);
                     DepthwiseTask task(begin, conv.groups);
                     for (int64_t k = begin; k < end; k++, task.advance(conv.groups)) {
                         for (int64_t m = 0; m < conv.features; m++) {
                             const int64_t o = task.group * conv.features + m;
                             const T* from = conv.weights(task.group, m);
                             if (backwards) copy_backwards(w.data(), from - K * K + 1, K * K);
                             for (int64_t u = 0; u < K && !in_place && !backwards; u++)
                                 for (int64_t v = 0; v < K; v++) w[u * K + v] = from[u * down + v * along];
                             kernel.run(
                                 {in_place ? from : w.data(), conv.x.at(task.n, task.group),
                                  // Finite weights times zeros around the image are left out.
                                  finite ? nullptr : zeros.data(),
                                  conv.bias ? conv.bias[o * conv.bias_stride] : T(0), columns.source, J,
                                  conv.y.at(task.n, o), conv.y.stride[2], conv.x.stride[1], conv.y.stride[1]},
                                 row.data(), I);
                         }
                     }
                 });
    return true;
}

// The same of filters of one row, with dilation.
template <typename T>
bool correlate_line_rows(const Correlation<T>& conv) {
    const Axis &rows = conv.rows, &columns = conv.columns;
    const auto run = LineRows<T>::find(rows, columns);
    if (run == nullptr || conv.channels != 1 || conv.x.stride[3] != 1) return false;
    const int64_t I = rows.outputs, V = columns.taps;
    const Scratch<int64_t> place(V);
    LineRows<T> same = {
        nullptr,          place.data(), V, 0, columns.source, columns.outputs, rows.stride * conv.x.stride[2],
        conv.y.stride[2], T(0)};
    for (int64_t v = 0; v < V; v++) {
        place[v] = columns.origin + v * columns.dilation;
        same.before += place[v] < 0;
    }
    const int64_t work = I * columns.outputs * (V + 4) * conv.features;
    parallel_for(conv.x.shape[0] * conv.groups, 1 + GemmBlocks<T>::thread_work / work,
                 [&](int64_t begin, int64_t end) {
                     const Scratch<T> w(V);
                     LineRows<T> line = same;
                     line.w = w.data();
                     DepthwiseTask task(begin, conv.groups);
                     for (int64_t k = begin; k < end; k++, task.advance(conv.groups))
                         for (int64_t m = 0; m < conv.features; m++) {
                             const int64_t o = task.group * conv.features + m;
                             for (int64_t v = 0; v < V; v++)
                                 w[v] = conv.weights(task.group, m)[v * conv.w_stride[3]];
                             line.bias = conv.bias ? conv.bias[o * conv.bias_stride] : T(0);
                             run(line, conv.x.at(task.n, task.group) + rows.origin * conv.x.stride[2],
                                 conv.y.at(task.n, o), I);
                         }
                 });
    return true;
}

template <typename T>
void correlate_depthwise(const Correlation<T>& given) {
    constexpr int64_t W = width<T>;
    const Correlation<T> conv = has_one_column(given) ? as_one_row(given) : given;
    // Of very narrow images, rows would leave most lanes empty; in exchange, nothing has to be turned,
    // neither the image, which is large with a stride, nor the weights, which of few images takes as long.
    const bool is_narrow = 2 * (conv.columns.outputs + conv.columns.stride - 1) < W &&
                           (conv.taps() > 9 || conv.x.shape[0] >= 4),
               preferred = prefers_lanes(conv);
    if (correlate_paired_planes(conv)) return;
    // Of many images without a stride, lanes of channels take less time than pairs of rows; of one row at a
    // time, dilation leaves too few.
    if (conv.columns.stride > 1 && conv.columns.outputs >= 4 && correlate_paired_rows(conv)) return;
    if (((is_narrow || preferred) && correlate_lanes(conv, preferred)) ||
        (conv.rows.dilation > 1 && correlate_paired_rows(conv)) || correlate_rows(conv) ||
        correlate_paired_rows(conv) || correlate_wide_rows(conv) || correlate_sorted_rows(conv) ||
        correlate_line_rows(conv) || correlate_lines(conv) || correlate_lanes(conv, false))
        return;
    correlate_framed(conv, Depth());
}
template <typename T>
void correlate_depthwise_volumes(const Correlation<T>& conv, const Depth& depth) {
    correlate_framed(has_one_column(conv) ? as_one_row(conv) : conv, depth);
}
template bool is_depthwise(const Correlation<float>&);
template bool is_depthwise(const Correlation<double>&);
template void correlate_depthwise(const Correlation<float>&);
template void correlate_depthwise(const Correlation<double>&);
template void correlate_depthwise_volumes(const Correlation<float>&, const Depth&);

}  // namespace pydl::PYDL_ISA
