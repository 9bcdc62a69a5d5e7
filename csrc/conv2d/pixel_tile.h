// The register tile of sums over pixels: dot products of some output channels' slopes with the pixels under
// some taps. A step takes a vector of each, so that it multiplies as many vectors as channels and taps make
// pairs:
//
//                 pixels under tap  0   1   2   3
//         slopes of channel 0       c00 c01 c02 c03
//                           1       c10 c11 c12 c13      each a vector of partial sums, in registers
//                           2       c20 c21 c22 c23
#pragma once

#include "simd/register.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// A strip of pixels: `segments` runs of `length`.
template <typename T>
struct PixelStrip {
    const T* const* slopes;  // of output channel 0, for each segment
    int64_t feature;         // from one output channel to the next
    const T* pixels;         // of the first segment
    int64_t pitch;           // from one segment to the next
    int64_t segments, length;
};

// sum[f][t] (+)= sum over the pixels of  slopes[f] * pixels at offset[t].
template <typename T>
using PixelTile = void (*)(vec<T>* sum, const PixelStrip<T>& strip, int64_t first_feature,
                           const int64_t* offset, bool accumulate);

template <typename T, int F, int K>
void pixel_tile(vec<T>* sum, const PixelStrip<T>& strip, int64_t first_feature, const int64_t* offset,
                bool accumulate) {
    constexpr int64_t W = width<T>;
    vec<T> acc[F][K] = {};
    if (accumulate)
#pragma GCC unroll 32
        for (int k = 0; k < F * K; k++) acc[k / K][k % K] = sum[k];
    const int64_t length = strip.length;
    for (int64_t s = 0; s < strip.segments; s++) {
        const T *slopes[F], *tap[K];
#pragma GCC unroll 8
        for (int f = 0; f < F; f++) slopes[f] = strip.slopes[s] + (first_feature + f) * strip.feature;
#pragma GCC unroll 16
        for (int t = 0; t < K; t++) tap[t] = strip.pixels + s * strip.pitch + offset[t];
        int64_t p = 0;
        for (; p + W <= length; p += W) {
            vec<T> slope[F];
#pragma GCC unroll 8
            for (int f = 0; f < F; f++) slope[f] = load(slopes[f] + p);
#pragma GCC unroll 16
            for (int t = 0; t < K; t++) {
                const vec<T> pixel = in_register(load(tap[t] + p));
#pragma GCC unroll 8
                for (int f = 0; f < F; f++) acc[f][t] = fma(slope[f], pixel, acc[f][t]);
            }
        }
        if (p < length) {
            // Both sides cut off: beyond the end there may be infinities, which times 0 are not 0.
            vec<T> slope[F];
#pragma GCC unroll 8
            for (int f = 0; f < F; f++) slope[f] = load_partial(slopes[f] + p, length - p);
#pragma GCC unroll 16
            for (int t = 0; t < K; t++) {
                const vec<T> pixel = load_partial(tap[t] + p, length - p);
#pragma GCC unroll 8
                for (int f = 0; f < F; f++) acc[f][t] = fma(slope[f], pixel, acc[f][t]);
            }
        }
    }
#pragma GCC unroll 32
    for (int k = 0; k < F * K; k++) sum[k] = acc[k / K][k % K];
}

// Blocks of output channels and of taps whose sums, slopes and one vector of pixels fit the registers: the
// first where output channels, the second where taps are cut more evenly.
struct PixelBlock {
    int features, taps;
};
inline constexpr PixelBlock pixel_blocks[] = {{many_registers ? 5 : 3, many_registers ? 5 : 4},
                                              {many_registers ? 4 : 2, 6}};

template <typename T, int F, int... K>
PixelTile<T> pixel_tile_of(int taps, std::integer_sequence<int, K...>) {
    static constexpr PixelTile<T> tiles[] = {pixel_tile<T, F, K + 1>...};
    return tiles[taps - 1];
}
template <typename T, int F = 1>
PixelTile<T> pixel_tile_function(int features, int taps) {
    if constexpr (F < pixel_blocks[0].features)
        if (features > F) return pixel_tile_function<T, F + 1>(features, taps);
    constexpr int most = pixel_blocks[F > pixel_blocks[1].features ? 0 : 1].taps;
    return pixel_tile_of<T, F>(taps, std::make_integer_sequence<int, most>{});
}

// A length in as few blocks as possible, whose sizes differ by one at most.
struct EvenParts {
    int64_t length, count;
    int64_t begin(int64_t part) const { return part * length / count; }
    int64_t size(int64_t part) const { return begin(part + 1) - begin(part); }
};

struct PixelBlocks {
    EvenParts features, taps;

    PixelBlocks(int64_t F, int64_t K) : PixelBlocks(F, K, pixel_blocks[0]) {
        const PixelBlocks other(F, K, pixel_blocks[1]);
        if (other.loads() < loads()) *this = other;
    }

  private:
    PixelBlocks(int64_t F, int64_t K, const PixelBlock& most)
        : features{F, (F - 1) / most.features + 1}, taps{K, (K - 1) / most.taps + 1} {}
    // Of a pixel; those under the taps mostly lie across two lines.
    int64_t loads() const { return features.length * taps.count + 2 * taps.length * features.count; }
};

}  // namespace pydl::PYDL_ISA
