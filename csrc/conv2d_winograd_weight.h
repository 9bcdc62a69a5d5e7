// The weight gradient of a convolution by Winograd's algorithm (conv2d_winograd_line.h,
// conv2d_winograd_stride.h): the sum over the tiles of all images of
//
//     dg = G' [ (A dy A') * (B' d B) ] G        d pixels, dy slopes of a tile's outputs, * element by element
//
// For each of the places of a transformed tile there is a matrix product over the tiles,
//
//     product[place][o, c] = sum over tiles of  slope[place][tile, o] * source[place][tile, c],
//
// (of stride 2, some places share a sum, or a slope) whose factors conv2d_winograd_weight_tiles.h makes.
//
// The rows of tiles are cut into chunks, and these into blocks whose factors fit the cache of a core:
//
//   for each block of a chunk: transforms pixels and slopes, adds the products
//   transforms the sums of the chunk back into filters, and adds these to those of the chunks before
//
// Threads share nothing but filters, because numbers take longer from another core's cache than they take to
// be transformed there once more. Each has some of the chunks; where these are few, some of the output
// channels and all of the chunks. Only where the channels are few as well do they share the steps of a block.
//
// Chunks follow from the sizes alone, and are added up in their order. That they are short keeps rounding
// errors small: what a long sum loses would grow on the way back. Tiles are 4 x 4: smaller ones have to
// transform nearly twice as many numbers and gain little.
#pragma once

#include "conv2d_winograd_weight_filters.h"
#include "conv2d_winograd_weight_tiles.h"
#include "gemm_blocked.h"
#include "gemm_tile.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Line>
class WinogradWeightGradient {
    using Rows = RowsOf<T, Line>;
    using Tiles = WeightGradientTiles<T, Line>;
    using Taps = WeightGradientTaps<T, Line>;
    static constexpr int P = Line::places, Q = Line::sums;  // of sources, products
    static constexpr int row_P = Rows::places, row_Q = Rows::sums;
    static constexpr int64_t W = width<T>;
    static constexpr int64_t block_bytes = int64_t(9) << 18;  // enough for huge pages
    static constexpr int64_t most_tiles = 256;                // of a chunk, about
    static constexpr int64_t most_chunks = 16;                // each of whose filters are kept
    static constexpr int64_t kept_products = int64_t(4) << 20;
    static constexpr int64_t kept_by_tile = 1 << 17;   // sums
    static constexpr int64_t features_of_thread = 32;  // fewer are not worth transforming all pixels

  public:
    WinogradWeightGradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s)
        : dy_(dy),
          x_(x),
          s_(s),
          tiles_of_row_(Tiles::tiles_of_row(s)),
          rows_(s.N * Tiles::rows_of_image(s)),
          channel_pitch_(Tiles::pitch_of(s.C)),
          chunks_(rows_, rows_of_chunk()),
          blocks_(chunks_.size, rows_of_block()) {}

    // False if some weight is not finite; db is right all the same.
    bool run(const Array<T, 4>& dw, T* db, int64_t db_stride) {
        const int64_t threads = num_threads(), shares = feature_shares(threads);
        const Scratch<uint8_t> suspects(s_.O);
        const bool many = chunks_.count >= threads || (shares == 1 && chunks_.count * 2 >= threads);
        if (most_sums() > 1 && chunks_.count > 1 && many)
            run_chunks(dw, db, db_stride, suspects);
        else
            run_features(shares, dw, db, db_stride, suspects);
        for (int64_t o = 0; o < s_.O; o++)
            if (suspects[o]) return false;
        return true;
    }

  private:
    // The sums of some features: those of a place lie `pitch` behind those of the one before.
    struct Sums {
        T* data;
        int64_t pitch, feature_pitch, first;  // feature
        T* of_feature(int64_t o) const { return data + (o - first) * feature_pitch; }
    };

    int64_t sums_of_feature() const { return row_Q * Q * channel_pitch_ + W; }
    int64_t most_sums() const { return kept_products / (s_.O * sums_of_feature() * int64_t(sizeof(T))); }
    int64_t rows_of_chunk() const {
        if (most_sums() < 2) {
            const int64_t block = rows_of_block();
            return block * (1 + most_tiles / (block * tiles_of_row_));
        }
        // Of fewer tiles, moving the sums would take as long as moving the tiles.
        const int64_t tiles = rows_ * tiles_of_row_;
        const int64_t both = s_.O * s_.C / (s_.O + s_.C);
        int64_t least = 12 * both, wanted = tiles / most_chunks;
        if (least < 64) least = 64;
        if (wanted > most_tiles) wanted = most_tiles;
        int64_t count = tiles / (wanted > least ? wanted : least);
        if (count < 2 && tiles >= 128 && tiles >= 4 * both) count = 2;
        count -= count > 4 ? count % 4 : count % 2;  // even for the threads
        return count > 1 ? (rows_ + count - 1) / count : rows_;
    }
    int64_t rows_of_block() const {
        const int64_t fit = block_bytes / Tiles::bytes(s_.C, s_.O), tiles = fit < 64 ? 64 : fit;
        return tiles < tiles_of_row_ ? 1 : tiles / tiles_of_row_;
    }

    // ---- a thread has some of the chunks ----

    void run_chunks(const Array<T, 4>& dw, T* db, int64_t db_stride, const Scratch<uint8_t>& suspects) const {
        const FeatureRange all{0, s_.O};
        const int64_t bias_pitch = Tiles::pitch_of(s_.O), size = s_.O * Taps::size(s_.C);
        const Scratch<T> bias(rows_ * bias_pitch);
        const Parts rounds(chunks_.count, most_chunks);
        const Scratch<T> of_chunks(rounds.size * size), total(rounds.count > 1 ? size : 0);
        for (int64_t r = 0; r < rounds.count; r++) {
            const int64_t first = rounds.begin(r), count = rounds.length(r, chunks_.count);
            parallel_for(count, 1, [&](int64_t begin, int64_t end) {
                const Tiles tiles(dy_, x_, s_, all, blocks_.size);
                const Scratch<T> products(s_.O * sums_of_feature());
                const Sums sums{products.data(), channel_pitch_, sums_of_feature(), 0};
                for (int64_t k = begin; k < end; k++) {
                    add_chunk(tiles, first + k, all, sums, bias.data());
                    transform_back(sums, all, of_chunks.data() + k * size, false);
                }
            });
            const bool last = r + 1 == rounds.count;
            parallel_for(s_.O, 1 + 16384 / (Taps::size(s_.C) * count), [&](int64_t begin, int64_t end) {
                for (int64_t o = begin; o < end; o++) {
                    T* const taps = (last ? of_chunks : total).data() + o * Taps::size(s_.C);
                    add_up(taps, of_chunks.data() + o * Taps::size(s_.C), size, count,
                           r > 0 ? total.data() + o * Taps::size(s_.C) : nullptr);
                    if (last) suspects[o] = put(dw, o, taps);
                }
            });
        }
        if (db != nullptr) add_bias(bias.data(), bias_pitch, all, 0, db, db_stride);
    }

    // to = the taps of a feature, those of so many chunks added to those of the chunks before, one after
    // another as run_features adds them.
    [[gnu::noinline]] void add_up(T* to, const T* of_chunks, int64_t size, int64_t count,
                                  const T* before) const {
        for (int64_t j = 0; j < Taps::size(s_.C); j += W) {
            vec<T> sum = load(of_chunks + j);
            if (before != nullptr) sum = load(before + j) + sum;
            for (int64_t k = 1; k < count; k++) sum += load(of_chunks + k * size + j);
            store(to + j, sum);
        }
    }

    // ---- a thread has some of the features, of all chunks ----

    int64_t feature_shares(int64_t threads) const {
        const int64_t work = row_P * P * s_.O * s_.C * rows_ * tiles_of_row_;
        return s_.O < threads * features_of_thread || work < threads * GemmBlocks<T>::thread_work ? 1
                                                                                                  : threads;
    }

    void run_features(int64_t shares, const Array<T, 4>& dw, T* db, int64_t db_stride,
                      const Scratch<uint8_t>& suspects) const {
        // One loop around all, if there is a share for each thread; else those inside of it are parallel.
        const Parts parts(s_.O, (s_.O + shares - 1) / shares);
        parallel_for(parts.count, 1, [&](int64_t begin, int64_t end) {
            for (int64_t k = begin; k < end; k++) {
                const FeatureRange own{parts.begin(k), parts.length(k, s_.O)};
                const Tiles tiles(dy_, x_, s_, own, blocks_.size);
                const Scratch<T> bias(rows_ * tiles.feature_pitch);
                // Where there is but one block, products and filters are made for a few features at a time if
                // the sums are so many that moving them through the caches takes longer than reading all
                // tiles again for each of these.
                if (chunks_.count * blocks_.count == 1 &&
                    row_Q * Q * own.count * channel_pitch_ > blocks_.size * tiles_of_row_ * kept_by_tile) {
                    tiles.transform(0, chunks_.size, bias.data());
                    finish_panels(tiles, own, dw, suspects);
                } else {
                    const Scratch<T> products(own.count * sums_of_feature());
                    const Scratch<T> taps(own.count * Taps::size(s_.C));
                    const Sums sums{products.data(), channel_pitch_, sums_of_feature(), own.first};
                    for (int64_t chunk = 0; chunk < chunks_.count; chunk++) {
                        add_chunk(tiles, chunk, own, sums, bias.data());
                        transform_back(sums, own, taps.data(), chunk > 0);
                    }
                    for (int64_t i = 0; i < own.count; i++)
                        suspects[own.first + i] = put(dw, own.first + i, taps.data() + i * Taps::size(s_.C));
                }
                if (db != nullptr) add_bias(bias.data(), tiles.feature_pitch, own, tiles.base, db, db_stride);
            }
        });
    }

    // The products of the only block and what follows.
    void finish_panels(const Tiles& tiles, FeatureRange own, const Array<T, 4>& dw,
                       const Scratch<uint8_t>& suspects) const {
        const Parts rows = row_panels(own);
        const int64_t pitch = rows.size * channel_pitch_ + W, count = rows_ * tiles_of_row_;
        parallel_for(rows.count, 1, [&](int64_t begin, int64_t end) {
            const Scratch<T> some(row_Q * Q * pitch), taps(Taps::size(s_.C));
            for (int64_t r = begin; r < end; r++) {
                const FeatureRange panel{own.first + rows.begin(r), rows.length(r, own.count)};
                const Sums sums{some.data(), pitch, channel_pitch_, panel.first};
                for (int place = 0; place < row_Q * Q; place++)
                    add_products(tiles, place / Q, place % Q, own, rows, r, r + 1, count, false, sums);
                for (int64_t o = panel.first; o < panel.first + panel.count; o++) {
                    Taps::add(taps.data(), s_.C, sums.of_feature(o), sums.pitch, false);
                    suspects[o] = put(dw, o, taps.data());
                }
            }
        });
    }

    // ---- what both do ----

    // The sums of a chunk.
    [[gnu::noinline]] void add_chunk(const Tiles& tiles, int64_t chunk, FeatureRange own, const Sums& sums,
                                     T* bias) const {
        const int64_t count = chunks_.length(chunk, rows_);
        for (int64_t begin = 0; begin < count; begin += blocks_.size) {
            const int64_t rows = count - begin < blocks_.size ? count - begin : blocks_.size;
            tiles.transform(chunks_.begin(chunk) + begin, rows, bias);
            multiply(tiles, rows * tiles_of_row_, own, begin > 0, sums);
        }
    }

    // taps (+)= what the sums of these features make.
    [[gnu::noinline]] void transform_back(const Sums& sums, FeatureRange own, T* taps,
                                          bool accumulate) const {
        parallel_for(own.count, 1 + 2048 / s_.C, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++)
                Taps::add(taps + i * Taps::size(s_.C), s_.C, sums.of_feature(own.first + i), sums.pitch,
                          accumulate);
        });
    }
    // Whether a weight of the feature is not finite.
    bool put(const Array<T, 4>& dw, int64_t o, const T* taps) const {
        return Taps::put(taps, s_.C, &dw(o, 0, 0, 0), dw.stride + 1);
    }

    Parts row_panels(FeatureRange own) const {
        return Parts(own.count, most_tile_rows<T>(int(column_panels().size)));
    }
    Parts column_panels() const { return Parts(whole_vectors<T>(s_.C) / W, most_tile_vectors<T>); }

    // The sums of so many tiles.
    void multiply(const Tiles& tiles, int64_t count, FeatureRange own, bool accumulate,
                  const Sums& sums) const {
        const Parts rows = row_panels(own);
        const Parts groups(rows.count, 1 + 64 / rows.size);
        const int64_t work = groups.size * rows.size * s_.C * count;
        parallel_for(
            row_Q * Q * groups.count, 1 + GemmBlocks<T>::thread_work / work, [&](int64_t begin, int64_t end) {
                for (int64_t task = begin; task < end; task++) {
                    const int place = int(task / groups.count);
                    const int64_t g = task % groups.count;
                    add_products(tiles, place / Q, place % Q, own, rows, groups.begin(g),
                                 groups.begin(g) + groups.length(g, rows.count), count, accumulate, sums);
                }
            });
    }
    // The products of row panels [begin, end) of these features that belong to sum (u, v).
    [[gnu::noinline]] void add_products(const Tiles& tiles, int u, int v, FeatureRange own, const Parts& rows,
                                        int64_t begin, int64_t end, int64_t count, bool accumulate,
                                        const Sums& sums) const {
        const Parts columns = column_panels(), depths(count, Line::depth);
        T* product = sums.data + (u * Q + v) * sums.pitch - sums.first * sums.feature_pitch;
        for (int i = u; i < (u + 1 < row_Q ? u + 1 : row_P); i++)
            for (int j = v; j < (v + 1 < Q ? v + 1 : P); j++)
                for (int64_t d = 0; d < depths.count; d++, accumulate = true)
                    for (int64_t k = 0; k < columns.count; k++)
                        for (int64_t r = begin; r < end; r++) {
                            const int64_t t = depths.begin(d), o = own.first + rows.begin(r);
                            const int64_t c = columns.begin(k) * W;
                            const int64_t vectors = columns.length(k, whole_vectors<T>(s_.C) / W);
                            T* to = product + o * sums.feature_pitch + c;
                            gemm_tile<T>(false, false, int(rows.length(r, own.count)), int(vectors))(
                                depths.length(d, count), tiles.slope(i, j, t, o), tiles.feature_pitch,
                                tiles.source(i, j, t) + c, tiles.channel_pitch, to, sums.feature_pitch,
                                vectors * W, accumulate ? to : nullptr, sums.feature_pitch);
                        }
    }

    // db of these features; bias has the sums of each row of tiles, of features from `base` on.
    [[gnu::noinline]] void add_bias(const T* bias, int64_t pitch, FeatureRange own, int64_t base, T* db,
                                    int64_t db_stride) const {
        const int64_t end = own.first + own.count;
        for (int64_t o = own.first; o < end; o += W) {
            vec<T> sum{};
            for (int64_t r = 0; r < rows_; r++) sum += load(bias + r * pitch + (o - base));
            for (int64_t l = 0; l < W && o + l < end; l++) db[(o + l) * db_stride] = sum[l];
        }
    }

    const Images<const T>&dy_, &x_;
    const Conv2dShape& s_;
    int64_t tiles_of_row_, rows_, channel_pitch_;
    Parts chunks_;  // of the rows of tiles of all images
    Parts blocks_;  // of the rows of a chunk
};

}  // namespace pydl::PYDL_ISA
