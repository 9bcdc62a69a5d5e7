// The register tile in all its sizes, as functions. See gemm/microkernel.h.
#include "gemm/microkernel.h"

namespace pydl::PYDL_ISA {

template <typename T, int MR, int NV>
void multiply_tile(int64_t depth, const T* a, const T* b, int64_t b_stride, T* c, int64_t c_stride,
                   int64_t columns, bool accumulate) {
    vec<T> acc[MR][NV] = {};
    const T* row = c;
#pragma GCC unroll 1
    for (int i = 0; i < MR; i++, row += c_stride) prefetch(row);
    outer_products<T, MR, NV>(acc, depth, PanelRows<T, MR>{a}, Columns<T>{b, b_stride});
    store_tile<T, MR, NV>(acc, forget(c), c_stride, columns, accumulate);
}

template <typename T, typename Shapes>
struct TileTable;
template <typename T, int... I>
struct TileTable<T, std::integer_sequence<int, I...>> {
    static constexpr int NV = tile_vectors<T>;
    static constexpr TileFunction<T> entry[] = {multiply_tile<T, I / NV + 1, I % NV + 1>...};
};
template <typename T>
using Tiles = TileTable<T, std::make_integer_sequence<int, tile_rows<T> * tile_vectors<T>>>;

template <typename T>
TileFunction<T> tile_function(int rows, int64_t columns) {
    return Tiles<T>::entry[(rows - 1) * tile_vectors<T> + int((columns - 1) / width<T>)];
}

template TileFunction<float> tile_function<float>(int, int64_t);
template TileFunction<double> tile_function<double>(int, int64_t);

}  // namespace pydl::PYDL_ISA
