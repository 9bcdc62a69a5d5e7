// A row of two planes in one vector, for depthwise convolutions of small maps, whose rows of outputs fit half
// a vector. Rows are read where they lie and moved in registers for the taps to the left and to the right;
// the zeros that come in are those of the padding.
//
//     stride 1   rows     a b c d e f g .   i j k l m n o .
//                tap 0    . a b c d e f g   . i j k l m n o
//                tap 1    a b c d e f g .   i j k l m n o .
//                tap 2    b c d e f g . .   j k l m n o . .
//
// With a stride of 2, even and odd columns are apart, and two pixels of one plane and two of the other take
// turns, since processors put them there fastest:
//
//     stride 2   rows     a b c d e f g h   i j k l m n o p
//                even     a c i k   e g m o          odd      b d j l   f h n p
#pragma once

#include "conv2d/frame.h"
#include "conv2d/planes_ahead.h"
#include "simd/halves.h"
#include "simd/permute.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {

// Whether there are kernels for such maps: 3x3, 5x5 and, with a stride of 2, 4x4 filters and the usual
// padding.
template <typename T>
bool suits_plane_pairs(const Axis& rows, const Axis& columns) {
    const auto fits = [&](const Axis& axis) {
        return axis.taps == rows.taps && axis.stride == rows.stride && axis.dilation == 1 &&
               axis.origin == -((axis.taps - 1) / 2) && axis.outputs >= 4 && axis.outputs <= width<T> / 2 &&
               axis.source <= width<T> / 2 * axis.stride;
    };
    return (rows.taps == 3 || rows.taps == 5 || (rows.taps == 4 && rows.stride == 2)) && rows.stride <= 2 &&
           fits(rows) && fits(columns);
}

template <typename T, int Stride>
class PlanePair {
    static constexpr int64_t W = width<T>, half = W / 2;

  public:
    PYDL_INLINE PlanePair(int64_t source, int64_t outputs)
        : read_(source < half ? source : half),
          outputs_(outputs),
          own_(0, source),
          second_(plane()),
          in_order_(in_order()),
          by_turns_(in_register(plane() * int_of<T>(half) + column())),
          move_{move(-2, outputs), move(-1, outputs), move(1, outputs), move(2, outputs)} {}

    // A row of the image, the second plane's `next` further.
    PYDL_INLINE void load(const T* x, int64_t next, vec<T> (&row)[Stride]) const {
        if constexpr (Stride == 1) {
            row[0] = join_halves(read_.load(x), read_.load(x + next));
        } else {
            const vec<T> first = own_.load(x), second = own_.load(x + next);
            row[0] = even_by_blocks(first, second), row[1] = odd_by_blocks(first, second);
        }
    }
    // A row of outputs.
    PYDL_INLINE vec<T> load_outputs(const T* y, int64_t next) const {
        const vec<T> row = join_halves(outputs_.load(y), outputs_.load(y + next));
        return Stride == 1 ? row : by_turns_(row);
    }
    PYDL_INLINE void store(T* y, int64_t next, vec<T> row) const {
        if constexpr (Stride == 2) row = in_order_(row);
        outputs_.store(y, first_half(row)), outputs_.store(y + next, second_half(row));
    }
    // A number of each plane.
    PYDL_INLINE vec<T> both(const T* p, int64_t next) const {
        return second_.select(broadcast<T>(p[next]), broadcast<T>(*p));
    }
    // The pixels of a row under a tap, `Place` pixels from the middle one; behind the last output zeros.
    template <int Place>
    PYDL_INLINE vec<T> moved(const vec<T> (&row)[Stride]) const {
        constexpr int residue = (Place % Stride + Stride) % Stride, by = (Place - residue) / Stride;
        if constexpr (by == 0)
            return row[residue];
        else
            return move_[by + 2 - (by > 0)](row[residue]);
    }
    // Lane l of each half is the sum of the lanes that v[l] has of its plane.
    [[gnu::noinline]] static vec<T> sums(const vec<T>* v) {
        // Lanes of a plane differ in these steps: with a stride of 2, those of 2 lead to the other plane.
        constexpr int second = Stride == 1 ? 2 : 4, third = Stride == 1 ? 4 : 8;
        const auto four = [&](int k) PYDL_INLINE_LAMBDA {
            return sum_blocks<second>(sum_blocks<1>(v[k], v[k + 1]), sum_blocks<1>(v[k + 2], v[k + 3]));
        };
        const vec<T> all = sum_blocks<third>(four(0), four(4));
        return Stride == 1 ? all : in_order()(all);
    }

  private:
    // Lanes that differ by a step are added: those of a where they have none, else those of b.
    template <int Step>
    PYDL_INLINE static vec<T> sum_blocks(vec<T> a, vec<T> b) {
        constexpr auto lanes = std::make_integer_sequence<int, W>{};
        return swap_blocks<Step, false>(a, b, lanes) + swap_blocks<Step, true>(a, b, lanes);
    }
    // Of each lane.
    PYDL_INLINE static mask<T> plane() { return iota<int_of<T>>() >> (Stride == 1 ? 3 : 1) & 1; }
    PYDL_INLINE static mask<T> column() {
        const mask<T> lane = iota<int_of<T>>();
        return Stride == 1 ? lane & int_of<T>(half - 1) : (lane >> 2) * 2 + (lane & 1);
    }
    PYDL_INLINE static mask<T> lane_of(mask<T> plane, mask<T> column) {
        return Stride == 1 ? plane * int_of<T>(half) + column : (column >> 1) * 4 + plane * 2 + (column & 1);
    }
    PYDL_INLINE static LanePick in_order() {
        const mask<T> lane = iota<int_of<T>>();
        return LanePick(in_register(lane_of(lane >> 3, lane & int_of<T>(half - 1))));
    }
    // The pixels that lie so many outputs further: none outside the row, or behind the last output.
    PYDL_INLINE static LanePick move(int_of<T> by, int64_t outputs) {
        const mask<T> from = column() + by,
                      none = ((from & int_of<T>(half)) != 0) | (column() >= int_of<T>(outputs));
        return LanePick(in_register(none | lane_of(plane(), from)));
    }

    const FirstOfHalf<T> read_, outputs_;
    const LaneRange<T> own_;
    const LaneSet second_;
    const LanePick in_order_, by_turns_, move_[4];
};

}  // namespace pydl::PYDL_ISA
