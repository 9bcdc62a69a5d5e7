// A convolution by Winograd's algorithm (conv2d_winograd_line.h).
//
// The outputs of all images are cut into tiles of M x M, each made of the S x S pixels under it (S = M + 2
// for 3x3 filters; neighbouring tiles share two of them), numbered image by image and row by row:
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
//     for each channel: copies the rows that tiles read, and transforms vectors of tiles into panels
//     for each group of filter panels, for each panel of tiles
//       for each place: its products, while the panel of sources is in the first-level cache
//       for each feature: transforms the products into outputs
//
// A NaN or infinity reaches all outputs of its tiles, not only those whose taps meet it, and numbers near
// the largest may overflow on the way though the result would not. Every output is therefore looked at, and
// an image with one that is not finite is computed again by the direct method.
#pragma once

#include "conv2d_product.h"
#include "conv2d_winograd_overlap.h"
#include "conv2d_winograd_plan.h"

namespace pydl::PYDL_ISA {

// A task: some panels of tiles, some panels of filters.
//
// Row r of all tiles of the task lies in line r, one row of tiles behind the other, so that a vector of tiles
// is found there wherever rows end. What the last tile of a row reads beyond it is not what comes next in
// the line; it lies in lines of its own.
template <typename T, typename Line>
class WinogradTask {
    using Rows = RowsOf<T, Line>;
    static constexpr int pixels = Rows::pixels, step = Line::step, beyond = Line::pixels - step;
    static constexpr int Q = Line::places, P = Q / Line::parts, M = Line::outputs;
    static constexpr int row_Q = Rows::places, row_P = row_Q / Rows::parts, row_M = Rows::outputs;
    static constexpr int places = row_P * P, parts = Rows::parts * Line::parts;
    static constexpr int overlap = winograd_overlap<Line>;
    static constexpr int64_t NR = tile_columns<T>, W = width<T>;
    using Plan = WinogradPlan<T, Line>;

  public:
    // suspects[n] is set for the images whose results are not finite.
    WinogradTask(const Correlation<T>& conv, const WinogradFilters<T, Line>& filters, const Plan& plan,
                 uint8_t* suspects)
        : conv_(conv),
          filters_(filters),
          plan_(plan),
          suspects_(suspects),
          tile_rows_(plan.most_tile_rows()),
          strips_(plan.tasks.size * (NR / plan.tiles_of_row + 2)),
          first_strip_(plan.tasks.size + 1),
          rows_(tile_rows_ * pixels),
          edge_pitch_(tile_rows_ * plan.tiles_of_row + W),
          line_pitch_(whole_vectors<T>((edge_pitch_ + 1) * step)),
          lines_(pixels * line_pitch_),
          edges_((pixels * beyond + 1) * edge_pitch_),
          sources_(plan.tasks.size * places * plan.pitch),
          product_pitch_(group_rows() * NR + 64 / int64_t(sizeof(T))),
          products_(places * product_pitch_),
          late_filters_(filters.is_late ? group_panels() * filters.panel_size : 0) {}

    void run(int64_t group, int64_t task, int64_t row_group) {
        group_ = group;
        first_ = plan_.first_tile(task);
        count_ = plan_.first_tile(task + 1) - first_;
        skipped_ = first_ % plan_.tiles_of_row;
        list_strips();
        list_rows();
        clear_lines();
        for (int64_t c = 0; c < conv_.channels; c++) {
            fill_lines(c);
            for (int64_t t = 0; t < count_; t += W)
                transform_source(t, source(t / NR, 0) + c * parts * NR + t % NR);
        }
        const int64_t end =
            plan_.row_groups.begin(row_group) + plan_.row_groups.length(row_group, filters_.rows.count);
        for (int64_t r = plan_.row_groups.begin(row_group); r < end;) {
            const int64_t stop = r + group_panels() < end ? r + group_panels() : end;
            const int64_t o = filters_.rows.begin(r);
            const int64_t rows =
                (stop < filters_.rows.count ? filters_.rows.begin(stop) : conv_.features) - o;
            for (int64_t q = r; filters_.is_late && q < stop; q++)
                filters_.transform_panel(group, q, late_filters_.data() + (q - r) * filters_.panel_size);
            for (int64_t p = 0; p * NR < count_; p++) {
                multiply(p, r, stop);
                for (int64_t row = 0; row < rows; row++)
                    if constexpr (overlap > 0)
                        add_outputs(o + row, row, p);
                    else
                        write_outputs(o + row, row, p);
            }
            r = stop;
        }
    }

  private:
    // Neighbouring tiles of one row of tiles and one panel.
    struct Strip {
        int64_t tile, length;   // the first one, relative to the task
        int64_t target;         // its first output, relative to the feature's in image 0
        int64_t rows, columns;  // outputs that exist
    };

    // A row of pixels inside the image.
    struct PixelRow {
        int64_t source;        // relative to the channel in image 0
        int64_t target, edge;  // in the lines, and what comes after the last tile
        bool is_new;           // not read by the row of tiles before
    };

    int64_t group_panels() const {
        if (filters_.is_late) return 1;
        const int64_t panels = Plan::group_rows / filters_.rows.size;
        const int64_t most = plan_.row_groups.size;
        return panels < 1 ? 1 : panels < most ? panels : most;
    }
    int64_t group_rows() const { return group_panels() * filters_.rows.size; }
    T* source(int64_t panel, int place) const {
        return sources_.data() + (panel * places + place) * plan_.pitch;
    }
    // Columns of the image that the lines hold: those of the tiles, if these are part of one row.
    bool is_part_of_row() const { return skipped_ + count_ <= plan_.tiles_of_row; }
    int64_t first_column() const {
        const int64_t first = conv_.columns.origin + (is_part_of_row() ? skipped_ * step : 0);
        return first > 0 ? first : 0;
    }
    int64_t last_column() const {
        const int64_t tiles = plan_.tiles_of_row, end_of_row = conv_.columns.origin + tiles * step;
        const int64_t past = conv_.columns.origin + (skipped_ + count_) * step + beyond;
        const int64_t end = is_part_of_row() && past < end_of_row ? past : end_of_row;
        return end < conv_.columns.source ? end : conv_.columns.source;
    }
    T* line(int row) const { return lines_.data() + row * line_pitch_; }
    // What tiles at the end of their rows read at column step + k, behind the marks of these tiles.
    T* edge(int row, int k) const { return edges_.data() + (1 + row * beyond + k) * edge_pitch_; }

    void list_strips() {
        const int64_t TJ = plan_.tiles_of_row, I = conv_.rows.outputs, J = conv_.columns.outputs;
        const Images<T>& y = conv_.y;
        int64_t count = 0, panel = -1;
        for (int64_t t = 0; t < count_;) {
            const int64_t row = (first_ + t) / TJ, column = (first_ + t) % TJ;
            const int64_t n = row / plan_.tile_rows_of_image, i = row % plan_.tile_rows_of_image;
            while (panel < t / NR) first_strip_[++panel] = count;
            int64_t length = TJ - column;
            if (length > count_ - t) length = count_ - t;
            if (length > NR - t % NR) length = NR - t % NR;
            const int64_t columns = J - column * M, rows = I - i * row_M;
            strips_[count++] = {t, length,
                                (y.at(n, 0) - y.data) + i * row_M * y.stride[2] + column * M * y.stride[3],
                                rows < row_M + overlap ? rows : row_M + overlap,
                                columns < length * M + overlap ? columns : length * M + overlap};
            t += length;
        }
        first_strip_[panel + 1] = count;
    }

    // The zeros around the image stay there from channel to channel.
    void clear_lines() {
        for (int64_t k = 0; k < pixels * line_pitch_; k += W)
            store_partial(lines_.data() + k, vec<T>{}, pixels * line_pitch_ - k);
        const int64_t edges = (pixels * beyond + 1) * edge_pitch_, TJ = plan_.tiles_of_row;
        for (int64_t k = 0; k < edges; k += W) store_partial(edges_.data() + k, vec<T>{}, edges - k);
        for (int64_t row = 0; row < tile_rows_; row++) edges_[(row + 1) * TJ - 1] = T(1);
    }

    // Which rows of pixels go where: the same for all channels.
    void list_rows() {
        const int64_t TJ = plan_.tiles_of_row, first = first_column();
        const int64_t rows = (skipped_ + count_ - 1) / TJ + 1;
        int64_t n = first_ / TJ / plan_.tile_rows_of_image, i = first_ / TJ % plan_.tile_rows_of_image;
        row_count_ = 0;
        for (int64_t row = 0; row < rows; row++) {
            for (int r = 0; r < pixels; r++) {
                const int64_t h = i * Rows::step + conv_.rows.origin + r;
                if (h < 0 || h >= conv_.rows.source) continue;
                rows_[row_count_++] = {
                    conv_.x.at(n, 0) - conv_.x.data + h * conv_.x.stride[2] + first * conv_.x.stride[3],
                    line(r) - lines_.data() + row * TJ * step + first - conv_.columns.origin,
                    edge(r, 0) - edges_.data() + (row + 1) * TJ - 1, r >= pixels - Rows::step};
            }
            if (++i == plan_.tile_rows_of_image) i = 0, n++;
        }
        const int64_t past = conv_.columns.origin + TJ * step, left = conv_.columns.source - past;
        first_edge_ = past < 0 ? -past : 0;
        last_edge_ = left < beyond ? left : beyond;
    }

    void fill_lines(int64_t c) {
        const int64_t first = first_column(), columns = last_column() - first;
        const int64_t stride = conv_.x.stride[3];
        const int64_t past = (conv_.columns.origin + plan_.tiles_of_row * step - first) * stride;
        // The next channel's pixels are on their way while this one's are transformed.
        const T* channel = conv_.x.at(0, group_ * conv_.channels + c);
        const int64_t ahead =
            c + 1 < conv_.channels ? conv_.x.at(0, group_ * conv_.channels + c + 1) - channel : 0;
        for (int64_t k = 0; k < row_count_; k++) {
            const PixelRow row = rows_[k];
            const T* from = channel + row.source;
            T* to = lines_.data() + row.target;
            if (stride == 1) {
                // The zeros of the last vector reach into what is written next or stays zero.
                for (int64_t j = 0; j < columns; j += W) store(to + j, load_partial(from + j, columns - j));
            } else if (columns > 0) {
                copy_line(to, int64_t(1), from, stride, columns);
            }
            for (int64_t j = first_edge_; j < last_edge_; j++)
                edges_[row.edge + j * edge_pitch_] = from[past + j * stride];
            if (row.is_new)
                for (int64_t j = 0; j < columns; j += 64 / int64_t(sizeof(T)))
                    prefetch(from + ahead + j * stride);
        }
    }

    // The tiles from t on, of one channel: place (i, j) lies at (i * P + j) * pitch.
    void transform_source(int64_t t, T* to) const {
        const int64_t at = skipped_ + t;
        const auto last_of_row = load(edges_.data() + at) != vec<T>{};
        const bool has_edges = first_edge_ < last_edge_;
        const int64_t pitch = plan_.pitch;
        alignas(64) T half[pixels * Q * W];
#pragma GCC unroll 1
        for (int r = 0; r < pixels; r++) {
            const T* from = line(r) + at * step;
            vec<T> own[step], d[Q];
            split_columns<T, step>(from, own);
#pragma GCC unroll 8
            for (int j = 0; j < step; j++) d[j] = own[j];
#pragma GCC unroll 6
            for (int k = 0; k < beyond; k++)
                d[step + k] = select(last_of_row, has_edges ? load(edge(r, k) + at) : vec<T>{},
                                     next_lanes<T>(own[k], broadcast<T>(from[step * W + k])));
            Line::transform_source(d);
#pragma GCC unroll 14
            for (int j = 0; j < Q; j++) store(half + (r * Q + j) * W, d[j]);
        }
#pragma GCC unroll 1
        for (int j = 0; j < Q; j++) {
            vec<T> d[row_Q];
#pragma GCC unroll 14
            for (int i = 0; i < pixels; i++) d[i] = load(half + (i * Q + j) * W);
            Rows::transform_source(d);
            T* place = to + j % P * pitch + j / P * Rows::parts * NR;
#pragma GCC unroll 14
            for (int i = 0; i < row_Q; i++) store(place + i % row_P * (P * pitch) + i / row_P * NR, d[i]);
        }
    }

    // The products of filter panels [begin, end) with a panel of sources.
    void multiply(int64_t panel, int64_t begin, int64_t end) {
        const int64_t left = count_ - panel * NR, columns = left < NR ? left : NR;
        const Parts blocks(conv_.channels * parts, Line::depth);
        const T* filters = filters_.is_late ? late_filters_.data() : filters_.panel(group_, begin);
        for (int place = 0; place < places; place++)
            for (int64_t block = 0; block < blocks.count; block++)
                for (int64_t r = begin; r < end; r++) {
                    const int64_t rows = filters_.rows.length(r, conv_.features);
                    const int64_t k = blocks.begin(block),
                                  depth = blocks.length(block, conv_.channels * parts);
                    tile_function<T>(int(rows), columns)(
                        depth,
                        filters + (r - begin) * filters_.panel_size + place * filters_.place_pitch + k * rows,
                        source(panel, place) + k * NR, NR,
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
        T* out = conv_.y.data + feature * conv_.y.stride[1];
        prefetch_outputs(out + conv_.y.stride[1], panel);
        alignas(64) T pixels[row_M][M * NR + W];
        alignas(64) T half[row_M * P * W];
        for (int64_t t = 0; t < lanes; t += W) {
            const int64_t pitch = product_pitch_;
#pragma GCC unroll 1
            for (int j = 0; j < P; j++) {
                const T* place = products_.data() + j * pitch + row * NR + t;
                vec<T> m[row_P], y[row_M];
#pragma GCC unroll 10
                for (int i = 0; i < row_P; i++, place += P * pitch) m[i] = load(place);
                Rows::transform_output(m, y);
#pragma GCC unroll 8
                for (int i = 0; i < row_M; i++) store(half + (i * P + j) * W, y[i]);
            }
            vec<T> sum{};
#pragma GCC unroll 1
            for (int i = 0; i < row_M; i++) {
                vec<T> m[P], y[M];
#pragma GCC unroll 10
                for (int j = 0; j < P; j++) m[j] = load(half + (i * P + j) * W);
                Line::transform_output(m, y);
#pragma GCC unroll 8
                for (int j = 0; j < M; j++) sum += (y[j] += bias);
                join_columns<T, M>(pixels[i] + t * M, y);
            }
            // A sum that is not finite, minus itself, is not 0.
            if (any(sum - sum != vec<T>{})) note_suspects(sum, panel * NR + t, lanes - t);
        }
        for (int64_t s = first_strip_[panel]; s < first_strip_[panel + 1]; s++) {
            const Strip& strip = strips_[s];
            T* to = out + strip.target;
            for (int64_t i = 0; i < strip.rows; i++, to += conv_.y.stride[2]) {
                const T* from = pixels[i] + (strip.tile - panel * NR) * M;
                if (conv_.y.stride[3] == 1 && strip.columns <= W)
                    store_partial(to, load(from), strip.columns);
                else
                    copy_line(to, conv_.y.stride[3], from, int64_t(1), strip.columns);
            }
        }
    }
    // A feature's outputs are on their way to the cache while those of the one before are computed.
    void prefetch_outputs(const T* out, int64_t panel) const {
        if (conv_.y.stride[3] != 1) return;
        for (int64_t s = first_strip_[panel]; s < first_strip_[panel + 1]; s++) {
            const Strip& strip = strips_[s];
            const T* to = out + strip.target;
            for (int64_t i = 0; i < strip.rows; i++, to += conv_.y.stride[2])
                for (int64_t j = 0; j < strip.columns; j += 64 / int64_t(sizeof(T))) prefetch(to + j);
        }
    }
    // The same of tiles that overlap. The first tile of an image finds its bias, or zeros.
    void add_outputs(int64_t o, int64_t row, int64_t panel) {
        const int64_t left = count_ - panel * NR, lanes = left < NR ? left : NR;
        const int64_t feature = group_ * conv_.features + o, of_image = plan_.tiles_of_image();
        const T bias = conv_.bias != nullptr ? conv_.bias[feature * conv_.bias_stride] : T(0);
        OverlappingOutputs<T, Line> outputs;
        for (int64_t t = 0; t < lanes; t += W) {
            const vec<T> sum = outputs.transform(t, products_.data() + row * NR + t, product_pitch_);
            if (any(sum - sum != vec<T>{})) note_suspects(sum, panel * NR + t, lanes - t);
        }
        T* out = conv_.y.data + feature * conv_.y.stride[1];
        for (int64_t s = first_strip_[panel]; s < first_strip_[panel + 1]; s++) {
            const Strip& strip = strips_[s];
            T* to = out + strip.target;
            if ((first_ + strip.tile) % of_image == 0)
                for (int64_t i = 0; i < conv_.rows.outputs; i++)
                    for (int64_t j = 0; j < conv_.columns.outputs; j += W)
                        store_partial(to + i * conv_.y.stride[2] + j, broadcast<T>(bias),
                                      conv_.columns.outputs - j);
            outputs.add(strip.tile - panel * NR, strip.length, strip.rows, strip.columns, to,
                        conv_.y.stride[2]);
        }
    }
    [[gnu::noinline]] void note_suspects(vec<T> sum, int64_t t, int64_t lanes) {
        for (int64_t lane = 0; lane < lanes && lane < W; lane++)
            if (sum[lane] - sum[lane] != 0)
                __atomic_store_n(&suspects_[(first_ + t + lane) / plan_.tiles_of_image()], 1,
                                 __ATOMIC_RELAXED);
    }

    const Correlation<T>& conv_;
    const WinogradFilters<T, Line>& filters_;
    const Plan& plan_;
    uint8_t* suspects_;
    int64_t group_ = 0, first_ = 0, count_ = 0;  // of the tiles
    int64_t skipped_ = 0;                        // of the tiles of the first row
    int64_t tile_rows_;                          // touched at most
    Scratch<Strip> strips_;
    Scratch<int64_t> first_strip_;
    Scratch<PixelRow> rows_;
    int64_t row_count_ = 0;
    int64_t first_edge_ = 0, last_edge_ = 0;  // of the columns beyond, those in the image
    int64_t edge_pitch_, line_pitch_;
    Scratch<T> lines_, edges_, sources_;
    int64_t product_pitch_;
    Scratch<T> products_, late_filters_;
};

}  // namespace pydl::PYDL_ISA
