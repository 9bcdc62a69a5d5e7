// Transposed convolutions whose windows have no pixel in common, the gradients of those of patches. Every
// pixel is a patch of its own,
//
//     dx[n, c, i * U + u, j * V + v] = bias[c] + sum over o of  dy[n, o, i, j] * w[o, c, u, v],
//
// so that with the numbers (c, u, v) of a patch as lanes (conv2d/feature_lanes.h) the filters are read as
// they lie, and the V numbers of a row of a patch are stored side by side.
#pragma once

#include "conv2d/correlate.h"
#include "conv2d/feature_lanes.h"
#include "conv2d/phase.h"
#include "conv2d/sparse.h"
#include "conv2d/stride_cost.h"
#include "conv2d/tiling.h"

namespace pydl::PYDL_ISA {

template <typename T>
class TransposedPatches {
    static constexpr int64_t L = FeatureLanes<T>::pitch;

  public:
    // conv: the gradient_correlation.
    static bool suits(const Correlation<T>& conv, const Array<const T, 4>& w, const Conv2dShape& s) {
        const bool lies_in_rows = conv.y.stride[3] == 1 && w.stride[3] == 1 && w.stride[2] == s.V &&
                                  (w.stride[1] == s.U * s.V || s.C == s.groups);
        if (!lies_in_rows || s.V == 1 || s.J > FeatureLanes<T>::most_line || !has_tiles(s) || s.empty())
            return false;
        return StrideCost<T>(conv, AxisPhases(s.rows, s.U), AxisPhases(s.columns, s.V)).is_transposed(s.V);
    }
    TransposedPatches(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                      int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s)
        : dx_(dx), s_(s), bias_(bias != nullptr ? s.C * s.U * s.V : 0) {
        for (int64_t k = 0; bias != nullptr && k < s.C * s.U * s.V; k++)
            bias_[k] = bias[k / (s.U * s.V) * bias_stride];
        conv_ = gradient_correlation(dy, w, bias != nullptr ? bias_.data() : nullptr, 1, dx, s);
        conv_.features *= s.U * s.V;
        conv_.w_stride[0] = conv_.w_stride[2] = conv_.w_stride[3] = 1;
        conv_.rows = dense_axis(s.rows), conv_.columns = dense_axis(s.columns);
    }
    void run() const {
        fill_below_tiles(dx_, conv_.bias, s_.U * s_.V, s_);
        FeatureLanes<T>(conv_).run(this, [](const void* self, const FeatureBlock<T>& block) {
            static_cast<const TransposedPatches*>(self)->write(block);
        });
    }

  private:
    // The pixels to the right of the last patch, in the row that lane f of a block belongs to.
    void fill_end(const FeatureBlock<T>& block, int64_t f, int64_t i) const {
        const int64_t lane = block.feature + f;
        const T start = conv_.bias != nullptr ? conv_.bias[lane] : T(0);
        T* row = row_of(block, f, i) - lane % s_.V;
        for (int64_t x = s_.J * s_.V; x < s_.W; x++) row[x] = start;
    }
    // The numbers of a block, which are some rows of patches, row by row of each.
    void write(const FeatureBlock<T>& block) const {
        if (s_.V == 2) return write_pairs(block);
        for (int64_t f = 0; f < block.features;) {
            const int64_t v = (block.feature + f) % s_.V, left = block.features - f;
            const int64_t length = s_.V - v < left ? s_.V - v : left;
            for (int64_t i = 0; i < block.rows; i++) {
                store_runs(row_of(block, f, i), block.sums + i * s_.J * L + f, length);
                if (v + length == s_.V) fill_end(block, f, i);
            }
            f += length;
        }
    }
    // Pairs of numbers are turned like numbers of twice the size.
    void write_pairs(const FeatureBlock<T>& block) const {
        const int64_t pairs = block.features / 2, pixels = block.rows * s_.J;
        const Scratch<double> turned(pairs * pixels);
        turn(reinterpret_cast<const double*>(block.sums), L / 2, turned.data(), pixels, pairs, pixels);
        for (int64_t k = 0; k < pairs; k++)
            for (int64_t i = 0; i < block.rows; i++) {
                copy_row(row_of(block, 2 * k, i), reinterpret_cast<const T*>(&turned[k * pixels + i * s_.J]),
                         2 * s_.J);
                fill_end(block, 2 * k, i);
            }
    }
    // Where the numbers of a block's lane f are, those of pixel row i.
    T* row_of(const FeatureBlock<T>& block, int64_t f, int64_t i) const {
        const int64_t lane = block.feature + f;
        return &dx_(block.image, lane / (s_.U * s_.V), (block.top + i) * s_.U + lane / s_.V % s_.U,
                    lane % s_.V);
    }
    // `length` numbers of each pixel of a row.
    void store_runs(T* to, const T* from, int64_t length) const {
        switch (length) {
            case 3:
                return store_fixed_runs<3>(to, from);
            case 4:
                return store_fixed_runs<4>(to, from);
            case 8:
                return store_fixed_runs<8>(to, from);
        }
        for (int64_t j = 0; j < s_.J; j++, to += s_.V, from += L) copy_row(to, from, length);
    }
    template <int Length>
    void store_fixed_runs(T* to, const T* from) const {
        for (int64_t j = 0; j < s_.J; j++, to += s_.V, from += L)
            __builtin_memcpy(to, from, Length * sizeof(T));
    }

    const Array<T, 4>& dx_;
    const Conv2dShape& s_;
    Correlation<T> conv_;
    Scratch<T> bias_;
};

}  // namespace pydl::PYDL_ISA
