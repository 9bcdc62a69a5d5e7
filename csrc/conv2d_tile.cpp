// The register tiles of a convolution in all their shapes. See conv2d/tile.h.
#include "conv2d/tile.h"

namespace pydl::PYDL_ISA {

template <typename T, int NV>
struct PanelPixels {
    const T* at;
    explicit PanelPixels(const TilePixels<T>& pixels) : at(pixels.panel) {}
    PYDL_INLINE vec<T> operator[](int v) const { return load(at + v * width<T>); }
    PYDL_INLINE void advance() { at += NV * width<T>; }
};

template <typename T, int NV>
struct PlacedPixels {
    const T* const* step;
    int64_t offset[NV];
    explicit PlacedPixels(const TilePixels<T>& pixels) : step(pixels.step) {
#pragma GCC unroll 3
        for (int v = 0; v < NV; v++) offset[v] = pixels.offset[v];
    }
    PYDL_INLINE vec<T> operator[](int v) const { return load(*step + offset[v]); }
    PYDL_INLINE void advance() { step++; }
};

template <typename T, int MR, int NV, typename Pixels>
void conv_tile(int64_t depth, const T* weights, const TilePixels<T>& where, const T* bias, T* c,
               int64_t c_stride, int64_t columns, bool accumulate) {
    constexpr int64_t W = width<T>;
    vec<T> acc[MR][NV];
    const T* line = c;
#pragma GCC unroll 1
    for (int i = 0; i < MR; i++, line += c_stride)
#pragma GCC unroll 3
        for (int v = 0; v < NV; v++) prefetch(line + v * W);
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++) {
        const vec<T> start = bias != nullptr ? broadcast<T>(bias[i]) : vec<T>{};
#pragma GCC unroll 3
        for (int v = 0; v < NV; v++) acc[i][v] = start;
    }
    Pixels pixels(where);
#pragma GCC unroll 1
    for (int64_t k = 0; k < depth; k++) {
        vec<T> row[NV];
#pragma GCC unroll 3
        for (int v = 0; v < NV; v++) row[v] = pixels[v];
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++) {
            const vec<T> factor = broadcast<T>(weights[i]);
#pragma GCC unroll 3
            for (int v = 0; v < NV; v++) acc[i][v] = fma(factor, row[v], acc[i][v]);
        }
        weights += MR;
        pixels.advance();
    }
    c = forget(c);
    const int64_t lanes = columns - (NV - 1) * W;  // of the last vector
    if (accumulate) {
        line = c;
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++, line += c_stride) {
#pragma GCC unroll 3
            for (int v = 0; v < NV - 1; v++) acc[i][v] = load(line + v * W) + acc[i][v];
            acc[i][NV - 1] = load_partial(line + (NV - 1) * W, lanes) + acc[i][NV - 1];
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++, c += c_stride) {
#pragma GCC unroll 3
        for (int v = 0; v < NV - 1; v++) store(c + v * W, acc[i][v]);
        store_partial(c + (NV - 1) * W, acc[i][NV - 1], lanes);
    }
}

template <typename T, int NV, typename Sizes>
struct ConvTiles;
template <typename T, int NV, int... I>
struct ConvTiles<T, NV, std::integer_sequence<int, I...>> {
    static constexpr ConvTile<T> of_panel[] = {conv_tile<T, I + 1, NV, PanelPixels<T, NV>>...};
    static constexpr ConvTile<T> in_place[] = {conv_tile<T, I + 1, NV, PlacedPixels<T, NV>>...};
};

template <typename T, int NV>
ConvTile<T> find_conv_tile(bool in_place, int rows) {
    constexpr int most = most_tile_rows<T>(most_tile_vectors<T>);
    using Tiles = ConvTiles<T, NV, std::make_integer_sequence<int, most>>;
    return (in_place ? Tiles::in_place : Tiles::of_panel)[rows - 1];
}

template <typename T>
ConvTile<T> conv_tile(bool in_place, int rows, int vectors) {
    if (vectors == 1) return find_conv_tile<T, 1>(in_place, rows);
    if (vectors == 2) return find_conv_tile<T, 2>(in_place, rows);
    return find_conv_tile<T, most_tile_vectors<T>>(in_place, rows);
}

template ConvTile<float> conv_tile<float>(bool, int, int);
template ConvTile<double> conv_tile<double>(bool, int, int);

}  // namespace pydl::PYDL_ISA
