// The sizes of a three-dimensional convolution, and how it is seen as one of images.
//
// With the depth taps as further channels, output slice z of volume n is an image of its own:
//
//     y[(n, z), o, i, j] = sum over (c, t), u, v of  w[o, (c, t), u, v] * x[n, c, z*stride + t*dilation, ...]
//
// so that what conv2d does with images and channels does it all (Images in conv2d/frame.h). The depth's zeros
// cannot be left out then, and volumes that need some are copied with their padding.
#pragma once

#include "conv2d/correlate.h"

namespace pydl::PYDL_ISA {

struct Conv3dShape {
    int64_t N, C, O, groups;
    Axis axis[3];  // depth, rows, columns: from outputs to x

    int64_t outputs() const { return axis[0].outputs * axis[1].outputs * axis[2].outputs; }
};

template <typename X, typename W, typename Y>
Conv3dShape conv3d_shape(const X& x, const W& w, const Y& y, const Ints<3>& stride, const Ints<6>& padding,
                         const Ints<3>& dilation, int64_t groups, const char* mismatch) {
    require(groups >= 1 && x.shape[0] == y.shape[0] && w.shape[0] == y.shape[1], mismatch);
    require(x.shape[1] % groups == 0 && x.shape[1] / groups == w.shape[1] && w.shape[0] % groups == 0,
            mismatch);
    Conv3dShape s = {x.shape[0], x.shape[1], w.shape[0], groups, {}};
    for (int d = 0; d < 3; d++)
        s.axis[d] = conv2d_axis(x.shape[2 + d], w.shape[2 + d], y.shape[2 + d], stride[d], padding[2 * d],
                                padding[2 * d + 1], dilation[d], mismatch);
    return s;
}

// dx, each channel of which begins with its bias unless that is null: the transposed convolution of dy.
// tiled: by Winograd's algorithm, where it has phases along rows and columns (correlate_winograd_phases).
template <typename T>
void input_gradient(const Array<const T, 5>& dy, const Array<const T, 5>& w, const T* bias,
                    int64_t bias_stride, const Array<T, 5>& dx, const Conv3dShape& s, bool tiled = false);

// A volume that no tap leaves: x itself, or a copy with zeros around it.
template <typename T>
class PaddedVolumes {
  public:
    // before[d], size[d]: zeros in front of x along axis d, and length with all padding.
    PaddedVolumes(const Array<const T, 5>& x, const int64_t (&before)[3], const int64_t (&size)[3])
        : volumes_(x), copy_(needed(x, before, size) ? elements(x, size) : 0) {
        if (!needed(x, before, size)) return;
        const int64_t C = x.shape[1], slices = C * size[0];
        volumes_ = {copy_.data(),
                    {x.shape[0], C, size[0], size[1], size[2]},
                    {slices * size[1] * size[2], size[0] * size[1] * size[2], size[1] * size[2], size[2], 1}};
        // A slice without zeros of its own is one row.
        const bool whole = before[1] == 0 && before[2] == 0 && size[1] == x.shape[3] &&
                           size[2] == x.shape[4] && x.stride[4] == 1 && x.stride[3] == x.shape[4];
        const int64_t rows = whole ? 1 : size[1], columns = whole ? size[1] * size[2] : size[2];
        const PaddedRow line(columns, whole ? columns : x.shape[4], -before[2], 1), zeros(columns, 0, 0, 1);
        parallel_for(x.shape[0] * slices, 1 + 32768 / (size[1] * size[2]), [&](int64_t begin, int64_t end) {
            for (int64_t s = begin; s < end; s++) {
                const int64_t n = s / slices, c = s / size[0] % C, d = s % size[0] - before[0];
                const T* slice = x.data + n * x.stride[0] + c * x.stride[1] + d * x.stride[2];
                T* to = copy_.data() + s * size[1] * size[2];
                for (int64_t r = 0; r < rows; r++, to += columns) {
                    const int64_t h = r - before[1];
                    const bool inside = d >= 0 && d < x.shape[2] && h >= 0 && h < x.shape[3];
                    (inside ? line : zeros).copy(to, inside ? slice + h * x.stride[3] : x.data, x.stride[4]);
                }
            }
        });
    }
    const Array<const T, 5>& volumes() const { return volumes_; }

  private:
    static int64_t elements(const Array<const T, 5>& x, const int64_t (&size)[3]) {
        const double count =
            double(x.shape[0]) * double(x.shape[1]) * double(size[0]) * double(size[1]) * double(size[2]);
        require(count < 1e15, "conv3d: there is too much padding");
        return x.shape[0] * x.shape[1] * size[0] * size[1] * size[2];
    }
    static bool needed(const Array<const T, 5>& x, const int64_t (&before)[3], const int64_t (&size)[3]) {
        for (int d = 0; d < 3; d++)
            if (before[d] != 0 || size[d] > x.shape[2 + d]) return true;
        return false;
    }
    Array<const T, 5> volumes_;
    Scratch<T> copy_;
};

// Volumes with the depth's zeros as images whose channels are (c, t).
template <typename T>
Images<const T> images_of(const Array<const T, 5>& x, const Conv3dShape& s) {
    return {x.data,
            {s.N * s.axis[0].outputs, s.C * s.axis[0].taps, x.shape[3], x.shape[4]},
            {x.stride[0], x.stride[1], x.stride[3], x.stride[4]},
            s.axis[0].outputs,
            s.axis[0].stride * x.stride[2],
            s.axis[0].taps,
            s.axis[0].dilation * x.stride[2]};
}

// x with the depth's zeros. Those of rows and columns are left to what convolves the slices, which knows how
// to be spared them.
template <typename T>
PaddedVolumes<T> padded_depth(const Array<const T, 5>& x, const Conv3dShape& s) {
    const Axis& depth = s.axis[0];
    const int64_t reach = (depth.outputs - 1) * depth.stride + (depth.taps - 1) * depth.dilation + 1;
    const int64_t before[3] = {-depth.origin, 0, 0},
                  size[3] = {depth.leaves_source() ? reach : depth.source, x.shape[3], x.shape[4]};
    return {x, before, size};
}

// The sizes of the convolution of these images.
inline Conv2dShape images_shape(const Conv3dShape& s) {
    const Axis &rows = s.axis[1], &columns = s.axis[2];
    return {s.N * s.axis[0].outputs,
            s.C * s.axis[0].taps,
            rows.source,
            columns.source,
            s.O,
            rows.taps,
            columns.taps,
            rows.outputs,
            columns.outputs,
            s.groups,
            rows,
            columns};
}

// Contiguous filters of volumes as those of images.
template <typename T>
Array<T, 4> filters_of(const Array<T, 5>& w) {
    const int64_t taps = w.shape[3] * w.shape[4], channels = w.shape[1] * w.shape[2];
    return {w.data, {w.shape[0], channels, w.shape[3], w.shape[4]}, {channels * taps, taps, w.shape[4], 1}};
}

// The slices of y, or of dy, as images.
template <typename T>
Images<T> slices_of(const Array<T, 5>& y) {
    return {y.data,
            {y.shape[0] * y.shape[2], y.shape[1], y.shape[3], y.shape[4]},
            {y.stride[0], y.stride[1], y.stride[3], y.stride[4]},
            y.shape[2],
            y.stride[2]};
}

}  // namespace pydl::PYDL_ISA
