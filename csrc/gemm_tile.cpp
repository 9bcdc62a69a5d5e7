// The register tiles of matrix products in all their shapes. See gemm/tile.h.
#include "gemm/tile.h"

#include "gemm/rows_apart.h"
#include "simd/halves.h"

namespace pydl::PYDL_ISA {

template <typename T, int MR>
struct RowsTogether {
    const T* step;
    int64_t stride;
    RowsTogether(const T* a, int64_t a_stride) : step(a), stride(a_stride) {}
    PYDL_INLINE T operator[](int i) const { return step[i]; }
    PYDL_INLINE void advance() { step += stride; }
};

// How much of the tile's last vector there is: all of it, a part (with AVX-512 perhaps all), or no more than
// half. Where parts cannot be read, there are tiles of whole vectors only, of which C may have a part.
enum class Last { whole, part, half };

// How the last vector of rows is read and written.
template <typename T, Last last>
struct LastVector {
    using V = vec<T>;
    const int64_t lanes;
    const LaneRange<T> exist;
    explicit LastVector(int64_t lanes) : lanes(lanes), exist(0, lanes) {}
    PYDL_INLINE V load_b(const T* p) const { return last == Last::part ? exist.load(p) : load(p); }
    PYDL_INLINE bool is_part() const {
        return last == Last::part || (!has_partial_loads && lanes < width<T>);
    }
    PYDL_INLINE V load_c(const T* p) const {
        return last == Last::whole && has_partial_loads ? load(p) : load_partial(p, lanes);
    }
    PYDL_INLINE void store_c(T* p, V v) const { store_partial(p, v, lanes); }
    PYDL_INLINE static V of(vec<T> v) { return v; }
};
#if PYDL_VECTOR_BYTES == 64
template <typename T>
struct LastVector<T, Last::half> {
    using V = half_vec<T>;
    const int64_t lanes;
    explicit LastVector(int64_t lanes) : lanes(lanes) {}
    PYDL_INLINE V load_b(const T* p) const { return load_half(p, lanes); }
    PYDL_INLINE V load_c(const T* p) const { return load_half(p, lanes); }
    PYDL_INLINE void store_c(T* p, V v) const { store_half(p, v, lanes); }
    PYDL_INLINE static V of(vec<T> v) { return first_half(v); }
};
#endif

template <typename T, int MR, int NV, typename Rows, Last last>
void tile(int64_t depth, const T* a, int64_t a_stride, const T* b, int64_t b_stride, T* c, int64_t c_stride,
          int64_t columns, const T* start, int64_t start_stride) {
    constexpr int64_t W = width<T>;
    using End = LastVector<T, last>;
    using V = typename End::V;
    constexpr int whole = NV - 1;
    const End end(columns - whole * W);
    vec<T> acc[MR][NV] = {};
    V sums[MR] = {};  // of the last vector
    Rows rows(a, a_stride);
#pragma GCC unroll 1
    for (int64_t k = 0; k < depth; k++) {
        vec<T> row[NV];
#pragma GCC unroll 3
        for (int v = 0; v < whole; v++) row[v] = load(b + v * W);
        const V row_end = end.load_b(b + whole * W);
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++) {
            const vec<T> factor = broadcast<T>(rows[i]);
#pragma GCC unroll 3
            for (int v = 0; v < whole; v++) acc[i][v] = fma(factor, row[v], acc[i][v]);
            sums[i] = fma(whole > 0 ? End::of(factor) : fill<V>(rows[i]), row_end, sums[i]);
        }
        rows.advance();
        b += b_stride;
    }
    c = forget(c);
    if (start != nullptr) {
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++, start += start_stride) {
#pragma GCC unroll 3
            for (int v = 0; v < whole; v++) acc[i][v] = load(start + v * W) + acc[i][v];
            sums[i] = end.load_c(start + whole * W) + sums[i];
        }
    }
    if constexpr (has_halves) {
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++, c += c_stride) {
#pragma GCC unroll 3
            for (int v = 0; v < whole; v++) store(c + v * W, acc[i][v]);
            end.store_c(c + whole * W, sums[i]);
        }
    } else {
        // A part of a vector goes by way of the stack: see store_ends().
        alignas(64) T ends[MR * W];
        T* const first = c + whole * W;
        T* to = end.is_part() ? ends : first;
        const int64_t step = end.is_part() ? W : c_stride;
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++, c += c_stride, to += step) {
#pragma GCC unroll 3
            for (int v = 0; v < whole; v++) store(c + v * W, acc[i][v]);
            store(to, sums[i]);
        }
        if (end.is_part()) store_ends<T>(ends, W, MR, first, c_stride, end.lanes);
    }
}

template <typename T, int vectors, Last last, typename Sizes>
struct GemmTiles;
template <typename T, int vectors, Last last, int... I>
struct GemmTiles<T, vectors, last, std::integer_sequence<int, I...>> {
    static constexpr GemmTile<T> together[] = {tile<T, I + 1, vectors, RowsTogether<T, I + 1>, last>...};
    static constexpr GemmTile<T> apart[] = {tile<T, I + 1, vectors, RowsApart<T, I + 1>, last>...};
};

template <typename T, int vectors, Last last>
GemmTile<T> find_tile(bool rows_apart, int rows) {
    using Tiles = GemmTiles<T, vectors, last, std::make_integer_sequence<int, most_tile_rows<T>(vectors)>>;
    return (rows_apart ? Tiles::apart : Tiles::together)[rows - 1];
}

template <typename T, int vectors>
GemmTile<T> find_tile(bool rows_apart, int rows, int64_t lanes) {
    // Where a part is read as fast as all of a vector, there are no tiles of whole ones.
    if constexpr (has_halves)
        return lanes <= width<T> / 2 ? find_tile<T, vectors, Last::half>(rows_apart, rows)
                                     : find_tile<T, vectors, Last::part>(rows_apart, rows);
    if constexpr (has_partial_loads && !has_halves)
        if (lanes < width<T>) return find_tile<T, vectors, Last::part>(rows_apart, rows);
    if constexpr (!has_halves) return find_tile<T, vectors, Last::whole>(rows_apart, rows);
}

template <typename T>
GemmTile<T> gemm_tile(bool rows_apart, int rows, int64_t columns) {
    constexpr int64_t W = width<T>;
    if (columns <= W) return find_tile<T, 1>(rows_apart, rows, columns);
    if (columns <= 2 * W) return find_tile<T, 2>(rows_apart, rows, columns - W);
    return find_tile<T, most_tile_vectors<T>>(rows_apart, rows, columns - (most_tile_vectors<T> - 1) * W);
}

template GemmTile<float> gemm_tile<float>(bool, int, int64_t);
template GemmTile<double> gemm_tile<double>(bool, int, int64_t);

}  // namespace pydl::PYDL_ISA
