// softmax along the middle dimension of (A, K, B). See pydl/ops/softmax.py.
#include "kernel.h"
#include "softmax_lines.h"

namespace pydl::PYDL_ISA {

template <typename T>
void softmax_forward(Array<const T, 3> x, Array<T, 3> y) {
    require(same_shape(x, y), "softmax_forward: x must have the shape of y");
    if (y.size() == 0) return;
    for_each_line(
        [](int64_t, auto x, auto y) {
            const vec<T> largest = largest_of<T>(x);
            vec<T> sum{};
            for (int64_t step = 0; step < x.steps(); ++step) {
                const vec<T> e = exp(x.get(step, T(-__builtin_inff())) - largest);
                y.put(step, e);
                sum += e;
            }
            const vec<T> scale = T(1) / x.all_sum(sum);
            for (int64_t step = 0; step < x.steps(); ++step) y.put(step, y.get(step, T(0)) * scale);
        },
        x, y);
}
PYDL_KERNEL(softmax_forward, "x, y")

template <typename T>
void softmax_backward(Array<const T, 3> dy, Array<const T, 3> y, Array<T, 3> dx) {
    require(same_shape(dy, dx) && same_shape(y, dx), "softmax_backward: dy and y must have the shape of dx");
    if (dx.size() == 0) return;
    for_each_line(
        [](int64_t, auto dy, auto y, auto dx) {
            vec<T> sum{};
            for (int64_t step = 0; step < y.steps(); ++step)
                sum = fma(dy.get(step, T(0)), y.get(step, T(0)), sum);
            sum = y.all_sum(sum);
            for (int64_t step = 0; step < y.steps(); ++step)
                dx.put(step, y.get(step, T(0)) * (dy.get(step, T(0)) - sum));
        },
        dy, y, dx);
}
PYDL_KERNEL(softmax_backward, "dy, y, dx")

}  // namespace pydl::PYDL_ISA
