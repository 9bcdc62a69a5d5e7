// Adaptive pooling: windows that share an axis as evenly as they can, for adaptive_avg_pool3d and
// adaptive_max_pool3d. Window o of `out` over `size` elements is [o * size / out, (o + 1) * size / out), the
// end rounded up, so neighbours may overlap by one. Where out divides size it is pooling side by side, which
// has kernels of its own.
#pragma once
#include "pooling/pooling.h"

namespace pydl::PYDL_ISA {

struct AdaptiveAxis {
    int64_t size, out;

    int64_t begin(int64_t o) const { return o * size / out; }
    int64_t end(int64_t o) const { return ((o + 1) * size + out - 1) / out; }
    bool divides() const { return size % out == 0; }
    PoolAxis side_by_side() const { return {size, out, size / out, size / out, 0, 1}; }
};

// Where the windows of an axis begin and end, without a division for each use.
class WindowBounds {
  public:
    explicit WindowBounds(const AdaptiveAxis& axis) : out_(axis.out), begin_(axis.out), end_(axis.out) {
        for (int64_t o = 0; o < axis.out; ++o) begin_[o] = axis.begin(o), end_[o] = axis.end(o);
    }
    int64_t begin(int64_t o) const { return begin_[o]; }
    int64_t end(int64_t o) const { return end_[o]; }
    int64_t length(int64_t o) const { return end_[o] - begin_[o]; }
    // From the windows [first, last) that hold element i - 1 to those that hold i.
    void advance(int64_t i, int64_t& first, int64_t& last) const {
        while (end_[first] <= i) ++first;
        while (last < out_ && begin_[last] <= i) ++last;
    }

  private:
    int64_t out_;
    Scratch<int64_t> begin_, end_;
};

struct AdaptiveWindows {
    AdaptiveAxis depth, rows, columns;

    bool divides() const { return depth.divides() && rows.divides() && columns.divides(); }
    // Whether every window is one element: networks that pool to the size that maps of the usual images have.
    bool is_identity() const {
        return depth.size == depth.out && rows.size == rows.out && columns.size == columns.out;
    }
    // Whether side_by_side()'s kernels sum faster: halves, and one window over everything.
    bool suits_frames() const {
        return divides() &&
               (outputs() == 1 || (rows.size <= 2 * rows.out && columns.size <= 2 * columns.out));
    }
    // Whether a window's columns fill vectors.
    bool has_wide_columns() const { return columns.size >= 24 * columns.out; }
    PoolWindows side_by_side() const {
        return {depth.side_by_side(), rows.side_by_side(), columns.side_by_side()};
    }
    int64_t input() const { return depth.size * rows.size * columns.size; }
    int64_t outputs() const { return depth.out * rows.out * columns.out; }
    // Rows that a row of windows sees.
    int64_t lane_rows() const { return (depth.size / depth.out + 2) * (rows.size / rows.out + 2); }
};

inline AdaptiveWindows adaptive_windows(const int64_t (&x)[5], const int64_t (&y)[5], const char* message) {
    require(x[0] == y[0] && x[1] == y[1], message);
    AdaptiveAxis axis[3];
    for (int d = 0; d < 3; ++d) {
        constexpr int64_t limit = int64_t(1) << 31;
        require(x[2 + d] >= 1 && x[2 + d] < limit && y[2 + d] >= 1 && y[2 + d] < limit, message);
        axis[d] = {x[2 + d], y[2 + d]};
    }
    return {axis[0], axis[1], axis[2]};
}

}  // namespace pydl::PYDL_ISA
