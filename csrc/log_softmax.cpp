// log_softmax along the middle dimension of (A, K, B). See pydl/ops/log_softmax.py.
#include "kernel.h"
#include "softmax_lines.h"

namespace pydl::PYDL_ISA {

template <typename T>
void log_softmax_forward(Array<const T, 3> x, Array<T, 3> y) {
    require(same_shape(x, y), "log_softmax_forward: x must have the shape of y");
    if (y.size() == 0) return;
    for_each_line(
        [](int64_t, auto x, auto y) {
            const Exponentials<T> e = sum_exponentials<T>(x);
            const vec<T> log_sum = log(e.sum);
            // In two steps: largest + log_sum would round off the small part.
            for (int64_t step = 0; step < x.steps(); ++step)
                y.put(step, (x.get(step, T(0)) - e.largest) - log_sum);
        },
        x, y);
}
PYDL_KERNEL(log_softmax_forward, "x, y")

template <typename T>
void log_softmax_backward(Array<const T, 3> dy, Array<const T, 3> y, Array<T, 3> dx) {
    require(same_shape(dy, dx) && same_shape(y, dx),
            "log_softmax_backward: dy and y must have the shape of dx");
    if (dx.size() == 0) return;
    for_each_line(
        [](int64_t, auto dy, auto y, auto dx) {
            vec<T> sum{};
            for (int64_t step = 0; step < y.steps(); ++step) sum += dy.get(step, T(0));
            sum = y.all_sum(sum);
            for (int64_t step = 0; step < y.steps(); ++step)
                dx.put(step, dy.get(step, T(0)) - exp(y.get(step, T(0))) * sum);
        },
        dy, y, dx);
}
PYDL_KERNEL(log_softmax_backward, "dy, y, dx")

}  // namespace pydl::PYDL_ISA
