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
// Rows that fit few vectors need no frame under filters of 3x3 (conv2d/depthwise_rows.h) and 5x5
// (conv2d/depthwise_wide_rows.h), and the lanes may be channels (conv2d/depthwise_lanes.h).
//
// With dilated rows, every d-th output row reads every d-th row: the others follow, as an image of their own.
// An image of one column is turned into one of one row. The rows of its tiles are pieces of that row.
#include "conv2d/depthwise.h"

#include "conv2d/depthwise_frame.h"
#include "conv2d/depthwise_lanes.h"
#include "conv2d/depthwise_tile.h"
#include "conv2d/depthwise_wide_rows.h"

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
    if (rows.taps > 1 &&
        ((rows.dilation != 1 && rows.stride != 1) || !find_depthwise_kernel<T>(rows.taps, rows.stride)))
        return false;
    return rows.taps >= 1 && rows.stride <= 64 && rows.dilation <= 64 && rows.origin >= -64 * rows.dilation &&
           suits_row_frame(conv.columns);
}

// A stripe of the rows of one group's outputs of one image.
struct DepthwiseTask {
    int64_t n, group, stripe;

    DepthwiseTask(int64_t number, int64_t groups, int64_t stripes)
        : n(number / stripes / groups), group(number / stripes % groups), stripe(number % stripes) {}
    void advance(int64_t groups, int64_t stripes) {
        if (++stripe < stripes) return;
        stripe = 0;
        if (++group == groups) group = 0, n++;
    }
};

// Whether the channels are better taken as lanes than pixels, by the multiply-adds that an output of each
// takes, or what takes as long. Lanes of channels are all of use, and taps that lie outside the image are
// left out, but images have to be turned, and stay in the second-level cache meanwhile.
template <typename T>
bool prefers_lanes(const Correlation<T>& conv) {
    constexpr int64_t W = width<T>, most_vectors = 8000;
    const Axis &rows = conv.rows, &columns = conv.columns;
    if (find_lane_rows<T>(rows) == nullptr ||
        conv.x.shape[0] * ((conv.groups - 1) / W + 1) < (rows.taps == 7 ? 2 : 6) ||
        (rows.source + rows.taps) * (columns.source + columns.taps) + rows.outputs * columns.outputs >
            most_vectors)
        return false;
    const auto inside = [](const Axis& axis) {
        const double before = -double(axis.origin) / double(axis.stride);
        return double(axis.taps) - before * (before + 1) * double(axis.stride) / double(axis.outputs);
    };
    const double turning = (many_registers ? 9 : 17) * double(1 + rows.stride * columns.stride);
    const double again = double(rows_of_blocks(rows.outputs)) / double(rows.outputs);
    const double lost = double(whole_vectors<T>(conv.groups)) / double(conv.groups);
    const double filled = double(columns.outputs) / double(whole_vectors<T>(columns.outputs));
    // How much longer pixels as lanes take, which are moved in registers or copied.
    const double moving = !many_registers      ? columns.stride == 1 ? 1.3 : 3.4
                          : columns.stride > 1 ? 2.1
                          : rows.taps == 7     ? 1.7
                                               : 1.4;
    return (again * inside(rows) * inside(columns) + turning) * lost < double(conv.taps()) / filled * moving;
}

// Whether its channels are lanes: where that is not preferred, those of small maps.
template <typename T>
bool correlate_lanes(const Correlation<T>& conv, bool preferred) {
    const int64_t pixels = preferred ? 0 : conv.rows.outputs * conv.columns.outputs;
    if (conv.channels != 1 || conv.y.taps != 1 || conv.rows.stride > 2 ||
        !suits_lanes<T>(conv.groups, pixels, conv.taps()))
        return false;
    LaneFrame<T> frame;
    frame.add(conv.rows, conv.columns);
    DepthwiseLanes<T> lanes(conv.x, conv.y, conv.groups, conv.features, conv.w_group, conv.w_stride[0],
                            conv.bias, conv.bias_stride, 1, conv.taps());
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
    const int64_t I = rows.outputs, J = columns.outputs, taken = (I - 1) * rows.stride + 3;
    const int64_t work = I * J * (9 + 4) * conv.features;
    parallel_for(conv.x.shape[0] * conv.groups, 1 + GemmBlocks<T>::thread_work / work,
                 [&](int64_t begin, int64_t end) {
                     const Scratch<T> zeros(columns.source);
                     for (int64_t k = 0; k < columns.source; k++) zeros[k] = T(0);
                     const Scratch<const T*> row(taken);
                     RowsPlane<T> plane = {nullptr, conv.w_stride[2], conv.w_stride[3], T(0), columns.source,
                                           J,       nullptr,          conv.y.stride[2]};
                     DepthwiseTask task(begin, conv.groups, 1);
                     for (int64_t k = begin; k < end; k++, task.advance(conv.groups, 1)) {
                         list_rows(row.data(), taken, conv.x.at(task.n, task.group), conv.x.stride[2],
                                   rows.origin, rows.source, zeros.data());
                         for (int64_t m = 0; m < conv.features; m++) {
                             const int64_t o = task.group * conv.features + m;
                             plane.bias = conv.bias ? conv.bias[o * conv.bias_stride] : T(0);
                             plane.y = conv.y.at(task.n, o);
                             plane.w = conv.weights(task.group, m);
                             kernel(plane, row.data(), I);
                         }
                     }
                 });
    return true;
}

// The same of wider filters.
template <typename T>
bool correlate_wide_rows(const Correlation<T>& conv) {
    const Axis &rows = conv.rows, &columns = conv.columns;
    const WideRowsKernel<T> kernel = choose_wide_rows<T>(rows, columns);
    if (kernel.run == nullptr || conv.channels != 1 || conv.x.stride[3] != 1) return false;
    const int64_t I = rows.outputs, J = columns.outputs, K = rows.taps, listed = kernel.rows_listed(I);
    const int64_t work = I * J * (K * K + 4) * conv.features;
    parallel_for(conv.x.shape[0] * conv.groups, 1 + GemmBlocks<T>::thread_work / work,
                 [&](int64_t begin, int64_t end) {
                     const Scratch<T> zeros(columns.source), w(K * K);
                     for (int64_t k = 0; k < columns.source; k++) zeros[k] = T(0);
                     const Scratch<const T*> row(listed);
                     DepthwiseTask task(begin, conv.groups, 1);
                     for (int64_t k = begin; k < end; k++, task.advance(conv.groups, 1))
                         for (int64_t m = 0; m < conv.features; m++) {
                             const int64_t o = task.group * conv.features + m;
                             const T* from = conv.weights(task.group, m);
                             T sum = 0;
                             for (int64_t u = 0; u < K; u++)
                                 for (int64_t v = 0; v < K; v++) {
                                     const T weight = from[u * conv.w_stride[2] + v * conv.w_stride[3]];
                                     w[u * K + v] = weight, sum += weight - weight;
                                 }
                             // Finite weights times zeros around the image are left out.
                             list_rows(row.data(), listed, conv.x.at(task.n, task.group), conv.x.stride[2],
                                       rows.origin, rows.source, sum == 0 ? nullptr : zeros.data());
                             kernel.run({w.data(), conv.bias ? conv.bias[o * conv.bias_stride] : T(0),
                                         columns.source, J, conv.y.at(task.n, o), conv.y.stride[2],
                                         conv.x.stride[1], conv.y.stride[1]},
                                        row.data(), I);
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
    if (((is_narrow || preferred) && correlate_lanes(conv, preferred)) || correlate_rows(conv) ||
        correlate_wide_rows(conv) || correlate_lanes(conv, false))
        return;
    const Axis &rows = conv.rows, &columns = conv.columns;
    const int64_t I = rows.outputs, J = columns.outputs, U = rows.taps, V = columns.taps;
    const int64_t dilation = U == 1 ? 1 : rows.dilation, reach = (U - 1) * rows.dilation + 1;
    const DepthwiseKernel<T>& kernel = choose_depthwise_kernel(conv);
    const RowTaps row_taps(columns);
    const RowFrame<T> one_row(row_taps, 1, 1);
    const Parts stripes(I, depthwise_stripe<T>(one_row.pitch(), conv.channels, reach, rows.stride));
    const RowFrame<T> layout(row_taps, (stripes.size - 1) * rows.stride + reach, conv.channels);
    const Scratch<int64_t> tap(V);
    for (int64_t v = 0; v < V; v++) tap[v] = layout.place(columns.origin + v * columns.dilation);
    const bool one_line = I == 1 && U == 1;
    const bool flat = (I == 1 || conv.y.stride[2] == J) && dilation == 1;
    DepthwisePlane<T> same = {
        nullptr, conv.w_stride + 1, tap.data(), V,      conv.channels, layout.channel(), layout.pitch(),
        T(0),    conv.y.stride[2],  J,          nullptr};
    // With one row of taps, the rows between are not looked at.
    if (U == 1) same.pitch = rows.stride * layout.pitch();
    same.pitch *= dilation, same.y_pitch *= dilation;
    if (one_line) same.pitch = same.y_pitch = W, same.columns = J < W ? J : W;
    const int64_t work = stripes.size * J * (conv.channels * U * V + 4) * conv.features;
    const auto run = [&](int64_t begin, int64_t end) {
        // A frame is filled while the one before is in use: numbers just stored would have to be waited for.
        const int64_t size = whole_vectors<T>(layout.size());
        const Scratch<T> frames(2 * size);
        for (int f = 0; f < 2; f++) layout.clear(frames.data() + f * size);
        const auto fill = [&](const DepthwiseTask& task, T* frame) {
            for (int64_t c = 0; c < conv.channels; c++)
                layout.fill(frame + c * layout.channel(), conv.x.at(task.n, task.group * conv.channels + c),
                            conv.x.stride[2], conv.x.stride[3], rows.source,
                            stripes.begin(task.stripe) * rows.stride + rows.origin,
                            (stripes.length(task.stripe, I) - 1) * rows.stride + reach);
        };
        // So are the rows that it will be written to fetched.
        const auto expect = [&](const DepthwiseTask& task) {
            const int64_t top = stripes.begin(task.stripe), count = stripes.length(task.stripe, I);
            const char* y = reinterpret_cast<const char*>(conv.y.at(task.n, task.group * conv.features) +
                                                          top * conv.y.stride[2]);
            const int64_t bytes = conv.features * count * J * int64_t(sizeof(T));
            if (flat)
                for (int64_t k = 0; k < bytes; k += 64) __builtin_prefetch(y + k, 1);
        };
        DepthwisePlane<T> plane = same;
        DepthwiseTask task(begin, conv.groups, stripes.count), next = task;
        fill(next, frames.data());
        for (int64_t k = begin; k < end; k++, task = next) {
            next.advance(conv.groups, stripes.count);
            if (k + 1 < end) expect(next), fill(next, frames.data() + (k + 1 - begin) % 2 * size);
            const T* frame = frames.data() + (k - begin) % 2 * size;
            const int64_t top = stripes.begin(task.stripe), count = stripes.length(task.stripe, I);
            for (int64_t m = 0; m < conv.features; m++) {
                const int64_t o = task.group * conv.features + m;
                T* y = conv.y.at(task.n, o) + top * conv.y.stride[2];
                plane.w = conv.weights(task.group, m);
                plane.bias = conv.bias ? conv.bias[o * conv.bias_stride] : T(0);
                plane.end = flat ? y + count * J : y;
                if (one_line) {
                    kernel.run(plane, frame, W, y, J < W ? 1 : J / W);
                    if (J > W && J % W > 0) kernel.run(plane, frame + J - W, W, y + J - W, 1);
                } else {
                    for (int64_t r = 0; r < dilation && r < count; r++)
                        kernel.run(plane, frame + r * layout.pitch(), dilation * rows.stride * layout.pitch(),
                                   y + r * conv.y.stride[2], (count - r - 1) / dilation + 1);
                }
            }
        }
    };
    parallel_for(conv.x.shape[0] * conv.groups * stripes.count, 1 + GemmBlocks<T>::thread_work / work, run);
}
template bool is_depthwise(const Correlation<float>&);
template bool is_depthwise(const Correlation<double>&);
template void correlate_depthwise(const Correlation<float>&);
template void correlate_depthwise(const Correlation<double>&);

}  // namespace pydl::PYDL_ISA
