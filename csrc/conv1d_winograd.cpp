// conv1d_winograd: convolutions of 3 or 5 taps along one axis, and their weight gradients, with fewer
// multiplications. See pydl/ops/conv1d_winograd.py.
//
// A row of an image is an image of its own, and so are its tiles. Images whose rows do not lie in a run, such
// as those whose filters are a column, are turned first.
#include "conv2d/correlate.h"
#include "conv2d/shape.h"
#include "conv2d/weight_gradient.h"
#include "conv2d/winograd_dilation.h"
#include "conv2d/winograd_weight.h"
#include "elementwise/turned_copy.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void turn_images(const Array<const T, 4>& x, const Array<T, 4>& y) {
    const int64_t C = x.shape[1], rows = x.shape[2], L = x.shape[3];
    parallel_for(x.shape[0] * C, 1 + 16384 / (rows * L), [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; k++) {
            const T* from = &x(k / C, k % C, 0, 0);
            T* to = &y(k / C, k % C, 0, 0);
            if (x.stride[2] == 1 && y.stride[3] == 1)
                turn(from, x.stride[3], to, y.stride[2], rows, L);
            else if (x.stride[3] == 1 && y.stride[2] == 1)
                turn(from, x.stride[2], to, y.stride[3], L, rows);
            else
                for (int64_t i = 0; i < rows * L; i++)
                    to[i / L * y.stride[2] + i % L * y.stride[3]] =
                        from[i / L * x.stride[2] + i % L * x.stride[3]];
        }
    });
}

// Images whose rows are runs: the given ones, or a copy.
template <typename T>
class RowCopy {
  public:
    template <typename X>
    explicit RowCopy(const Array<X, 4>& x)
        : needed_(x.stride[3] != 1 && x.shape[3] > 1), numbers_(needed_ ? x.size() : 0) {
        copy_.data = numbers_.data();
        for (int64_t d = 3, size = 1; d >= 0; d--) {
            copy_.shape[d] = x.shape[d], copy_.stride[d] = size;
            size *= x.shape[d];
        }
    }
    Array<const T, 4> filled(const Array<const T, 4>& x) const {
        if (!needed_) return x;
        turn_images(x, copy_);
        return for_reading();
    }
    const Array<T, 4>& to_fill(const Array<T, 4>& y) const { return needed_ ? copy_ : y; }
    void hand_out(const Array<T, 4>& y) const {
        if (needed_) turn_images(for_reading(), y);
    }

  private:
    Array<const T, 4> for_reading() const {
        Array<const T, 4> copy;
        copy.data = copy_.data;
        for (int d = 0; d < 4; d++) copy.shape[d] = copy_.shape[d], copy.stride[d] = copy_.stride[d];
        return copy;
    }
    bool needed_;
    Scratch<T> numbers_;
    Array<T, 4> copy_;
};

// Each row as an image.
template <typename T>
Images<T> rows_of(const Array<T, 4>& x) {
    return {x.data,
            {x.shape[0] * x.shape[2], x.shape[1], 1, x.shape[3]},
            {x.stride[0], x.stride[1], 0, x.stride[3]},
            x.shape[2],
            x.stride[2]};
}

// The sizes of the convolution of rows.
template <typename X, typename W, typename Y>
Conv2dShape rows_shape(const X& x, const W& w, const Y& y, const Ints<2>& padding, int64_t groups,
                       const char* mismatch) {
    require(w.shape[2] == 1 && (w.shape[3] == 3 || w.shape[3] == 5),
            "conv1d_winograd: w must have 3 or 5 taps in a row");
    Conv2dShape s = conv2d_shape(x, w, y, Ints<2>{{1, 1}}, Ints<4>{{0, 0, padding[0], padding[1]}},
                                 Ints<2>{{1, 1}}, groups, mismatch);
    s.N *= s.H;
    s.H = s.I = s.rows.source = s.rows.outputs = 1;
    return s;
}

template <typename T>
void conv1d_winograd(Array<const T, 4> x, Array<const T, 4> w, Optional<Array<const T, 1>> b, Array<T, 4> y,
                     Ints<2> padding, int64_t groups) {
    const Conv2dShape s =
        rows_shape(x, w, y, padding, groups, "conv1d_winograd: x, w, y, padding and groups do not fit");
    require(!b || b->shape[0] == s.O,
            "conv1d_winograd: b must have one element for each of w's output channels");
    if (y.size() == 0) return;
    const RowCopy<T> of_x(x), of_y(y);
    Correlation<T> conv = forward_correlation(x, w, b, y, s);
    conv.x = rows_of(of_x.filled(x)), conv.y = rows_of(of_y.to_fill(y));
    if (conv.channels == 0 || !has_special_kernels || sizeof(T) == 8) {
        correlate(conv);
    } else if constexpr (has_special_kernels && sizeof(T) == 4) {
        if (s.V == 3)
            correlate_winograd<InOneRow<WinogradLine<T, 4>>>(conv);
        else
            correlate_winograd<InOneRow<WinogradLine<T, 4, 5>>>(conv);
    }
    of_y.hand_out(y);
}
PYDL_KERNEL(conv1d_winograd, "x, w, b, y, padding, groups")

template <typename T>
void conv1d_winograd_weight(Array<const T, 4> dy, Array<const T, 4> x, Array<T, 4> dw,
                            Optional<Array<T, 1>> db, Ints<2> padding) {
    const Conv2dShape s =
        rows_shape(x, dw, dy, padding, 1, "conv1d_winograd_weight: dy, x, dw and padding do not fit");
    require(!db || db->shape[0] == s.O,
            "conv1d_winograd_weight: db must have one element for each of dw's output channels");
    const RowCopy<T> of_dy(dy), of_x(x);
    const Images<const T> slopes = rows_of(of_dy.filled(dy)), pixels = rows_of(of_x.filled(x));
    T* bias = db ? db->data : nullptr;
    const int64_t bias_stride = db ? db->stride[0] : 0;
    bool done = false;
    if constexpr (has_special_kernels && sizeof(T) == 4) {
        if (!s.empty() && s.V == 3)
            done = WinogradWeightGradient<T, InOneRow<WinogradLine<T, 4>>>(slopes, pixels, s)
                       .run(dw, bias, bias_stride);
        else if (!s.empty())
            done = WinogradWeightGradient<T, InOneRow<WinogradLine<T, 4, 5>>>(slopes, pixels, s)
                       .run(dw, bias, bias_stride);
    }
    // What is not finite is computed directly.
    if (!done) add_up_weight_gradient<T>(slopes, pixels, s, dw, bias, bias_stride);
}
PYDL_KERNEL(conv1d_winograd_weight, "dy, x, dw, db, padding")

}  // namespace pydl::PYDL_ISA
