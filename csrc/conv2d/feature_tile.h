// The register tile of conv2d/feature_lanes.h: its lanes are output channels, its rows pixels.
#pragma once

#include "gemm/tile.h"

namespace pydl::PYDL_ISA {

// Steps [begin, end) of a sum.
struct Steps {
    int64_t begin, end;
};

// What a tile multiplies: at step k, row i reads the number at x[place[k] + i * pixel], and a row of weights.
template <typename T>
struct FeatureTile {
    const T* x;
    int64_t pixel;
    const int64_t* place;
    const Steps* runs;  // which steps
    int64_t run_count;
    const T* weights;  // `vectors` vectors for each step
    const T* start;    // what the first pixel's sums begin with
    int64_t start_pixel;
    T* y;
    int64_t y_pixel;  // from one pixel's sums to the next
};

template <typename T>
inline constexpr int most_feature_vectors = 2;
// Pixels of a tile; of a single vector, eight are enough to keep the multipliers busy.
template <typename T>
constexpr int most_feature_rows(int vectors) {
    return vectors == 1 ? 8 : most_tile_rows<T>(vectors);
}

// The tile of so many pixels, at most most_feature_rows(vectors), and vectors of output channels.
template <typename T>
void run_feature_tile(const FeatureTile<T>& tile, int64_t pixels, int64_t vectors);

}  // namespace pydl::PYDL_ISA
