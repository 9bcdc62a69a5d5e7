// Convolutions of many small images: the lanes of a tile are images.
//
// Pixels are sorted as [row][column][channel][image]. What a row of taps meets is then one run of numbers,
// the panel of a tile (gemm/microkernel.h); no lane is lost at the end of a row, and taps that meet zeros
// around the image are left out, so that not one product is in vain. In exchange a vector of images is
// needed.
//
//   for each task: some images, a group, some rows of outputs                              (in parallel)
//     sorts what it reads of the images
//     for each output, for each row of taps, for each panel of weights: one tile
//     writes the outputs, some rows at a time
#pragma once

#include "conv2d/plan.h"
#include "conv2d/tap_span.h"

namespace pydl::PYDL_ISA {

template <typename T>
class BatchProduct {
    static constexpr int64_t W = width<T>;
    static constexpr int most_rows = most_tile_rows<T>(most_tile_vectors<T>);

  public:
    explicit BatchProduct(const Correlation<T>& conv)
        : conv_(conv),
          taps_(conv.taps()),
          images_(conv.x.shape[0], most_tile_vectors<T> * W, W),
          panels_(conv.features, most_rows),
          rows_at_once_((W - 1) / conv.columns.outputs + 1),
          blocks_(conv.rows.outputs, rows_of_task(), rows_at_once_),
          packed_(conv.groups * conv.features * conv.channels * taps_),
          bias_(conv.bias != nullptr ? conv.groups * conv.features : 0) {}

    void run() {
        for (int64_t m = 0; conv_.bias != nullptr && m < conv_.groups * conv_.features; m++)
            bias_[m] = conv_.bias[m * conv_.bias_stride];
        parallel_for(conv_.groups * panels_.count, 1 + 32768 / (panels_.size * conv_.channels * taps_),
                     [&](int64_t begin, int64_t end) {
                         for (int64_t p = begin; p < end; p++) pack(p / panels_.count, p % panels_.count);
                     });
        parallel_for(images_.count * conv_.groups * blocks_.count, 1, [&](int64_t begin, int64_t end) {
            const Scratch<T> pixels(source_rows(blocks_.size) * row_size()),
                tiles(rows_at_once_ * conv_.columns.outputs * conv_.features * images_.size);
            for (int64_t t = begin; t < end; t++)
                run_task(t / blocks_.count / conv_.groups, t / blocks_.count % conv_.groups,
                         t % blocks_.count, pixels.data(), tiles.data());
        });
    }

  private:
    int64_t row_size() const { return conv_.columns.source * conv_.channels * images_.size; }
    // Rows of an image that so many rows of outputs read at most.
    int64_t source_rows(int64_t rows) const {
        const int64_t reach =
            (rows - 1) * conv_.rows.stride + (conv_.rows.taps - 1) * conv_.rows.dilation + 1;
        return reach < conv_.rows.source ? reach : conv_.rows.source;
    }
    // As many as keep the pixels in the second-level cache, fewer for want of tasks.
    int64_t rows_of_task() const {
        const int64_t parts = tasks_wanted() / (images_.count * conv_.groups) + 1;
        int64_t rows = (conv_.rows.outputs - 1) / parts + 1;
        while (rows > 1 && source_rows(rows) * row_size() * int64_t(sizeof(T)) > int64_t(512) << 10) rows--;
        return rows;
    }

    // A panel's weights in the order (u, v, c).
    T* packed(int64_t group, int64_t panel) const {
        return packed_.data() + (group * conv_.features + panels_.begin(panel)) * conv_.channels * taps_;
    }
    void pack(int64_t group, int64_t panel) const {
        const int64_t count = panels_.length(panel, conv_.features), V = conv_.columns.taps;
        const int64_t* stride = conv_.w_stride;
        const T* w = conv_.weights(group, panels_.begin(panel));
        T* to = packed(group, panel);
        for (int64_t tap = 0; tap < taps_; tap++)
            for (int64_t c = 0; c < conv_.channels; c++)
                for (int64_t m = 0; m < count; m++)
                    *to++ = w[m * stride[0] + c * stride[1] + tap / V * stride[2] + tap % V * stride[3]];
    }

    void run_task(int64_t part, int64_t group, int64_t block, T* pixels, T* tiles) const {
        const Axis &rows = conv_.rows, &columns = conv_.columns;
        const int64_t first = images_.begin(part), images = images_.length(part, conv_.x.shape[0]);
        const int64_t top = blocks_.begin(block), end = top + blocks_.length(block, rows.outputs);
        const int64_t lanes = whole_vectors<T>(images), pixel = conv_.channels * lanes;
        int64_t from = top * rows.stride + rows.origin,
                past = (end - 1) * rows.stride + rows.origin + (rows.taps - 1) * rows.dilation + 1;
        if (from < 0) from = 0;
        if (past > rows.source) past = rows.source;
        for (int64_t h = from; h < past; h++)
            sort_row(pixels + (h - from) * columns.source * pixel, first, images, group, h, pixel, lanes);
        for (int64_t i = top; i < end; i += rows_at_once_) {
            const int64_t count = end - i < rows_at_once_ ? end - i : rows_at_once_;
            T* to = tiles;
            for (int64_t r = 0; r < count; r++) {
                const TapSpan u(rows, i + r);
                for (int64_t j = 0; j < columns.outputs; j++, to += conv_.features * lanes) {
                    const TapSpan v(columns, j);
                    const T* source = pixels + ((u.source - from) * columns.source + v.source) * pixel;
                    multiply(to, source, group, u, v, columns.source * pixel, lanes);
                }
            }
            write(tiles, first, images, group, i, count, lanes);
        }
    }

    // [column][channel][image] of row h.
    void sort_row(T* to, int64_t first, int64_t images, int64_t group, int64_t h, int64_t pixel,
                  int64_t lanes) const {
        for (int64_t c = 0; c < conv_.channels; c++, to += lanes)
            for (int64_t n = 0; n < lanes; n += W)
                for (int64_t w = 0; w < conv_.columns.source; w += W) {
                    const int64_t left = conv_.columns.source - w;
                    vec<T> square[W];
#pragma GCC unroll 16
                    for (int l = 0; l < W; l++) {
                        const int64_t image = n + l < images ? first + n + l : first;
                        square[l] = load_partial(
                            conv_.x.at(image, group * conv_.channels + c) + h * conv_.x.stride[2] + w, left);
                    }
                    transpose<T>(square);
#pragma GCC unroll 16
                    for (int k = 0; k < W; k++)
                        if (k < left) store(to + (w + k) * pixel + n, square[k]);
                }
    }

    // All features of one output.
    void multiply(T* to, const T* source, int64_t group, const TapSpan& u, const TapSpan& v, int64_t row,
                  int64_t lanes) const {
        const int64_t depth = u.length() > 0 ? v.length() * conv_.channels : 0;
        int64_t tap = u.begin;
        do {
            for (int64_t p = 0; p < panels_.count; p++) {
                const int64_t m = panels_.begin(p), count = panels_.length(p, conv_.features);
                const T* w = packed(group, p) + (tap * conv_.columns.taps + v.begin) * conv_.channels * count;
                conv_tile<T>(false, int(count), int(lanes / W))(
                    depth, w, {source, nullptr, {}},
                    conv_.bias != nullptr && tap == u.begin ? bias_.data() + group * conv_.features + m
                                                            : nullptr,
                    to + m * lanes, lanes, lanes, tap > u.begin);
            }
            source += row * conv_.rows.dilation;
        } while (++tap < u.end && depth > 0);
    }

    void write(const T* tiles, int64_t first, int64_t images, int64_t group, int64_t i, int64_t rows,
               int64_t lanes) const {
        const int64_t J = conv_.columns.outputs, step = conv_.features * lanes;
        const bool flat = conv_.y.stride[2] == J;
        const int64_t runs = flat ? 1 : rows, length = flat ? rows * J : J;
        for (int64_t m = 0; m < conv_.features; m++)
            for (int64_t n = 0; n < images; n += W)
                for (int64_t r = 0; r < runs; r++)
                    for (int64_t k = 0; k < length; k += W) {
                        const T* from = tiles + (r * J + k) * step + m * lanes + n;
                        const int64_t left = length - k;
                        vec<T> square[W];
#pragma GCC unroll 16
                        for (int l = 0; l < W; l++) square[l] = l < left ? load(from + l * step) : vec<T>{};
                        transpose<T>(square);
#pragma GCC unroll 16
                        for (int l = 0; l < W; l++)
                            if (n + l < images)
                                store_partial(conv_.y.at(first + n + l, group * conv_.features + m) +
                                                  (i + r) * conv_.y.stride[2] + k,
                                              square[l], left);
                    }
    }

    const Correlation<T>& conv_;
    int64_t taps_;
    Parts images_, panels_;
    int64_t rows_at_once_;  // of outputs that are written together, so that vectors are whole
    Parts blocks_;          // of the rows of outputs
    Scratch<T> packed_, bias_;
};

// Vectors have to be nearly full of images, and there have to be taps enough to be worth sorting pixels.
template <typename T>
bool pays_to_stack(const Correlation<T>& conv) {
    const int64_t N = conv.x.shape[0];
    return has_special_kernels && conv.x.stride[3] == 1 && conv.y.stride[3] == 1 &&
           conv.columns.dilation == 1 && 8 * N >= 7 * whole_vectors<T>(N) && conv.features >= 8 &&
           conv.taps() >= 9 && conv.channels * conv.columns.taps >= 48 &&
           conv.rows.outputs * conv.columns.outputs <= 196;
}
// Tiles that are used well.
template <typename T>
bool has_large_tiles(const Correlation<T>& conv) {
    return conv.x.shape[0] >= 2 * width<T> && conv.channels * conv.columns.taps >= 96;
}
// For a convolution whose taps all meet the image (of zeros around it, weights that are not finite would make
// a difference): other algorithms multiply nothing in vain then, they only lose lanes.
template <typename T>
bool pays_to_stack_whole(const Correlation<T>& conv) {
    return pays_to_stack(conv) && has_large_tiles(conv) && conv.columns.outputs % width<T> != 0 &&
           !conv.rows.leaves_source() && !conv.columns.leaves_source();
}
// For the gradient of a convolution: small tiles are enough if a sixth of the taps or more meet zeros.
template <typename T>
bool pays_to_stack_padded(const Correlation<T>& conv) {
    if (!pays_to_stack(conv)) return false;
    int64_t rows = 0, columns = 0;
    for (int64_t i = 0; i < conv.rows.outputs; i++) rows += TapSpan(conv.rows, i).length();
    for (int64_t j = 0; j < conv.columns.outputs; j++) columns += TapSpan(conv.columns, j).length();
    return has_large_tiles(conv) ||
           6 * rows * columns <= 5 * conv.rows.outputs * conv.columns.outputs * conv.taps();
}

}  // namespace pydl::PYDL_ISA
