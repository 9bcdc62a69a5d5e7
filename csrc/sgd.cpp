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
    const bool has_decay = weight_decay != 0, has_momentum = v.count > 0;
    update(
        [=](vec<T>& w, vec<T> g, vec<T>& v) PYDL_INLINE_LAMBDA {
            if (has_decay) g = fma(decay, w, g);  // not with 0, which would make NaN of an infinite w
            if (has_momentum) {
                v = fma(mu, v, fresh * g);
                g = nesterov ? fma(mu, v, g) : v;
            }
            w = fma(rate, g, w);
        },
        w, g, v);
}
PYDL_KERNEL(sgd_update, "w, g, v, lr, momentum, dampening, weight_decay, nesterov")

}  // namespace pydl::PYDL_ISA
