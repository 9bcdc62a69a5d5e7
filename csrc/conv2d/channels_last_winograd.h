// conv2d/channels_last.h by Winograd's algorithm (conv2d/winograd_line.h), with filters that are transformed
// already.
//
// For each of the places of a transformed tile there is a product whose rows are tiles and whose lanes are
// output channels:
//
//     product[place][tile, o] = sum over c of  source[place][tile, c] * u[place][c, o]
//
// Channels are lanes of the transformations too, so that nothing has to be sorted.
//
//   for each task: so many tiles that their sources fit the second-level cache,     (in parallel)
//                  a part of the panels where there are few tiles
//     transforms the sources: (tile, a vector of channels)
//     for each group of tiles, for each panel of filters
//       for each place: its products
//       for each tile: transforms the products into outputs, with bias, what is to be added, ReLU
//
// A NaN or infinity reaches all outputs of its tiles, not only those whose taps meet it. Every output is
// therefore looked at, and an image with one that is not finite is computed again by the direct method.
#pragma once

#include "conv2d/channels_last.h"
#include "conv2d/winograd_transform.h"
#include "gemm/tile.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Line>
class ChannelsLastWinograd {
    static constexpr int M = Line::outputs, S = Line::places, places = S * S;
    static constexpr int64_t W = width<T>;
    static constexpr int most_vectors = 2;
    static constexpr int64_t group_tiles = most_tile_rows<T>(most_vectors);
    static constexpr int64_t source_bytes = many_registers ? 384 << 10 : 192 << 10;

  public:
    ChannelsLastWinograd(const ChannelsLast<T>& conv, const T* u)
        : conv_(conv),
          u_(u),
          rows_((conv.y.shape[2] + M - 1) / M),
          columns_((conv.y.shape[3] + M - 1) / M),
          tiles_(conv.y.shape[0] * rows_ * columns_),
          pitch_(whole_vectors<T>(conv.x.shape[1])),
          blocks_(tiles_, tiles_of_block()),
          panels_(conv.w.shape[0], panels_of_task()),
          suspects_(conv.y.shape[0]) {}

    void run() {
        const int64_t N = conv_.y.shape[0];
        for (int64_t n = 0; n < N; n++) suspects_[n] = 0;
        const int64_t work = blocks_.size * places * pitch_ * panels_.size * conv_.w.shape[4];
        parallel_for(
            blocks_.count * panels_.count, 1 + channels_last_thread_work / work,
            [&](int64_t begin, int64_t end) {
                const Scratch<T> sources(places * source_place()), products(places * product_place());
                for (int64_t task = begin; task < end; task++)
                    run_task(task / panels_.count, task % panels_.count, sources.data(), products.data());
            });
        for (int64_t n = 0; n < N; n++) {
            if (!suspects_[n]) continue;
            ChannelsLast<T> image = conv_;
            image.x.data += n * conv_.x.stride[0];
            image.y.data += n * conv_.y.stride[0];
            if (conv_.add.data != nullptr) image.add.data += n * conv_.add.stride[0];
            image.x.shape[0] = image.y.shape[0] = image.add.shape[0] = 1;
            correlate_channels_last(image);
        }
    }

  private:
    // As many as the cache holds, but tasks for all threads; how tiles are grouped changes no bit of them.
    int64_t tiles_of_block() const {
        const int64_t fits = source_bytes / (places * pitch_ * int64_t(sizeof(T))), threads = num_threads();
        const int64_t most = fits < group_tiles ? group_tiles : fits / group_tiles * group_tiles;
        int64_t count = (tiles_ - 1) / most + 1;
        if (count > 1 || tiles_ >= threads * (group_tiles / 2))
            count = (count + threads - 1) / threads * threads;
        return (tiles_ - 1) / count + 1;
    }
    int64_t panels_of_task() const {
        const int64_t P = conv_.w.shape[0], wanted = (num_threads() + blocks_.count - 1) / blocks_.count;
        return wanted <= 1 ? P : wanted >= P ? 1 : (P + wanted - 1) / wanted;
    }
    // From one place to the next: not a power of two, whose lines would compete for the cache's sets.
    int64_t source_place() const { return blocks_.size * pitch_ + 64 / int64_t(sizeof(T)); }
    int64_t product_place() const { return group_tiles * conv_.w.shape[4] + 64 / int64_t(sizeof(T)); }

    void run_task(int64_t block, int64_t group, T* sources, T* products) {
        const int64_t first = blocks_.begin(block), count = blocks_.length(block, tiles_);
        for (int64_t t = 0; t < count; t++) transform_source(first + t, sources + t * pitch_);
        const int64_t begin = panels_.begin(group), end = begin + panels_.length(group, conv_.w.shape[0]);
        const Parts groups(count, group_tiles);
        for (int64_t g = 0; g < groups.count; g++)
            for (int64_t p = begin; p < end; p++) {
                const int64_t at = groups.begin(g), tiles = groups.length(g, count);
                multiply(p, tiles, sources + at * pitch_, products);
                for (int64_t t = 0; t < tiles; t++)
                    write_output(first + at + t, p, products + t * conv_.w.shape[4]);
            }
    }

    void transform_source(int64_t tile, T* to) const {
        const Array<const T, 4>& x = conv_.x;
        const int64_t n = tile / (rows_ * columns_), C = x.shape[1];
        const int64_t i = tile / columns_ % rows_ * M, j = tile % columns_ * M;
        const T* from = x.data + n * x.stride[0] + i * x.stride[2] + j * x.stride[3];
        const int64_t rows = x.shape[2] - i, columns = x.shape[3] - j;
        for (int64_t c = 0; c < C; c += W, from += W, to += W) {
            if (rows >= S && columns >= S && C - c >= W) {
                winograd_source<T, Line>(from, x.stride[2], x.stride[3], to, source_place());
                continue;
            }
            T pixels[places * W];
            for (int64_t k = 0; k < places; k++)
                store(pixels + k * W,
                      k / S < rows && k % S < columns
                          ? load_partial(from + k / S * x.stride[2] + k % S * x.stride[3], C - c)
                          : vec<T>{});
            winograd_source<T, Line>(pixels, S * W, W, to, source_place());
        }
    }

    void multiply(int64_t panel, int64_t tiles, const T* sources, T* products) const {
        const int64_t L = conv_.w.shape[4], C = conv_.x.shape[1];
        const int64_t vectors = (conv_.panel_columns(panel) + W - 1) / W;
        const Parts depths(C, Line::depth);
        for (int place = 0; place < places; place++)
            for (int64_t v = 0; v < vectors; v += most_vectors) {
                const int64_t some = vectors - v < most_vectors ? vectors - v : most_vectors;
                const GemmTile<T> tile = gemm_tile<T>(true, int(tiles), some * width<T>);
                T* to = products + place * product_place() + v * W;
                for (int64_t d = 0; d < depths.count; d++)
                    tile(depths.length(d, C), sources + place * source_place() + depths.begin(d), pitch_,
                         u_ + ((panel * places + place) * C + depths.begin(d)) * L + v * W, L, to, L,
                         some * W, d > 0 ? to : nullptr, L);
            }
    }

    void write_output(int64_t tile, int64_t panel, const T* products) {
        const int64_t n = tile / (rows_ * columns_);
        const int64_t i = tile / columns_ % rows_ * M, j = tile % columns_ * M;
        const int64_t rows = conv_.y.shape[2] - i < M ? conv_.y.shape[2] - i : M;
        const int64_t columns = conv_.y.shape[3] - j < M ? conv_.y.shape[3] - j : M;
        const int64_t* stride = conv_.y.stride;
        const int64_t* add_stride = conv_.add.stride;
        for (int64_t v = 0; v < conv_.panel_columns(panel); v += W) {
            const int64_t o = panel * conv_.w.shape[4] + v, lanes = conv_.panel_columns(panel) - v;
            vec<T> y[M][M];
            winograd_output<T, Line>(products + v, product_place(), y);
            const vec<T> bias = conv_.b == nullptr ? vec<T>{} : load_partial(conv_.b + o, lanes);
            vec<T> sum{};
#pragma GCC unroll 4
            for (int a = 0; a < M; a++)
#pragma GCC unroll 4
                for (int b = 0; b < M; b++) sum += (y[a][b] += bias);
            // A sum that is not finite, minus itself, is not 0.
            if (any(sum - sum != vec<T>{})) __atomic_store_n(&suspects_[n], 1, __ATOMIC_RELAXED);
            T* to = conv_.y.data + n * stride[0] + i * stride[2] + j * stride[3] + o;
            const T* add = conv_.add.data == nullptr ? nullptr
                                                     : conv_.add.data + n * add_stride[0] +
                                                           i * add_stride[2] + j * add_stride[3] + o;
            for (int a = 0; a < rows; a++)
                for (int b = 0; b < columns; b++) {
                    vec<T> value = y[a][b];
                    if (add != nullptr)
                        value += load_partial(add + a * add_stride[2] + b * add_stride[3], lanes);
                    if (conv_.relu) value = select(value <= T(0), vec<T>{}, value);
                    store_partial(to + a * stride[2] + b * stride[3], value, lanes);
                }
        }
    }

    const ChannelsLast<T>& conv_;
    const T* u_;
    int64_t rows_, columns_, tiles_;  // of tiles: in an image, in a row, in all
    int64_t pitch_;                   // from one tile's source to the next
    Parts blocks_, panels_;           // of the tiles, of the panels
    Scratch<uint8_t> suspects_;
};

}  // namespace pydl::PYDL_ISA
