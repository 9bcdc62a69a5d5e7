// conv3d_winograd: convolutions of volumes whose filters are square along rows and columns, and their
// gradients, with fewer multiplications. See pydl/ops/conv3d_winograd.py.
//
// The depth taps are further channels (conv2d/conv3d_shape.h), so their products are added up before they are
// transformed back, whatever the stride along the depth.
#include "conv2d/conv3d_shape.h"
#include "conv2d/winograd_correlate.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename X, typename W, typename Y>
Conv3dShape winograd_shape(const X& x, const W& w, const Y& y, const Ints<3>& stride, const Ints<6>& padding,
                           const char* mismatch) {
    const int64_t taps = w.shape[3];
    const bool known = stride[1] == 1 ? taps == 3 || taps == 5 : taps == 3 || taps == 4 || taps == 7;
    require(
        known && w.shape[4] == taps && stride[1] <= 2 && stride[2] == stride[1],
        "conv3d_winograd: along rows and columns, filters must be 3x3 or 5x5 and the stride 1, or filters "
        "3x3, 4x4 or 7x7 and the stride 2");
    return conv3d_shape(x, w, y, stride, padding, Ints<3>{{1, 1, 1}}, 1, mismatch);
}

// The filters, or a copy of them where those of the gradient are turned and have several depth taps, which
// have to be as far apart as channels are.
template <typename T>
class EvenFilters {
  public:
    explicit EvenFilters(const Array<const T, 5>& w)
        : data_(w.data),
          copy_(is_even(w) ? 0 : w.size()),
          stride_{w.stride[0], w.stride[1], w.stride[3], w.stride[4]} {
        if (w.shape[2] > 1) stride_[1] = w.stride[2];
        if (is_even(w)) return;
        const int64_t channels = w.shape[1], depth = w.shape[2], U = w.shape[3], V = w.shape[4], taps = U * V,
                      filter = depth * taps;
        const bool backwards =
            w.stride[4] == -1 && w.stride[3] == -V && w.stride[2] == -taps && filter >= width<T>;
        data_ = copy_.data();
        stride_[0] = channels * filter, stride_[1] = taps, stride_[2] = V, stride_[3] = 1;
        // Neighbouring output channels of the turned filters are neighbours in memory.
        const Parts blocks(w.shape[0], 8);
        parallel_for(blocks.count, 1 + 4096 / (channels * filter), [&](int64_t begin, int64_t end) {
            const int64_t first = blocks.begin(begin),
                          stop = end < blocks.count ? blocks.begin(end) : w.shape[0];
            for (int64_t c = 0; c < channels; c++)
                for (int64_t o = first; o < stop; o++) {
                    T* to = copy_.data() + (o * channels + c) * filter;
                    if (backwards) {
                        copy_backwards(to, &w(o, c, 0, 0, 0) - filter + 1, filter);
                        continue;
                    }
                    for (int64_t t = 0; t < depth; t++)
                        for (int64_t u = 0; u < U; u++)
                            for (int64_t v = 0; v < V; v++) *to++ = w(o, c, t, u, v);
                }
        });
    }
    void hand_to(Correlation<T>& conv) const {
        conv.w = data_;
        for (int d = 0; d < 4; d++) conv.w_stride[d] = stride_[d];
    }

  private:
    static bool is_even(const Array<const T, 5>& w) { return w.shape[2] == 1 || w.contiguous(); }
    const T* data_;
    Scratch<T> copy_;
    int64_t stride_[4];  // from one feature, one channel or depth tap, one row, one column to the next
};

template <typename T>
void conv3d_winograd(Array<const T, 5> x, Array<const T, 5> w, Optional<Array<const T, 1>> b, Array<T, 5> y,
                     Ints<3> stride, Ints<6> padding, int64_t tile) {
    const Conv3dShape s =
        winograd_shape(x, w, y, stride, padding, "conv3d_winograd: x, w, y, stride and padding do not fit");
    require(tile == 4 || (tile == 2 && w.shape[3] == 3 && stride[1] == 1),
            "conv3d_winograd: tile must be 4, or 2 for 3x3 without stride");
    require(!b || b->shape[0] == s.O,
            "conv3d_winograd: b must have one element for each of w's output channels");
    if (y.size() == 0) return;
    const PaddedVolumes<T> padded = padded_depth(x, s);
    const EvenFilters<T> filters(w);
    Correlation<T> conv;
    conv.x = images_of(padded.volumes(), s);
    conv.y = slices_of(y);
    conv.channels = s.C * s.axis[0].taps;
    conv.features = s.O;
    conv.groups = 1;
    conv.w_group = 0;
    filters.hand_to(conv);
    conv.bias = b ? b->data : nullptr;
    conv.bias_stride = b ? b->stride[0] : 0;
    conv.rows = s.axis[1];
    conv.columns = s.axis[2];
    if (stride[1] == 2)
        correlate_winograd_stride(conv);
    else
        correlate_winograd(conv, tile);
}
PYDL_KERNEL(conv3d_winograd, "x, w, b, y, stride, padding, tile")

// Of stride 2; the gradient of a convolution without stride is such a convolution itself.
template <typename T>
void conv3d_winograd_gradient(Array<const T, 5> dy, Array<const T, 5> w, Optional<Array<const T, 1>> b,
                              Array<T, 5> dx, Ints<3> stride, Ints<6> padding) {
    const Conv3dShape s = winograd_shape(
        dx, w, dy, stride, padding, "conv3d_winograd_gradient: dy, w, dx, stride and padding do not fit");
    require(stride[1] == 2, "conv3d_winograd_gradient: the stride along rows and columns must be 2");
    require(!b || b->shape[0] == s.C,
            "conv3d_winograd_gradient: b must have one element for each of dx's channels");
    input_gradient<T>(dy, w, b ? b->data : nullptr, b ? b->stride[0] : 0, dx, s, true);
}
PYDL_KERNEL(conv3d_winograd_gradient, "dy, w, b, dx, stride, padding")

template <typename T>
void conv3d_winograd_weight(Array<const T, 5> dy, Array<const T, 5> x, Array<T, 5> dw,
                            Optional<Array<T, 1>> db, Ints<3> stride, Ints<6> padding) {
    const Conv3dShape s = winograd_shape(x, dw, dy, stride, padding,
                                         "conv3d_winograd_weight: dy, x, dw, stride and padding do not fit");
    require(!db || db->shape[0] == s.O,
            "conv3d_winograd_weight: db must have one element for each of dw's output channels");
    require(dw.contiguous(), "conv3d_winograd_weight: dw must be contiguous");
    const PaddedVolumes<T> padded = padded_depth(x, s);
    const auto gradient = stride[1] == 2 ? winograd_stride_weight_gradient<T> : winograd_weight_gradient<T>;
    gradient(slices_of(dy), images_of(padded.volumes(), s), images_shape(s), filters_of(dw),
             db ? db->data : nullptr, db ? db->stride[0] : 0);
}
PYDL_KERNEL(conv3d_winograd_weight, "dy, x, dw, db, stride, padding")

}  // namespace pydl::PYDL_ISA
