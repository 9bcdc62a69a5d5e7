// The register tiles of matrix products in all their shapes. See gemm/tile.h.
#include "gemm/tile.h"

#include "gemm/rows_apart.h"

namespace pydl::PYDL_ISA {

template <typename T, int MR>
struct RowsTogether {
    const T* step;
    int64_t stride;
    RowsTogether(const T* a, int64_t a_stride) : step(a), stride(a_stride) {}
    PYDL_INLINE T operator[](int i) const { return step[i]; }
    PYDL_INLINE void advance() { step += stride; }
};

template <typename T, int MR, int NV, typename Rows, bool partial_b>
void tile(int64_t depth, const T* a, int64_t a_stride, const T* b, int64_t b_stride, T* c, int64_t c_stride,
          int64_t columns, const T* start, int64_t start_stride) {
    constexpr int64_t W = width<T>;
    const int64_t lanes = columns - (NV - 1) * W;  // of the last vector
    vec<T> acc[MR][NV] = {};
    Rows rows(a, a_stride);
#pragma GCC unroll 1
    for (int64_t k = 0; k < depth; k++) {
        vec<T> row[NV];
#pragma GCC unroll 3
        for (int v = 0; v < NV; v++)
            row[v] = partial_b && v == NV - 1 ? load_partial(b + v * W, lanes & (W - 1)) : load(b + v * W);
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++) {
            const vec<T> factor = broadcast<T>(rows[i]);
#pragma GCC unroll 3
            for (int v = 0; v < NV; v++) acc[i][v] = fma(factor, row[v], acc[i][v]);
        }
        rows.advance();
        b += b_stride;
    }
    c = forget(c);
    if (start != nullptr) {
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++, start += start_stride) {
#pragma GCC unroll 3
            for (int v = 0; v < NV - 1; v++) acc[i][v] = load(start + v * W) + acc[i][v];
            acc[i][NV - 1] = load_partial(start + (NV - 1) * W, lanes) + acc[i][NV - 1];
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++, c += c_stride) {
#pragma GCC unroll 3
        for (int v = 0; v < NV - 1; v++) store(c + v * W, acc[i][v]);
        store_partial(c + (NV - 1) * W, acc[i][NV - 1], lanes);
    }
}

template <typename T, int vectors, typename Sizes>
struct GemmTiles;
template <typename T, int vectors, int... I>
struct GemmTiles<T, vectors, std::integer_sequence<int, I...>> {
    static constexpr GemmTile<T> together[] = {tile<T, I + 1, vectors, RowsTogether<T, I + 1>, false>...};
    static constexpr GemmTile<T> apart[] = {tile<T, I + 1, vectors, RowsApart<T, I + 1>, false>...};
    static constexpr GemmTile<T> together_partial[] = {
        tile<T, I + 1, vectors, RowsTogether<T, I + 1>, has_partial_loads>...};
    static constexpr GemmTile<T> apart_partial[] = {
        tile<T, I + 1, vectors, RowsApart<T, I + 1>, has_partial_loads>...};

    static GemmTile<T> find(bool rows_apart, bool partial_b, int rows) {
        if (partial_b) return (rows_apart ? apart_partial : together_partial)[rows - 1];
        return (rows_apart ? apart : together)[rows - 1];
    }
};

template <typename T, int vectors>
GemmTile<T> find_tile(bool rows_apart, bool partial_b, int rows) {
    using Tiles = GemmTiles<T, vectors, std::make_integer_sequence<int, most_tile_rows<T>(vectors)>>;
    return Tiles::find(rows_apart, partial_b, rows);
}

template <typename T>
GemmTile<T> gemm_tile(bool rows_apart, bool partial_b, int rows, int vectors) {
    if (vectors == 1) return find_tile<T, 1>(rows_apart, partial_b, rows);
    if (vectors == 2) return find_tile<T, 2>(rows_apart, partial_b, rows);
    return find_tile<T, most_tile_vectors<T>>(rows_apart, partial_b, rows);
}

template GemmTile<float> gemm_tile<float>(bool, bool, int, int);
template GemmTile<double> gemm_tile<double>(bool, bool, int, int);

}  // namespace pydl::PYDL_ISA
