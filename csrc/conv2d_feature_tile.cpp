// The register tiles of conv2d/feature_lanes.h in all their shapes.
#include "conv2d/feature_tile.h"

#include "gemm/rows_apart.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {

template <typename T, int MR, int NV>
void feature_tile(const FeatureTile<T>& t) {
    constexpr int64_t W = width<T>;
    vec<T> acc[MR][NV];
    const T* start = t.start;
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++, start += t.start_pixel)
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) acc[i][v] = load(start + v * W);
    const int64_t *place = t.place, pixel = t.pixel;
    const T* x = t.x;
    for (int64_t r = 0; r < t.run_count; r++) {
        const T* w = t.weights + t.runs[r].begin * NV * W;
        const int64_t end = t.runs[r].end;
#pragma GCC unroll 1
        for (int64_t k = t.runs[r].begin; k < end; k++, w += NV * W) {
            const RowsApart<T, MR> rows(x + place[k], pixel);
            vec<T> row[NV];
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) row[v] = in_register(load(w + v * W));
#pragma GCC unroll 14
            for (int i = 0; i < MR; i++) {
                const vec<T> factor = broadcast<T>(rows[i]);
#pragma GCC unroll 2
                for (int v = 0; v < NV; v++) acc[i][v] = fma(factor, row[v], acc[i][v]);
            }
        }
    }
    T* y = forget(t.y);
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++, y += t.y_pixel)
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) store(y + v * W, acc[i][v]);
}

template <typename T, int NV, typename Rows>
struct FeatureTiles;
template <typename T, int NV, int... I>
struct FeatureTiles<T, NV, std::integer_sequence<int, I...>> {
    static constexpr void (*of_rows[])(const FeatureTile<T>&) = {feature_tile<T, I + 1, NV>...};
};

template <typename T, int NV>
void run_tile(const FeatureTile<T>& tile, int64_t pixels) {
    FeatureTiles<T, NV, std::make_integer_sequence<int, most_feature_rows<T>(NV)>>::of_rows[pixels - 1](tile);
}

template <typename T>
void run_feature_tile([[maybe_unused]] const FeatureTile<T>& tile, [[maybe_unused]] int64_t pixels,
                      [[maybe_unused]] int64_t vectors) {
    if constexpr (has_special_kernels)
        vectors == 1 ? run_tile<T, 1>(tile, pixels) : run_tile<T, 2>(tile, pixels);
}
template void run_feature_tile(const FeatureTile<float>&, int64_t, int64_t);

}  // namespace pydl::PYDL_ISA
