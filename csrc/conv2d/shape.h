// The sizes of a convolution, checked, as its kernels share them. Letters as in pydl/ops/conv2d.py.
#pragma once

#include "array.h"
#include "conv2d/frame.h"

namespace pydl::PYDL_ISA {

struct Conv2dShape {
    int64_t N, C, H, W, O, U, V, I, J;
    int64_t groups;
    Axis rows, columns;  // from output (i, j) to x

    bool empty() const { return N == 0 || C == 0 || O == 0 || H == 0 || W == 0; }
};

constexpr bool fits_int32(int64_t low, int64_t value) {
    return value >= low && value < int64_t(1) << 31;
}

// One axis: `message` is thrown unless `outputs` is how many places the dilated taps have in the padded
// source.
inline Axis conv2d_axis(int64_t source, int64_t taps, int64_t outputs, int64_t stride, int64_t before,
                        int64_t after, int64_t dilation, const char* message) {
    const bool in_range = fits_int32(0, source) && fits_int32(1, taps) && fits_int32(1, stride) &&
                          fits_int32(0, before) && fits_int32(0, after) && fits_int32(1, dilation);
    require(in_range, message);
    const int64_t left = source + before + after - dilation * (taps - 1) - 1;
    require(left >= 0 && outputs == left / stride + 1, message);
    return {source, outputs, taps, stride, dilation, -before};
}

// mismatch is thrown where the arrays do not fit each other.
template <typename X, typename W, typename Y>
Conv2dShape conv2d_shape(const X& x, const W& w, const Y& y, const Ints<2>& stride, const Ints<4>& padding,
                         const Ints<2>& dilation, int64_t groups, const char* mismatch) {
    require(groups >= 1 && x.shape[0] == y.shape[0] && w.shape[0] == y.shape[1], mismatch);
    require(x.shape[1] % groups == 0 && x.shape[1] / groups == w.shape[1] && w.shape[0] % groups == 0,
            mismatch);
    Conv2dShape s;
    s.N = x.shape[0], s.C = x.shape[1], s.H = x.shape[2], s.W = x.shape[3];
    s.O = w.shape[0], s.U = w.shape[2], s.V = w.shape[3], s.I = y.shape[2], s.J = y.shape[3];
    s.groups = groups;
    s.rows = conv2d_axis(s.H, s.U, s.I, stride[0], padding[0], padding[1], dilation[0], mismatch);
    s.columns = conv2d_axis(s.W, s.V, s.J, stride[1], padding[2], padding[3], dilation[1], mismatch);
    return s;
}

}  // namespace pydl::PYDL_ISA
