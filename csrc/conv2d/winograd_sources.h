// The pixels under the tiles of a task of conv2d/winograd.h, transformed: panels of tiles for each place, one
// step for each channel.
//
// Row r of all tiles of the task lies in line r, one row of tiles behind the other, so that a vector of tiles
// is found there wherever rows end. What the last tile of a row reads beyond it is not what comes next in
// the line; it lies in lines of its own.
#pragma once

#include "conv2d/winograd_plan.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Line>
class WinogradSources {
    using Rows = RowsOf<T, Line>;
    static constexpr int pixels = Rows::pixels, step = Line::step, beyond = Line::pixels - step;
    static constexpr int Q = Line::places, P = Q / Line::parts;
    static constexpr int row_Q = Rows::places, row_P = row_Q / Rows::parts;
    static constexpr int places = row_P * P, parts = Rows::parts * Line::parts;
    static constexpr int64_t NR = tile_columns<T>, W = width<T>;
    using Plan = WinogradPlan<T, Line>;

  public:
    WinogradSources(const Correlation<T>& conv, const Plan& plan)
        : conv_(conv),
          plan_(plan),
          tile_rows_(plan.most_tile_rows()),
          rows_(tile_rows_ * pixels),
          edge_pitch_(tile_rows_ * plan.tiles_of_row + W),
          line_pitch_(whole_vectors<T>((edge_pitch_ + 1) * step)),
          lines_(pixels * line_pitch_),
          edges_((pixels * beyond + 1) * edge_pitch_),
          panels_(plan.tasks.size * places * plan.pitch) {}

    // Transforms `count` tiles from the first on, in all channels of the group.
    void transform(int64_t group, int64_t first, int64_t count) {
        group_ = group;
        first_ = first;
        count_ = count;
        skipped_ = first_ % plan_.tiles_of_row;
        list_rows();
        clear_lines();
        for (int64_t c = 0; c < conv_.channels; c++) {
            fill_lines(c);
            for (int64_t t = 0; t < count_; t += W)
                transform_tiles(t, panel(t / NR, 0) + c * parts * NR + t % NR);
        }
    }

    T* panel(int64_t number, int place) const {
        return panels_.data() + (number * places + place) * plan_.pitch;
    }

  private:
    // A row of pixels inside the image.
    struct PixelRow {
        int64_t source;        // relative to the channel in image 0
        int64_t target, edge;  // in the lines, and what comes after the last tile
        bool is_new;           // not read by the row of tiles before
    };

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
    void transform_tiles(int64_t t, T* to) const {
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

    const Correlation<T>& conv_;
    const Plan& plan_;
    int64_t group_ = 0, first_ = 0, count_ = 0;  // of the tiles
    int64_t skipped_ = 0;                        // of the tiles of the first row
    int64_t tile_rows_;                          // touched at most
    Scratch<PixelRow> rows_;
    int64_t row_count_ = 0;
    int64_t first_edge_ = 0, last_edge_ = 0;  // of the columns beyond, those in the image
    int64_t edge_pitch_, line_pitch_;
    Scratch<T> lines_, edges_, panels_;
};

}  // namespace pydl::PYDL_ISA
