// adadelta: steps as large as the recent ones, by the size of recent gradients. See pydl/optim/adadelta.py.
#include "kernel.h"
#include "tensor_list.h"

namespace pydl::PYDL_ISA {

template <typename T>
void adadelta_update(ArrayList<T> w, ArrayList<const T> g, ArrayList<T> s, ArrayList<T> d, double lr,
                     double rho, double eps, double weight_decay) {
    require(matches(w, g) && matches(w, s) && matches(w, d),
            "adadelta_update: g, s and d must have the tensors of w");
    const vec<T> rate = broadcast<T>(T(lr)), decay = broadcast<T>(T(weight_decay));
    const vec<T> keep = broadcast<T>(T(rho)), fresh = broadcast<T>(T(1 - rho)), small = broadcast<T>(T(eps));
    const bool has_decay = weight_decay != 0;
    update(
        [=](vec<T>& w, vec<T> g, vec<T>& s, vec<T>& d) PYDL_INLINE_LAMBDA {
            if (has_decay) g = fma(decay, w, g);  // not with 0, which would make NaN of an infinite w
            s = fma(fresh * g, g, keep * s);
            const vec<T> step = sqrt(d + small) / sqrt(s + small) * g;
            d = fma(fresh * step, step, keep * d);
            w = w - rate * step;
        },
        w, g, s, d);
}
PYDL_KERNEL(adadelta_update, "w, g, s, d, lr, rho, eps, weight_decay")

}  // namespace pydl::PYDL_ISA
