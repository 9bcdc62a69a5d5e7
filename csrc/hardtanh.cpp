// hardtanh: straight lines below and above a curve x (square x + slope) + shift. See pydl/ops/hardtanh.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

// v or zero. A mask instead of a condition, which would be looked at for every vector.
template <typename T>
PYDL_INLINE vec<T> where_all(mask<T> all, vec<T> v) {
    return bit_cast<vec<T>>(all & bit_cast<mask<T>>(v));
}
template <typename T>
PYDL_INLINE mask<T> all_or_none(bool all) {
    return mask<T>{} - int_of<T>(all);
}

template <typename T>
void hardtanh_forward(NdArray<const T> x, double low, double high, bool follows_below, double below,
                      double square, double slope, double shift, bool follows_above, double above,
                      NdArray<T> y) {
    const T first = T(low), last = T(high), bottom = T(below), top = T(above);
    const vec<T> a = broadcast<T>(T(square)), b = broadcast<T>(T(slope)), c = broadcast<T>(T(shift));
    const mask<T> keeps_below = all_or_none<T>(follows_below), keeps_above = all_or_none<T>(follows_above);
    elementwise(
        "hardtanh_forward: x must have the shape of y",
        [=](vec<T> x) {
            const vec<T> under = where_all<T>(keeps_below, x) + bottom;
            const vec<T> over = where_all<T>(keeps_above, x) + top;
            const vec<T> between = fma(fma(a, x, b), x, c);
            return select(x <= first, under, select(x >= last, over, between));
        },
        y, x);
}
PYDL_KERNEL(hardtanh_forward,
            "x, low, high, follows_below, below, square, slope, shift, follows_above, above, y")

template <typename T>
void hardtanh_backward(NdArray<const T> dy, NdArray<const T> x, double low, double high, bool follows_below,
                       double square, double slope, bool follows_above, NdArray<T> dx) {
    const T first = T(low), last = T(high);
    const vec<T> a = broadcast<T>(T(2 * square)), b = broadcast<T>(T(slope));
    const mask<T> keeps_below = all_or_none<T>(follows_below), keeps_above = all_or_none<T>(follows_above);
    elementwise(
        "hardtanh_backward: dy and x must have the shape of dx",
        [=](vec<T> dy, vec<T> x) {
            const vec<T> under = where_all<T>(keeps_below, dy), over = where_all<T>(keeps_above, dy);
            return select(x <= first, under, select(x >= last, over, dy * fma(a, x, b)));
        },
        dx, dy, x);
}
PYDL_KERNEL(hardtanh_backward, "dy, x, low, high, follows_below, square, slope, follows_above, dx")

}  // namespace pydl::PYDL_ISA
