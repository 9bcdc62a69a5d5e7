// What the phases of gradients cost by each of the ways to compute them, in multiply-adds of whole vectors:
// which is the fastest.
//
// Fitted to some thousand gradients with random sizes, strides of 1 to 4, 1 to 16 groups, 1 to 32 images
// and maps of 5 to 130 pixels, by AVX-512 and AVX2 with one thread. What is chosen takes 1 % longer than the
// fastest, on average.
#pragma once

#include "conv2d/axis_phases.h"
#include "conv2d/dense_frame.h"
#include "conv2d/output_sets.h"
#include "conv2d/plan.h"

namespace pydl::PYDL_ISA {

// In float64, that way would seldom be worth its size.
template <typename T>
inline constexpr bool has_feature_lanes = has_special_kernels && sizeof(T) == 4;

// Of the products, those that conv2d/framed_features.h computes, and half of those that it leaves out: sets
// of outputs fill fewer registers than all do.
template <typename T>
double share_met(const Correlation<T>& conv, const AxisPhases& rows, const AxisPhases& columns) {
    if (!has_feature_lanes<T> || !(rows.axis.leaves_source() || columns.axis.leaves_source())) return 1;
    const int64_t images = 1 + 256 / (rows.axis.outputs * columns.axis.outputs), N = conv.x.shape[0];
    const OutputSets sets(rows, columns, conv.y.shape[2], conv.y.shape[3], true);
    const double share = sets.share(images < N ? images : N, 4);
    return share < 0.95 ? (1 + share) / 2 : 1;
}

template <typename T>
class StrideCost {
  public:
    [[gnu::noinline]] StrideCost(const Correlation<T>& conv, const AxisPhases& rows,
                                 const AxisPhases& columns)
        : images_(double(conv.x.shape[0]) * double(conv.groups)),
          channels_(double(conv.channels)),
          features_(double(conv.features)),
          depth_(channels_ * double(rows.taps_before(rows.count)) *
                 double(columns.taps_before(columns.count))),
          packing_(double(conv.groups) * features_ * depth_ / W),
          outputs_(double(rows.axis.outputs)),
          width_(double(columns.axis.outputs)),
          phases_(double(rows.count) * double(columns.count)),
          lines_(phases_ > 1 ? outputs_ * double(rows.count) : 0),
          frame_rows_(channels_ * double(DenseFrame::reach(rows.axis, rows.axis.outputs))),
          frame_width_(double(DenseFrame::reach(columns.axis, columns.axis.outputs))),
          taps_(double(columns.axis.taps)),
          source_rows_(double(rows.axis.source)),
          source_width_(double(columns.axis.source)),
          met_(share_met(conv, rows, columns)),
          writes_vectors_(conv.y.stride[3] == 1),
          is_shuffled_(columns.axis.stride == 1 || columns.axis.stride == 2 || columns.axis.stride == 4) {}

    // conv2d/framed_features.h, which writes whole vectors.
    [[gnu::noinline]] double lanes() const {
        // Places in frames are numbers of 32 bits.
        if (!has_feature_lanes<T> || !writes_vectors_ || frame_rows_ * frame_width_ > 1e9) return 1e300;
        const double panel = vectors(features_), pixels = outputs_ * width_;
        return images_ * (pixels * depth_ * met_ *
                              (panel > 1        ? panel
                               : many_registers ? 1.2
                                                : 1.45) +
                          10 * frame_rows_ * (vectors(frame_width_) + 1) +
                          (12.5 * pixels * phases_ + 50 * lines_) * panel) +
               13 * packing_ + 19000;
    }
    // conv2d/flat.h
    [[gnu::noinline]] double flat() const {
        const double copied = is_shuffled_ ? vectors(width_) : 0.4 * width_;
        return images_ * (sums(vectors(outputs_ * width_)) + 12 * frame_rows_ * taps_ * (copied + 0.5) +
                          7.4 * outputs_ * width_ * phases_ * features_ / W + 26 * lines_ * features_) +
               (phases_ > 1 ? 69 : 23) * packing_ + 10600;
    }
    // Whether the gradient of patches is better computed with their numbers as lanes
    // (conv2d/transposed_patches.h): with few channels the lanes of phases are lost, and its weights are
    // packed as they lie, while those of each phase are picked out. taps: of a row.
    bool is_transposed(int64_t taps) const {
        const double run = taps == 2 ? 1.4 : taps == 3 || taps == 4 || taps == 8 ? 5.3 : 12;
        const double patches = images_ * (outputs_ * width_ * channels_ * vectors(features_ * phases_) +
                                          lines_ * features_ * (68 + run * width_)) +
                               18 * packing_ + 5000;
        return patches < lanes() + 12 * packing_ && patches < flat();
    }

    // conv2d/scatter.h, which multiplies nothing in vain, but adds up a share for every tap.
    [[gnu::noinline]] double scattered() const {
        const double shares = features_ * depth_ / channels_;
        return images_ * (1.07 * shares * channels_ * vectors(source_rows_ * source_width_) +
                          15 * shares * source_rows_ * vectors(source_width_) + 120 * features_ * lines_) +
               53 * packing_ + 40000;
    }
    // Whether a gradient is better gathered by phases than scattered.
    bool gathers() const { return lanes() < scattered() || flat() < scattered(); }

  private:
    static constexpr double W = width<T>;
    static double vectors(double count) { return double(int64_t((count + W - 1) / W)); }

    double sums(double of_vectors) const { return depth_ * (features_ > 4 ? features_ : 4) * of_vectors; }
    double images_, channels_, features_, depth_, packing_, outputs_, width_, phases_, lines_;
    double frame_rows_, frame_width_, taps_, source_rows_, source_width_;
    double met_;
    bool writes_vectors_;
    bool is_shuffled_;  // whether numbers that lie so far apart are read as vectors
};

}  // namespace pydl::PYDL_ISA
