// Depthwise convolutions whose rows are copied into frames (conv2d/depthwise_frame.h).
//
//   for each task: a volume or image, a group, some output slices, some of their rows      (in parallel)
//     copies the rows of the slices that they read into a frame, once each
//     for each output slice: the sums of its tiles (conv2d/depthwise_steps.h)
#pragma once

#include "conv2d/depthwise.h"
#include "conv2d/depthwise_frame.h"
#include "conv2d/depthwise_steps.h"
#include "conv2d/tap_span.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

// A stripe of the rows of one group's outputs of one image, or of some slices of a volume, a slab.
struct DepthwiseTask {
    int64_t n, group, slab, stripe;

    DepthwiseTask(int64_t number, int64_t groups, int64_t slabs = 1, int64_t stripes = 1)
        : n(number / stripes / slabs / groups),
          group(number / stripes / slabs % groups),
          slab(number / stripes % slabs),
          stripe(number % stripes) {}
    void advance(int64_t groups, int64_t slabs = 1, int64_t stripes = 1) {
        if (++stripe < stripes) return;
        stripe = 0;
        if (++slab < slabs) return;
        slab = 0;
        if (++group == groups) group = 0, n++;
    }
};

// Whether no weight times zero is other than zero.
template <typename T>
bool has_finite_weights(const Correlation<T>& conv, int64_t slices) {
    const int64_t U = conv.rows.taps, V = conv.columns.taps, count = conv.groups * conv.features * U * V;
    const int64_t down = conv.w_stride[2], along = conv.w_stride[3];
    // A run of them all, in one order or the reverse, is looked at by vectors.
    if (conv.channels * slices == 1 && along * along == 1 && down == along * V &&
        (conv.features == 1 || conv.w_stride[0] == U * V) && conv.w_group == conv.features * U * V) {
        const T* first = along > 0 ? conv.w : conv.w - U * V + 1;
        vec<T> sum{};
        for (int64_t k = 0; k < count; k += width<T>) {
            const vec<T> weight = load_partial(first + k, count - k);
            sum += weight - weight;
        }
        return !any(sum != sum);
    }
    T sum = 0;
    for (int64_t g = 0; g < conv.groups; g++)
        for (int64_t m = 0; m < conv.features; m++)
            for (int64_t c = 0; c < conv.channels * slices; c++)
                for (int64_t u = 0; u < U; u++)
                    for (int64_t v = 0; v < V; v++) {
                        const T weight = conv.weights(g, m)[c * conv.w_stride[1] + u * down + v * along];
                        sum += weight - weight;
                    }
    return sum == 0;
}

// By frames. Of volumes, the images of x and y are slices.
template <typename T>
void correlate_framed(const Correlation<T>& conv, const Depth& depth) {
    constexpr int64_t W = width<T>;
    const Axis &rows = conv.rows, &columns = conv.columns;
    const int64_t I = rows.outputs, J = columns.outputs, U = rows.taps, V = columns.taps;
    const int64_t Z = depth.axis.outputs, channels = conv.channels;
    const bool apart = U == 1 || rows_apart(rows);
    const int64_t dilation = apart ? 1 : rows.dilation, reach = (U - 1) * rows.dilation + 1;
    const RowTaps row_taps(columns);
    const int64_t row_pitch = RowFrame<T>(row_taps, 1, 1).pitch();
    // Some outputs along the depth share the slices of a frame, if it is not too large for that.
    const int64_t few = (int64_t(64) << 10) / int64_t(sizeof(T)) / (row_pitch * (reach + 15));
    const Parts slabs(Z, few < depth.reach(4) ? 4 : (few - depth.reach(1)) / depth.axis.stride + 1);
    const int64_t slices = depth.reach(slabs.size);
    // Of several stripes all but the last are whole blocks of rows.
    const int64_t most = depthwise_stripe<T>(row_pitch, channels * slices, reach, rows.stride);
    const Parts stripes(I, most, I > most && dilation == 1 ? DepthwiseKernel<T>::most : 1);
    bool zeros = false;
    if constexpr (has_depthwise_volumes<T>) {
        zeros = depth.axis.leaves_source() && !has_finite_weights(conv, depth.axis.taps);
        for (int64_t z = 0; z < Z; z++) zeros = zeros || TapSpan(depth.axis, z).length() == 0;
    }
    const RowFrame<T> layout(row_taps, (stripes.size - 1) * rows.stride + reach, channels * slices + zeros);
    const DepthwiseSteps<T> steps(conv, depth, layout, slices, slabs, zeros);
    const Scratch<int64_t> tap(V);
    for (int64_t v = 0; v < V; v++) tap[v] = layout.place(columns.origin + v * columns.dilation);
    const bool one_line = I == 1 && U == 1;
    const bool flat = (I == 1 || conv.y.stride[2] == J) && dilation == 1;
    DepthwisePlane<T> same = {nullptr,
                              conv.w_stride[2],
                              conv.w_stride[3],
                              tap.data(),
                              V,
                              layout.pitch(),
                              nullptr,
                              nullptr,
                              T(0),
                              conv.y.stride[2],
                              J,
                              nullptr};
    // With one row of taps, the rows between are not looked at.
    if (apart) same.pitch = rows.stride * layout.pitch();
    same.pitch *= dilation, same.y_pitch *= dilation;
    if (one_line) same.pitch = same.y_pitch = W, same.columns = J < W ? J : W;
    // So much that all of it cannot be waited for at once.
    const bool far = exceed(conv.x, conv.y, kCached) && stripes.size * J > 2 * kAheadOfPlane && flat &&
                     conv.x.stride[2] == columns.source;
    const int64_t work =
        slabs.size * stripes.size * J * (channels * depth.axis.taps * U * V + 4) * conv.features;
    const auto run = [&](int64_t begin, int64_t end) {
        // A small frame is filled while the one before is in use: numbers just stored would have to be waited
        // for.
        const bool ahead = Z == 1;
        const int64_t size = whole_vectors<T>(layout.size()), other = ahead ? size : 0;
        const Scratch<T> frames(size + other);
        for (int f = 0; f < 2; f++) layout.clear(frames.data() + f * other);
        const auto fill = [&](const DepthwiseTask& task, T* frame) {
            const int64_t first = depth.first(slabs.begin(task.slab));
            for (int64_t c = 0; c < channels; c++)
                for (int64_t d = 0; d < slices && first + d < depth.axis.source; d++)
                    layout.fill(frame + (c * slices + d) * layout.channel(),
                                conv.x.at(task.n, task.group * channels + c) + (first + d) * depth.slice,
                                conv.x.stride[2], conv.x.stride[3], rows.source,
                                stripes.begin(task.stripe) * rows.stride + rows.origin,
                                (stripes.length(task.stripe, I) - 1) * rows.stride + reach);
        };
        // So are the rows that it will be written to first fetched.
        const auto expect = [&](const DepthwiseTask& task) {
            const int64_t top = stripes.begin(task.stripe), count = stripes.length(task.stripe, I);
            const char* y = reinterpret_cast<const char*>(
                conv.y.at(task.n * Z + slabs.begin(task.slab), task.group * conv.features) +
                top * conv.y.stride[2]);
            const int64_t bytes = conv.features * count * J * int64_t(sizeof(T));
            if (flat && !far)
                for (int64_t k = 0; k < bytes; k += 64) __builtin_prefetch(y + k, 1);
        };
        DepthwisePlane<T> plane = same;
        DepthwiseTask task(begin, conv.groups, slabs.count, stripes.count), next = task;
        if (ahead) fill(next, frames.data());
        for (int64_t k = begin; k < end; k++, task = next) {
            next.advance(conv.groups, slabs.count, stripes.count);
            T* const frame = frames.data() + (k - begin) % 2 * other;
            if (!ahead) fill(task, frame);
            if (k + 1 < end) expect(next);
            if (k + 1 < end && ahead) fill(next, frames.data() + (k + 1 - begin) % 2 * other);
            const int64_t top = stripes.begin(task.stripe), count = stripes.length(task.stripe, I);
            // What lies behind the rows of the next frame.
            const T* behind = conv.x.at(next.n, next.group * channels) +
                              (stripes.begin(next.stripe) + stripes.length(next.stripe, I)) * rows.stride *
                                  conv.x.stride[2];
            for (int64_t m = 0; m < conv.features; m++) {
                const int64_t o = task.group * conv.features + m;
                plane.w = conv.weights(task.group, m);
                plane.bias = conv.bias ? conv.bias[o * conv.bias_stride] : T(0);
                const int64_t first = slabs.begin(task.slab), past = first + slabs.length(task.slab, Z);
                for (int64_t z = first; z < past; z++) {
                    T* y = conv.y.at(task.n * Z + z, o) + top * conv.y.stride[2];
                    plane.end = flat ? y + count * J : y;
                    if (one_line) {
                        steps.run(plane, z, frame, W, y, J < W ? 1 : J / W);
                        if (J > W && J % W > 0) steps.run(plane, z, frame + J - W, W, y + J - W, 1);
                    } else if (far) {
                        // Some rows at a time, while what is needed next is fetched.
                        constexpr int64_t some = DepthwiseKernel<T>::most;
                        for (int64_t i = 0, some_rows; i < count; i += some_rows) {
                            some_rows = count - i < 2 * some ? count - i : some;
                            const int64_t read = some_rows * rows.stride * conv.x.stride[2];
                            ask_for_later(behind, read), behind += read;
                            ask_for_later(y + some_rows * conv.y.stride[2], some_rows * conv.y.stride[2]);
                            steps.run(plane, z, frame + i * rows.stride * layout.pitch(),
                                      rows.stride * layout.pitch(), y, some_rows);
                            y += some_rows * conv.y.stride[2];
                        }
                    } else {
                        for (int64_t r = 0; r < dilation && r < count; r++)
                            steps.run(plane, z, frame + r * layout.pitch(),
                                      dilation * rows.stride * layout.pitch(), y + r * conv.y.stride[2],
                                      (count - r - 1) / dilation + 1);
                    }
                }
            }
        }
    };
    parallel_for(conv.x.shape[0] * conv.groups * slabs.count * stripes.count,
                 1 + GemmBlocks<T>::thread_work / work, run);
}

}  // namespace pydl::PYDL_ISA
