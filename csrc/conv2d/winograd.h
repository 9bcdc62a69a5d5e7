// A convolution by Winograd's algorithm (conv2d/winograd_line.h).
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
// whose lanes (gemm/microkernel.h) are tiles.
//
//   transforms all filters into panels, once                       threads share, unless each has its own
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

#include "conv2d/product.h"
#include "conv2d/winograd_overlap.h"
#include "conv2d/winograd_sources.h"
#include "simd/past_caches.h"

namespace pydl::PYDL_ISA {

// Neighbouring tiles of one row of tiles and one panel.
struct TileStrip {
    int64_t tile, length;   // the first one, relative to the task
    int64_t target;         // its first output, relative to the feature's in image 0
    int64_t rows, columns;  // outputs that exist
};

// Whether outputs leave little of the caches to others, and all strips of a task are whole lines of memory:
// parts of lines would have to be read first.
template <typename T>
[[gnu::noinline]] bool are_past_caches(const Images<T>& y, const TileStrip* strip, int64_t count) {
    const int64_t size = int64_t(sizeof(T));
    if (y.stride[3] != 1 || y.shape[0] * y.stride[0] * size < kPastCaches / 2) return false;
    int64_t ends = (y.stride[0] | y.stride[1] | y.stride[2]) * size | reinterpret_cast<intptr_t>(y.data);
    for (int64_t s = 0; s < count; s++) ends |= (strip[s].target | strip[s].columns) * size;
    return ends % 64 == 0;
}

// A task: some panels of tiles, some panels of filters.
template <typename T, typename Line>
class WinogradTask {
    using Rows = RowsOf<T, Line>;
    static constexpr int P = Line::places / Line::parts, M = Line::outputs;
    static constexpr int row_P = Rows::places / Rows::parts, row_M = Rows::outputs;
    static constexpr int places = row_P * P, parts = Rows::parts * Line::parts;
    static constexpr int overlap = winograd_overlap<Line>;
    static constexpr int64_t NR = tile_columns<T>, W = width<T>;
    using Plan = WinogradPlan<T, Line>;
    using Lanes = TileLanes<T, Line>;

  public:
    // suspects[n] is set for the images whose results are not finite.
    WinogradTask(const Correlation<T>& conv, const WinogradFilters<T, Line>& filters, const Plan& plan,
                 uint8_t* suspects)
        : conv_(conv),
          filters_(filters),
          plan_(plan),
          suspects_(suspects),
          are_far_(conv.y.stride[3] == 1 &&
                   conv.y.shape[0] * conv.y.stride[0] * int64_t(sizeof(T)) > (int64_t(6) << 20)),
          strips_(plan.tasks.size * (NR / plan.tiles_of_row + 2)),
          first_strip_(plan.tasks.size + 1),
          sources_(conv, plan),
          product_pitch_(group_rows() * NR + 64 / int64_t(sizeof(T))),
          products_(places * product_pitch_),
          own_filters_(filters.is_own    ? filters.size
                       : filters.is_late ? group_panels() * filters.panel_size
                                         : 0),
          has_panel_(conv.groups * filters.rows.count) {
        for (int64_t k = 0; k < conv.groups * filters.rows.count; k++) has_panel_[k] = false;
    }

    void run(int64_t group, int64_t task, int64_t row_group) {
        group_ = group;
        first_ = plan_.first_tile(task);
        count_ = plan_.first_tile(task + 1) - first_;
        list_strips();
        past_caches_ =
            overlap == 0 && are_past_caches(conv_.y, strips_.data(), first_strip_[(count_ - 1) / NR + 1]);
        const int64_t begin = plan_.row_groups.begin(row_group);
        const int64_t end = begin + plan_.row_groups.length(row_group, filters_.rows.count);
        if (filters_.is_own) transform_own_filters(begin, end);
        sources_.transform(group, first_, count_);
        for (int64_t r = begin; r < end;) {
            const int64_t stop = r + group_panels() < end ? r + group_panels() : end;
            const int64_t o = filters_.rows.begin(r);
            const int64_t rows =
                (stop < filters_.rows.count ? filters_.rows.begin(stop) : conv_.features) - o;
            for (int64_t q = r; filters_.is_late && q < stop; q++)
                filters_.transform_panel(group, q, own_filters_.data() + (q - r) * filters_.panel_size);
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
        if (past_caches_) finish_past_caches();
    }

  private:
    // Panels [begin, end) of the group, if no task before needed them.
    void transform_own_filters(int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; r++) {
            const int64_t panel = group_ * filters_.rows.count + r;
            if (has_panel_[panel]) continue;
            filters_.transform_panel(group_, r, own_filters_.data() + panel * filters_.panel_size);
            has_panel_[panel] = true;
        }
    }
    const T* filters_from(int64_t row_panel) const {
        if (filters_.is_late) return own_filters_.data();
        if (!filters_.is_own) return filters_.panel(group_, row_panel);
        return own_filters_.data() + (group_ * filters_.rows.count + row_panel) * filters_.panel_size;
    }

    int64_t group_panels() const {
        if (filters_.is_late) return 1;
        const int64_t panels = Plan::group_rows / filters_.rows.size;
        const int64_t most = plan_.row_groups.size;
        return panels < 1 ? 1 : panels < most ? panels : most;
    }
    int64_t group_rows() const { return group_panels() * filters_.rows.size; }

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

    // The products of filter panels [begin, end) with a panel of sources.
    void multiply(int64_t panel, int64_t begin, int64_t end) {
        const int64_t left = count_ - panel * NR, columns = left < NR ? left : NR;
        const Parts blocks(conv_.channels * parts, Line::depth);
        const T* filters = filters_from(begin);
        for (int place = 0; place < places; place++)
            for (int64_t block = 0; block < blocks.count; block++)
                for (int64_t r = begin; r < end; r++) {
                    const int64_t rows = filters_.rows.length(r, conv_.features);
                    const int64_t k = blocks.begin(block),
                                  depth = blocks.length(block, conv_.channels * parts);
                    tile_function<T>(int(rows), columns)(
                        depth,
                        filters + (r - begin) * filters_.panel_size + place * filters_.place_pitch + k * rows,
                        sources_.panel(panel, place) + k * NR, NR,
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
        if (are_far_ && !past_caches_) prefetch_outputs(out + conv_.y.stride[1], panel);
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
                Lanes::template join<M>(pixels[i] + t * M, y);
            }
            // A sum that is not finite, minus itself, is not 0.
            if (any(sum - sum != vec<T>{})) note_suspects(sum, panel * NR + t, lanes - t);
        }
        for (int64_t s = first_strip_[panel]; s < first_strip_[panel + 1]; s++)
            copy_strip(strips_[s], pixels[0] + (strips_[s].tile - panel * NR) * M, out + strips_[s].target);
    }
    // The outputs of a strip, whose rows lie a panel's apart.
    PYDL_INLINE void copy_strip(const TileStrip& strip, const T* from, T* to) const {
        constexpr int64_t pitch = M * NR + W;
        const int64_t columns = strip.columns, last = columns - W;
        const int64_t row_stride = conv_.y.stride[2], stride = conv_.y.stride[3];
        if (past_caches_) {
            for (int64_t i = strip.rows; i > 0; i--, from += pitch, to += row_stride)
                for (int64_t j = 0; j < columns; j += W) store_past_caches(to + j, load(from + j));
        } else if (stride != 1) {
            for (int64_t i = strip.rows; i > 0; i--, from += pitch, to += row_stride)
                copy_line(to, stride, from, int64_t(1), columns);
        } else if (last > 0) {
            for (int64_t i = strip.rows; i > 0; i--, from += pitch, to += row_stride) {
                for (int64_t j = 0; j < last; j += W) store(to + j, load(from + j));
                store(to + last, load(from + last));
            }
        } else {
            for (int64_t i = strip.rows; i > 0; i--, from += pitch, to += row_stride)
                store_partial(to, load(from), columns);
        }
    }
    // A feature's outputs are on their way to the cache while those of the one before are computed. Inlined,
    // since the compiler drops calls of a function that does nothing else.
    PYDL_INLINE void prefetch_outputs(const T* out, int64_t panel) const {
        for (int64_t s = first_strip_[panel]; s < first_strip_[panel + 1]; s++) {
            const TileStrip& strip = strips_[s];
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
            const TileStrip& strip = strips_[s];
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
        for (int64_t lane = 0; lane < W; lane++) {
            const int64_t tile = Lanes::tile(lane);
            if (tile < lanes && sum[lane] - sum[lane] != 0)
                __atomic_store_n(&suspects_[(first_ + t + tile) / plan_.tiles_of_image()], 1,
                                 __ATOMIC_RELAXED);
        }
    }

    const Correlation<T>& conv_;
    const WinogradFilters<T, Line>& filters_;
    const Plan& plan_;
    uint8_t* suspects_;
    const bool are_far_;                         // outputs, from the caches of a core
    bool past_caches_ = false;                   // whether those of a task are written there
    int64_t group_ = 0, first_ = 0, count_ = 0;  // of the tiles
    Scratch<TileStrip> strips_;
    Scratch<int64_t> first_strip_;
    WinogradSources<T, Line> sources_;
    int64_t product_pitch_;
    Scratch<T> products_, own_filters_;
    Scratch<bool> has_panel_;  // of own_filters_
};

}  // namespace pydl::PYDL_ISA
