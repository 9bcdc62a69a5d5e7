// rmsprop: each weight divided by the size of its recent gradients. See pydl/optim/rmsprop.py.
#include "kernel.h"
#include "tensor_list.h"

namespace pydl::PYDL_ISA {

template <typename T>
void rmsprop_update(ArrayList<T> w, ArrayList<const T> g, ArrayList<T> s, ArrayList<T> a, ArrayList<T> v,
                    double lr, double alpha, double eps, double weight_decay, double momentum) {
    require(matches(w, g) && matches(w, s), "rmsprop_update: g and s must have the tensors of w");
    require(matches_or_empty(w, a) && matches_or_empty(w, v),
            "rmsprop_update: a and v must have the tensors of w, or be empty");
    const vec<T> rate = broadcast<T>(T(lr)), decay = broadcast<T>(T(weight_decay)),
                 small = broadcast<T>(T(eps));
    const vec<T> keep = broadcast<T>(T(alpha)), fresh = broadcast<T>(T(1 - alpha)),
                 mu = broadcast<T>(T(momentum));
    const bool has_decay = weight_decay != 0, centered = a.count > 0, has_momentum = v.count > 0;
    update(
        [=](vec<T>& w, vec<T> g, vec<T>& s, vec<T>& a, vec<T>& v) PYDL_INLINE_LAMBDA {
            if (has_decay) g = fma(decay, w, g);  // not with 0, which would make NaN of an infinite w
            s = fma(fresh * g, g, keep * s);
            vec<T> variance = s;
            if (centered) {
                a = fma(fresh, g - a, a);
                variance = max(fma(-a, a, s), vec<T>{});  // rounding must not make it negative
            }
            vec<T> step = rate * g / (sqrt(variance) + small);
            if (has_momentum) {
                v = fma(mu, v, g / (sqrt(variance) + small));
                step = rate * v;
            }
            w = w - step;
        },
        w, g, s, MaybeEmpty<T>{a}, MaybeEmpty<T>{v});
}
PYDL_KERNEL(rmsprop_update, "w, g, s, a, v, lr, alpha, eps, weight_decay, momentum")

}  // namespace pydl::PYDL_ISA
