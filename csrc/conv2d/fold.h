// The gradient with respect to the input of a convolution without stride, as products (conv2d/shares.h) whose
// shares each row of dx gathers:
//
//     dx[n, c, h, x] = sum over u, v of share[(c, u, v), (h - u * dilation + top, x - v * dilation + left)]
//
// What conv2d/scatter.h adds to a frame share by share is summed here in registers; a vector of shares beside
// the image is masked.
//
//   for each task: some images, a group, some of its channels     (in parallel)
//     for each block of rows of dy
//       for each panel of its pixels, for each panel of taps: one tile of shares
//       for each channel, for each vector of columns of dx: the sums of its rows
#pragma once

#include "conv2d/shares.h"

namespace pydl::PYDL_ISA {

// Where several rows of shares meet in each of dx, and those of a few channels stay in the second-level
// cache.
inline bool pays_to_fold(const Conv2dShape& s) {
    return s.rows.stride == 1 && s.columns.stride == 1 && s.U > 1 && s.J >= 4 && s.I * s.J <= 2048;
}

// What it costs, in cycles of a processor that does two multiply-adds in one.
template <typename T>
double cost_of_folding(const Conv2dShape& s) {
    const auto vectors = [](int64_t count) { return double((count - 1) / width<T> + 1); };
    const double shares = double(s.C * s.U * s.V);
    return shares * (vectors(s.N * s.I * s.J) * (double(s.O / s.groups) / 2 + 2) +
                     3 * double(s.N * s.H) * vectors(s.W));
}

template <typename T>
class FoldedGradient : GradientShares<T> {
    using Shares = GradientShares<T>;
    using Shares::bias_, Shares::bias_stride_, Shares::dx_, Shares::s_, Shares::taps_, Shares::NR;
    using typename Shares::Task;
    static constexpr int64_t W = width<T>;

  public:
    FoldedGradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                   int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s)
        : Shares(dy, w, bias, bias_stride, dx, s, 128),
          blocks_(s.I, this->images_.size > 1 ? s.I : 1 + 4096 / s.J) {}

    void run() const {
        // The shares stay in the second-level cache.
        const int64_t fit =
            (int64_t(192) << 10) / int64_t(sizeof(T)) / (this->images_.size * blocks_.size * s_.J * taps_);
        this->run_tasks(
            this->chunks(fit, 2, num_threads() > 1),
            [&](const Task& task, int64_t tile) { pack_tile(task, tile); },
            [&](const Task& task) { fold_shares(task); });
    }

  private:
    // The rows of a task are (c, u, v), as in memory.
    void pack_tile(const Task& task, int64_t tile) const {
        const int64_t count = task.tiles.length(tile, task.rows), first = task.tiles.begin(tile);
        const int64_t* stride = this->w_.stride;
        T* panel = this->panel(task, tile);
        if (stride[3] == 1 && stride[2] == s_.V && stride[1] == taps_) {
            const T* from = &this->w_(task.feature, task.channel % this->channels_, 0, 0) + first;
            pack_panel(panel, count, count, from, int64_t(1), stride[0], this->features_);
            return;
        }
        for (int64_t r = 0; r < count; r++) {
            const int64_t tap = (first + r) % taps_;
            this->pack_row(panel + r, count, task, (first + r) / taps_, tap / s_.V, tap % s_.V);
        }
    }

    void fold_shares(const Task& task) const {
        const int64_t reach = (s_.U - 1) * s_.rows.dilation,
                      pitch = whole_vectors<T>(task.images * blocks_.size * s_.J);
        const int64_t most = blocks_.size + reach < s_.H ? blocks_.size + reach : s_.H;  // rows of dx at once
        // Vectors of a row of shares may begin and end beside it.
        const Scratch<T> shares(task.rows * pitch + 2 * W), panel(this->features_ * NR), sums(most * W);
        for (int64_t b = 0, done = 0; b < blocks_.count; b++) {
            const int64_t i = blocks_.begin(b), height = blocks_.length(b, s_.I),
                          columns = task.images * height * s_.J;
            for (int64_t column = 0; column < columns; column += NR) {
                const int64_t lanes = columns - column < NR ? columns - column : NR;
                const Panel<T> pixels = this->pixels_of(task, panel.data(), i * s_.J + column, lanes);
                for (int64_t t = 0; t < task.tiles.count; t++)
                    this->tile_of_shares(task, t, pixels, lanes,
                                         shares.data() + W + task.tiles.begin(t) * pitch + column, pitch);
            }
            // Rows of dx that this block and those before it have shares of.
            int64_t end = b == blocks_.count - 1 ? s_.H : i + height + reach + s_.rows.origin;
            if (end > s_.H) end = s_.H;
            if (end < done) end = done;
            int64_t begin = b == 0 ? 0 : i + s_.rows.origin;
            if (begin < 0) begin = 0;
            for (int64_t c = 0; c < task.channels; c++)
                for (int64_t n = 0; n < task.images; n++)
                    for (int64_t x = 0; x < s_.W; x += W)
                        fold(task.image + n, task.channel + c, x, begin, done, end, i, height,
                             shares.data() + W + c * taps_ * pitch + n * s_.I * s_.J, pitch, sums.data());
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

    Parts blocks_;
};

}  // namespace pydl::PYDL_ISA
