// conv2d_winograd_split: convolutions with a stride or large filters, and their gradients, as 3x3 or 4x4 ones
// of stride 1 with more channels. See pydl/ops/conv2d_winograd_split.py.
#include "conv2d/correlate.h"
#include "conv2d/shape.h"
#include "conv2d/weight_gradient.h"
#include "conv2d/winograd_correlate.h"
#include "conv2d/winograd_split_axis.h"
#include "conv2d/winograd_transform.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
class SplitConvolution {
  public:
    explicit SplitConvolution(const Conv2dShape& s, bool is_gradient = false)
        : s_(s),
          taps_(split_taps(s)),
          rows_(s.rows, taps_, is_gradient),
          columns_(s.columns, taps_, is_gradient),
          parts_(rows_.parts * columns_.parts) {}

    int64_t pixels() const { return rows_.length * columns_.length; }
    int64_t pixel_count() const { return product<5>({{s_.N, s_.C, parts_, rows_.length, columns_.length}}); }
    int64_t filter_count() const { return product<4>({{s_.O, s_.C / s_.groups, parts_, taps_ * taps_}}); }

    template <typename X>
    Array<X, 4> images(X* data) const {
        return {data,
                {s_.N, s_.C * parts_, rows_.length, columns_.length},
                {s_.C * parts_ * pixels(), pixels(), columns_.length, 1}};
    }
    template <typename X>
    Array<X, 4> filters(X* data) const {
        const int64_t channels = s_.C / s_.groups * parts_;
        const int64_t size = taps_ * taps_;
        return {data, {s_.O, channels, taps_, taps_}, {channels * size, size, taps_, 1}};
    }
    Conv2dShape shape() const {
        return {s_.N,  s_.C * parts_, rows_.length, columns_.length, s_.O,         taps_,
                taps_, s_.I,          s_.J,         s_.groups,       rows_.axis(), columns_.axis()};
    }
    Conv2dShape gradient_shape() const {
        Conv2dShape shape = this->shape();
        shape.rows = rows_.gradient(), shape.columns = columns_.gradient();
        return shape;
    }

    void split_filters(const Array<const T, 4>& w, T* to) const {
        for_each_filter(w, [&](const T* filter, int64_t k, const int64_t* place, int64_t count) {
            T* own = to + k * count;
            for (int64_t t = 0; t < count; t++) own[t] = place[t] != none ? filter[place[t]] : T(0);
        });
    }
    void join_filters(const T* from, const Array<T, 4>& dw) const {
        for_each_filter(dw, [&](T* filter, int64_t k, const int64_t* place, int64_t count) {
            const T* own = from + k * count;
            for (int64_t t = 0; t < count; t++)
                if (place[t] != none) filter[place[t]] = own[t];
        });
    }

    void split_pixels(const Array<const T, 4>& x, T* to) const {
        parallel_for(s_.N * s_.C, 1 + 16384 / (parts_ * pixels()), [&](int64_t begin, int64_t end) {
            for (int64_t k = begin; k < end; k++)
                for (int64_t part = 0; part < parts_; part++) {
                    const int64_t pu = part / columns_.parts, pv = part % columns_.parts;
                    const T* from = &x(k / s_.C, k % s_.C, 0, 0);
                    T* row = to + (k * parts_ + part) * pixels();
                    const PaddedRow line(columns_.length, s_.W, columns_.source(pv, 0), s_.columns.stride);
                    const PaddedRow outside(columns_.length, 0, 0, 1);
                    for (int64_t i = 0; i < rows_.length; i++, row += columns_.length) {
                        const int64_t h = rows_.source(pu, i);
                        if (h >= 0 && h < s_.H)
                            line.copy(row, from + h * x.stride[2], x.stride[3]);
                        else
                            outside.copy(row, from, x.stride[3]);
                    }
                }
        });
    }
    // Of a stride: image n of dx, whose pixels belong to one part each.
    void join_pixels(const T* from, const T* bias, int64_t bias_stride, const Array<T, 4>& dx) const {
        parallel_for(s_.N * s_.C, 1 + 16384 / (s_.H * s_.W), [&](int64_t begin, int64_t end) {
            for (int64_t k = begin; k < end; k++) {
                const T start = bias != nullptr ? bias[k % s_.C * bias_stride] : T(0);
                for (int64_t h = 0; h < s_.H; h++)
                    join_row(&dx(k / s_.C, k % s_.C, h, 0), dx.stride[3], from + k * parts_ * pixels(),
                             h - s_.rows.origin, start);
            }
        });
    }

  private:
    static constexpr int64_t none = INT64_MAX;

    // f(its taps, its number, where each tap of its parts is among them or none, how many those are).
    template <typename X, typename F>
    void for_each_filter(const Array<X, 4>& w, const F& f) const {
        const int64_t channels = s_.C / s_.groups, size = taps_ * taps_, count = parts_ * size;
        const Scratch<int64_t> place(count);
        for (int64_t t = 0; t < count; t++) {
            const int64_t part = t / size, u = rows_.tap(part / columns_.parts, t % size / taps_),
                          v = columns_.tap(part % columns_.parts, t % taps_);
            place[t] = 0 <= u && u < s_.U && 0 <= v && v < s_.V ? u * w.stride[2] + v * w.stride[3] : none;
        }
        parallel_for(s_.O * channels, 1 + 16384 / count, [&](int64_t begin, int64_t end) {
            for (int64_t k = begin; k < end; k++)
                f(&w(k / channels, k % channels, 0, 0), k, place.data(), count);
        });
    }
    void join_row(T* to, int64_t stride, const T* planes, int64_t place, T start) const {
        const int64_t i = rows_.pixel(place), step = s_.columns.stride, left = -s_.columns.origin;
        const bool is_met = i < rows_.length;
        const T* row =
            planes + (place % s_.rows.stride * columns_.parts * rows_.length + i) * columns_.length;
        if (is_met && stride == 1 && step == 2) return join_parts<2>(to, row, start);
        if (is_met && stride == 1 && step == 4) return join_parts<4>(to, row, start);
        for (int64_t r = 0; r < step && r < s_.W; r++) {
            const int64_t j = columns_.pixel(left + r), count = is_met ? columns_.length - j : 0;
            const T* part = row + (left + r) % step * pixels() + j;
            for (int64_t x = r, k = 0; x < s_.W; x += step, k++)
                to[x * stride] = start + (k < count ? part[k] : T(0));
        }
    }
    template <int step>
    void join_parts(T* to, const T* row, T start) const {
        constexpr int64_t W = width<T>;
        const int64_t left = -s_.columns.origin;
        const T* part[step];
        int64_t count[step];
        for (int r = 0; r < step; r++) {
            const int64_t j = columns_.pixel(left + r);
            part[r] = row + (left + r) % step * pixels() + j;
            count[r] = columns_.length - j;
        }
        for (int64_t x = 0, q = 0; x < s_.W; x += step * W, q += W) {
            vec<T> column[step];
            T joined[step * W];
#pragma GCC unroll 4
            for (int r = 0; r < step; r++) column[r] = load_partial(part[r] + q, count[r] - q) + start;
            join_columns<T, step>(joined, column);
#pragma GCC unroll 4
            for (int r = 0; r < step; r++)
                store_partial(to + x + r * W, load(joined + r * W), s_.W - x - r * W);
        }
    }

    // -1, for which there is no memory, where 64 bits do not hold it: a stride may be long, and parts many.
    template <int count>
    static int64_t product(const Ints<count>& factors) {
        int64_t all = 1;
        for (int k = 0; k < count; k++)
            if (__builtin_mul_overflow(all, factors[k], &all)) return -1;
        return all;
    }

    const Conv2dShape& s_;
    int64_t taps_;  // of a row or column of a part
    SplitAxis rows_, columns_;
    int64_t parts_;
};

template <typename X, typename W, typename Y>
Conv2dShape split_shape(const X& x, const W& w, const Y& y, const Ints<2>& stride, const Ints<4>& padding,
                        int64_t groups, const char* mismatch) {
    const Conv2dShape s = conv2d_shape(x, w, y, stride, padding, Ints<2>{{1, 1}}, groups, mismatch);
    for (int d = 0; d < 2; d++)  // of a stride that the line above has found below 2^31
        require(w.shape[2 + d] <= (stride[d] > 1 ? 4 * stride[d] : 9),
                "conv2d_winograd_split: w must have no more than 4 taps for each step of a stride, or 9");
    return s;
}

template <typename T>
void conv2d_winograd_split(Array<const T, 4> x, Array<const T, 4> w, Optional<Array<const T, 1>> b,
                           Array<T, 4> y, Ints<2> stride, Ints<4> padding, int64_t groups) {
    const Conv2dShape s =
        split_shape(x, w, y, stride, padding, groups,
                    "conv2d_winograd_split: x, w, y, stride, padding and groups do not fit");
    require(!b || b->shape[0] == s.O,
            "conv2d_winograd_split: b must have one element for each of w's output channels");
    if (y.size() == 0) return;
    const Correlation<T> whole = forward_correlation(x, w, b, y, s);
    if (s.C == 0 || !has_special_kernels || sizeof(T) == 8) return correlate(whole);
    const SplitConvolution<T> split(s);
    const Scratch<T> pixels(split.pixel_count()), filters(split.filter_count());
    split.split_pixels(x, pixels.data());
    split.split_filters(w, filters.data());
    const Scratch<uint8_t> suspects(s.N);
    correlate_winograd(
        forward_correlation<T>(split.template images<const T>(pixels.data()),
                               split.template filters<const T>(filters.data()), b, y, split.shape()),
        4, suspects.data());
    // A tap that is none would bring a NaN or infinity to other outputs.
    for (int64_t n = 0; n < s.N; n++) {
        if (!suspects[n]) continue;
        Correlation<T> image = whole;
        image.x.data = whole.x.at(n, 0), image.y.data = whole.y.at(n, 0);
        image.x.shape[0] = image.y.shape[0] = 1;
        correlate(image);
    }
}
PYDL_KERNEL(conv2d_winograd_split, "x, w, b, y, stride, padding, groups")

template <typename T>
void conv2d_winograd_split_gradient(Array<const T, 4> dy, Array<const T, 4> w, Optional<Array<const T, 1>> b,
                                    Array<T, 4> dx, Ints<2> stride, Ints<4> padding, int64_t groups) {
    const Conv2dShape s =
        split_shape(dx, w, dy, stride, padding, groups,
                    "conv2d_winograd_split_gradient: dy, w, dx, stride, padding and groups do not fit");
    require(!b || b->shape[0] == s.C,
            "conv2d_winograd_split_gradient: b must have one element for each of dx's channels");
    require(stride[0] > 1 && stride[1] > 1, "conv2d_winograd_split_gradient: there must be a stride");
    if (dx.size() == 0) return;
    const T* bias = b ? b->data : nullptr;
    const int64_t bias_stride = b ? b->stride[0] : 0;
    if (s.O == 0 || !has_special_kernels || sizeof(T) == 8)
        return input_gradient<T>(dy, w, bias, bias_stride, dx, s);
    const SplitConvolution<T> split(s, true);
    const Scratch<T> pixels(split.pixel_count()), filters(split.filter_count());
    split.split_filters(w, filters.data());
    const Array<T, 4> images = split.images(pixels.data()), parts = split.filters(filters.data());
    const Conv2dShape of_parts = split.gradient_shape();
    Correlation<T> conv;
    conv.x = images_of(dy), conv.y = images_of(images);
    conv.groups = s.groups;
    conv.channels = s.O / s.groups, conv.features = parts.shape[1];
    conv.w = parts.data + parts.stride[1] - 1;  // turned by 180 degrees
    conv.w_group = conv.channels * parts.stride[0];
    conv.w_stride[0] = parts.stride[1], conv.w_stride[1] = parts.stride[0];
    conv.w_stride[2] = -parts.stride[2], conv.w_stride[3] = -1;
    conv.bias = nullptr, conv.bias_stride = 0;
    conv.rows = of_parts.rows, conv.columns = of_parts.columns;
    const Scratch<uint8_t> suspects(s.N);
    correlate_winograd(conv, 4, suspects.data());
    split.join_pixels(pixels.data(), bias, bias_stride, dx);
    for (int64_t n = 0; n < s.N; n++)
        if (suspects[n]) input_gradient_of_image(n, dy, w, bias, bias_stride, dx, s);
}
PYDL_KERNEL(conv2d_winograd_split_gradient, "dy, w, b, dx, stride, padding, groups")

template <typename T>
void conv2d_winograd_split_weight(Array<const T, 4> dy, Array<const T, 4> x, Array<T, 4> dw,
                                  Optional<Array<T, 1>> db, Ints<2> stride, Ints<4> padding) {
    const Conv2dShape s =
        split_shape(x, dw, dy, stride, padding, 1,
                    "conv2d_winograd_split_weight: dy, x, dw, stride and padding do not fit");
    require(!db || db->shape[0] == s.O,
            "conv2d_winograd_split_weight: db must have one element for each of dw's output channels");
    T* bias = db ? db->data : nullptr;
    const int64_t bias_stride = db ? db->stride[0] : 0;
    if (!has_special_kernels || sizeof(T) == 8)
        return add_up_weight_gradient<T>(images_of(dy), images_of(x), s, dw, bias, bias_stride);
    const SplitConvolution<T> split(s);
    const Scratch<T> pixels(split.pixel_count()), filters(split.filter_count());
    split.split_pixels(x, pixels.data());
    winograd_weight_gradient<T>(images_of(dy), images_of(split.template images<const T>(pixels.data())),
                                split.shape(), split.filters(filters.data()), bias, bias_stride);
    split.join_filters(filters.data(), dw);
}
PYDL_KERNEL(conv2d_winograd_split_weight, "dy, x, dw, db, stride, padding")

}  // namespace pydl::PYDL_ISA
