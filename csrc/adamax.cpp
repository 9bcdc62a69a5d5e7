// adamax: moving averages of the gradient, divided by its recent maximum. See pydl/optim/adamax.py.
#include "kernel.h"
#include "tensor_list.h"

namespace pydl::PYDL_ISA {

template <typename T>
void adamax_update(ArrayList<T> w, ArrayList<const T> g, ArrayList<T> m, ArrayList<T> u, double rate,
                   double beta1, double beta2, double eps, double weight_decay) {
    require(matches(w, g) && matches(w, m) && matches(w, u),
            "adamax_update: g, m and u must have the tensors of w");
    const vec<T> lr = broadcast<T>(T(rate)), decay = broadcast<T>(T(weight_decay));
    const vec<T> keep = broadcast<T>(T(beta1)), fresh = broadcast<T>(T(1 - beta1));
    const vec<T> forget = broadcast<T>(T(beta2)), small = broadcast<T>(T(eps));
    const bool has_decay = weight_decay != 0;
    update(
        [=](vec<T>& w, vec<T> g, vec<T>& m, vec<T>& u) PYDL_INLINE_LAMBDA {
            if (has_decay) g = fma(decay, w, g);  // not with 0, which would make NaN of an infinite w
            m = fma(fresh, g, keep * m);
            u = max(forget * u, abs(g) + small);
            w = w - lr * m / u;
        },
        w, g, m, u);
}
PYDL_KERNEL(adamax_update, "w, g, m, u, rate, beta1, beta2, eps, weight_decay")

}  // namespace pydl::PYDL_ISA
