// The register tiles of a convolution: the scheme of gemm/microkernel.h in the shapes of gemm/tile.h, for
// pixels in a panel or where the image has them.
#pragma once

#include "gemm/tile.h"

namespace pydl::PYDL_ISA {

// Where the pixels of a tile are: vector v of step k at step[k] + offset[v], or, if step is null, at
// panel + k * vectors * width + v * width.
template <typename T>
struct TilePixels {
    const T* panel;
    const T* const* step;
    int64_t offset[most_tile_vectors<T>];
};

// C tile (+)= a panel of weights * pixels. Without accumulation each row begins with its bias, unless that is
// null. `columns` of C exist.
template <typename T>
using ConvTile = void (*)(int64_t depth, const T* weights, const TilePixels<T>& pixels, const T* bias, T* c,
                          int64_t c_stride, int64_t columns, bool accumulate);

// The tile of this shape: rows <= most_tile_rows(most_tile_vectors), vectors <= most_tile_vectors.
template <typename T>
ConvTile<T> conv_tile(bool in_place, int rows, int vectors);

}  // namespace pydl::PYDL_ISA
