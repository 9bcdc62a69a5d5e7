// conv2d_channels_last: a convolution of images whose channels lie side by side. See
// pydl/ops/conv2d_channels_last.py.
#include "conv2d/channels_last.h"

#include "conv2d/channels_last_winograd.h"
#include "conv2d/shape.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

// Whether the channels of a pixel are neighbours.
template <typename T>
bool has_channels_last(const Array<T, 4>& x) {
    return x.stride[1] == 1 || x.shape[1] == 1 || x.size() == 0;
}

template <typename T>
ChannelsLast<T> channels_last(const Array<const T, 4>& x, const Array<const T, 5>& w,
                              const Optional<Array<const T, 1>>& b, const Optional<Array<const T, 4>>& add,
                              const Array<T, 4>& y, const Ints<2>& stride, const Ints<2>& dilation, bool relu,
                              const char* mismatch) {
    const int64_t L = w.shape[4];
    require(x.shape[0] == y.shape[0] && x.shape[1] == w.shape[3], mismatch);
    require(L > 0 && L % width<T> == 0 && w.contiguous(), mismatch);
    require(w.shape[0] == (y.shape[1] + L - 1) / L, mismatch);
    conv2d_axis(x.shape[2], w.shape[1], y.shape[2], stride[0], 0, 0, dilation[0], mismatch);
    conv2d_axis(x.shape[3], w.shape[2], y.shape[3], stride[1], 0, 0, dilation[1], mismatch);
    require(!b || (b->shape[0] == y.shape[1] && (b->stride[0] == 1 || y.shape[1] == 1)), mismatch);
    if (add)
        for (int d = 0; d < 4; d++) require(add->shape[d] == y.shape[d], mismatch);
    require(has_channels_last(x) && has_channels_last(y) && (!add || has_channels_last(*add)), mismatch);
    ChannelsLast<T> conv{x,         w,         b ? b->data : nullptr, {},          y,
                         stride[0], stride[1], dilation[0],           dilation[1], relu};
    if (add) conv.add = *add;
    return conv;
}

}  // namespace

template <typename T>
void conv2d_channels_last(Array<const T, 4> x, Array<const T, 5> w, Optional<Array<const T, 1>> b,
                          Optional<Array<const T, 4>> add, Array<T, 4> y, Ints<2> stride, Ints<2> dilation,
                          bool relu) {
    const ChannelsLast<T> conv =
        channels_last(x, w, b, add, y, stride, dilation, relu,
                      "conv2d_channels_last: x, w, b, add, y, stride and dilation do not fit");
    if (y.size() > 0) correlate_channels_last(conv);
}
PYDL_KERNEL(conv2d_channels_last, "x, w, b, add, y, stride, dilation, relu")

template <typename T>
void conv2d_channels_last_winograd(Array<const T, 4> x, Array<const T, 4> u, Array<const T, 5> w,
                                   Optional<Array<const T, 1>> b, Optional<Array<const T, 4>> add,
                                   Array<T, 4> y, bool relu) {
    const char* mismatch = "conv2d_channels_last_winograd: x, u, w, b, add and y do not fit";
    const Ints<2> one{{1, 1}};
    const ChannelsLast<T> conv = channels_last(x, w, b, add, y, one, one, relu, mismatch);
    const int64_t U = w.shape[1];
    require((U == 3 || U == 5) && w.shape[2] == U, mismatch);
    require(u.shape[0] == w.shape[0] && u.shape[1] == (U + 3) * (U + 3) && u.shape[2] == w.shape[3] &&
                u.shape[3] == w.shape[4] && u.contiguous(),
            mismatch);
    if (y.size() == 0) return;
    if (x.shape[1] == 0 || !has_special_kernels) return correlate_channels_last(conv);
    if (U == 3) return ChannelsLastWinograd<T, WinogradLine<T, 4>>(conv, u.data).run();
    if constexpr (sizeof(T) == 4)
        ChannelsLastWinograd<T, WinogradLine<T, 4, 5>>(conv, u.data).run();
    else
        correlate_channels_last(conv);
}
PYDL_KERNEL(conv2d_channels_last_winograd, "x, u, w, b, add, y, relu")

}  // namespace pydl::PYDL_ISA
