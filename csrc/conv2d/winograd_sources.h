// The pixels under the tiles of a task of conv2d/winograd.h, transformed: panels of tiles for each place, one
// step for each channel.
//
// Row r of all tiles of the task lies in line r, one row of tiles behind the other, so that a vector of tiles
// is found there wherever rows end. What the last tile of a row reads beyond it is not what comes next in
// the line; it lies in lines of its own, in the place of that tile.
//
// A stretch of tiles goes through all channels before the next one, so that its lines stay in the first-level
// cache, and what is copied where is found once for all channels.
//
// Where the tiles of a row read as many pixels beyond it as the next row has zeros before its first pixel, or
// fewer, these lie in the place of the zeros, which the first tile of a row then does not read.
#pragma once

#include "conv2d/winograd_lanes.h"
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
    using Lanes = TileLanes<T, Line>;

    static constexpr int64_t stretch = 4 * W;  // so many tiles

  public:
    WinogradSources(const Correlation<T>& conv, const Plan& plan)
        : conv_(conv),
          plan_(plan),
          tile_rows_(plan.most_tile_rows()),
          copies_(stretch / plan.tiles_of_row + 2),
          ends_(find_ends(conv, plan)),
          row_starts_(tile_rows_ * plan.tiles_of_row + 2 * W),
          line_pitch_(whole_vectors<T>((tile_rows_ * plan.tiles_of_row + W + 1) * step)),
          lines_(pixels * line_pitch_),
          end_lines_(ends_.count() > 0 ? pixels * line_pitch_ : 0),
          panels_(plan.tasks.size * places * plan.pitch) {}

    // Transforms `count` tiles from the first on, in all channels of the group.
    void transform(int64_t group, int64_t first, int64_t count) {
        group_ = group;
        skipped_ = first % plan_.tiles_of_row;
        first_row_ = first / plan_.tiles_of_row;
        clear_lines();
        for (int64_t begin = 0; begin < count; begin += stretch) {
            const int64_t end = begin + stretch < count ? begin + stretch : count;
            list_copies(begin, end);
            for (int64_t c = 0; c < conv_.channels; c++) {
                fill_lines(c);
                for (int64_t t = begin; t < end; t += W)
                    transform_tiles(t, panel(t / NR, 0) + c * parts * NR + t % NR);
            }
        }
    }

    T* panel(int64_t number, int place) const {
        return panels_.data() + (number * places + place) * plan_.pitch;
    }

  private:
    // The rows of pixels inside the image under some tiles of a row, in each channel.
    struct RowCopy {
        int64_t rows, columns;
        int64_t source, target;   // the first, relative to the channel in image 0, and in the lines
        int64_t end, end_target;  // what comes after the last tile of the row
        int64_t ahead, ahead_rows, ahead_columns;  // what the tiles above do not read, relative to the first
    };

    // Columns beyond the last tile of a row that are in the image: those that have lines of their own, and
    // how many lie in the place of the next row's zeros.
    struct Ends {
        int64_t first, last, spill;
        int64_t count() const { return last > first ? last - first : 0; }
    };

    // The zeros around the image stay there from channel to channel.
    void clear_lines() {
        const int64_t lines = pixels * line_pitch_, tiles = tile_rows_ * plan_.tiles_of_row;
        for (int64_t k = 0; k < lines; k += W) store_partial(lines_.data() + k, vec<T>{}, lines - k);
        for (int64_t k = 0; k < lines && ends_.count() > 0; k += W)
            store_partial(end_lines_.data() + k, vec<T>{}, lines - k);
        for (int64_t k = 0; k < tiles + 2 * W; k++) row_starts_[k] = T(0);
        for (int64_t k = 0; k <= tiles; k += plan_.tiles_of_row) row_starts_[k] = T(1);
    }

    static Ends find_ends(const Correlation<T>& conv, const Plan& plan) {
        const int64_t past = conv.columns.origin + plan.tiles_of_row * step,
                      left = conv.columns.source - past;
        const int64_t last = left < beyond ? left : beyond;
        if (last > 0 && last <= -conv.columns.origin) return {0, 0, last};
        return {past < 0 ? -past : 0, last, 0};
    }

    // What is under tiles [begin, end) of the task: the same for all channels.
    void list_copies(int64_t begin, int64_t end) {
        const int64_t TJ = plan_.tiles_of_row, of_image = plan_.tile_rows_of_image;
        copy_count_ = 0;
        stretch_rows_ = (end - begin) / TJ * Rows::step;
        for (int64_t at = skipped_ + begin; at < skipped_ + end;) {
            const int64_t row = at / TJ, left = skipped_ + end - row * TJ;
            list_copy(row * TJ, (first_row_ + row) / of_image, (first_row_ + row) % of_image, at - row * TJ,
                      left < TJ ? left : TJ);
            at = (row + 1) * TJ;
        }
    }
    // Tiles [begin, end) of row i of image n, whose first tile has place `tile` in the lines.
    void list_copy(int64_t tile, int64_t n, int64_t i, int64_t begin, int64_t end) {
        const Images<const T>& x = conv_.x;
        const bool is_end = end == plan_.tiles_of_row;
        const int64_t h = i * Rows::step + conv_.rows.origin, below = conv_.rows.source - h;
        const int64_t top = h < 0 ? -h : 0, bottom = below < pixels ? below : pixels;
        const int64_t origin = conv_.columns.origin, wanted = origin + begin * step;
        const int64_t first = wanted > 0 ? wanted : 0,
                      past = origin + end * step + (is_end ? ends_.spill : beyond);
        const int64_t columns = (past < conv_.columns.source ? past : conv_.columns.source) - first;
        if (bottom <= top) return;
        const int64_t image = x.at(n, 0) - x.data + h * x.stride[2], source = image + first * x.stride[3];
        const int64_t first_new = i > 0 && top == 0 ? pixels - Rows::step : 0, rows = bottom - top;
        const bool is_run = x.stride[3] == 1 && x.stride[2] == columns;
        copies_[copy_count_++] = {rows,
                                  columns,
                                  source + top * x.stride[2],
                                  top * line_pitch_ + tile * step + first - origin,
                                  image + top * x.stride[2] + past * x.stride[3],
                                  is_end ? top * line_pitch_ + (tile + end - 1) * step : -1,
                                  first_new * x.stride[2],
                                  is_run && rows > first_new ? 1 : rows - first_new,
                                  is_run ? (rows - first_new) * columns : columns};
    }

    void fill_lines(int64_t c) {
        const int64_t stride = conv_.x.stride[3], row_stride = conv_.x.stride[2];
        const int64_t line_pitch = line_pitch_;
        const T* channel = conv_.x.at(0, group_ * conv_.channels + c);
        const int64_t next = group_ * conv_.channels + (c + 1) % conv_.channels;
        const int64_t ahead =
            conv_.x.at(0, next) - channel + (c + 1 < conv_.channels ? 0 : stretch_rows_ * row_stride);
        const RowCopy* const end = copies_.data() + copy_count_;
        for (const RowCopy* copy = copies_.data(); copy < end; copy++) {
            const int64_t columns = copy->columns, last = columns - W;
            const T* from = channel + copy->source;
            T* to = lines_.data() + copy->target;
            if (stride != 1) {
                for (int64_t r = copy->rows; r > 0 && columns > 0; r--, from += row_stride, to += line_pitch)
                    copy_line(to, int64_t(1), from, stride, columns);
            } else if (last >= 0) {
                for (int64_t r = copy->rows; r > 0; r--, from += row_stride, to += line_pitch) {
                    for (int64_t j = 0; j < last; j += W) store(to + j, load(from + j));
                    store(to + last, load(from + last));
                }
            } else if (columns > 0) {
                // The zeros of the vector reach into what is written next or stays zero.
                for (int64_t r = copy->rows; r > 0; r--, from += row_stride, to += line_pitch)
                    store(to, load_partial(from, columns));
            }
            if (copy->end_target >= 0 && ends_.count() > 0) {
                from = channel + copy->end;
                to = end_lines_.data() + copy->end_target;
                for (int64_t r = copy->rows; r > 0; r--, from += row_stride, to += line_pitch)
                    if (stride == 1 && ends_.first == 0)
                        store(to, load_partial(from, ends_.last));
                    else
                        for (int64_t k = ends_.first; k < ends_.last; k++) to[k] = from[k * stride];
            }
            // The next channel's pixels are on their way while this one's are transformed, and those of the
            // first one in the next stretch, if that is in the same image.
            from = channel + copy->source + ahead + copy->ahead;
            for (int64_t r = copy->ahead_rows; r > 0; r--, from += row_stride)
                for (int64_t j = 0; j < copy->ahead_columns; j += 64 / int64_t(sizeof(T)))
                    prefetch(from + j * stride);
        }
    }

    // The tiles from t on, of one channel: place (i, j) lies at (i * P + j) * pitch.
    void transform_tiles(int64_t t, T* to) const {
        const int64_t at = skipped_ + t;
        const auto last_of_row = Lanes::of_tiles(row_starts_.data() + at + 1) != vec<T>{};
        const auto first_of_row = Lanes::of_tiles(row_starts_.data() + at) != vec<T>{};
        const bool has_ends = ends_.count() > 0;
        const int64_t pitch = plan_.pitch, spill = ends_.spill;
        alignas(64) T half[pixels * Q * W];
#pragma GCC unroll 1
        for (int r = 0; r < pixels; r++) {
            const T* line = lines_.data() + r * line_pitch_ + at * step;
            vec<T> own[step], end[step] = {}, d[Q];
            Lanes::template split<step>(line, own);
            if (has_ends) Lanes::template split<step>(end_lines_.data() + (line - lines_.data()), end);
#pragma GCC unroll 8
            for (int j = 0; j < step; j++) d[j] = own[j];
#pragma GCC unroll 6
            for (int k = 0; k < beyond; k++) {
                const vec<T> next = Lanes::next(own[k], line[step * W + k]);
                if (k < spill) {
                    d[k] = select(first_of_row, vec<T>{}, own[k]);
                    d[step + k] = next;
                } else {
                    d[step + k] = select(last_of_row, end[k], next);
                }
            }
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
    int64_t group_ = 0, first_row_ = 0, skipped_ = 0;  // of the tiles, and tiles of it before the task's
    int64_t tile_rows_;                                // touched at most
    Scratch<RowCopy> copies_;
    int64_t copy_count_ = 0, stretch_rows_ = 0;
    const Ends ends_;
    Scratch<T> row_starts_;  // 1 for the first tile of a row, else 0
    int64_t line_pitch_;
    Scratch<T> lines_, end_lines_, panels_;
};

}  // namespace pydl::PYDL_ISA
