// The weight gradient of a convolution by Winograd's algorithm (conv2d/winograd_line.h,
// conv2d/winograd_stride.h): the sum over the tiles of all images of
//
//     dg = G' [ (A dy A') * (B' d B) ] G        d pixels, dy slopes of a tile's outputs, * element by element
//
// For each of the places of a transformed tile there is a matrix product over the tiles,
//
//     product[place][o, c] = sum over tiles of  slope[place][tile, o] * source[place][tile, c],
//
// (of stride 2, some places share a sum, or a slope) whose factors conv2d/winograd_weight_tiles.h makes. Its
// columns are lanes: they are the output channels o, its rows c, where that leaves fewer lanes empty, as of
// the few channels of a first layer.
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

#include "conv2d/winograd_weight_filters.h"
#include "conv2d/winograd_weight_tiles.h"
#include "gemm/blocked.h"
#include "gemm/tile.h"

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
          is_turned_(4 * s.C * whole_vectors<T>(s.O) <= 3 * s.O * whole_vectors<T>(s.C)),
          sum_rows_(is_turned_ ? s.C : s.O),
          sum_columns_(is_turned_ ? s.O : s.C),
          tiles_of_row_(Tiles::tiles_of_row(s)),
          rows_(s.N * Tiles::rows_of_image(s)),
          column_pitch_(Tiles::pitch_of(sum_columns_)),
          chunks_(rows_, rows_of_chunk()),
          blocks_(chunks_.size, rows_of_block()) {}

    // False if some weight is not finite; db is right all the same.
    bool run(const Array<T, 4>& dw, T* db, int64_t db_stride) {
        const int64_t threads = num_threads(), shares = row_shares(threads);
        const Scratch<uint8_t> suspects(sum_rows_);
        const bool many = chunks_.count >= threads || (shares == 1 && chunks_.count * 2 >= threads);
        if (most_sums() > 1 && chunks_.count > 1 && many)
            run_chunks(dw, db, db_stride, suspects);
        else
            run_rows(shares, dw, db, db_stride, suspects);
        for (int64_t r = 0; r < sum_rows_; r++)
            if (suspects[r]) return false;
        return true;
    }

  private:
    // Some rows of the sums: those of a place lie `pitch` behind those of the one before.
    struct Sums {
        T* data;
        int64_t pitch, row_pitch, first;  // row
        T* of_row(int64_t r) const { return data + (r - first) * row_pitch; }
    };

    int64_t sums_of_row() const { return row_Q * Q * column_pitch_ + W; }
    int64_t most_sums() const { return kept_products / (sum_rows_ * sums_of_row() * int64_t(sizeof(T))); }
    int64_t taps_of_row() const { return Taps::size(sum_columns_); }
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
        const ChannelRange features{0, s_.O}, all{0, sum_rows_};
        const int64_t bias_pitch = Tiles::pitch_of(s_.O), size = sum_rows_ * taps_of_row();
        const Scratch<T> bias(rows_ * bias_pitch);
        const Parts rounds(chunks_.count, most_chunks);
        const Scratch<T> of_chunks(rounds.size * size), total(rounds.count > 1 ? size : 0);
        for (int64_t r = 0; r < rounds.count; r++) {
            const int64_t first = rounds.begin(r), count = rounds.length(r, chunks_.count);
            parallel_for(count, 1, [&](int64_t begin, int64_t end) {
                const Tiles tiles(dy_, x_, s_, features, blocks_.size);
                const Scratch<T> products(sum_rows_ * sums_of_row());
                const Sums sums{products.data(), column_pitch_, sums_of_row(), 0};
                for (int64_t k = begin; k < end; k++) {
                    add_chunk(tiles, first + k, all, sums, bias.data());
                    transform_back(sums, all, of_chunks.data() + k * size, false);
                }
            });
            const bool last = r + 1 == rounds.count;
            parallel_for(sum_rows_, 1 + 16384 / (taps_of_row() * count), [&](int64_t begin, int64_t end) {
                for (int64_t row = begin; row < end; row++) {
                    T* const taps = (last ? of_chunks : total).data() + row * taps_of_row();
                    add_up(taps, of_chunks.data() + row * taps_of_row(), size, count,
                           r > 0 ? total.data() + row * taps_of_row() : nullptr);
                    if (last) suspects[row] = put(dw, row, taps);
                }
            });
        }
        if (db != nullptr) add_bias(bias.data(), bias_pitch, features, 0, db, db_stride);
    }

    // to = the taps of a row, those of so many chunks added to those of the chunks before, one after another
    // as run_rows adds them.
    [[gnu::noinline]] void add_up(T* to, const T* of_chunks, int64_t size, int64_t count,
                                  const T* before) const {
        for (int64_t j = 0; j < taps_of_row(); j += W) {
            vec<T> sum = load(of_chunks + j);
            if (before != nullptr) sum = load(before + j) + sum;
            for (int64_t k = 1; k < count; k++) sum += load(of_chunks + k * size + j);
            store(to + j, sum);
        }
    }

    // ---- a thread has some of the rows, of all chunks ----

    int64_t row_shares(int64_t threads) const {
        const int64_t work = row_P * P * s_.O * s_.C * rows_ * tiles_of_row_;
        return is_turned_ || s_.O < threads * features_of_thread ||
                       work < threads * GemmBlocks<T>::thread_work
                   ? 1
                   : threads;
    }

    void run_rows(int64_t shares, const Array<T, 4>& dw, T* db, int64_t db_stride,
                  const Scratch<uint8_t>& suspects) const {
        // One loop around all, if there is a share for each thread; else those inside of it are parallel.
        const Parts parts(sum_rows_, (sum_rows_ + shares - 1) / shares);
        parallel_for(parts.count, 1, [&](int64_t begin, int64_t end) {
            for (int64_t k = begin; k < end; k++) {
                const ChannelRange own{parts.begin(k), parts.length(k, sum_rows_)};
                const ChannelRange features = is_turned_ ? ChannelRange{0, s_.O} : own;
                const Tiles tiles(dy_, x_, s_, features, blocks_.size);
                const Scratch<T> bias(rows_ * tiles.feature_pitch);
                // Where there is but one block, products and filters are made for a few rows at a time if
                // the sums are so many that moving them through the caches takes longer than reading all
                // tiles again for each of these.
                if (chunks_.count * blocks_.count == 1 &&
                    row_Q * Q * own.count * column_pitch_ > blocks_.size * tiles_of_row_ * kept_by_tile) {
                    tiles.transform(0, chunks_.size, bias.data());
                    finish_panels(tiles, own, dw, suspects);
                } else {
                    const Scratch<T> products(own.count * sums_of_row());
                    const Scratch<T> taps(own.count * taps_of_row());
                    const Sums sums{products.data(), column_pitch_, sums_of_row(), own.first};
                    for (int64_t chunk = 0; chunk < chunks_.count; chunk++) {
                        add_chunk(tiles, chunk, own, sums, bias.data());
                        transform_back(sums, own, taps.data(), chunk > 0);
                    }
                    for (int64_t i = 0; i < own.count; i++)
                        suspects[own.first + i] = put(dw, own.first + i, taps.data() + i * taps_of_row());
                }
                if (db != nullptr)
                    add_bias(bias.data(), tiles.feature_pitch, features, tiles.base, db, db_stride);
            }
        });
    }

    // The products of the only block and what follows.
    void finish_panels(const Tiles& tiles, ChannelRange own, const Array<T, 4>& dw,
                       const Scratch<uint8_t>& suspects) const {
        const Parts rows = row_panels(own);
        const int64_t pitch = rows.size * column_pitch_ + W, count = rows_ * tiles_of_row_;
        parallel_for(rows.count, 1, [&](int64_t begin, int64_t end) {
            const Scratch<T> some(row_Q * Q * pitch), taps(taps_of_row());
            for (int64_t r = begin; r < end; r++) {
                const ChannelRange panel{own.first + rows.begin(r), rows.length(r, own.count)};
                const Sums sums{some.data(), pitch, column_pitch_, panel.first};
                for (int place = 0; place < row_Q * Q; place++)
                    add_products(tiles, place / Q, place % Q, own, rows, r, r + 1, count, false, sums);
                for (int64_t row = panel.first; row < panel.first + panel.count; row++) {
                    Taps::add(taps.data(), sum_columns_, sums.of_row(row), sums.pitch, false);
                    suspects[row] = put(dw, row, taps.data());
                }
            }
        });
    }

    // ---- what both do ----

    // The sums of a chunk.
    [[gnu::noinline]] void add_chunk(const Tiles& tiles, int64_t chunk, ChannelRange own, const Sums& sums,
                                     T* bias) const {
        const int64_t count = chunks_.length(chunk, rows_);
        for (int64_t begin = 0; begin < count; begin += blocks_.size) {
            const int64_t rows = count - begin < blocks_.size ? count - begin : blocks_.size;
            tiles.transform(chunks_.begin(chunk) + begin, rows, bias);
            multiply(tiles, rows * tiles_of_row_, own, begin > 0, sums);
        }
    }

    // taps (+)= what the sums of these rows make.
    [[gnu::noinline]] void transform_back(const Sums& sums, ChannelRange own, T* taps,
                                          bool accumulate) const {
        parallel_for(own.count, 1 + 2048 / sum_columns_, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++)
                Taps::add(taps + i * taps_of_row(), sum_columns_, sums.of_row(own.first + i), sums.pitch,
                          accumulate);
        });
    }
    // Whether a weight of the row is not finite.
    bool put(const Array<T, 4>& dw, int64_t row, const T* taps) const {
        const int rows = is_turned_ ? 1 : 0;
        const int64_t stride[] = {dw.stride[1 - rows], dw.stride[2], dw.stride[3]};
        return Taps::put(taps, sum_columns_, dw.data + row * dw.stride[rows], stride);
    }

    Parts row_panels(ChannelRange own) const {
        return Parts(own.count, most_tile_rows<T>(int(column_panels().size)));
    }
    Parts column_panels() const { return Parts(whole_vectors<T>(sum_columns_) / W, most_tile_vectors<T>); }

    // The sums of so many tiles.
    void multiply(const Tiles& tiles, int64_t count, ChannelRange own, bool accumulate,
                  const Sums& sums) const {
        const Parts rows = row_panels(own);
        const Parts groups(rows.count, 1 + 64 / rows.size);
        const int64_t work = groups.size * rows.size * sum_columns_ * count;
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
    // The products of row panels [begin, end) of these rows that belong to sum (u, v).
    [[gnu::noinline]] void add_products(const Tiles& tiles, int u, int v, ChannelRange own, const Parts& rows,
                                        int64_t begin, int64_t end, int64_t count, bool accumulate,
                                        const Sums& sums) const {
        const Parts columns = column_panels(), depths(count, Line::depth);
        T* product = sums.data + (u * Q + v) * sums.pitch - sums.first * sums.row_pitch;
        const int64_t pitch[] = {tiles.feature_pitch, tiles.channel_pitch};
        for (int i = u; i < (u + 1 < row_Q ? u + 1 : row_P); i++)
            for (int j = v; j < (v + 1 < Q ? v + 1 : P); j++)
                for (int64_t d = 0; d < depths.count; d++, accumulate = true)
                    for (int64_t k = 0; k < columns.count; k++)
                        for (int64_t r = begin; r < end; r++) {
                            const int64_t t = depths.begin(d), row = own.first + rows.begin(r);
                            const int64_t column = columns.begin(k) * W;
                            const int64_t vectors = columns.length(k, whole_vectors<T>(sum_columns_) / W);
                            T* to = product + row * sums.row_pitch + column;
                            const T* slopes = tiles.slope(i, j, t, is_turned_ ? column : row);
                            const T* sources = tiles.source(i, j, t) + (is_turned_ ? row : column);
                            gemm_tile<T>(false, int(rows.length(r, own.count)), vectors * width<T>)(
                                depths.length(d, count), is_turned_ ? sources : slopes, pitch[is_turned_],
                                is_turned_ ? slopes : sources, pitch[!is_turned_], to, sums.row_pitch,
                                vectors * W, accumulate ? to : nullptr, sums.row_pitch);
                        }
    }

    // db of these features; bias has the sums of each row of tiles, of features from `base` on.
    [[gnu::noinline]] void add_bias(const T* bias, int64_t pitch, ChannelRange own, int64_t base, T* db,
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
    const bool is_turned_;
    const int64_t sum_rows_, sum_columns_, tiles_of_row_, rows_, column_pitch_;
    Parts chunks_;  // of the rows of tiles of all images
    Parts blocks_;  // of the rows of a chunk
};

}  // namespace pydl::PYDL_ISA
