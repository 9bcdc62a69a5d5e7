// What the gradients of conv2d/scatter.h and conv2d/fold.h begin with, a product over the output channels
// alone, with no patch to gather and no zero of a padding or stride to multiply:
//
//     share[(c, u, v), (n, i, j)] = sum over o of  w[o, c, u, v] * dy[n, o, i, j]
//
// How the shares are added up, where their taps point, is left to them.
//
//   for each group, for each chunk of its channels: the weights as panels of taps     (in parallel)
//   for each task: some images, a group, some of its channels     (in parallel)
//     for each panel of output pixels, for each panel of taps: one tile of shares
#pragma once

#include "conv2d/shape.h"
#include "gemm/blocked.h"

namespace pydl::PYDL_ISA {

// dy as a panel: one step for each of `features` output channels from `o` on, lanes pixels from `column` of
// the images from `image` on.
template <typename T>
Panel<T> panel_of_pixels(T* panel, const Array<const T, 4>& dy, int64_t image, int64_t o, int64_t features,
                         int64_t column, int64_t lanes) {
    const int64_t I = dy.shape[2], J = dy.shape[3], pixels = I * J, pitch = whole_vectors<T>(lanes);
    const bool flat = I == 1 || dy.stride[2] == J * dy.stride[3];
    const int64_t longest = flat ? pixels : J;
    for (int64_t lane = 0; lane < lanes;) {
        const int64_t at = column + lane, n = image + at / pixels, i = at % pixels / J, j = at % J;
        const int64_t left = longest - at % longest, length = left < lanes - lane ? left : lanes - lane;
        const T* from = &dy(n, o, i, j);
        if (dy.stride[3] == 1 && length == lanes && lanes == pitch) return {from, dy.stride[1]};
        for (int64_t k = 0; k < features; k++)
            copy_padded(panel + k * pitch + lane, length, from + k * dy.stride[1], dy.stride[3], length,
                        int64_t(0), int64_t(1));
        lane += length;
    }
    return {panel, pitch};
}

template <typename T>
class GradientShares {
  protected:
    static constexpr int64_t NR = tile_columns<T>;

    // bias, where it is not null, is what each channel of dx begins with. A task has as many images as make
    // `pixels` output pixels, if there are so many.
    GradientShares(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                   int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s, int64_t pixels)
        : dy_(dy),
          w_(w),
          bias_(bias),
          bias_stride_(bias_stride),
          dx_(dx),
          s_(s),
          channels_(s.C / s.groups),
          features_(s.O / s.groups),
          taps_(s.U * s.V),
          images_(s.N, 1 + (pixels - 1) / (s.I * s.J)),
          packed_(s.O * channels_ * taps_) {}

    // The channels of a group, `fit` a task, fewer where is_shared wants more tasks; but more than `tiles`
    // tiles of taps.
    Parts chunks(int64_t fit, int64_t tiles, bool is_shared) const {
        const int64_t wanted = GemmBlocks<T>::tasks / (images_.count * s_.groups);
        const int64_t shared = is_shared && wanted > 1 ? channels_ / wanted : channels_;
        const int64_t least = tiles * tile_rows<T> / taps_ + 1, size = fit < shared ? fit : shared;
        return {channels_, size < least ? least : size};
    }

    struct Task {
        int64_t image, images;      // the first, and how many
        int64_t channel, channels;  // of dx
        int64_t feature;            // the first of dy that they are made of
        int64_t rows;               // of shares: the taps of its channels
        Parts tiles;                // of rows
        T* weights;                 // their panels, one for each tile
    };
    Task task_of(int64_t image_block, int64_t group, int64_t chunk, const Parts& chunks) const {
        const int64_t begin = group * channels_ + chunks.begin(chunk);
        const int64_t count = chunks.length(chunk, channels_), rows = count * taps_;
        return {images_.begin(image_block),
                images_.length(image_block, s_.N),
                begin,
                count,
                group * features_,
                rows,
                Parts(rows, tile_rows<T>),
                packed_.data() + begin * taps_ * features_};
    }

    // pack_tile(task, tile) for all panels of weights, then run(task) for all tasks.
    template <typename PackTile, typename Run>
    void run_tasks(const Parts& chunks, const PackTile& pack_tile, const Run& run) const {
        const int64_t panels = s_.groups * chunks.count, row_work = chunks.size * taps_ * features_;
        parallel_for(panels, 1 + 65536 / row_work, [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; p++) {
                const Task task = task_of(0, p / chunks.count, p % chunks.count, chunks);
                for (int64_t tile = 0; tile < task.tiles.count; tile++) pack_tile(task, tile);
            }
        });
        const int64_t work = images_.size * s_.I * s_.J * row_work;
        parallel_for(images_.count * panels, 1 + GemmBlocks<T>::thread_work / work,
                     [&](int64_t begin, int64_t end) {
                         for (int64_t k = begin; k < end; k++)
                             run(task_of(k / panels, k % panels / chunks.count, k % chunks.count, chunks));
                     });
    }

    T* panel(const Task& task, int64_t tile) const {
        return task.weights + task.tiles.begin(tile) * features_;
    }
    // The weights of a task's channel c at tap (u, v), `step` apart.
    void pack_row(T* to, int64_t step, const Task& task, int64_t c, int64_t u, int64_t v) const {
        const T* from = &w_(task.feature, (task.channel + c) % channels_, u, v);
        for (int64_t o = 0; o < features_; o++) to[o * step] = from[o * w_.stride[0]];
    }

    Panel<T> pixels_of(const Task& task, T* panel, int64_t column, int64_t lanes) const {
        return panel_of_pixels(panel, dy_, task.image, task.feature, features_, column, lanes);
    }
    // A tile's rows of shares of these pixels.
    void tile_of_shares(const Task& task, int64_t tile, const Panel<T>& pixels, int64_t lanes, T* to,
                        int64_t pitch) const {
        tile_function<T>(int(task.tiles.length(tile, task.rows)), lanes)(
            features_, panel(task, tile), pixels.data, pixels.stride, to, pitch, whole_vectors<T>(lanes),
            false);
    }

    const Array<const T, 4>&dy_, &w_;
    const T* bias_;
    int64_t bias_stride_;
    const Array<T, 4>& dx_;
    const Conv2dShape& s_;
    int64_t channels_, features_, taps_;
    Parts images_;

  private:
    Scratch<T> packed_;
};

}  // namespace pydl::PYDL_ISA
