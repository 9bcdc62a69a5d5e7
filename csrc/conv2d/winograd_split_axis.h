// How a filter with a stride, or a large one, is split into smaller ones of stride 1
// (conv2d_winograd_split.cpp).
#pragma once

#include "conv2d/shape.h"

namespace pydl::PYDL_ISA {

// One axis: part p of a filter has the taps u = p * apart + t * stride for t = 0 ... taps - 1, and its pixels
// are those that tap p * apart meets.
//
// A part that needs one tap less than others may have the one that is none in front. Of a gradient, this
// makes all parts begin with the same number more often, and with fewer numbers there are fewer tiles:
//
//     7 taps, stride 2, 3 zeros in front        part 0   taps 0 2 4 6   pixels -3 -1 [1 3 ... 223]
//                                               part 1   taps . 1 3 5   pixels -4 -2 [0 2 ... 222]
struct SplitAxis {
    Axis whole;
    int64_t taps, apart, parts;
    int64_t begin, length;  // of the pixels that are needed

    SplitAxis(const Axis& axis, int64_t taps, bool is_gradient)
        : whole(axis),
          taps(taps),
          apart(axis.stride > 1 ? 1 : taps),
          parts(axis.stride > 1 ? axis.stride : (axis.taps - 1) / taps + 1),
          begin(0),
          length(axis.outputs + taps - 1) {
        if (!is_gradient) return;
        // From the first pixel of all parts to the last one, as far as taps meet them. The part of the
        // image's corner begins first, unless it is shifted; the one that has the last pixel ends last.
        const int64_t corner = -axis.origin % axis.stride, last = axis.source - 1 - axis.origin;
        const int64_t low = first_pixel(corner) + shift(corner),
                      past = last / axis.stride + shift(last % axis.stride) + 1;
        begin = low < length - 1 ? low : length - 1;
        if (past < length) length = past;
        length = length > begin ? length - begin : 1;
    }
    // The first pixel of a part that is in the image.
    int64_t first_pixel(int64_t part) const {
        return (whole.stride - 1 - whole.origin - part) / whole.stride;
    }
    // Whether the tap that is none is the first.
    int64_t shift(int64_t part) const {
        return whole.stride > 1 && whole.taps <= (taps - 1) * whole.stride + part &&
               first_pixel(part) < first_pixel(0);
    }
    // Beyond the taps, or below 0, for one that is none.
    int64_t tap(int64_t part, int64_t t) const { return part * apart + (t - shift(part)) * whole.stride; }
    // Where pixel i of a part is.
    int64_t source(int64_t part, int64_t i) const {
        return part * apart + (i - shift(part)) * whole.stride + whole.origin;
    }
    // Of a stride: which pixel of its part the one at `place` of the padded image is.
    int64_t pixel(int64_t place) const { return place / whole.stride + shift(place % whole.stride) - begin; }
    Axis axis() const { return {length, whole.outputs, taps, 1, 1, 0}; }
    Axis gradient() const { return {whole.outputs, length, taps, 1, 1, begin + 1 - taps}; }
};

// 3, or 4 where 3 are too few.
inline int64_t split_taps(const Conv2dShape& s) {
    const auto fits = [](const Axis& axis) { return axis.stride == 1 || axis.taps <= 3 * axis.stride; };
    return fits(s.rows) && fits(s.columns) ? 3 : 4;
}

}  // namespace pydl::PYDL_ISA
