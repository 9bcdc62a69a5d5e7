// conv2d: the convolution and its gradient with respect to the input. See pydl/ops/conv2d.py.
#include "conv2d/batch.h"
#include "conv2d/correlate.h"
#include "conv2d/depthwise.h"
#include "conv2d/direct.h"
#include "conv2d/feature_lanes.h"
#include "conv2d/few_patches.h"
#include "conv2d/flat.h"
#include "conv2d/fold.h"
#include "conv2d/forward_cost.h"
#include "conv2d/framed_features.h"
#include "conv2d/phase.h"
#include "conv2d/phase_images.h"
#include "conv2d/pointwise.h"
#include "conv2d/product.h"
#include "conv2d/scatter.h"
#include "conv2d/shape.h"
#include "conv2d/sparse.h"
#include "conv2d/stride_cost.h"
#include "conv2d/tiling.h"
#include "conv2d/transposed_patches.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

// The same convolution with rows and columns exchanged.
template <typename T>
Correlation<T> turned(const Correlation<T>& conv) {
    Correlation<T> other = conv;
    const auto swap = [](int64_t& a, int64_t& b) {
        const int64_t c = a;
        a = b, b = c;
    };
    other.rows = conv.columns, other.columns = conv.rows;
    swap(other.x.shape[2], other.x.shape[3]), swap(other.x.stride[2], other.x.stride[3]);
    swap(other.y.shape[2], other.y.shape[3]), swap(other.y.stride[2], other.y.stride[3]);
    swap(other.w_stride[2], other.w_stride[3]);
    // What a single column's elements would be apart does not matter.
    if (other.columns.source == 1) other.x.stride[3] = 1;
    other.y.stride[3] = 1;
    return other;
}

// The same convolution, its images copied to `pixels`, unless that is null, so that the pixels of a column
// are neighbours. Those meet the same taps of filters of one row, and tiles of them no zeros beside the
// image.
template <typename T>
Correlation<T> with_turned_images(const Correlation<T>& conv, T* pixels) {
    const Images<const T>& x = conv.x;
    const int64_t C = x.shape[1], H = x.shape[2], W = x.shape[3];
    if (pixels != nullptr)
        parallel_for(x.shape[0] * C, 1 + 16384 / (H * W), [&](int64_t begin, int64_t end) {
            for (int64_t k = begin; k < end; k++)
                turn(x.at(k / C, k % C), x.stride[2], pixels + k * H * W, H, W, H);
        });
    Correlation<T> other = conv;
    other.x = {pixels, {x.shape[0], C, H, W}, {C * H * W, H * W, 1, H}};
    return other;
}

// Whether that pays, for filters of one row that take so long otherwise.
template <typename T>
bool pays_to_turn_images(const Correlation<T>& conv, double other) {
    if (conv.rows.taps > 1 || conv.rows.stride > 1 || conv.x.stride[3] != 1 || conv.rows.outputs < 8)
        return false;
    const int64_t* size = conv.x.shape;
    const double copied = double(size[0]) * double(size[1]) * double(size[2]) * double(size[3]) / width<T>;
    return ForwardCost<T>(with_turned_images<T>(conv, nullptr))[Way::lanes] + 8 * copied < other;
}

// y with output channels as lanes, unless that is not exact; returns whether it was.
template <typename T>
bool correlate_features(const Correlation<T>& conv) {
    const FeatureLanes<T> lanes(conv);
    return lanes.is_exact() && (lanes.run(), true);
}

template <typename T>
void correlate(const Correlation<T>& conv) {
    if constexpr (has_special_kernels) {
        if (is_depthwise(conv)) return correlate_depthwise(conv);
        if (pays_to_multiply(conv)) return correlate_pointwise(conv);
    }
    const ForwardCost<T> cost(conv);
    Way way = cost.best();
    if constexpr (has_feature_lanes<T>) {
        if (way == Way::lanes) {
            if (correlate_features(conv)) return;
            way = cost.best(Way::framed);
        }
        if (pays_to_turn_images(conv, cost[way])) {
            const Scratch<T> pixels(conv.x.shape[0] * conv.x.shape[1] * conv.x.shape[2] * conv.x.shape[3]);
            if (correlate_features(with_turned_images(conv, pixels.data()))) return;
        }
    }
    if (way == Way::sparse) {
        const Scratch<T> pixels(conv.x.shape[0] * conv.groups * conv.channels * conv.rows.outputs *
                                conv.columns.outputs);
        return correlate(dense_correlation(conv, pixels.data()));
    }
    // Of a long row, every task would copy all; of a long column, its part.
    if (conv.rows.outputs == 1 && conv.rows.taps == 1 && conv.columns.outputs > 1)
        return correlate(turned(conv));
    if (pays_to_stack_whole(conv)) return BatchProduct<T>(conv).run();
    if constexpr (has_feature_lanes<T>)
        if (way == Way::framed)
            return FramedFeatures<T>(conv, AxisPhases(conv.rows), AxisPhases(conv.columns)).run();
    if (way == Way::direct)
        correlate_direct(conv);
    else if (way == Way::flat)
        FlatProduct<T>(conv, AxisPhases(conv.rows), AxisPhases(conv.columns)).run();
    else
        correlate_product(conv);
}
template void correlate(const Correlation<float>&);
template void correlate(const Correlation<double>&);

template <typename T>
void conv2d_forward(Array<const T, 4> x, Array<const T, 4> w, Optional<Array<const T, 1>> b, Array<T, 4> y,
                    Ints<2> stride, Ints<4> padding, Ints<2> dilation, int64_t groups) {
    const Conv2dShape s =
        conv2d_shape(x, w, y, stride, padding, dilation, groups,
                     "conv2d_forward: x, w, y, stride, padding, dilation and groups do not fit");
    require(!b || b->shape[0] == s.O,
            "conv2d_forward: b must have one element for each of w's output channels");
    if (y.size() == 0) return;
    if constexpr (has_feature_lanes<T>)
        if (FewPatches<T>::suits(s, w))
            return FewPatches<T>(s, w).forward(x, b ? b->data : nullptr, b ? b->stride[0] : 0, y);
    correlate(forward_correlation(x, w, b, y, s));
}
PYDL_KERNEL(conv2d_forward, "x, w, b, y, stride, padding, dilation, groups")

// Gathering computes a product for every tap of every pixel of x, also where the tap meets the padding of dy;
// scattering none too many, but adds up shares, which is worth it where each is a sum over several output
// channels.
inline bool pays_to_scatter(const Conv2dShape& s) {
    const bool all_meet = s.rows.stride == 1 && s.columns.stride == 1 && 4 * s.H * s.W <= 5 * s.I * s.J;
    return s.O / s.groups >= 8 && (!all_meet || s.C / s.groups <= kFewFeatures);
}

// Whether the phases of a gradient are better computed one after the other: phases of rows, with few channels
// on both sides.
template <typename T>
bool pays_to_write_rows_apart(const Correlation<T>& conv, const Conv2dShape& s) {
    return s.columns.stride == 1 &&
           conv.features <= (conv.groups > 1 ? most_direct_features<T> : kFewFeatures) && conv.channels < 8;
}

// Whether the gradient of a convolution without stride is better gathered than computed in any other way.
template <typename T>
bool pays_to_gather(const Correlation<T>& conv, const Conv2dShape& s) {
    const ForwardCost<T> cost(conv);
    const Way way = cost.best();
    if (!pays_to_scatter(s)) return way == Way::lanes;
    if (way != Way::lanes && pays_to_stack_padded(conv)) return false;
    if (pays_to_fold(s)) return cost[way] < 2 * cost_of_folding<T>(s);
    return cost[way] < StrideCost<T>(conv, AxisPhases(conv.rows), AxisPhases(conv.columns)).scattered();
}

template <typename T>
void correlate_phases(const Correlation<T>& conv, const Axis& rows, const Axis& columns) {
    const AxisPhases of_rows(rows, phase_count(rows)), of_columns(columns, phase_count(columns));
    if constexpr (has_feature_lanes<T>) {
        const StrideCost<T> cost(conv, of_rows, of_columns);
        if (cost.lanes() < cost.flat()) return FramedFeatures<T>(conv, of_rows, of_columns).run();
    }
    FlatProduct<T>(conv, of_rows, of_columns).run();
}
template void correlate_phases(const Correlation<float>&, const Axis&, const Axis&);
template void correlate_phases(const Correlation<double>&, const Axis&, const Axis&);

template <typename T>
void input_gradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                    int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s) {
    if (dx.size() == 0) return;
    if constexpr (has_special_kernels) {
        if (is_depthwise_of_stride_2(s, dx)) return depthwise_input_gradient(dy, w, bias, bias_stride, dx, s);
        if (strided_depthwise_gradient(dy, w, bias, bias_stride, dx, s)) return;
    }
    Correlation<T> conv = gradient_correlation(dy, w, bias, bias_stride, dx, s);
    const auto set_phase = [&](const Phase& row, const Phase& column, int64_t a, int64_t c) {
        conv.rows = row.axis;
        conv.columns = column.axis;
        conv.w = w.data + row.last_tap * w.stride[2] + column.last_tap * w.stride[3];
        conv.w_stride[2] = stride_of(row.axis.taps, -row.step, w.stride[2]);
        conv.w_stride[3] = stride_of(column.axis.taps, -column.step, w.stride[3]);
        conv.y = {&dx(0, 0, a, c),
                  {s.N, s.C, row.axis.outputs, column.axis.outputs},
                  {dx.stride[0], dx.stride[1], stride_of(row.axis.outputs, s.rows.stride, dx.stride[2]),
                   stride_of(column.axis.outputs, s.columns.stride, dx.stride[3])}};
    };
    if (s.O > 0 && is_sparse(s.rows, s.columns)) {
        const Scratch<T> products(s.N * s.C * s.I * s.J);
        conv.w = w.data;
        conv.w_stride[2] = conv.w_stride[3] = 1;
        conv.rows = dense_axis(s.rows), conv.columns = dense_axis(s.columns);
        conv.y = dense_images(products.data(), s.N, s.C, s.rows, s.columns);
        correlate(conv);
        return spread(products.data(), bias, bias_stride, dx, s);
    }
    if (s.rows.stride == 1 && s.columns.stride == 1) {
        set_phase(conv2d_phase(s.rows, 0), conv2d_phase(s.columns, 0), 0, 0);
        if constexpr (has_feature_lanes<T>)
            if (pays_to_gather(conv, s)) return correlate(conv);
        if (pays_to_stack_padded(conv)) return BatchProduct<T>(conv).run();
    }
    if constexpr (has_feature_lanes<T>) {
        if (FewPatches<T>::suits_gradient(s, w))
            return FewPatches<T>(s, w).input_gradient(dy, bias, bias_stride, dx);
        if (TransposedPatches<T>::suits(conv, w, s))
            return TransposedPatches<T>(dy, w, bias, bias_stride, dx, s).run();
    }
    if constexpr (has_special_kernels)
        if (pays_to_scatter(s) && pays_to_fold(s))
            return FoldedGradient<T>(dy, w, bias, bias_stride, dx, s).run();
    if (s.O > 0 && gradient_has_phases(s.rows, s.columns) && !pays_to_write_rows_apart(conv, s)) {
        const AxisPhases rows(s.rows, phase_count(s.rows)), columns(s.columns, phase_count(s.columns));
        if (StrideCost<T>(conv, rows, columns).gathers()) return correlate_phases(conv, s.rows, s.columns);
        return ScatteredGradient<T>(dy, w, bias, bias_stride, dx, s).run();
    }
    if (pays_to_scatter(s)) return ScatteredGradient<T>(dy, w, bias, bias_stride, dx, s).run();
    // In float64, merging would seldom be worth its size.
    const bool apart = has_feature_lanes<T> && s.O > 0 && s.columns.stride > 1;
    if (s.O == 0 || (!apart && (has_gaps(s.rows) || has_gaps(s.columns))))
        fill_channels(dx, bias, bias_stride);
    if (s.O == 0) return;
    const PhaseImages<T> images(s, apart);
    for (int64_t a = 0; a < s.rows.stride && a < s.H; a++) {
        const Phase row = conv2d_phase(s.rows, a);
        if (row.axis.taps == 0) continue;
        for (int64_t c = 0; c < s.columns.stride && c < s.W; c++) {
            const Phase column = conv2d_phase(s.columns, c);
            if (column.axis.taps == 0) continue;
            set_phase(row, column, a, c);
            if constexpr (has_feature_lanes<T>)
                if (apart) conv.y = images.phase(a, c);
            correlate(conv);
        }
    }
    if constexpr (has_feature_lanes<T>)
        if (apart) images.merge(bias, bias_stride, dx);
}
template void input_gradient(const Array<const float, 4>&, const Array<const float, 4>&, const float*,
                             int64_t, const Array<float, 4>&, const Conv2dShape&);
template void input_gradient(const Array<const double, 4>&, const Array<const double, 4>&, const double*,
                             int64_t, const Array<double, 4>&, const Conv2dShape&);

template <typename T>
void conv2d_input_gradient(Array<const T, 4> dy, Array<const T, 4> w, Array<T, 4> dx, Ints<2> stride,
                           Ints<4> padding, Ints<2> dilation, int64_t groups) {
    const Conv2dShape s =
        conv2d_shape(dx, w, dy, stride, padding, dilation, groups,
                     "conv2d_input_gradient: dy, w, dx, stride, padding, dilation and groups do not fit");
    input_gradient<T>(dy, w, nullptr, 0, dx, s);
}
PYDL_KERNEL(conv2d_input_gradient, "dy, w, dx, stride, padding, dilation, groups")

}  // namespace pydl::PYDL_ISA
