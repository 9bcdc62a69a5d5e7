// hardtanh: straight lines below and above a curve x (square x + slope) + shift. See pydl/ops/hardtanh.py.
#include "elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void hardtanh_forward(NdArray<const T> x, double low, double high, bool follows_below, double below,
                      double square, double slope, double shift, bool follows_above, double above,
                      NdArray<T> y) {
    const T first = T(low), last = T(high), bottom = T(below), top = T(above);
    const vec<T> a = broadcast<T>(T(square)), b = broadcast<T>(T(slope)), c = broadcast<T>(T(shift));
    elementwise(
        "hardtanh_forward: x must have the shape of y",
        [=](vec<T> x) {
            const vec<T> under = (follows_below ? x : vec<T>{}) + bottom;
            const vec<T> over = (follows_above ? x : vec<T>{}) + top;
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
    elementwise(
        "hardtanh_backward: dy and x must have the shape of dx",
        [=](vec<T> dy, vec<T> x) {
            const vec<T> under = follows_below ? dy : vec<T>{}, over = follows_above ? dy : vec<T>{};
            return select(x <= first, under, select(x >= last, over, dy * fma(a, x, b)));
        },
        dx, dy, x);
}
PYDL_KERNEL(hardtanh_backward, "dy, x, low, high, follows_below, square, slope, follows_above, dx")

}  // namespace pydl::PYDL_ISA
