// A 3x3 convolution of stride 1 by Winograd's algorithm (conv2d_winograd_transform.h). One with dilated taps
// is several of them, each of every d-th row and column.
//
// The outputs of all images are cut into tiles of M x M, each made of the S x S pixels under it (S = M + 2;
// neighbouring tiles share two of them), numbered image by image and row by row:
//
//      M = 4    +----+----+--:      a map of 10 columns: 3 tiles a row, the last half empty
//               |  0 |  1 |  2      what a tile reads beyond the image is zero,
//               +----+----+--:      what it computes beyond the map is dropped
//               |  3 |  4 |  5
//
// For each of the S * S places of a transformed tile there is a matrix product over the channels,
//
//     product[place][o, tile] = sum over c of  filter[place][o, c] * source[place][c, tile],
//
// whose lanes (microkernel.h) are tiles.
//
//   transforms all filters into panels, once                       threads share
//   for each task: so many tiles that their sources fit the second-level cache,      (in parallel)
//                  a part of the features where there are few tiles
//     for each channel: sorts the pixels of the tiles into S * S lines, transforms them into panels
//     for each group of filter panels, for each panel of tiles
//       for each place: its products, while the panel of sources is in the first-level cache
//       for each feature: transforms the products into outputs
//
// A NaN or infinity reaches all outputs of its tiles, not only those whose taps meet it, and numbers near
// the largest may overflow on the way though the result would not. Every output is therefore looked at, and
// an image with one that is not finite is computed again by the direct method.
#pragma once

#include "conv2d_product.h"
#include "conv2d_winograd_plan.h"

namespace pydl::PYDL_ISA {

// A task: some panels of tiles, some panels of filters.
template <typename T, int M>
class WinogradTask {
    static constexpr int S = M + 2, places = S * S;
    static constexpr int64_t NR = tile_columns<T>, W = width<T>;
    using Plan = WinogradPlan<T, M>;

  public:
    // suspects[n] is set for the images whose results are not finite.
    WinogradTask(const Correlation<T>& conv, const WinogradFilters<T, M>& filters, const Plan& plan,
                 uint8_t* suspects)
        : conv_(conv),
          filters_(filters),
          plan_(plan),
          suspects_(suspects),
          frame_pitch_(plan.tiles_of_row * M + 2),
          bands_(plan.tasks.size * NR / plan.tiles_of_image() + 2),
          strips_(plan.tasks.size * (NR / plan.tiles_of_row + 2)),
          first_strip_(plan.tasks.size + 1),
          frame_(plan.frame_rows() * frame_pitch_ + (M + 1) * W),
          line_pitch_(plan.tasks.size * NR + W),
          lines_(places * line_pitch_),
          sources_(plan.tasks.size * places * plan.pitch),
          product_pitch_(group_rows() * NR + 64 / int64_t(sizeof(T))),
          products_(places * product_pitch_) {}

    void run(int64_t group, int64_t task, int64_t row_group) {
        group_ = group;
        first_ = plan_.tasks.begin(task) * NR;
        count_ = plan_.tiles - first_ < plan_.tasks.size * NR ? plan_.tiles - first_ : plan_.tasks.size * NR;
        list_strips();
        for (int64_t c = 0; c < conv_.channels; c++) {
            fill_frame(c);
            for (int64_t s = 0; s < strip_count_; s++) sort_pixels(strips_[s]);
            for (int64_t t = 0; t < count_; t += W)
                winograd_source<T, M>(lines_.data() + t, S * line_pitch_, line_pitch_,
                                      source(t / NR, 0) + c * NR + t % NR, plan_.pitch);
        }
        const int64_t end =
            plan_.row_groups.begin(row_group) + plan_.row_groups.length(row_group, filters_.rows.count);
        for (int64_t r = plan_.row_groups.begin(row_group); r < end;) {
            const int64_t stop = r + group_panels() < end ? r + group_panels() : end;
            const int64_t o = filters_.rows.begin(r);
            const int64_t rows =
                (stop < filters_.rows.count ? filters_.rows.begin(stop) : conv_.features) - o;
            for (int64_t p = 0; p * NR < count_; p++) {
                multiply(p, r, stop);
                for (int64_t row = 0; row < rows; row++) write_outputs(o + row, row, p);
            }
            r = stop;
        }
    }

  private:
    // The pixels of one image that a task reads, in the frame; the zeros around the image stay there from
    // channel to channel.
    struct Band {
        int64_t source, target;  // of the first row inside the image: in a channel of x, in the frame
        int64_t rows;
    };
    // Neighbouring tiles of one row of tiles and one panel.
    struct Strip {
        int64_t tile, length;   // the first one, relative to the task
        int64_t source;         // its first pixel in the frame
        int64_t target;         // its first output, relative to the feature's in image 0
        int64_t rows, columns;  // outputs that exist
    };

    int64_t group_panels() const {
        const int64_t panels = Plan::group_rows / filters_.rows.size;
        const int64_t most = plan_.row_groups.size;
        return panels < 1 ? 1 : panels < most ? panels : most;
    }
    int64_t group_rows() const { return group_panels() * filters_.rows.size; }
    T* source(int64_t panel, int place) const {
        return sources_.data() + (panel * places + place) * plan_.pitch;
    }
    // Columns of the image that the frame holds.
    int64_t first_column() const { return conv_.columns.origin > 0 ? conv_.columns.origin : 0; }
    int64_t last_column() const {
        const int64_t end = conv_.columns.origin + frame_pitch_;
        return end < conv_.columns.source ? end : conv_.columns.source;
    }

    void list_strips() {
        const int64_t TJ = plan_.tiles_of_row, I = conv_.rows.outputs, J = conv_.columns.outputs;
        const Images<T>& y = conv_.y;
        band_count_ = strip_count_ = 0;
        int64_t frame = 0, image = -1, top = 0, panel = -1;
        for (int64_t t = 0; t < count_;) {
            const int64_t row = (first_ + t) / TJ, column = (first_ + t) % TJ;
            const int64_t n = row / plan_.tile_rows_of_image, i = row % plan_.tile_rows_of_image;
            if (n != image) {
                const int64_t last = (first_ + count_ - 1) / TJ - n * plan_.tile_rows_of_image;
                const int64_t bottom = last < plan_.tile_rows_of_image ? last : plan_.tile_rows_of_image - 1;
                image = n, top = i;
                frame = add_band(n, top, bottom);
            }
            while (panel < t / NR) first_strip_[++panel] = strip_count_;
            int64_t length = TJ - column;
            if (length > count_ - t) length = count_ - t;
            if (length > NR - t % NR) length = NR - t % NR;
            const int64_t columns = J - column * M, rows = I - i * M;
            strips_[strip_count_++] = {t,
                                       length,
                                       frame + (i - top) * M * frame_pitch_ + column * M,
                                       (y.at(n, 0) - y.data) + i * M * y.stride[2] + column * M * y.stride[3],
                                       rows < M ? rows : M,
                                       columns < length * M ? columns : length * M};
            t += length;
        }
        first_strip_[panel + 1] = strip_count_;
    }
    // The frame of the tile rows [top, bottom] of an image: its place. All of it is set to zero.
    int64_t add_band(int64_t n, int64_t top, int64_t bottom) {
        const int64_t begin = band_count_ > 0 ? frame_end_ : 0, height = (bottom - top + 1) * M + 2;
        frame_end_ = begin + height * frame_pitch_;
        for (int64_t k = begin; k < frame_end_ + (M + 1) * W; k += W)
            store_partial(frame_.data() + k, vec<T>{}, frame_end_ + (M + 1) * W - k);
        const int64_t first = top * M + conv_.rows.origin, last = first + height;
        const int64_t from = first > 0 ? first : 0, to = last < conv_.rows.source ? last : conv_.rows.source;
        bands_[band_count_++] = {
            (conv_.x.at(n, 0) - conv_.x.data) + from * conv_.x.stride[2] + first_column() * conv_.x.stride[3],
            begin + (from - first) * frame_pitch_ + first_column() - conv_.columns.origin, to - from};
        return begin;
    }

    void fill_frame(int64_t c) {
        const int64_t columns = last_column() - first_column();
        const int64_t (&stride)[4] = conv_.x.stride;
        // The next channel's pixels are on their way while this one's are sorted.
        const T* channel = conv_.x.at(0, group_ * conv_.channels + c);
        const int64_t ahead =
            c + 1 < conv_.channels ? conv_.x.at(0, group_ * conv_.channels + c + 1) - channel : 0;
        for (int64_t b = 0; b < band_count_; b++) {
            const T* from = channel + bands_[b].source;
            T* to = frame_.data() + bands_[b].target;
            for (int64_t row = 0; row < bands_[b].rows; row++, from += stride[2], to += frame_pitch_) {
                copy_line(to, int64_t(1), from, stride[3], columns);
                for (int64_t k = 0; k < columns; k += 64 / int64_t(sizeof(T)))
                    prefetch(from + ahead + k * stride[3]);
            }
        }
    }
    static void copy_line(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t count) {
        if (to_stride == 1 && from_stride == 1) {
            copy_row(to, from, count);
        } else if (to_stride == 1 && from_stride == 2 && count > 0) {
            copy_every_second(to, from, count);
        } else {
            for (int64_t k = 0; k < count; k++) to[k * to_stride] = from[k * from_stride];
        }
    }

    // lines[i * S + j][t] = pixel (i, j) under tile t. What is written beyond the strip is overwritten by the
    // next one.
    void sort_pixels(const Strip& strip) {
        for (int i = 0; i < S; i++) {
            const T* from = frame_.data() + strip.source + i * frame_pitch_;
            T* to = lines_.data() + i * S * line_pitch_ + strip.tile;
            vec<T> own[M], next[M] = {};
            split_columns<T, M>(from, own);
            for (int64_t k = 0; k < strip.length; k += W) {
                if (k + W < strip.length + 1) split_columns<T, M>(from + (k + W) * M, next);
#pragma GCC unroll 4
                for (int j = 0; j < M; j++) store(to + k + j * line_pitch_, own[j]);
                store(to + k + M * line_pitch_, next_lanes<T>(own[0], next[0]));
                store(to + k + (M + 1) * line_pitch_, next_lanes<T>(own[1], next[1]));
#pragma GCC unroll 4
                for (int j = 0; j < M; j++) own[j] = next[j];
            }
        }
    }

    // The products of filter panels [begin, end) with a panel of sources.
    void multiply(int64_t panel, int64_t begin, int64_t end) {
        const int64_t left = count_ - panel * NR, columns = left < NR ? left : NR;
        const Parts blocks(conv_.channels, GemmBlocks<T>::depth);
        for (int place = 0; place < places; place++)
            for (int64_t block = 0; block < blocks.count; block++)
                for (int64_t r = begin; r < end; r++) {
                    const int64_t rows = filters_.rows.length(r, conv_.features);
                    const int64_t k = blocks.begin(block), depth = blocks.length(block, conv_.channels);
                    tile_function<T>(int(rows), columns)(
                        depth, filters_.panel(group_, r, place) + k * rows, source(panel, place) + k * NR, NR,
                        products_.data() + place * product_pitch_ + (r - begin) * filters_.rows.size * NR, NR,
                        whole_vectors<T>(columns), block > 0);
                }
    }

    // The outputs of a panel's tiles, of one feature.
    void write_outputs(int64_t o, int64_t row, int64_t panel) {
        const int64_t left = count_ - panel * NR, lanes = left < NR ? left : NR;
        const int64_t feature = group_ * conv_.features + o;
        const vec<T> bias =
            broadcast<T>(conv_.bias != nullptr ? conv_.bias[feature * conv_.bias_stride] : T(0));
        T pixels[M][M * NR];
        for (int64_t t = 0; t < lanes; t += W) {
            vec<T> y[M][M];
            winograd_output<T, M>(products_.data() + row * NR + t, product_pitch_, y);
            vec<T> sum{};
#pragma GCC unroll 4
            for (int i = 0; i < M; i++) {
                vec<T> line[M];
#pragma GCC unroll 4
                for (int j = 0; j < M; j++) sum += (y[i][j] += bias);
                join_columns<T, M>(y[i], line);
#pragma GCC unroll 4
                for (int j = 0; j < M; j++) store(pixels[i] + t * M + j * W, line[j]);
            }
            // A sum that is not finite, minus itself, is not 0.
            if (any(sum - sum != vec<T>{})) note_suspects(sum, panel * NR + t, lanes - t);
        }
        T* out = conv_.y.data + feature * conv_.y.stride[1];
        for (int64_t s = first_strip_[panel]; s < first_strip_[panel + 1]; s++) {
            const Strip& strip = strips_[s];
            T* to = out + strip.target;
            for (int64_t i = 0; i < strip.rows; i++, to += conv_.y.stride[2])
                copy_line(to, conv_.y.stride[3], pixels[i] + (strip.tile - panel * NR) * M, int64_t(1),
                          strip.columns);
        }
    }
    [[gnu::noinline]] void note_suspects(vec<T> sum, int64_t t, int64_t lanes) {
        for (int64_t lane = 0; lane < lanes && lane < W; lane++)
            if (sum[lane] - sum[lane] != 0)
                __atomic_store_n(&suspects_[(first_ + t + lane) / plan_.tiles_of_image()], 1,
                                 __ATOMIC_RELAXED);
    }

    const Correlation<T>& conv_;
    const WinogradFilters<T, M>& filters_;
    const Plan& plan_;
    uint8_t* suspects_;
    int64_t group_ = 0, first_ = 0, count_ = 0;  // of the tiles
    int64_t band_count_ = 0, strip_count_ = 0, frame_end_ = 0;
    int64_t frame_pitch_;
    Scratch<Band> bands_;
    Scratch<Strip> strips_;
    Scratch<int64_t> first_strip_;
    Scratch<T> frame_;
    int64_t line_pitch_;
    Scratch<T> lines_, sources_;
    int64_t product_pitch_;
    Scratch<T> products_;
};

// The convolution of stride and dilation 1.
template <typename T, int M>
void correlate_winograd(const Correlation<T>& conv, const WinogradFilters<T, M>& filters) {
    const WinogradPlan<T, M> plan(conv, filters);
    const int64_t N = conv.x.shape[0], row_groups = plan.row_groups.count;
    const Scratch<uint8_t> suspects(N);
    for (int64_t n = 0; n < N; n++) suspects[n] = 0;
    parallel_for(conv.groups * plan.tasks.count * row_groups, 1, [&](int64_t begin, int64_t end) {
        WinogradTask<T, M> worker(conv, filters, plan, suspects.data());
        for (int64_t k = begin; k < end; k++)
            worker.run(k / row_groups / plan.tasks.count, k / row_groups % plan.tasks.count, k % row_groups);
    });
    for (int64_t n = 0; n < N; n++) {
        if (!suspects[n]) continue;
        Correlation<T> image = conv;
        image.x.data = conv.x.at(n, 0), image.y.data = conv.y.at(n, 0);
        image.x.slices = image.y.slices = image.x.shape[0] = image.y.shape[0] = 1;
        correlate_product(image);
    }
}

// The outputs `first`, first + dilation, ... of an axis as those of a convolution without dilation, whose
// source begins at element `skipped` and has every dilation-th.
struct DilationPhase {
    Axis axis;
    int64_t skipped;

    DilationPhase(const Axis& whole, int64_t first) {
        const int64_t d = whole.dilation, place = first + whole.origin;
        skipped = (place % d + d) % d;
        axis = {(whole.source - skipped + d - 1) / d,
                (whole.outputs - first + d - 1) / d,
                whole.taps,
                1,
                1,
                (place - skipped) / d};
        if (axis.source < 0) axis.source = 0;
    }
};

template <typename T, int M>
void correlate_winograd(const Correlation<T>& conv) {
    const WinogradFilters<T, M> filters(conv);
    const int64_t row_step = conv.rows.dilation, column_step = conv.columns.dilation;
    for (int64_t i = 0; i < row_step && i < conv.rows.outputs; i++)
        for (int64_t j = 0; j < column_step && j < conv.columns.outputs; j++) {
            const DilationPhase row(conv.rows, i), column(conv.columns, j);
            Correlation<T> phase = conv;
            phase.rows = row.axis, phase.columns = column.axis;
            phase.x.data += row.skipped * conv.x.stride[2] + column.skipped * conv.x.stride[3];
            phase.y.data += i * conv.y.stride[2] + j * conv.y.stride[3];
            phase.x.stride[2] *= row_step, phase.x.stride[3] *= column_step;
            phase.y.stride[2] *= row_step, phase.y.stride[3] *= column_step;
            phase.x.shape[2] = row.axis.source, phase.x.shape[3] = column.axis.source;
            phase.y.shape[2] = row.axis.outputs, phase.y.shape[3] = column.axis.outputs;
            correlate_winograd(phase, filters);
        }
}

}  // namespace pydl::PYDL_ISA
