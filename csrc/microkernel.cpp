// The register tile in all its sizes, as functions. See microkernel.h.
#include "microkernel.h"

namespace pydl::PYDL_ISA {

template <typename T, int MR, int NV, typename A>
PYDL_INLINE void multiply(int64_t depth, A a, const T* b, int64_t b_stride, T* c, int64_t c_stride,
                          int64_t columns, bool accumulate) {
    vec<T> acc[MR][NV] = {};
    const T* row = c;
#pragma GCC unroll 1
    for (int i = 0; i < MR; i++, row += c_stride) prefetch(row);
    outer_products<T, MR, NV>(acc, depth, a, Columns<T>{b, b_stride});
    store_tile<T, MR, NV>(acc, forget(c), c_stride, columns, accumulate);
}

template <typename T, int MR, int NV>
void multiply_tile(int64_t depth, const T* a, const T* b, int64_t b_stride, T* c, int64_t c_stride,
                   int64_t columns, bool accumulate) {
    multiply<T, MR, NV>(depth, PanelRows<T, MR>{a}, b, b_stride, c, c_stride, columns, accumulate);
}
template <typename T, int MR, int NV>
void multiply_strided_tile(int64_t depth, const T* a, int64_t a_stride, const T* b, int64_t b_stride, T* c,
                           int64_t c_stride, int64_t columns, bool accumulate) {
    multiply<T, MR, NV>(depth, StridedRows<T>{a, a_stride, 1}, b, b_stride, c, c_stride, columns, accumulate);
}

template <typename T, typename Shapes>
struct TileTable;
template <typename T, int... I>
struct TileTable<T, std::integer_sequence<int, I...>> {
    static constexpr int NV = tile_vectors<T>;
    static constexpr TileFunction<T> packed[] = {multiply_tile<T, I / NV + 1, I % NV + 1>...};
    static constexpr StridedTileFunction<T> strided[] = {multiply_strided_tile<T, I / NV + 1, I % NV + 1>...};
};
template <typename T>
using Tiles = TileTable<T, std::make_integer_sequence<int, tile_rows<T> * tile_vectors<T>>>;

template <typename T>
inline int tile_shape(int rows, int64_t columns) {
    return (rows - 1) * tile_vectors<T> + int((columns - 1) / width<T>);
}

template <typename T>
TileFunction<T> tile_function(int rows, int64_t columns) {
    return Tiles<T>::packed[tile_shape<T>(rows, columns)];
}
template <typename T>
StridedTileFunction<T> strided_tile_function(int rows, int64_t columns) {
    return Tiles<T>::strided[tile_shape<T>(rows, columns)];
}

template TileFunction<float> tile_function<float>(int, int64_t);
template TileFunction<double> tile_function<double>(int, int64_t);
template StridedTileFunction<float> strided_tile_function<float>(int, int64_t);
template StridedTileFunction<double> strided_tile_function<double>(int, int64_t);

}  // namespace pydl::PYDL_ISA
