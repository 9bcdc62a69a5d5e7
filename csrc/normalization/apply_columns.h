// The pass of batch_norm over rows whose columns are channels, or a few numbers of each.
#pragma once
#include "normalization/channel_lanes.h"

namespace pydl::PYDL_ISA {

// What comes after the normalisation.
template <typename T>
struct Completion {
    const Optional<Array<const T, 3>>& add;
    Bounds<T> bounds;

    bool any() const { return add || bounds.any(); }
    bool contiguous() const { return !add || add->contiguous(); }
    const T* row(int64_t n) const { return add ? add->data + n * add->stride[0] : nullptr; }
};

// The Affine of each of C channels: all centers, scales and shifts one behind another, with room for lanes
// behind them.
template <typename T>
class Affines {
  public:
    explicit Affines(int64_t C) : places_(C + width<T>), all_(3 * places_) {}
    T* center() const { return all_.data(); }
    T* scale() const { return center() + places_; }
    T* shift() const { return scale() + places_; }

    void set(int64_t c, const AffineLanes<T>& of) const {
        constexpr size_t bytes = sizeof of.center;
        __builtin_memcpy(center() + c, of.center, bytes);
        __builtin_memcpy(scale() + c, of.scale, bytes);
        __builtin_memcpy(shift() + c, of.shift, bytes);
    }

  private:
    int64_t places_;
    Scratch<T> all_;
};

// y = keep((x - center) scale + shift + add) for a row of columns.
template <typename T>
void apply_row(const Affines<T>& of, int64_t columns, const T* x, const Completion<T>& then, const T* add,
               T* y) {
    const Line<T> to{y, 1};
    const Line<const T> from{x, 1}, c{of.center(), 1}, a{of.scale(), 1}, b{of.shift(), 1};
    const Bounds<T> bounds = then.bounds;
    if (!then.any())
        map_line<T>([](vec<T> x, vec<T> center, vec<T> scale, vec<T> shift)
                        PYDL_INLINE_LAMBDA { return fma(x - center, scale, shift); },
                    columns, to, from, c, a, b);
    else if (!then.add)
        map_line<T>([=](vec<T> x, vec<T> center, vec<T> scale, vec<T> shift)
                        PYDL_INLINE_LAMBDA { return bounds.keep(fma(x - center, scale, shift)); },
                    columns, to, from, c, a, b);
    else
        map_line<T>([=](vec<T> x, vec<T> center, vec<T> scale, vec<T> shift, vec<T> add)
                        PYDL_INLINE_LAMBDA { return bounds.keep(fma(x - center, scale, shift) + add); },
                    columns, to, from, c, a, b, Line<const T>{add, 1});
}

template <typename T>
[[gnu::noinline]] void apply_columns(const Affines<T>& of, const Array<const T, 3>& x,
                                     const Completion<T>& then, const Array<T, 3>& y) {
    const int64_t N = x.shape[0], C = x.shape[1], S = x.shape[2], columns = C * S;
    const Affines<T> copies(S == 1 ? 0 : columns);
    if (S > 1) {
        spread(copies.center(), S, C, of.center());
        spread(copies.scale(), S, C, of.scale());
        spread(copies.shift(), S, C, of.shift());
    }
    const Affines<T>& each = S == 1 ? of : copies;
    parallel_for(N, kMomentGrain / columns + 1, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n)
            apply_row(each, columns, x.data + n * columns, then, then.row(n), y.data + n * columns);
    });
}

}  // namespace pydl::PYDL_ISA
