// Convolutions of volumes with one tap. What outputs meet of a volume, all of it or every few voxels
// (conv2d/sparse.h), follows each other without gaps, where the volume lies or in a copy: an image whose rows
// are those of all slices.
#pragma once

#include "conv2d/conv3d_shape.h"
#include "conv2d/sparse.h"

namespace pydl::PYDL_ISA {

inline bool has_one_tap(const Conv3dShape& s) {
    for (const Axis& axis : s.axis)
        if (!meets_every_few(axis)) return false;
    return true;
}
// Whether outputs meet all voxels.
inline bool meets_all(const Conv3dShape& s) {
    return s.axis[0].stride == 1 && s.axis[1].stride == 1 && s.axis[2].stride == 1;
}

// Whether the voxels of a channel follow each other.
template <typename T>
bool is_flat(const Array<T, 5>& x) {
    return x.stride[4] == 1 && (x.shape[3] == 1 || x.stride[3] == x.shape[4]) &&
           (x.shape[2] == 1 || x.stride[2] == x.shape[3] * x.shape[4]);
}
// Such volumes.
template <typename T, typename X>
Images<T> flat_images(const X& x) {
    const int64_t columns = x.shape[4];
    return {x.data,
            {x.shape[0], x.shape[1], x.shape[2] * x.shape[3], columns},
            {x.stride[0], x.stride[1], columns, 1}};
}
// What outputs meet of N volumes with C channels.
template <typename T>
Array<T, 5> met_volumes(T* data, const Conv3dShape& s) {
    const int64_t J = s.axis[2].outputs, slice = s.axis[1].outputs * J, volume = s.axis[0].outputs * slice;
    return {data, {s.N, s.C, s.axis[0].outputs, s.axis[1].outputs, J}, {s.C * volume, volume, slice, J, 1}};
}

// `work` on every slice of every channel, in parallel.
template <typename T, typename Work>
void for_each_slice(const Array<T, 5>& x, const Work& work) {
    const int64_t C = x.shape[1], D = x.shape[2];
    parallel_for(x.shape[0] * C * D, 1 + 16384 / (x.shape[3] * x.shape[4]), [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; k++) work(k / D / C, k / D % C, k % D);
    });
}

// What outputs meet of x.
template <typename T>
void copy_met(const Array<const T, 5>& x, const Conv3dShape& s, const Array<T, 5>& to) {
    for_each_slice(to, [&](int64_t n, int64_t c, int64_t z) {
        const T* from = &x(n, c, z * s.axis[0].stride, 0, 0);
        // The slices to come, which the processor does not expect where some are left out.
        const int64_t ahead = 4 * s.axis[0].stride * x.stride[2];
        copy_image(&to(n, c, z, 0, 0), from, s.axis[1].stride * x.stride[3], s.axis[2].stride * x.stride[4],
                   to.shape[3], to.shape[4], ahead);
    });
}

// dx from the products of all voxels that outputs meet, which begin with the bias.
template <typename T>
void spread(const Array<T, 5>& products, const T* bias, int64_t bias_stride, const Array<T, 5>& dx,
            const Conv3dShape& s) {
    for_each_slice(dx, [&](int64_t n, int64_t c, int64_t d) {
        const bool met = d % s.axis[0].stride == 0;
        spread_image(&dx(n, c, d, 0, 0), dx.stride[3], dx.stride[4], s.axis[1], s.axis[2],
                     met ? &products(n, c, d / s.axis[0].stride, 0, 0) : nullptr,
                     bias != nullptr ? bias[c * bias_stride] : T(0));
    });
}

// conv, which lacks its images and axes, of flat volumes.
template <typename T>
void correlate_flat(Correlation<T> conv, const Images<const T>& x, const Array<T, 5>& y) {
    conv.x = x, conv.y = flat_images<T>(y);
    const int64_t rows = y.shape[2] * y.shape[3], columns = y.shape[4];
    conv.rows = {rows, rows, 1, 1, 1, 0}, conv.columns = {columns, columns, 1, 1, 1, 0};
    correlate(conv);
}

}  // namespace pydl::PYDL_ISA
