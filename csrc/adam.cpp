// adam: moving averages of the gradient and of its square. See pydl/optim/adam.py.
#include "kernel.h"
#include "tensor_list.h"

namespace pydl::PYDL_ISA {

template <typename T>
void adam_update(ArrayList<T> w, ArrayList<const T> g, ArrayList<T> m, ArrayList<T> v, ArrayList<T> v_max,
                 double lr, double beta1, double beta2, double eps, double weight_decay, bool decoupled,
                 double ahead, double correction1, double correction2) {
    require(matches(w, g) && matches(w, m) && matches(w, v),
            "adam_update: g, m and v must have the tensors of w");
    require(matches_or_empty(w, v_max), "adam_update: v_max must have the tensors of w, or be empty");
    const vec<T> rate = broadcast<T>(T(lr / correction1)), small = broadcast<T>(T(eps));
    const vec<T> unbias = broadcast<T>(T(1 / sqrt(correction2)));
    const vec<T> keep1 = broadcast<T>(T(beta1)), keep2 = broadcast<T>(T(beta2));
    const vec<T> fresh1 = broadcast<T>(T(1 - beta1)), fresh2 = broadcast<T>(T(1 - beta2));
    const bool shrinks = decoupled && weight_decay != 0, has_decay = !decoupled && weight_decay != 0;
    const bool looks_ahead = ahead != 0;
    const vec<T> extra = broadcast<T>(T(lr * ahead));
    const vec<T> shrink = broadcast<T>(T(1 - lr * weight_decay)), decay = broadcast<T>(T(weight_decay));
    const auto average = [=](vec<T>& w, vec<T>& g, vec<T>& m, vec<T>& v) PYDL_INLINE_LAMBDA {
        if (shrinks) w = w * shrink;
        if (has_decay) g = fma(decay, w, g);  // not with 0, which would make NaN of an infinite w
        m = fma(fresh1, g, keep1 * m);
        v = fma(fresh2 * g, g, keep2 * v);
    };
    const auto step = [=](vec<T>& w, vec<T> g, vec<T> m, vec<T> v) PYDL_INLINE_LAMBDA {
        vec<T> step = rate * m;
        if (looks_ahead) step = fma(extra, g, step);
        w = w - step / fma(sqrt(v), unbias, small);
    };
    if (v_max.count == 0)
        return update(
            [=](vec<T>& w, vec<T> g, vec<T>& m, vec<T>& v) PYDL_INLINE_LAMBDA {
                average(w, g, m, v);
                step(w, g, m, v);
            },
            w, g, m, v);
    update(
        [=](vec<T>& w, vec<T> g, vec<T>& m, vec<T>& v, vec<T>& v_max) PYDL_INLINE_LAMBDA {
            average(w, g, m, v);
            v_max = max(v_max, v);
            step(w, g, m, v_max);
        },
        w, g, m, v, v_max);
}
PYDL_KERNEL(
    adam_update,
    "w, g, m, v, v_max, lr, beta1, beta2, eps, weight_decay, decoupled, ahead, correction1, correction2")

}  // namespace pydl::PYDL_ISA
