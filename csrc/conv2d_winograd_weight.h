// The weight gradient of a convolution by Winograd's algorithm (conv2d_winograd_line.h,
// conv2d_winograd_stride.h): the sum over the tiles of all images of
//
//     dg = G' [ (A dy A') * (B' d B) ] G        d pixels, dy slopes of a tile's outputs, * element by element
//
// For each of the places of a transformed tile there is a matrix product over the tiles,
//
//     product[place][o, c] = sum over tiles of  slope[place][tile, o] * source[place][tile, c],
//
// (of stride 2, some places share a sum, or a slope)
// which both factors' transformations write just as it reads them, if their lanes are channels. So pixels are
// turned from [channel][row][column] into [row][column][channel] first, a square of vectors at a time.
//
//   for each round: some chunks of tile rows, each with sums of its own
//     for each chunk:                                                                (in parallel)
//       for each block of it, whose transformed pixels fit the cache of a core
//         transforms pixels and slopes: (row of tiles, a vector of channels)
//         adds the products: (place, a block of output channels)
//     adds up the sums of the chunks and transforms them back: (output channel)      (in parallel)
//
// So threads meet twice in a round, and tiles stay with the one that has transformed them. Sums of many
// channels are too large to have several of: then a round is one chunk of larger blocks, whose two steps are
// in parallel each. That rounds are short keeps rounding errors small: what a long sum loses would grow on
// the way back. Where there is but one block, products and sums are done for a few output channels at a time
// if the sums are so many that moving them through the caches takes longer than reading all tiles again for
// each of these.
//
// Chunks follow from the sizes alone, and are added up in their order. Tiles are 4 x 4: smaller ones have to
// transform nearly twice as many numbers and gain little.
#pragma once

#include "conv2d_channel_lanes.h"
#include "conv2d_shape.h"
#include "conv2d_winograd_transform.h"
#include "gemm_blocked.h"
#include "gemm_tile.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Line>
class WinogradWeightGradient {
    using Rows = RowsOf<T, Line>;
    static constexpr int M = Line::outputs, step = Line::step, beyond = Line::pixels - step;
    static constexpr int row_M = Rows::outputs, pixels = Rows::pixels, row_beyond = pixels - Rows::step;
    static constexpr int P = Line::places, S = P / Line::parts,
                         Q = Line::sums;  // of sources, slopes, products
    static constexpr int row_P = Rows::places, row_S = row_P / Rows::parts, row_Q = Rows::sums;
    static constexpr int V = Line::taps, taps = Rows::taps * V;
    static constexpr int64_t W = width<T>, tap_pitch = (taps + W - 1) / W * W;
    static constexpr int64_t block_bytes = int64_t(9) << 18;  // enough for huge pages
    static constexpr int64_t most_tiles = 256;                // of a chunk, about

  public:
    WinogradWeightGradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s)
        : dy_(dy),
          x_(x),
          s_(s),
          rows_of_image_((s.I + row_M - 1) / row_M),
          tiles_of_row_((s.J + M - 1) / M),
          channel_pitch_(whole_vectors<T>(s.C) + W),
          feature_pitch_(whole_vectors<T>(s.O) + W),
          chunks_(s.N * rows_of_image_, rows_of_chunk()),
          blocks_(chunks_.size, rows_of_block()),
          tiles_(blocks_.size * tiles_of_row_),
          by_panels_(chunks_.count * blocks_.count == 1 &&
                     row_Q * Q * s.O * channel_pitch_ > tiles_ * kept_by_tile),
          products_(by_panels_ ? 0 : chunks_of_round() * product_size()),
          bias_(s.N * rows_of_image_ * feature_pitch_) {}

    // False if some weight is not finite; db is right all the same.
    bool run(const Array<T, 4>& dw, T* db, int64_t db_stride) {
        bool finite = true;
        if (by_panels_) {
            const Tiles tiles(*this);
            transform(tiles, 0, chunks_.size);
            finite = finish_panels(tiles, dw);
        }
        const Parts rounds(chunks_.count, chunks_of_round());
        for (int64_t r = 0; r < rounds.count && !by_panels_; r++) {
            const int64_t first = rounds.begin(r), count = rounds.length(r, chunks_.count);
            const auto add_chunks = [&](int64_t begin, int64_t end) {
                const Tiles tiles(*this);
                for (int64_t k = begin; k < end; k++) add_chunk(tiles, first + k, k);
            };
            // Inside of a loop, those of a chunk run in one thread.
            parallel_for(count, count * 2 >= num_threads() ? 1 : count, add_chunks);
            finite = transform_back(dw, count, r > 0);
        }
        if (db != nullptr) add_bias(db, db_stride);
        return finite;
    }

  private:
    static constexpr int64_t kept_by_tile = 1 << 17;  // sums
    static constexpr int64_t most_chunks = 16, kept_products = int64_t(4) << 20;

    // The sums of some features: those of a place lie `pitch` behind those of the one before.
    struct Sums {
        T* data;
        int64_t pitch, feature_pitch, first;  // feature
    };

    // The transformed tiles of a block.
    struct Tiles {
        int64_t source_pitch, slope_pitch;  // from place to place
        Scratch<T> memory;

        explicit Tiles(const WinogradWeightGradient& of)
            : source_pitch(of.tiles_ * of.channel_pitch_ + W),
              slope_pitch(of.tiles_ * of.feature_pitch_ + W),
              memory(row_P * P * source_pitch + row_S * S * slope_pitch) {}
        T* source(int place) const { return memory.data() + place * source_pitch; }
        T* slope(int place) const { return source(row_P * P) + place * slope_pitch; }
    };

    int64_t rows() const { return s_.N * rows_of_image_; }
    int64_t product_feature() const { return row_Q * Q * channel_pitch_ + W; }
    int64_t product_size() const { return s_.O * product_feature(); }
    int64_t chunks_of_round() const {
        const int64_t most = kept_products / (product_size() * int64_t(sizeof(T)));
        return most < 2 ? 1 : most < most_chunks ? most : most_chunks;
    }
    int64_t rows_of_chunk() const {
        if (chunks_of_round() == 1) {
            const int64_t block = rows_of_block();
            return block * (1 + most_tiles / (block * tiles_of_row_));
        }
        // Of fewer tiles, moving the sums would take as long as moving the tiles.
        const int64_t tiles = rows() * tiles_of_row_;
        const int64_t both = s_.O * s_.C / (s_.O + s_.C);
        int64_t least = 12 * both, wanted = tiles / most_chunks;
        if (least < 64) least = 64;
        if (wanted > most_tiles) wanted = most_tiles;
        int64_t count = tiles / (wanted > least ? wanted : least);
        if (count < 2 && tiles >= 128 && tiles >= 12 * both) count = 2;
        count -= count > 4 ? count % 4 : count % 2;  // even for the threads
        return count > 1 ? (rows() + count - 1) / count : rows();
    }
    int64_t rows_of_block() const {
        const int64_t tile = (row_P * P * channel_pitch_ + row_S * S * feature_pitch_) * int64_t(sizeof(T));
        const int64_t tiles = block_bytes / tile < 64 ? 64 : block_bytes / tile;
        return tiles < tiles_of_row_ ? 1 : tiles / tiles_of_row_;
    }

    // The sums of a chunk, the k-th of its round.
    void add_chunk(const Tiles& tiles, int64_t chunk, int64_t k) const {
        const int64_t count = chunks_.length(chunk, rows());
        for (int64_t begin = 0; begin < count; begin += blocks_.size) {
            const int64_t rows = count - begin < blocks_.size ? count - begin : blocks_.size;
            transform(tiles, chunks_.begin(chunk) + begin, rows);
            multiply(tiles, rows, begin > 0, products_.data() + k * product_size());
        }
    }

    // Rows of tiles [first, first + rows).
    void transform(const Tiles& tiles, int64_t first, int64_t rows) const {
        const int64_t channels = (s_.C + W - 1) / W, features = (s_.O + W - 1) / W;
        const int64_t columns = tiles_of_row_ * step + beyond;
        // A task is a vector of channels and a few rows of tiles, of which neighbours share pixels.
        const Parts runs(rows, 1 + 512 / columns);
        parallel_for((channels + features) * runs.count, 1 + 512 / (columns * runs.size),
                     [&](int64_t begin, int64_t end) {
                         const Scratch<T> frame(pixels * columns * W);
                         for (int64_t task = begin; task < end; task++) {
                             const int64_t lane = task / runs.count, run = task % runs.count;
                             const int64_t row = runs.begin(run), count = runs.length(run, rows);
                             if (lane < channels)
                                 transform_sources(tiles, frame.data(), ChannelLanes<T>(x_, lane * W, s_.C),
                                                   first, row, count);
                             else
                                 transform_slopes(tiles, frame.data(),
                                                  ChannelLanes<T>(dy_, (lane - channels) * W, s_.O), first,
                                                  row, count);
                         }
                     });
    }

    void transform_sources(const Tiles& tiles, T* frame, const ChannelLanes<T>& lanes, int64_t first,
                           int64_t row, int64_t count) const {
        const int64_t columns = tiles_of_row_ * step + beyond;
        for (int64_t r = row; r < row + count; r++) {
            const int64_t n = (first + r) / rows_of_image_,
                          top = (first + r) % rows_of_image_ * Rows::step + s_.rows.origin;
            // The lowest rows are the highest of the next row of tiles.
            const bool continues = r > row && (first + r) % rows_of_image_ != 0;
            if (continues)
                for (int64_t k = 0; k < row_beyond * columns * W; k += W)
                    store(frame + k, load(frame + Rows::step * columns * W + k));
            lanes.turn(frame, columns, continues ? row_beyond : 0, pixels, n, top, s_.H, s_.columns.origin,
                       s_.W);
            for (int64_t t = 0; t < tiles_of_row_; t++)
                winograd_source<T, Line>(
                    frame + t * step * W, columns * W, W,
                    tiles.source(0) + (r * tiles_of_row_ + t) * channel_pitch_ + lanes.channel,
                    tiles.source_pitch);
        }
    }
    void transform_slopes(const Tiles& tiles, T* frame, const ChannelLanes<T>& lanes, int64_t first,
                          int64_t row, int64_t count) const {
        const int64_t columns = tiles_of_row_ * M;
        for (int64_t r = row; r < row + count; r++) {
            const int64_t n = (first + r) / rows_of_image_, top = (first + r) % rows_of_image_ * row_M;
            lanes.turn(frame, columns, 0, row_M, n, top, s_.I, 0, s_.J);
            vec<T> sum[2] = {};
            for (int64_t k = 0; k < row_M * columns; k += 2) {
                sum[0] += load(frame + k * W);
                sum[1] += load(frame + (k + 1) * W);
            }
            store(&bias_[(first + r) * feature_pitch_ + lanes.channel], sum[0] + sum[1]);
            for (int64_t t = 0; t < tiles_of_row_; t++)
                winograd_slope<T, Line>(
                    frame + t * M * W, columns * W, W,
                    tiles.slope(0) + (r * tiles_of_row_ + t) * feature_pitch_ + lanes.channel,
                    tiles.slope_pitch);
        }
    }

    Parts row_panels() const { return Parts(s_.O, most_tile_rows<T>(int(column_panels().size))); }

    // The sums of a block's rows of tiles.
    void multiply(const Tiles& tiles, int64_t rows_of_tiles, bool accumulate, T* products) const {
        const int64_t count = rows_of_tiles * tiles_of_row_;
        const Parts rows = row_panels();
        const Parts groups(rows.count, 1 + 64 / rows.size);
        const int64_t work = groups.size * rows.size * s_.C * count;
        parallel_for(row_Q * Q * groups.count, 1 + GemmBlocks<T>::thread_work / work,
                     [&](int64_t begin, int64_t end) {
                         for (int64_t task = begin; task < end; task++) {
                             const int place = int(task / groups.count);
                             const int64_t g = task % groups.count;
                             add_products(tiles, place / Q, place % Q, rows, groups.begin(g),
                                          groups.begin(g) + groups.length(g, rows.count), count, accumulate,
                                          {products, channel_pitch_, product_feature(), 0});
                         }
                     });
    }
    Parts column_panels() const { return Parts(whole_vectors<T>(s_.C) / W, most_tile_vectors<T>); }

    // The products of filter panels [begin, end) that belong to sum (u, v).
    [[gnu::noinline]] void add_products(const Tiles& tiles, int u, int v, const Parts& rows, int64_t begin,
                                        int64_t end, int64_t count, bool accumulate, const Sums& sums) const {
        const Parts columns = column_panels(), depths(count, Line::depth);
        T* product = sums.data + (u * Q + v) * sums.pitch - sums.first * sums.feature_pitch;
        for (int i = u; i < (u + 1 < row_Q ? u + 1 : row_P); i++)
            for (int j = v; j < (v + 1 < Q ? v + 1 : P); j++) {
                const T *slopes = tiles.slope(i % row_S * S + j % S), *sources = tiles.source(i * P + j);
                for (int64_t d = 0; d < depths.count; d++, accumulate = true)
                    for (int64_t k = 0; k < columns.count; k++)
                        for (int64_t r = begin; r < end; r++) {
                            const int64_t t = depths.begin(d), o = rows.begin(r), c = columns.begin(k) * W;
                            const int64_t vectors = columns.length(k, whole_vectors<T>(s_.C) / W);
                            T* to = product + o * sums.feature_pitch + c;
                            gemm_tile<T>(false, false, int(rows.length(r, s_.O)), int(vectors))(
                                depths.length(d, count), slopes + t * feature_pitch_ + o, feature_pitch_,
                                sources + t * channel_pitch_ + c, channel_pitch_, to, sums.feature_pitch,
                                vectors * W, accumulate ? to : nullptr, sums.feature_pitch);
                        }
            }
    }

    void add_bias(T* db, int64_t db_stride) const {
        for (int64_t o = 0; o < s_.O; o += W) {
            vec<T> sum{};
            for (int64_t r = 0; r < s_.N * rows_of_image_; r++) sum += load(&bias_[r * feature_pitch_ + o]);
            for (int64_t l = 0; l < W && o + l < s_.O; l++) db[(o + l) * db_stride] = sum[l];
        }
    }

    // False if some weight is not finite. The sums of so many chunks are added up first.
    bool transform_back(const Array<T, 4>& dw, int64_t chunks, bool accumulate) const {
        const Scratch<uint8_t> suspects(s_.O);
        parallel_for(s_.O, 1 + 2048 / (s_.C * chunks), [&](int64_t begin, int64_t end) {
            const int64_t pitch = channel_pitch_ + W;
            const Scratch<T> own(chunks > 1 ? row_Q * Q * pitch : 0);
            for (int64_t o = begin; o < end; o++) {
                Sums sums = {products_.data(), channel_pitch_, product_feature(), 0};
                if (chunks > 1) {
                    sums = {own.data(), pitch, 0, o};
                    add_up(own.data(), pitch, o, chunks);
                }
                suspects[o] = put_feature(dw, o, sums, accumulate);
            }
        });
        return none(suspects);
    }
    void add_up(T* to, int64_t pitch, int64_t o, int64_t chunks) const {
        for (int place = 0; place < row_Q * Q; place++, to += pitch)
            for (int64_t c = 0; c < s_.C; c += W) {
                const T* from = products_.data() + o * product_feature() + place * channel_pitch_ + c;
                vec<T> sum = load(from);
                for (int64_t k = 1; k < chunks; k++) sum += load(from + k * product_size());
                store(to + c, sum);
            }
    }
    // The products of the only block and what follows.
    bool finish_panels(const Tiles& tiles, const Array<T, 4>& dw) const {
        const Scratch<uint8_t> suspects(s_.O);
        const Parts rows = row_panels();
        const int64_t pitch = rows.size * channel_pitch_ + W, count = this->rows() * tiles_of_row_;
        parallel_for(rows.count, 1, [&](int64_t begin, int64_t end) {
            const Scratch<T> own(row_Q * Q * pitch);
            for (int64_t r = begin; r < end; r++) {
                const Sums sums = {own.data(), pitch, channel_pitch_, rows.begin(r)};
                for (int place = 0; place < row_Q * Q; place++)
                    add_products(tiles, place / Q, place % Q, rows, r, r + 1, count, false, sums);
                for (int64_t o = sums.first; o < sums.first + rows.length(r, s_.O); o++)
                    suspects[o] = put_feature(dw, o, sums, false);
            }
        });
        return none(suspects);
    }
    bool none(const Scratch<uint8_t>& suspects) const {
        for (int64_t o = 0; o < s_.O; o++)
            if (suspects[o]) return false;
        return true;
    }
    // Whether a weight of the feature is not finite.
    [[gnu::noinline]] bool put_feature(const Array<T, 4>& dw, int64_t o, const Sums& sums,
                                       bool accumulate) const {
        vec<T> check{};
        for (int64_t c = 0; c < s_.C; c += W) {
            alignas(64) T of_taps[taps * W], of_channels[W * tap_pitch];
            winograd_weight<T, Line>(sums.data + (o - sums.first) * sums.feature_pitch + c, sums.pitch,
                                     of_taps);
            for (int64_t k = 0; k < taps; k += W) {
                vec<T> square[W];
#pragma GCC unroll 16
                for (int l = 0; l < W; l++) square[l] = k + l < taps ? load(of_taps + (k + l) * W) : vec<T>{};
                pydl::PYDL_ISA::transpose<T>(square);
#pragma GCC unroll 16
                for (int l = 0; l < W; l++) store(of_channels + l * tap_pitch + k, square[l]);
            }
            for (int64_t l = 0; l < W && c + l < s_.C; l++)
                check += put_filter(&dw(o, c + l, 0, 0), dw.stride, of_channels + l * tap_pitch, accumulate);
        }
        return any(check != vec<T>{});
    }
    // to (+)= the filter; not 0 where a number is not finite.
    static vec<T> put_filter(T* to, const int64_t* stride, T* filter, bool accumulate) {
        const bool in_a_row = (stride[2] == V || Rows::taps == 1) && stride[3] == 1;
        vec<T> check{};
        if (accumulate && !in_a_row)
            for (int k = 0; k < taps; k++) filter[k] += to[k / V * stride[2] + k % V * stride[3]];
        for (int64_t k = 0; k < taps; k += W) {
            vec<T> some = load(filter + k);
            if (accumulate && in_a_row) store(filter + k, some += load_partial(to + k, taps - k));
            check += some - some;  // what is not finite, minus itself, is not 0
        }
        if (in_a_row)
            copy_row(to, filter, int64_t(taps));
        else
            for (int k = 0; k < taps; k++) to[k / V * stride[2] + k % V * stride[3]] = filter[k];
        return check;
    }

    const Images<const T>&dy_, &x_;
    const Conv2dShape& s_;
    int64_t rows_of_image_, tiles_of_row_, channel_pitch_, feature_pitch_;
    Parts chunks_;   // of the rows of tiles of all images
    Parts blocks_;   // of the rows of a chunk
    int64_t tiles_;  // of a block
    bool by_panels_;
    Scratch<T> products_, bias_;
};

}  // namespace pydl::PYDL_ISA
