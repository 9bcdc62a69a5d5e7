// conv3d: the convolution of volumes and its gradients. See pydl/ops/conv3d.py and conv2d/conv3d_shape.h.
#include "conv2d/conv3d_shape.h"
#include "conv2d/depthwise.h"
#include "conv2d/phase.h"
#include "conv2d/sparse_volumes.h"
#include "conv2d/weight_gradient.h"
#include "conv2d/winograd_correlate.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void set_constant(const Array<T, 5>& x, const T* value, int64_t stride) {
    const int64_t C = x.shape[1], D = x.shape[2], columns = x.shape[4];
    parallel_for(x.shape[0] * C * D, 1 + 65536 / (x.shape[3] * columns + 1), [&](int64_t begin, int64_t end) {
        for (int64_t s = begin; s < end; s++) {
            const T constant = value != nullptr ? value[s / D % C * stride] : T(0);
            T* row = &x(s / D / C, s / D % C, s % D, 0, 0);
            for (int64_t h = 0; h < x.shape[3]; h++, row += x.stride[3])
                if (x.stride[4] == 1)
                    for (int64_t w = 0; w < columns; w += width<T>)
                        store_partial(row + w, broadcast<T>(constant), columns - w);
                else
                    for (int64_t w = 0; w < columns; w++) row[w * x.stride[4]] = constant;
        }
    });
}

// y from volumes x, along these axes of depth, rows and columns, if that is depthwise; returns whether it
// was.
template <typename T>
bool correlate_depthwise_volumes(Correlation<T> conv, const Array<const T, 5>& x, int64_t channels,
                                 const Axis (&axis)[3]) {
    if constexpr (has_depthwise_volumes<T>) {
        conv.x = {x.data,
                  {x.shape[0], x.shape[1], x.shape[3], x.shape[4]},
                  {x.stride[0], x.stride[1], x.stride[3], x.stride[4]}};
        conv.channels = channels;
        conv.rows = axis[1], conv.columns = axis[2];
        if (axis[0].taps == 1 || x.size() == 0 || !is_depthwise(conv)) return false;
        correlate_depthwise_volumes(conv, {axis[0], x.stride[2]});
        return true;
    }
    return false;
}

template <typename T>
void conv3d_forward(Array<const T, 5> x, Array<const T, 5> w, Optional<Array<const T, 1>> b, Array<T, 5> y,
                    Ints<3> stride, Ints<6> padding, Ints<3> dilation, int64_t groups) {
    const Conv3dShape s =
        conv3d_shape(x, w, y, stride, padding, dilation, groups,
                     "conv3d_forward: x, w, y, stride, padding, dilation and groups do not fit");
    require(!b || b->shape[0] == s.O,
            "conv3d_forward: b must have one element for each of w's output channels");
    require(w.contiguous(), "conv3d_forward: w must be contiguous");
    if (y.size() == 0) return;
    const int64_t filter = w.shape[1] * w.shape[2] * w.shape[3] * w.shape[4];
    Correlation<T> conv;
    conv.y = slices_of(y);
    conv.w = w.data;
    conv.w_group = s.O / groups * filter;
    conv.w_stride[0] = filter;
    conv.w_stride[1] = w.shape[3] * w.shape[4];
    conv.w_stride[2] = w.shape[4];
    conv.w_stride[3] = 1;
    conv.bias = b ? b->data : nullptr;
    conv.bias_stride = b ? b->stride[0] : 0;
    conv.groups = groups;
    conv.features = s.O / groups;
    if (correlate_depthwise_volumes(conv, x, s.C / groups, s.axis)) return;
    if (has_one_tap(s) && is_flat(y)) {
        conv.channels = s.C / groups;
        const bool in_place = meets_all(s) && is_flat(x);
        const Scratch<T> copy(in_place ? 0 : s.N * s.C * s.outputs());
        const Array<T, 5> met = met_volumes(copy.data(), s);
        if (!in_place) copy_met(x, s, met);
        return correlate_flat(conv, in_place ? flat_images<const T>(x) : flat_images<const T>(met), y);
    }
    const PaddedVolumes<T> padded = padded_depth(x, s);
    conv.x = images_of(padded.volumes(), s);
    conv.channels = s.C / groups * s.axis[0].taps;
    conv.rows = s.axis[1];
    conv.columns = s.axis[2];
    correlate(conv);
}
PYDL_KERNEL(conv3d_forward, "x, w, b, y, stride, padding, dilation, groups")

// The filters of one phase of the gradient: the taps first, first + step, ... from the last to the first,
// input and output channels exchanged.
template <typename T>
[[gnu::noinline]] void turn_filters(const Array<const T, 5>& w, const Conv3dShape& s, const Phase (&phase)[3],
                                    T* to) {
    const int64_t C = s.C, features = s.O / s.groups, per_group = w.shape[1];
    const int64_t T0 = phase[0].axis.taps, U = phase[1].axis.taps, V = phase[2].axis.taps;
    int64_t last = 0, step[3];
    for (int d = 0; d < 3; d++) {
        last += phase[d].last_tap * w.stride[2 + d];
        step[d] = stride_of(phase[d].axis.taps, -phase[d].step, w.stride[2 + d]);
    }
    const bool in_runs = step[2] == 1 && step[1] == V;  // those of a slice
    // Neighbouring channels are neighbours in w, neighbouring features in what is written: of these, a line
    // of the cache is written before the next channel's.
    constexpr int64_t some = 64 / int64_t(sizeof(T));
    const Parts blocks(s.C, 8);
    const int64_t next_feature = w.stride[0], depth_step = step[0], row_step = step[1], column_step = step[2];
    parallel_for(blocks.count, 1 + 4096 / (features * T0 * U * V), [=, &w](int64_t begin, int64_t end) {
        const int64_t first = blocks.begin(begin), stop = end < blocks.count ? blocks.begin(end) : C;
        for (int64_t block = 0; block < features; block += some)
            for (int64_t channel = first; channel < stop; channel++) {
                const int64_t past = block + some < features ? block + some : features;
                const T* feature = w.data + (channel / per_group * features + block) * next_feature +
                                   channel % per_group * w.stride[1] + last;
                T* tap = to + (channel * features + block) * T0 * U * V;
                for (int64_t o = block; o < past; o++, feature += next_feature) {
                    const T* from = feature;
                    for (int64_t t = 0; t < T0; t++, from += depth_step) {
                        if (U * V == 1) {
                            *tap++ = *from;
                        } else if (in_runs) {
                            copy_row(tap, from, U * V);
                            tap += U * V;
                        } else {
                            for (int64_t u = 0; u < U; u++)
                                for (int64_t v = 0; v < V; v++) *tap++ = from[u * row_step + v * column_step];
                        }
                    }
                }
            }
    });
}

// Of filters with one tap, the products of all voxels that outputs meet, and what is between; for flat dy.
template <typename T>
void one_tap_input_gradient(const Array<const T, 5>& dy, const Array<const T, 5>& w, const T* bias,
                            int64_t bias_stride, const Array<T, 5>& dx, const Conv3dShape& s) {
    const bool in_place = meets_all(s) && is_flat(dx);
    const Scratch<T> copy(in_place ? 0 : s.N * s.C * s.outputs());
    const Array<T, 5> products = in_place ? dx : met_volumes(copy.data(), s);
    Correlation<T> conv;
    conv.w = w.data;
    conv.w_group = s.O / s.groups * w.stride[0];
    conv.w_stride[0] = w.stride[1], conv.w_stride[1] = w.stride[0];
    conv.w_stride[2] = conv.w_stride[3] = 1;
    conv.bias = bias;
    conv.bias_stride = bias_stride;
    conv.groups = s.groups;
    conv.channels = s.O / s.groups;
    conv.features = s.C / s.groups;
    correlate_flat(conv, flat_images<const T>(dy), products);
    if (!in_place) spread(products, bias, bias_stride, dx, s);
}

// Depthwise without a stride: a convolution of dy by the filters turned. Returns whether it was one.
template <typename T>
bool depthwise_input_gradient(const Array<const T, 5>& dy, const Array<const T, 5>& w, const T* bias,
                              int64_t bias_stride, const Array<T, 5>& dx, const Conv3dShape& s) {
    if constexpr (has_depthwise_volumes<T>) {
        if (s.axis[0].taps == 1 || s.C / s.groups > 2 || s.O / s.groups > 8) return false;
        Phase phase[3];
        for (int d = 0; d < 3; d++) {
            if (s.axis[d].stride != 1) return false;
            phase[d] = conv2d_phase(s.axis[d], 0);
        }
        const Axis axis[3] = {phase[0].axis, phase[1].axis, phase[2].axis};
        const Scratch<T> filters(w.size());
        turn_filters(w, s, phase, filters.data());
        Correlation<T> conv;
        conv.y = slices_of(dx);
        conv.w = filters.data();
        conv.w_stride[3] = 1;
        conv.w_stride[2] = axis[2].taps;
        conv.w_stride[1] = axis[1].taps * axis[2].taps;
        conv.w_stride[0] = s.O / s.groups * axis[0].taps * conv.w_stride[1];
        conv.w_group = s.C / s.groups * conv.w_stride[0];
        conv.bias = bias;
        conv.bias_stride = bias_stride;
        conv.groups = s.groups;
        conv.features = s.C / s.groups;
        return correlate_depthwise_volumes(conv, dy, s.O / s.groups, axis);
    }
    return false;
}

template <typename T>
void input_gradient(const Array<const T, 5>& dy, const Array<const T, 5>& w, const T* bias,
                    int64_t bias_stride, const Array<T, 5>& dx, const Conv3dShape& s, bool tiled) {
    if (dx.size() == 0) return;
    if (s.O > 0 && has_one_tap(s) && is_flat(dy))
        return one_tap_input_gradient(dy, w, bias, bias_stride, dx, s);
    if (s.O == 0 || has_gaps(s.axis[0]) || has_gaps(s.axis[1]) || has_gaps(s.axis[2]))
        set_constant(dx, bias, bias_stride);
    if (s.O == 0 || depthwise_input_gradient(dy, w, bias, bias_stride, dx, s)) return;
    // Phases of rows and columns may be left to the convolution of slices.
    const bool slices_have_phases = tiled || gradient_has_phases(s.axis[1], s.axis[2]);
    // Without a stride, convolutions of slices know how to be spared zeros around them, which pays where the
    // features fill a vector.
    const bool slices_have_zeros =
        slices_have_phases || (s.axis[1].stride == 1 && s.axis[2].stride == 1 && s.C / s.groups >= 8);
    // One copy of dy with all the other zeros that any phase needs.
    int64_t before[3] = {}, size[3];
    for (int d = 0; d < 3; d++) {
        int64_t first = 0, last = s.axis[d].outputs;
        for (int64_t a = 0; a < phase_count(s.axis[d]) && (d == 0 || !slices_have_zeros); a++) {
            const Axis axis = conv2d_phase(s.axis[d], a).axis;
            if (axis.taps == 0) continue;
            const int64_t end = axis.origin + (axis.outputs - 1) + (axis.taps - 1) * axis.dilation + 1;
            if (axis.origin < first) first = axis.origin;
            if (end > last) last = end;
        }
        before[d] = -first;
        size[d] = last - first;
    }
    const PaddedVolumes<T> padded(dy, before, size);
    const Array<const T, 5>& source = padded.volumes();
    const Scratch<T> filters(w.size());
    Correlation<T> conv;
    conv.w = filters.data();
    conv.bias = bias;
    conv.bias_stride = bias_stride;
    conv.groups = s.groups;
    conv.features = s.C / s.groups;
    int64_t phases[3];
    for (int d = 0; d < 3; d++) phases[d] = d > 0 && slices_have_phases ? 1 : phase_count(s.axis[d]);
    for (int64_t k = 0; k < phases[0] * phases[1] * phases[2]; k++) {
        const int64_t residue[3] = {k / phases[2] / phases[1], k / phases[2] % phases[1], k % phases[2]};
        Phase phase[3];
        for (int d = 0; d < 3; d++) {
            phase[d] = conv2d_phase(s.axis[d], residue[d]);
            // The filters as they are, then.
            if (d > 0 && slices_have_phases) phase[d] = {s.axis[d], 0, -1};
        }
        const Axis &depth = phase[0].axis, rows = phase[1].axis, columns = phase[2].axis;
        if (depth.taps == 0 || rows.taps == 0 || columns.taps == 0) continue;
        turn_filters(w, s, phase, filters.data());
        conv.channels = s.O / s.groups * depth.taps;
        conv.w_stride[3] = 1;
        conv.w_stride[2] = columns.taps;
        conv.w_stride[1] = rows.taps * columns.taps;
        conv.w_stride[0] = conv.channels * conv.w_stride[1];
        conv.w_group = conv.features * conv.w_stride[0];
        conv.rows = rows;
        conv.rows.source = size[1], conv.rows.origin += before[1];
        conv.columns = columns;
        conv.columns.source = size[2], conv.columns.origin += before[2];
        conv.x = {source.data + (depth.origin + before[0]) * source.stride[2],
                  {s.N * depth.outputs, s.O * depth.taps, size[1], size[2]},
                  {source.stride[0], source.stride[1], source.stride[3], source.stride[4]},
                  depth.outputs,
                  source.stride[2],
                  depth.taps,
                  depth.dilation * source.stride[2]};
        const int64_t depth_stride = stride_of(depth.outputs, s.axis[0].stride, dx.stride[2]);
        if (slices_have_phases) {
            conv.y = {&dx(0, 0, residue[0], 0, 0),
                      {s.N * depth.outputs, s.C, dx.shape[3], dx.shape[4]},
                      {dx.stride[0], dx.stride[1], dx.stride[3], dx.stride[4]},
                      depth.outputs,
                      depth_stride};
            if (tiled)
                correlate_winograd_phases(conv, s.axis[1], s.axis[2]);
            else
                correlate_phases(conv, s.axis[1], s.axis[2]);
            continue;
        }
        conv.y = {&dx(0, 0, residue[0], residue[1], residue[2]),
                  {s.N * depth.outputs, s.C, rows.outputs, columns.outputs},
                  {dx.stride[0], dx.stride[1], stride_of(rows.outputs, s.axis[1].stride, dx.stride[3]),
                   stride_of(columns.outputs, s.axis[2].stride, dx.stride[4])},
                  depth.outputs,
                  depth_stride};
        correlate(conv);
    }
}
template void input_gradient(const Array<const float, 5>&, const Array<const float, 5>&, const float*,
                             int64_t, const Array<float, 5>&, const Conv3dShape&, bool);
template void input_gradient(const Array<const double, 5>&, const Array<const double, 5>&, const double*,
                             int64_t, const Array<double, 5>&, const Conv3dShape&, bool);

template <typename T>
void conv3d_input_gradient(Array<const T, 5> dy, Array<const T, 5> w, Array<T, 5> dx, Ints<3> stride,
                           Ints<6> padding, Ints<3> dilation, int64_t groups) {
    const Conv3dShape s =
        conv3d_shape(dx, w, dy, stride, padding, dilation, groups,
                     "conv3d_input_gradient: dy, w, dx, stride, padding, dilation and groups do not fit");
    input_gradient<T>(dy, w, nullptr, 0, dx, s);
}
PYDL_KERNEL(conv3d_input_gradient, "dy, w, dx, stride, padding, dilation, groups")

template <typename T>
void conv3d_weight_gradient(Array<const T, 5> dy, Array<const T, 5> x, Array<T, 5> dw,
                            Optional<Array<T, 1>> db, Ints<3> stride, Ints<6> padding, Ints<3> dilation,
                            int64_t groups) {
    const Conv3dShape s = conv3d_shape(
        x, dw, dy, stride, padding, dilation, groups,
        "conv3d_weight_gradient: dy, x, dw, db, stride, padding, dilation and groups do not fit");
    require(!db || db->shape[0] == s.O,
            "conv3d_weight_gradient: db must have one element for each of dw's output channels");
    require(dw.contiguous(), "conv3d_weight_gradient: dw must be contiguous");
    const PaddedVolumes<T> padded = padded_depth(x, s);
    add_up_weight_gradient<T>(slices_of(dy), images_of(padded.volumes(), s), images_shape(s), filters_of(dw),
                              db ? db->data : nullptr, db ? db->stride[0] : 0);
}
PYDL_KERNEL(conv3d_weight_gradient, "dy, x, dw, db, stride, padding, dilation, groups")

}  // namespace pydl::PYDL_ISA
