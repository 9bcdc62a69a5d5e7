// What a convolution costs by each of the ways to compute it, in multiply-adds of whole vectors: which is the
// fastest.
//
// Fitted to 2300 convolutions with random sizes: kernels, strides and dilations of all kinds, 1 to 32 groups,
// 1 to 16 images and maps of 4 to 128 pixels, by AVX-512 and AVX2 with one thread. What is chosen takes 2 to
// 4 % longer than the fastest, on average.
#pragma once

#include "conv2d/direct.h"
#include "conv2d/feature_lanes.h"
#include "conv2d/sparse.h"
#include "conv2d/stride_cost.h"

namespace pydl::PYDL_ISA {

enum class Way { lanes, framed, flat, gathered, direct, sparse };
inline constexpr int kWays = 6;

// The copies of one axis that frames are made of (conv2d/frame.h): how many, and numbers of one.
struct AxisCopies {
    double count, length;
    explicit AxisCopies(const Axis& axis)
        : length(double(axis.outputs) + double((axis.taps - 1) * axis.dilation / axis.stride)) {
        const int64_t apart = conv2d_phase(axis, 0).step;
        count = double(axis.taps < apart ? axis.taps : apart);
    }
};

template <typename T>
class ForwardCost {
  public:
    [[gnu::noinline]] explicit ForwardCost(const Correlation<T>& conv) {
        // Images of one column are copied as a row.
        const bool column = conv.columns.source == 1 && conv.columns.outputs == 1 && conv.columns.taps == 1;
        const Axis &rows = column ? conv.columns : conv.rows, &columns = column ? conv.rows : conv.columns;
        const AxisCopies down(rows), along(columns);
        const double images = double(conv.x.shape[0]) * double(conv.groups), C = double(conv.channels),
                     features = double(conv.features), depth = C * double(conv.taps()),
                     J = double(columns.outputs), pixels = double(rows.outputs) * J,
                     outputs = images * pixels * features / W,
                     packing = double(conv.groups) * features * depth / W;
        const double copied = images * C * down.count * down.length;  // rows
        const int64_t step = columns.stride;
        const bool whole =
            (step == 1 || step == 2 || step == 4) && (column || conv.x.stride[3] == 1);  // vectors are copied
        const double sums = images * depth * (features > 4 ? features : 4);

        // What is read of large images comes from far.
        const double read = C * double(conv.rows.source) * double(conv.columns.source);
        at(Way::lanes) = lanes_suit(conv) ? 1.9 * FeatureLanes<T>::cost(conv) + 21 * outputs + 37 * packing +
                                                4000 + (read > 131072 ? 0.85 * images * read / W : 0)
                                          : never;
        at(Way::framed) = never;
        const double frame_rows = double(DenseFrame::reach(rows, rows.outputs)),
                     frame_width = double(DenseFrame::reach(columns, columns.outputs));
        // Places in frames are numbers of 32 bits.
        if (has_feature_lanes<T> && conv.y.stride[3] == 1 && C * frame_rows * frame_width < 1e9) {
            const double panel = vectors(features);
            at(Way::framed) =
                images * (0.96 * pixels * depth *
                              share_met(conv, AxisPhases(conv.rows), AxisPhases(conv.columns)) *
                              (panel > 1        ? panel
                               : many_registers ? 1.2
                                                : 1.45) +
                          8.8 * C * frame_rows * (vectors(frame_width) + 1) + 16 * pixels * panel) +
                13 * packing + 10000;
        }
        // That copies the numbers of a column one by one, and writes results of several images row by row.
        const bool apart =
            vectors(pixels) * W > pixels + double((rows.taps - 1) * rows.dilation / rows.stride) * J;
        at(Way::flat) =
            column || (conv.rows.outputs == 1 && conv.rows.taps == 1)
                ? never
                : 1.04 * sums * vectors(pixels) +
                      copied * double(columns.taps) * (whole ? 9.3 * (vectors(J) + 0.5) : 12.7 * J) +
                      8.8 * outputs + (apart ? 12 * images * features * double(rows.outputs) : 0) +
                      22 * packing + 11500;
        const bool placed =
            columns.outputs % width<T> == 0 && conv.features <= 8 * most_tile_rows<T>(most_tile_vectors<T>);
        at(Way::gathered) =
            1.2 * sums * vectors(pixels) +
            (can_be_read_in_place(conv)
                 ? 0
                 : copied * along.count * (whole ? 8.2 * (vectors(along.length) + 2) : 7 * along.length)) +
            10.5 * outputs + (placed ? 0 : 5.6 * images * depth * double(rows.outputs) * vectors(J)) +
            11 * packing + 28000;
        // Stripes have rows in common; of a column, they are short.
        const double stripes = double(direct_stripes(conv).count),
                     twice = images * C * down.count * (stripes - 1) * (down.length - double(rows.outputs));
        at(Way::direct) = conv.features > most_direct_features<T>
                              ? never
                              : 0.89 * sums * double(rows.outputs) * vectors(J) +
                                    (copied + twice) * along.count *
                                        (whole ? 14 * (vectors(along.length) + (column ? stripes : 0.5))
                                               : 6.8 * along.length) +
                                    180 * packing + 3500;
        at(Way::sparse) =
            !is_sparse(conv.rows, conv.columns)
                ? never
                : 0.8 * images * depth * features * vectors(pixels) +
                      images * C * double(rows.outputs) * (whole ? 18 * (vectors(J) + 0.5) : 9.7 * J) +
                      2 * outputs + 3500;
    }
    double operator[](Way way) const { return cost_[int(way)]; }
    // Among those from `first` on.
    Way best(Way first = Way::lanes) const {
        int best = int(first);
        for (int way = best + 1; way < kWays; way++)
            if (cost_[way] < cost_[best]) best = way;
        return Way(best);
    }

  private:
    static constexpr double W = width<T>, never = 1e300;
    static double vectors(double count) { return double(int64_t((count + W - 1) / W)); }
    static bool lanes_suit(const Correlation<T>& conv) {
        if constexpr (has_feature_lanes<T>) return FeatureLanes<T>::can_do(conv);
        return false;
    }
    double& at(Way way) { return cost_[int(way)]; }

    double cost_[kWays];
};

}  // namespace pydl::PYDL_ISA
