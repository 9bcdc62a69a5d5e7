// adagrad: each weight divided by the size of all its gradients so far. See pydl/optim/adagrad.py.
#include "kernel.h"
#include "tensor_list.h"

namespace pydl::PYDL_ISA {

template <typename T>
void adagrad_update(ArrayList<T> w, ArrayList<const T> g, ArrayList<T> s, double lr, double weight_decay,
                    double eps) {
    require(matches(w, g) && matches(w, s), "adagrad_update: g and s must have the tensors of w");
    const vec<T> rate = broadcast<T>(T(lr)), decay = broadcast<T>(T(weight_decay)),
                 small = broadcast<T>(T(eps));
    const bool has_decay = weight_decay != 0;
    update(
        [=](vec<T>& w, vec<T> g, vec<T>& s) PYDL_INLINE_LAMBDA {
            if (has_decay) g = fma(decay, w, g);  // not with 0, which would make NaN of an infinite w
            s = fma(g, g, s);
            w = w - rate * g / (sqrt(s) + small);
        },
        w, g, s);
}
PYDL_KERNEL(adagrad_update, "w, g, s, lr, weight_decay, eps")

}  // namespace pydl::PYDL_ISA
