// The weight gradient with pixels as lanes. Each weight is a dot product of two images,
//
//     dw[o, (c, u, v)] = sum over (n, i, j) of  dy[n, o, i, j] * x[n, c, pixel under tap (u, v) of (i, j)],
//
// and a block of output channels and taps is added up at a time, so that each vector is loaded once for many
// of them. Both factors are read along the pixels: dy where it lies, x in copies that have each tap's pixels
// in one run (conv2d/shifts.h). So no lane is empty, whatever the number of channels, and nothing is
// transposed; in exchange a sum is a whole vector until the end, which suits few weights and many pixels.
//
//   for each task: a group, some of its channels, a part of the pixels           (in parallel)
//     for each strip of pixels, of which a block's share fits the first-level cache
//       copies the images
//       for each block of output channels, for each block of taps: one tile
//     adds up the lanes
//
// The bias is a tap under which every pixel is 1.
#pragma once

#include "conv2d/pixel_tile.h"
#include "conv2d/shape.h"
#include "conv2d/shifts.h"
#include "gemm/blocked.h"

namespace pydl::PYDL_ISA {

// Rows that will be read soon.
template <typename T>
class RowsAhead {
    static constexpr int64_t line = 64 / sizeof(T);

  public:
    RowsAhead(const T* data, int64_t stride, int64_t rows, int64_t length)
        : data_(data), stride_(stride), rows_(rows), length_(length) {}
    int64_t lines() const { return rows_ * ((length_ - 1) / line + 1); }
    // The next `count` lines.
    void prefetch(int64_t count) {
        for (; count > 0 && rows_ > 0; count--) {
            pydl::PYDL_ISA::prefetch(data_ + at_);
            at_ += line;
            if (at_ >= length_) data_ += stride_, rows_--, at_ = 0;
        }
    }

  private:
    const T* data_;
    int64_t stride_, rows_, length_, at_ = 0;
};

template <typename T>
class PixelGradient {
    static constexpr int64_t strip_pixels = 64 * width<T>;

  public:
    PixelGradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s)
        : dy_(dy),
          x_(x),
          s_(s),
          taps_(s.U * s.V),
          channels_(s.C / s.groups),
          features_(s.O / s.groups),
          chunks_(channels_, most_channels()),
          rows_(s.I, 1 + (strip_pixels - 1) / s.J),
          columns_(s.J, rows_.size == 1 ? 2 * strip_pixels : s.J),
          images_of_strip_(stripes() > 1 ? 1 : whole_images()),
          units_(s.N * stripes()),
          parts_(count_parts()),
          layout_(s.rows, s.columns, rows_.size, columns_.size),
          pitch_(chunks_.size * layout_.channel() + most_pixels()),
          blocks_(features_, chunks_.size * taps_ + 1),
          sums_(whole_vectors<T>(features_ * blocks_.taps.length)),
          offset_(blocks_.taps.length),
          tap_(chunks_.size * taps_),
          in_place_(dy.stride[3] == 1 && (dy.stride[2] == s.J || s.I == 1)),
          totals_(s.groups * chunks_.count * parts_ * sums_) {
        for (int64_t k = 0; k < chunks_.size * taps_; k++) {
            const int64_t c = k / taps_;
            int64_t u, v;
            layout_.tap_in_order(k % taps_, u, v);
            offset_[k] = c * layout_.channel() + layout_.tap(u, v);
            tap_[k] = (c * s.U + u) * s.V + v;
        }
        offset_[chunks_.size * taps_] = chunks_.size * layout_.channel();  // of the bias
    }

    void run(const Array<T, 4>& dw, T* db, int64_t db_stride) {
        const int64_t sets = s_.groups * chunks_.count;
        const int64_t work = s_.N * s_.I * s_.J / parts_ * sums_;
        parallel_for(sets * parts_, 1 + GemmBlocks<T>::thread_work / (work + 1),
                     [&](int64_t begin, int64_t end) {
                         for (int64_t task = begin; task < end; task++)
                             add_up(task / parts_, task % parts_, totals_.data() + task * sums_);
                     });
        parallel_for(sets, 1 + 65536 / (sums_ * parts_), [&](int64_t begin, int64_t end) {
            for (int64_t set = begin; set < end; set++) {
                T* total = totals_.data() + set * parts_ * sums_;
                for (int64_t part = 1; part < parts_; part++)
                    for (int64_t k = 0; k < sums_; k += width<T>)
                        store(total + k, load(total + k) + load(total + part * sums_ + k));
                hand_out(set, total, dw, db, db_stride);
            }
        });
    }

    // Whether this is faster than output channels as lanes, by what both cost for each pixel, in
    // multiply-adds of whole vectors.
    static bool suits(const Conv2dShape& s) {
        if (s.columns.stride > 1) return suits_stride(s);
        constexpr double W = width<T>;
        const double channels = double(s.C / s.groups), features = double(s.O / s.groups);
        const double taps = channels * double(s.U * s.V), pixels = double(s.N) * double(s.I) * double(s.J);
        if (features == 1 && channels == 1) return false;
        // Here: rounding up to vectors, which tiles of few registers load too often, and tiles of taps that
        // share no pixels from the second-level cache; copies; adding up lanes.
        const double waste = vectors(run(s)) * W / run(s);
        const double tile = (many_registers ? 1.06 : 1.12) * (s.U > 1 || s.V > 1 ? 1 : 1.35);
        const double sums = features * (taps + 1);
        const double own =
            sums / W * tile * waste + 3 * channels * double(s.V) / W + 6 * sums * parts(s) / pixels;
        // There: lanes without a channel, a vector alone, which has to load a number for each product;
        // transposing; sorting pixels that lie apart.
        const double lanes = vectors(features);
        const double other = lanes * (1.14 * taps + W / 2) + (int64_t(lanes) % 2 != 0 ? single * taps : 0);
        return 1.05 * own < other;
    }

  private:
    // How much longer a vector of output channels that is alone takes for a tap than one of two.
    static constexpr double single = many_registers ? 0.15 : 0.5;
    static double vectors(double count) { return double(int64_t((count + width<T> - 1) / width<T>)); }
    // Pixels that lie side by side.
    static double run(const Conv2dShape& s) {
        return s.I * s.J < strip_pixels ? double(s.I * s.J) : double(width<T>);
    }
    // The same for strides along rows. A copy for each tap then costs most, and the other way, which reads
    // single numbers, needs none; fitted as in conv2d/stride_cost.h.
    static bool suits_stride(const Conv2dShape& s) {
        constexpr double W = width<T>;
        const double groups = double(s.groups), images = double(s.N) * groups, I = double(s.I),
                     J = double(s.J);
        const double channels = double(s.C) / groups, features = double(s.O) / groups, V = double(s.V);
        const double taps = channels * double(s.U) * V, sums = features * (taps + 1), pixels = images * I * J;
        if (features == 1 && channels == 1) return false;
        const auto reach = [](const Axis& axis) {
            return double(axis.outputs - 1) * double(axis.stride) + double(axis.taps);
        };
        const double rows = images * channels * reach(s.rows), lanes = vectors(features);
        const double copies = s.columns.stride == 2 ? 9.3 * V * vectors(J) : 17.5 * vectors(V) * J;
        const double own = 0.95 * pixels * sums * vectors(run(s)) / run(s) + rows * (copies + 7 * V) +
                           18 * groups * sums * parts(s) + 10500;
        const bool in_place = !s.rows.leaves_source() && !s.columns.leaves_source();
        const double other =
            pixels * (taps * (int64_t(lanes) % 2 != 0 ? lanes + single : lanes) + 0.6 * lanes * W) +
            (in_place ? 0 : 9 * rows * (vectors(reach(s.columns)) + 1)) +
            2 * images * I * (taps / tile_rows<T> + 1) * lanes + 20 * groups * sums / W + 16600;
        return own < 1.1 * other;
    }
    static double parts(const Conv2dShape& s) {
        const double pixels = double(s.N) * double(s.I) * double(s.J) / (96 * double(width<T>));
        return pixels < 15 ? 1 + pixels : 16;
    }

    int64_t stripes() const { return rows_.count * columns_.count; }
    int64_t most_pixels() const { return rows_.size * columns_.size; }
    // Channels whose sums and whose pixels stay in the second-level cache, or nearly so.
    int64_t most_channels() const {
        const int64_t bytes = features_ * taps_ * width<T> * int64_t(sizeof(T));
        const int64_t by_sums = 1 + ((640 << 10) - 1) / bytes;
        const int64_t by_pixels = 1 + (256 << 10) / (s_.V * strip_pixels * int64_t(sizeof(T)));
        return by_sums < by_pixels ? by_sums : by_pixels;
    }
    int64_t whole_images() const {
        const int64_t images = strip_pixels / (s_.I * s_.J);
        return images < 1 ? 1 : images < s_.N ? images : s_.N;
    }
    // As many as 16 threads want, as long as a part is much more work than adding up its lanes.
    int64_t count_parts() const {
        const int64_t sets = s_.groups * chunks_.count, pixels = s_.N * s_.I * s_.J;
        int64_t parts = (16 + sets - 1) / sets;
        if (parts > 1 + pixels / (96 * width<T>)) parts = 1 + pixels / (96 * width<T>);
        return parts < units_ ? parts : units_;
    }

    // Adds up a part in sum[block of features][block of taps][feature][tap].
    void add_up(int64_t set, int64_t part, T* sum) const {
        const int64_t group = set / chunks_.count, chunk = set % chunks_.count;
        const int64_t own_channels = chunks_.length(chunk, channels_);
        const int64_t channel = group * channels_ + chunks_.begin(chunk), feature = group * features_;
        const Scratch<T> pixels(images_of_strip_ * pitch_ + width<T>),
            copy(in_place_ ? 0 : images_of_strip_ * features_ * most_pixels());
        const Scratch<const T*> slopes(images_of_strip_);
        const Scratch<vec<T>> acc(sums_);
        for (int64_t k = sums_ - width<T>; k < sums_; k++) acc[k] = vec<T>{};
        const int64_t first = part * units_ / parts_, end = (part + 1) * units_ / parts_;
        for (int64_t unit = first; unit < end; unit += images_of_strip_) {
            const int64_t segments = end - unit < images_of_strip_ ? end - unit : images_of_strip_;
            const OutputRun run = output_run(unit % stripes());
            for (int64_t s = 0; s < segments; s++) {
                const int64_t n = (unit + s) / stripes();
                T* own = pixels.data() + s * pitch_;
                layout_.fill(own, x_, n, channel, own_channels, run);
                T* ones = own + chunks_.size * layout_.channel();
                if (unit == first)  // the last chunk may have fewer channels
                    for (T* p = own + own_channels * layout_.channel(); p < ones; p++) *p = T(0);
                // Filling the copies wrote beyond their end.
                for (int64_t p = 0; p < (unit == first ? most_pixels() : width<T>); p += width<T>)
                    store_partial(ones + p, broadcast<T>(T(1)), most_pixels() - p);
                slopes[s] = dy_.at(n, feature) + run.top * dy_.stride[2] + run.left * dy_.stride[3];
                if (!in_place_)
                    slopes[s] = copy_slopes(copy.data() + s * features_ * most_pixels(), slopes[s], run);
            }
            const PixelStrip<T> strip = {slopes.data(), in_place_ ? dy_.stride[1] : most_pixels(),
                                         pixels.data(), pitch_,
                                         segments,      run.rows * run.columns};
            const T* next = nullptr;
            if (in_place_ && unit + images_of_strip_ < end) {
                const OutputRun after = output_run((unit + images_of_strip_) % stripes());
                next = dy_.at((unit + images_of_strip_) / stripes(), feature) + after.top * dy_.stride[2] +
                       after.left;
            }
            vec<T>* at = acc.data();
            for (int64_t f = 0; f < blocks_.features.count; f++) {
                RowsAhead<T> ahead = slopes_ahead(strip, f + 1, next);
                const int64_t share = ahead.lines() / blocks_.taps.count + 1;
                for (int64_t b = 0; b < blocks_.taps.count; b++) {
                    const int64_t features = blocks_.features.size(f), taps = blocks_.taps.size(b);
                    ahead.prefetch(share);
                    pixel_tile_function<T>(int(features), int(taps))(
                        at, strip, blocks_.features.begin(f), &offset_[blocks_.taps.begin(b)], unit > first);
                    at += features * taps;
                }
            }
        }
        for (int64_t k = 0; k < sums_; k += width<T>) store(sum + k, add_lanes(&acc[k]));
    }

    // The slopes of a block of output channels, on their way to the caches while the block before is added
    // up.
    RowsAhead<T> slopes_ahead(const PixelStrip<T>& strip, int64_t block, const T* next) const {
        if (block == blocks_.features.count) {
            if (next == nullptr) return {nullptr, 0, 0, 0};
            return {next, dy_.stride[1], blocks_.features.size(0), strip.length};
        }
        return {strip.slopes[0] + blocks_.features.begin(block) * strip.feature, strip.feature,
                blocks_.features.size(block), strip.length};
    }

    // Lane k of the result is the sum of vector k's lanes.
    static vec<T> add_lanes(const vec<T>* v) {
        vec<T> square[width<T>];
#pragma GCC unroll 16
        for (int r = 0; r < width<T>; r++) square[r] = v[r];
        transpose<T>(square);
#pragma GCC unroll 4
        for (int step = width<T> / 2; step > 0; step /= 2)
#pragma GCC unroll 8
            for (int r = 0; r < step; r++) square[r] += square[r + step];
        return square[0];
    }

    OutputRun output_run(int64_t stripe) const {
        const int64_t i = stripe / columns_.count, j = stripe % columns_.count;
        return {rows_.begin(i), rows_.length(i, s_.I), columns_.begin(j), columns_.length(j, s_.J)};
    }

    const T* copy_slopes(T* to, const T* from, const OutputRun& run) const {
        for (int64_t o = 0; o < features_; o++)
            for (int64_t i = 0; i < run.rows; i++)
                for (int64_t j = 0; j < run.columns; j++)
                    to[o * most_pixels() + i * run.columns + j] =
                        from[o * dy_.stride[1] + i * dy_.stride[2] + j * dy_.stride[3]];
        return to;
    }

    void hand_out(int64_t set, const T* total, const Array<T, 4>& dw, T* db, int64_t db_stride) const {
        const int64_t group = set / chunks_.count, chunk = set % chunks_.count;
        const int64_t own_taps = chunks_.length(chunk, channels_) * taps_, all_taps = chunks_.size * taps_;
        const bool whole = dw.contiguous();
        for (int64_t f = 0; f < blocks_.features.count; f++)
            for (int64_t b = 0; b < blocks_.taps.count; b++)
                for (int64_t o = blocks_.features.begin(f); o < blocks_.features.begin(f + 1); o++) {
                    const int64_t own = group * features_ + o;
                    for (int64_t k = blocks_.taps.begin(b); k < blocks_.taps.begin(b + 1); k++, total++) {
                        if (k == all_taps) {
                            if (db != nullptr && chunk == 0) db[own * db_stride] = *total;
                        } else if (k < own_taps) {
                            const int64_t tap = chunks_.begin(chunk) * taps_ + tap_[k];
                            (whole ? dw.data[own * dw.stride[0] + tap]
                                   : dw(own, tap / taps_, tap % taps_ / s_.V, tap % s_.V)) = *total;
                        }
                    }
                }
    }

    const Images<const T>&dy_, &x_;
    const Conv2dShape& s_;
    int64_t taps_, channels_, features_;
    Parts chunks_;             // of a group's channels
    Parts rows_, columns_;     // stripes of an image's outputs
    int64_t images_of_strip_;  // if they have one stripe each
    int64_t units_, parts_;    // stripes of all images, and their parts
    ShiftLayout layout_;
    int64_t pitch_;  // from one image's copies to the next
    PixelBlocks blocks_;
    int64_t sums_;
    Scratch<int64_t> offset_, tap_;  // where each tap finds its pixels; its place among a filter's
    bool in_place_;                  // whether dy is read where it lies
    Scratch<T> totals_;
};

}  // namespace pydl::PYDL_ISA
