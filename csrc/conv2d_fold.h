// The gradient with respect to the input of a convolution without stride, as products whose shares each row
// of dx gathers:
//
//     share[(c, u, v), (i, j)] = sum over o of  w[o, c, u, v] * dy[n, o, i, j]
//     dx[n, c, h, x] = sum over u, v of share[(c, u, v), (h - u * dilation + top, x - v * dilation + left)]
//
// What conv2d_scatter.h adds to a frame share by share is summed here in registers; a vector of shares beside
// the image is masked.
//
//   for each task: some images, a group, some of its channels     (in parallel)
//     for each block of rows of dy
//       for each panel of its pixels, for each panel of taps: one tile of shares
//       for each channel, for each vector of columns of dx: the sums of its rows
#pragma once

#include "conv2d_scatter.h"

namespace pydl::PYDL_ISA {

// Where several rows of shares meet in each of dx, and those of a few channels stay in the second-level
// cache.
inline bool pays_to_fold(const Conv2dShape& s) {
    return s.rows.stride == 1 && s.columns.stride == 1 && s.U > 1 && s.J >= 4 && s.I * s.J <= 2048;
}

template <typename T>
class FoldedGradient {
    static constexpr int64_t NR = tile_columns<T>, W = width<T>;

  public:
    FoldedGradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                   int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s)
        : dy_(dy),
          w_(w),
          bias_(bias),
          bias_stride_(bias_stride),
          dx_(dx),
          s_(s),
          channels_(s.C / s.groups),
          features_(s.O / s.groups),
          taps_(s.U * s.V),
          images_(s.N, 1 + 127 / (s.I * s.J)),
          blocks_(s.I, images_.size > 1 ? s.I : 1 + 4096 / s.J),
          chunks_(channels_, chunk_channels()),
          packed_(s.O * channels_ * taps_) {}

    void run() {
        const int64_t panels = s_.groups * chunks_.count, row_work = chunks_.size * taps_ * features_;
        parallel_for(panels, 1 + 65536 / row_work, [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; p++) pack_weights(p / chunks_.count, p % chunks_.count);
        });
        parallel_for(images_.count * panels,
                     1 + GemmBlocks<T>::thread_work / (images_.size * s_.I * s_.J * row_work),
                     [&](int64_t begin, int64_t end) {
                         for (int64_t task = begin; task < end; task++)
                             run_task(task / panels, task % panels / chunks_.count, task % chunks_.count);
                     });
    }

  private:
    // As many channels as keep the shares in the second-level cache, fewer for want of tasks.
    int64_t chunk_channels() const {
        const int64_t fit =
            (int64_t(192) << 10) / int64_t(sizeof(T)) / (images_.size * blocks_.size * s_.J * taps_);
        const int64_t wanted = GemmBlocks<T>::tasks / (images_.count * s_.groups);
        const int64_t shared = wanted > 1 && num_threads() > 1 ? channels_ / wanted : channels_;
        const int64_t least = 2 * tile_rows<T> / taps_ + 1, size = fit < shared ? fit : shared;
        return size < least ? least : size;
    }
    int64_t rows_of(int64_t chunk) const { return chunks_.length(chunk, channels_) * taps_; }
    T* packed(int64_t group, int64_t chunk) const {
        return packed_.data() + (group * channels_ + chunks_.begin(chunk)) * taps_ * features_;
    }
    void pack_weights(int64_t group, int64_t chunk) const {
        const int64_t rows = rows_of(chunk);
        const T* from = &w_(group * features_, chunks_.begin(chunk), 0, 0);
        const int64_t* stride = w_.stride;
        const bool dense = stride[3] == 1 && stride[2] == s_.V && stride[1] == taps_;
        const Parts tiles(rows, tile_rows<T>);
        for (int64_t tile = 0; tile < tiles.count; tile++) {
            const int64_t count = tiles.length(tile, rows), first = tiles.begin(tile);
            T* panel = packed(group, chunk) + first * features_;
            if (dense) {
                pack_panel(panel, count, count, from + first, int64_t(1), stride[0], features_);
                continue;
            }
            for (int64_t r = 0; r < count; r++) {
                const int64_t c = (first + r) / taps_, tap = (first + r) % taps_;
                const T* one = from + c * stride[1] + tap / s_.V * stride[2] + tap % s_.V * stride[3];
                for (int64_t o = 0; o < features_; o++) panel[o * count + r] = one[o * stride[0]];
            }
        }
    }

    void run_task(int64_t image_block, int64_t group, int64_t chunk) const {
        const int64_t first = images_.begin(image_block), count = images_.length(image_block, s_.N);
        const int64_t own = chunks_.length(chunk, channels_), rows = rows_of(chunk);
        const int64_t reach = (s_.U - 1) * s_.rows.dilation,
                      pitch = whole_vectors<T>(count * blocks_.size * s_.J);
        const int64_t most = blocks_.size + reach < s_.H ? blocks_.size + reach : s_.H;  // rows of dx at once
        // Vectors of a row of shares may begin and end beside it.
        const Scratch<T> shares(rows * pitch + 2 * W), panel(features_ * NR), sums(most * W);
        const Parts tiles(rows, tile_rows<T>);
        for (int64_t b = 0, done = 0; b < blocks_.count; b++) {
            const int64_t i = blocks_.begin(b), height = blocks_.length(b, s_.I),
                          columns = count * height * s_.J;
            for (int64_t column = 0; column < columns; column += NR) {
                const int64_t lanes = columns - column < NR ? columns - column : NR;
                const Panel<T> pixels = panel_of_pixels(panel.data(), dy_, first, group * features_,
                                                        features_, i * s_.J + column, lanes);
                for (int64_t t = 0; t < tiles.count; t++)
                    tile_function<T>(int(tiles.length(t, rows)), lanes)(
                        features_, packed(group, chunk) + tiles.begin(t) * features_, pixels.data,
                        pixels.stride, shares.data() + W + tiles.begin(t) * pitch + column, pitch,
                        whole_vectors<T>(lanes), false);
            }
            // Rows of dx that this block and those before it have shares of.
            int64_t end = b == blocks_.count - 1 ? s_.H : i + height + reach + s_.rows.origin;
            if (end > s_.H) end = s_.H;
            if (end < done) end = done;
            int64_t begin = b == 0 ? 0 : i + s_.rows.origin;
            if (begin < 0) begin = 0;
            for (int64_t c = 0; c < own; c++)
                for (int64_t n = 0; n < count; n++)
                    for (int64_t x = 0; x < s_.W; x += W)
                        fold(first + n, group * channels_ + chunks_.begin(chunk) + c, x, begin, done, end, i,
                             height, shares.data() + W + c * taps_ * pitch + n * s_.I * s_.J, pitch,
                             sums.data());
            done = end;
        }
    }

    // Columns x, x + 1, ... of rows from `begin` to `end` of dx: the shares of `height` rows of dy from row
    // `first` on, added to what is there above row `done`.
    void fold(int64_t n, int64_t c, int64_t x, int64_t begin, int64_t done, int64_t end, int64_t first,
              int64_t height, const T* share, int64_t pitch, T* sums) const {
        const int64_t across = dx_.stride[3], lanes = s_.W - x < W ? s_.W - x : W, d = s_.rows.dilation;
        const T start = bias_ != nullptr ? bias_[c * bias_stride_] : T(0);
        for (int64_t h = begin; h < end; h++) {
            vec<T> sum = broadcast<T>(start);
            if (h < done)
                for (int64_t l = 0; l < lanes; l++) sum[l] = dx_(n, c, h, x + l);
            store(sums + (h - begin) * W, sum);
        }
        for (int64_t v = 0; v < s_.V; v++) {
            const int64_t left =
                x - v * s_.columns.dilation - s_.columns.origin;  // the column of dy in the first lane
            if (left <= -W || left >= s_.J) continue;
            const vec<T> column = iota<T>() + T(left);
            const auto inside = (column >= T(0)) & (column < T(s_.J));
            for (int64_t h = begin; h < end; h++) {
                const int64_t i = h - s_.rows.origin - first;  // of tap 0, in the block
                int64_t u = i < height ? 0 : (i - height) / d + 1;
                const T* from = share + (u * s_.V + v) * pitch + (i - u * d) * s_.J + left;
                vec<T> sum = load(sums + (h - begin) * W);
                for (; u < s_.U && u * d <= i; u++, from += s_.V * pitch - d * s_.J)
                    sum += select(inside, load(from), vec<T>{});
                store(sums + (h - begin) * W, sum);
            }
        }
        for (int64_t h = begin; h < end; h++) {
            const T* from = sums + (h - begin) * W;
            T* to = &dx_(n, c, h, x);
            if (across == 1)
                store_partial(to, load(from), lanes);
            else
                for (int64_t l = 0; l < lanes; l++) to[l * across] = from[l];
        }
    }

    const Array<const T, 4>&dy_, &w_;
    const T* bias_;
    int64_t bias_stride_;
    const Array<T, 4>& dx_;
    const Conv2dShape& s_;
    int64_t channels_, features_, taps_;
    Parts images_, blocks_, chunks_;
    Scratch<T> packed_;
};

}  // namespace pydl::PYDL_ISA
