// Which taps of an output meet the image.
#pragma once

#include "conv2d/frame.h"

namespace pydl::PYDL_ISA {

// The taps of output i that meet the image.
struct TapSpan {
    int64_t begin, end, source;  // source: what the first of them meets
    TapSpan(const Axis& axis, int64_t i) : begin(0), end(axis.taps) {
        source = i * axis.stride + axis.origin;
        while (begin < end && source < 0) begin++, source += axis.dilation;
        while (begin < end && source + (end - begin - 1) * axis.dilation >= axis.source) end--;
    }
    int64_t length() const { return end - begin; }
};

// The outputs of which one tap meets the image.
struct OutputSpan {
    int64_t begin, end;
    OutputSpan(const Axis& axis, int64_t tap) : begin(0), end(axis.outputs) {
        const int64_t place = axis.origin + tap * axis.dilation;  // for output 0
        if (place < 0) begin = (-place - 1) / axis.stride + 1;
        const int64_t inside = place < axis.source ? (axis.source - place - 1) / axis.stride + 1 : 0;
        if (inside < end) end = inside;
        if (begin > end) begin = end;
    }
};

// Outputs side by side whose taps [first_tap, last_tap) meet the image.
struct TapSegment {
    int64_t begin, end, first_tap, last_tap;
};

// An axis cut where the taps that meet the image change. From output to output, taps begin to meet it from
// the last to the first, and leave it in the same order.
class TapSegments {
  public:
    [[gnu::noinline]] explicit TapSegments(const Axis& axis) : segment_(2 * axis.taps + 1) {
        const auto place = [&](int64_t tap) { return axis.origin + tap * axis.dilation; };  // for output 0
        int64_t first = axis.taps, last = axis.taps;
        for (int64_t i = 0, next; i < axis.outputs; i = next) {
            while (first > 0 && i * axis.stride + place(first - 1) >= 0) first--;
            while (last > 0 && i * axis.stride + place(last - 1) >= axis.source) last--;
            next = axis.outputs;
            if (first > 0) next = min(next, (-place(first - 1) - 1) / axis.stride + 1);
            if (last > 0) next = min(next, (axis.source - place(last - 1) - 1) / axis.stride + 1);
            segment_[count_++] = {i, next, first, last < first ? first : last};
            met_ += (next - i) * (last < first ? 0 : last - first);
        }
    }
    int64_t count() const { return count_; }
    int64_t met() const { return met_; }  // taps of all outputs
    const TapSegment& operator[](int64_t s) const { return segment_[s]; }

  private:
    static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }

    Scratch<TapSegment> segment_;
    int64_t count_ = 0, met_ = 0;
};

}  // namespace pydl::PYDL_ISA
