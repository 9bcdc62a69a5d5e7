// A 5 x 5 convolution with all of its 4 rows and columns of zeros around the image, such as the gradient of
// the input of one without any, by tiles of the image instead of tiles of the result:
//
//     8 x 8 outputs  +=  B [ (G g G') * (A x A') ] B'        x 4 x 4 pixels, g filter turned by 180 degrees
//
// which is F(4 x 4, 5 x 5) transposed. Tiles of the image are fewer where images are small (4 for 8 x 8
// pixels, of whose 12 x 12 outputs there are 9), but those of the result overlap and have to be added up:
// each output in the order of the tiles, so that it does not matter how these are cut into tasks of whole
// images.
#pragma once

#include "conv2d/winograd_lanes.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct OverlapLine {
    static constexpr int taps = 5, pixels = 4, step = 4, places = 8, outputs = 4;
    static constexpr int parts = 1;
    static constexpr int64_t depth = 16;
    using V = vec<T>;
    using Own = WinogradLine<T, 4, 5>;

    PYDL_INLINE static V constant(T value) { return broadcast<T>(value); }

    PYDL_INLINE static void transform_source(V (&d)[8]) {
        const V pixels[4] = {d[0], d[1], d[2], d[3]};
        Own::transform_slope(pixels, d);
    }
    PYDL_INLINE static void transform_filter(const V (&g)[5], V (&u)[8]) {
        const V turned[5] = {g[4], g[3], g[2], g[1], g[0]};
        Own::transform_filter(turned, u);
    }
    // B m.
    PYDL_INLINE static void transform_output(const V (&m)[8], V (&y)[8]) {
        const V even_a = m[1] + m[2], even_b = m[3] + m[4], even_c = m[5] + m[6];
        const V odd_a = T(0.5) * (m[1] - m[2]), odd_b = m[3] - m[4], odd_c = T(2) * (m[5] - m[6]);
        const V first = T(5.25) * m[0], last = T(5.25) * m[7];
        y[0] = m[0];
        y[1] = fma(constant(4), odd_a, fma(constant(0.25), odd_c, odd_b - m[7]));
        y[2] = fma(constant(4), even_a, fma(constant(0.25), even_c, even_b - first));
        y[3] = fma(constant(-5), odd_a, fma(constant(-4.25), odd_b, fma(constant(-1.25), odd_c, last)));
        y[4] = fma(constant(-5), even_a, fma(constant(-4.25), even_b, fma(constant(-1.25), even_c, first)));
        y[5] = (odd_a + odd_b) + (odd_c - last);
        y[6] = (even_a + even_b) + (even_c - m[0]);
        y[7] = m[7];
    }
};

template <typename T>
inline constexpr int winograd_overlap<OverlapLine<T>> = 4;

// The outputs of the tiles of a panel: the left half of a tile's columns, and the right half, which belongs
// to the place of the next tile.
template <typename T, typename Line>
struct OverlappingOutputs {
    static constexpr int P = Line::places, M = Line::outputs, rows = M + winograd_overlap<Line>;
    static constexpr int64_t W = width<T>, pitch = M * tile_columns<T> + 2 * W;
    alignas(64) T left[rows][pitch], right[rows][pitch];  // the right half from W on

    // Of the tiles from t on; place (i, j) lies at from + (i * places + j) * from_pitch. Their sum.
    vec<T> transform(int64_t t, const T* from, int64_t from_pitch) {
        alignas(64) T half[rows * P * W];
#pragma GCC unroll 1
        for (int j = 0; j < P; j++, from += from_pitch) {
            const T* place = from;
            vec<T> m[P], y[rows];
#pragma GCC unroll 8
            for (int i = 0; i < P; i++, place += P * from_pitch) m[i] = load(place);
            Line::transform_output(m, y);
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) store(half + (i * P + j) * W, y[i]);
        }
        vec<T> sum{};
#pragma GCC unroll 1
        for (int i = 0; i < rows; i++) {
            vec<T> m[P], y[rows];
#pragma GCC unroll 8
            for (int j = 0; j < P; j++) m[j] = load(half + (i * P + j) * W);
            Line::transform_output(m, y);
            const vec<T> first[M] = {y[0], y[1], y[2], y[3]}, second[M] = {y[4], y[5], y[6], y[7]};
#pragma GCC unroll 8
            for (int j = 0; j < rows; j++) sum += y[j];
            TileLanes<T, Line>::template join<M>(left[i] + t * M, first);
            TileLanes<T, Line>::template join<M>(right[i] + W + t * M, second);
        }
        return sum;
    }

    // Adds those of `length` neighbouring tiles to `count` columns of some rows of y.
    void add(int64_t tile, int64_t length, int64_t count_of_rows, int64_t count, T* to,
             int64_t stride) const {
        const auto before = iota<int_of<T>>() < int_of<T>(M);  // columns without a right half
        for (int64_t i = 0; i < count_of_rows; i++, to += stride)
            for (int64_t k = 0; k < count; k += W) {
                const T *of_left = left[i] + tile * M + k, *of_right = right[i] + W + tile * M + k - M;
                vec<T> second = load_partial(of_right, length * M + M - k);
                if (k == 0) second = select(before, vec<T>{}, second);
                const vec<T> y = load_partial(to + k, count - k);
                store_partial(to + k, (y + second) + load_partial(of_left, length * M - k), count - k);
            }
    }
};

}  // namespace pydl::PYDL_ISA
