// sgd: gradient descent with momentum. See pydl/optim/sgd.py.
#include "kernel.h"
#include "tensor_list.h"

namespace pydl::PYDL_ISA {

template <typename T>
void sgd_update(ArrayList<T> w, ArrayList<const T> g, ArrayList<T> v, double lr, double momentum,
                double dampening, double weight_decay, bool nesterov) {
    require(matches(w, g), "sgd_update: g must have the tensors of w");
    require(matches_or_empty(w, v), "sgd_update: v must have the tensors of w, or be empty");
    const vec<T> rate = broadcast<T>(T(-lr)), decay = broadcast<T>(T(weight_decay));
    const vec<T> mu = broadcast<T>(T(momentum)), fresh = broadcast<T>(T(1 - dampening));
    const bool has_decay = weight_decay != 0;
    const auto decayed = [=](vec<T> w, vec<T> g) PYDL_INLINE_LAMBDA {
        return has_decay ? fma(decay, w, g) : g;  // not with 0, which would make NaN of an infinite w
    };
    if (v.count == 0)
        return update([=](vec<T>& w, vec<T> g) PYDL_INLINE_LAMBDA { w = fma(rate, decayed(w, g), w); }, w, g);
    update(
        [=](vec<T>& w, vec<T> g, vec<T>& v) PYDL_INLINE_LAMBDA {
            g = decayed(w, g);
            v = fma(mu, v, fresh * g);
            w = fma(rate, nesterov ? fma(mu, v, g) : v, w);
        },
        w, g, v);
}
PYDL_KERNEL(sgd_update, "w, g, v, lr, momentum, dampening, weight_decay, nesterov")

}  // namespace pydl::PYDL_ISA
