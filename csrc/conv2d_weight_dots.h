// The weight gradient where groups have few features, such as the depthwise convolution's: with output
// channels as lanes most of them would be empty, so the lanes are pixels. Each weight is then a dot product
// of two images,
//
//     dw[o, (c, u, v)] = sum over (n, i, j) of  dy[n, o, i, j] * frame[tap (c, u, v), (i, j)],
//
// and a handful of taps share each vector of dy. The bias's gradient is the sum for the pixel 1.
#pragma once

#include "conv2d_shape.h"
#include "gemm_blocked.h"

namespace pydl::PYDL_ISA {

template <typename T>
constexpr int64_t kDotFeatures = width<T> >= 8 ? 4 : 2;

constexpr int kDotTaps = 8;  // dot products at once: enough to hide the latency of an addition

// acc[t] += sum over `rows` rows of dy * frame, at kDotTaps offsets of the frame.
template <typename T>
void dot_rows(vec<T>* acc, const T* dy, int64_t dy_pitch, const T* frame, const int64_t* offset,
              int64_t frame_pitch, int64_t rows, int64_t columns) {
    vec<T> sum[kDotTaps];
    const T* tap[kDotTaps];
#pragma GCC unroll 8
    for (int t = 0; t < kDotTaps; t++) sum[t] = acc[t], tap[t] = frame + offset[t];
    for (int64_t i = 0; i < rows; i++, dy += dy_pitch) {
        int64_t j = 0;
        for (; j + width<T> <= columns; j += width<T>) {
            const vec<T> slope = load(dy + j);
#pragma GCC unroll 8
            for (int t = 0; t < kDotTaps; t++)
                sum[t] = fma(slope, load(tap[t] + i * frame_pitch + j), sum[t]);
        }
        if (j < columns) {
            // Both sides cut off: beyond the row's end a frame may hold infinities, which times 0 are not 0.
            const vec<T> slope = load_partial(dy + j, columns - j);
#pragma GCC unroll 8
            for (int t = 0; t < kDotTaps; t++)
                sum[t] = fma(slope, load_partial(tap[t] + i * frame_pitch + j, columns - j), sum[t]);
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < kDotTaps; t++) acc[t] = sum[t];
}

template <typename T>
void dot_weight_gradient(Array<const T, 4> dy, Array<const T, 4> x, const Conv2dShape& s, Array<T, 4> dw,
                         T* db, int64_t db_stride) {
    const int64_t channels = s.C / s.groups, features = s.O / s.groups, taps = s.U * s.V;
    const Parts stripes(s.I, 1 + (1 + 16384 / (channels * s.rows.stride * s.columns.stride)) / s.J);
    const FrameLayout layout(s.rows, s.columns, stripes.size);
    // All taps of a filter, the bias's, and as many more as fill the last handful; these read what the first
    // tap does.
    const int64_t weights = channels * taps + 1, padded = (weights + kDotTaps - 1) / kDotTaps * kDotTaps;
    const int64_t ones = channels * layout.channel();
    const Scratch<int64_t> offset(padded);
    for (int64_t k = 0; k < padded; k++)
        offset[k] = k < weights - 1 ? k / taps * layout.channel() + layout.taps()[k % taps] : ones;

    const int64_t strips = s.N * stripes.count, wanted = 16;
    const Parts parts(strips, (strips * s.groups - 1) / wanted + 1);
    const int64_t size = features * padded;
    const Scratch<T> partial(s.groups * parts.count * size);
    const int64_t work = parts.size * stripes.size * s.J * size;
    parallel_for(s.groups * parts.count, 1 + GemmBlocks<T>::thread_work / (work + 1),
                 [&](int64_t begin, int64_t end) {
                     const Scratch<T> frame(ones + layout.channel()),
                         dy_rows(dy.stride[3] == 1 ? 0 : stripes.size * s.J);
                     const Scratch<vec<T>> acc(size);
                     for (int64_t k = ones; k < ones + layout.channel(); k++) frame[k] = T(1);
                     for (int64_t task = begin; task < end; task++) {
                         const int64_t part = task % parts.count, g = task / parts.count;
                         for (int64_t k = 0; k < size; k++) acc[k] = vec<T>{};
                         for (int64_t strip = parts.begin(part);
                              strip < parts.begin(part) + parts.length(part, strips); strip++) {
                             const int64_t n = strip / stripes.count, stripe = strip % stripes.count;
                             const int64_t top = stripes.begin(stripe), rows = stripes.length(stripe, s.I);
                             layout.fill(frame.data(), x.data + n * x.stride[0] + g * channels * x.stride[1],
                                         x.stride, channels, top, rows);
                             for (int64_t o = 0; o < features; o++) {
                                 const T* slopes = &dy(n, g * features + o, top, 0);
                                 int64_t pitch = dy.stride[2];
                                 if (dy.stride[3] != 1) {
                                     for (int64_t i = 0; i < rows; i++)
                                         copy_padded<T>(dy_rows.data() + i * s.J, s.J, slopes + i * pitch,
                                                        dy.stride[3], s.J, 0, 1);
                                     slopes = dy_rows.data();
                                     pitch = s.J;
                                 }
                                 for (int64_t k = 0; k < padded; k += kDotTaps)
                                     dot_rows<T>(&acc[o * padded + k], slopes, pitch, frame.data(),
                                                 offset.data() + k, layout.pitch(), rows, s.J);
                             }
                         }
                         for (int64_t k = 0; k < size; k++) partial[task * size + k] = reduce_add(acc[k]);
                     }
                 });
    for (int64_t o = 0; o < s.O; o++)
        for (int64_t k = 0; k < weights; k++) {
            const int64_t g = o / features;
            T total = T(0);
            for (int64_t part = 0; part < parts.count; part++)
                total += partial[(g * parts.count + part) * size + o % features * padded + k];
            if (k < weights - 1)
                dw(o, k / taps, k % taps / s.V, k % s.V) = total;
            else if (db != nullptr)
                db[o * db_stride] = total;
        }
}

}  // namespace pydl::PYDL_ISA
