// clip_grad_norm: gradients scaled together, so that their common norm is bounded. See
// pydl/optim/clip_grad_norm.py.
#include "kernel.h"
#include "reductions/norm_of_run.h"
#include "scratch.h"
#include "tensor_list.h"

namespace pydl::PYDL_ISA {

// Which of them, for loops that are compiled once.
template <typename T>
struct NormKind {
    double p;
    double (*of_run)(const T* x, int64_t n);

    NormKind(double p, const char* message) : p(p) {
        require(p == 1 || p == 2 || p > 1e300, message);
        of_run = p == 1   ? norm_of_run<Norm::one, T>
                 : p == 2 ? norm_of_run<Norm::two, T>
                          : norm_of_run<Norm::largest, T>;
    }
    double join(double a, double b) const { return p > 2 ? max(a, b) : a + b; }
    T of_parts(const double* parts, int64_t n) const {
        double total = 0;
        for (int64_t i = 0; i < n; ++i) total = join(total, parts[i]);
        return T(p == 2 ? sqrt(total) : total);
    }
};

// Partial results of fixed grains, combined in their order, whoever computed them.
template <typename T>
void grad_norm(ArrayList<const T> g, Array<T, 0> norm, double p) {
    const NormKind<T> kind(p, "grad_norm: p must be 1, 2 or infinite");
    const int64_t count = total_size(g);
    const int64_t grains = (count + kTensorListGrain - 1) / kTensorListGrain;
    Scratch<double> partial(grains);
    parallel_for(count, kTensorListGrain, [&](int64_t begin, int64_t end) {
        for (int64_t first = begin; first < end; first += kTensorListGrain) {
            const int64_t last = first + kTensorListGrain < end ? first + kTensorListGrain : end;
            double& total = partial[first / kTensorListGrain];
            total = 0;
            for_each_run(g, first, last, [&](int64_t k, int64_t from, int64_t to) {
                total = kind.join(total, kind.of_run(g.data(k) + from, to - from));
            });
        }
    });
    *norm.data = kind.of_parts(partial.data(), grains);
}
PYDL_KERNEL(grad_norm, "g, norm, p")

template <typename T>
void grad_scale(ArrayList<T> g, double factor) {
    const vec<T> scale = broadcast<T>(T(factor));
    update([=](vec<T>& g) PYDL_INLINE_LAMBDA { g = g * scale; }, g);
}
PYDL_KERNEL(grad_scale, "g, factor")

}  // namespace pydl::PYDL_ISA
