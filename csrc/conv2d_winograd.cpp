// conv2d_winograd: a 3x3 or 5x5 convolution with fewer multiplications. See pydl/ops/conv2d_winograd.py.
#include "conv2d/correlate.h"
#include "conv2d/shape.h"
#include "conv2d/winograd_correlate.h"
#include "conv2d/winograd_dilation.h"
#include "conv2d/winograd_halves.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

// Whether tiles of the image are so many fewer than those of the result that it pays to add these up.
template <typename T>
bool pays_to_overlap(const Correlation<T>& conv) {
    const auto tiles = [](int64_t rows, int64_t columns) { return ((rows + 3) / 4) * ((columns + 3) / 4); };
    const int64_t own = tiles(conv.rows.source, conv.columns.source);
    return conv.rows.origin == -4 && conv.columns.origin == -4 && conv.rows.dilation == 1 &&
           conv.columns.dilation == 1 && conv.y.stride[3] == 1 && own > 0 && own <= tile_columns<T> &&
           3 * own <= 2 * tiles(conv.rows.outputs, conv.columns.outputs);
}

template <typename T>
void correlate_five(const Correlation<T>& conv) {
    if (!pays_to_overlap(conv)) return correlate_winograd<WinogradLine<T, 4, 5>>(conv);
    Correlation<T> unpadded = conv;
    unpadded.rows.origin = unpadded.columns.origin = 0;
    const WinogradFilters<T, OverlapLine<T>> filters(unpadded);
    correlate_tiles(unpadded, filters, [&](int64_t n) { correlate_image(conv, n); });
}

template <typename T>
void correlate_winograd(const Correlation<T>& conv, int64_t tile, uint8_t* suspects) {
    if (suspects != nullptr)
        for (int64_t n = 0; n < conv.x.shape[0]; n++) suspects[n] = 0;
    if (conv.channels == 0 || !has_special_kernels) return correlate(conv);
    if (conv.rows.taps > 3) {
        if constexpr (sizeof(T) == 8)
            correlate(conv);
        else if (conv.rows.taps == 4)
            correlate_winograd<FourTapLine<T>>(conv, suspects);
        else
            correlate_five(conv);
    } else if (tile == 2) {
        correlate_winograd<WinogradLine<T, 2>>(conv, suspects);
    } else {
        correlate_winograd<WinogradLine<T, 4>>(conv, suspects);
    }
}
template void correlate_winograd(const Correlation<float>&, int64_t, uint8_t*);
#if !defined(PYDL_FLOAT32_ALONE)
template void correlate_winograd(const Correlation<double>&, int64_t, uint8_t*);
#endif

template <typename T>
void conv2d_winograd(Array<const T, 4> x, Array<const T, 4> w, Optional<Array<const T, 1>> b, Array<T, 4> y,
                     Ints<4> padding, Ints<2> dilation, int64_t groups, int64_t tile) {
    const Conv2dShape s = conv2d_shape(x, w, y, Ints<2>{{1, 1}}, padding, dilation, groups,
                                       "conv2d_winograd: x, w, y, padding, dilation and groups do not fit");
    require((s.U == 3 && s.V == 3 && (tile == 2 || tile == 4)) || (s.U == 5 && s.V == 5 && tile == 4),
            "conv2d_winograd: w must be 3x3 and tile 2 or 4, or w 5x5 and tile 4");
    require(!b || b->shape[0] == s.O,
            "conv2d_winograd: b must have one element for each of w's output channels");
    if (y.size() == 0) return;
    correlate_winograd(forward_correlation(x, w, b, y, s), tile);
}
PYDL_KERNEL(conv2d_winograd, "x, w, b, y, padding, dilation, groups, tile")

}  // namespace pydl::PYDL_ISA
