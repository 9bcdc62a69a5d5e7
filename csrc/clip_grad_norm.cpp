// clip_grad_norm: gradients scaled together, so that their common norm is bounded. See
// pydl/optim/clip_grad_norm.py.
#include "kernel.h"
#include "scratch.h"
#include "tensor_list.h"

namespace pydl::PYDL_ISA {

namespace {

enum class Norm { one, two, largest };

template <Norm norm, typename T>
PYDL_INLINE vec<T> accumulate(vec<T> total, vec<T> x) {
    if constexpr (norm == Norm::one) return total + abs(x);
    if constexpr (norm == Norm::two) return fma(x, x, total);
    return max(total, abs(x));
}

// Of the elements [from, to) of one tensor: the sum of |x| or of x * x, or the largest |x|.
template <Norm norm, typename T>
double norm_of_run(const T* x, int64_t from, int64_t to) {
    constexpr int kChains = 4;  // hides the latency of the addition
    vec<T> total[kChains] = {};
    int64_t i = from;
    for (; i + kChains * width<T> <= to; i += kChains * width<T>)
        for (int c = 0; c < kChains; ++c)
            total[c] = accumulate<norm, T>(total[c], load<T>(x + i + c * width<T>));
    for (; i < to; i += width<T>) total[0] = accumulate<norm, T>(total[0], load_partial<T>(x + i, to - i));
    if constexpr (norm == Norm::largest)
        return reduce_max(max(max(total[0], total[1]), max(total[2], total[3])));
    else
        return reduce_add((total[0] + total[1]) + (total[2] + total[3]));
}

// Partial results of fixed grains, combined in their order, whoever computed them.
template <Norm norm, typename T>
double norm_of_list(const ArrayList<const T>& g) {
    const int64_t count = total_size(g);
    const int64_t grains = (count + kTensorListGrain - 1) / kTensorListGrain;
    Scratch<double> partial(grains);
    parallel_for(count, kTensorListGrain, [&](int64_t begin, int64_t end) {
        for (int64_t first = begin; first < end; first += kTensorListGrain) {
            const int64_t last = first + kTensorListGrain < end ? first + kTensorListGrain : end;
            double& total = partial[first / kTensorListGrain];
            total = 0;
            for_each_run(g, first, last, [&](int64_t k, int64_t from, int64_t to) {
                const double run = norm_of_run<norm, T>(g.data(k), from, to);
                total = norm == Norm::largest ? max(total, run) : total + run;
            });
        }
    });
    double total = 0;
    for (int64_t i = 0; i < grains; ++i)
        total = norm == Norm::largest ? max(total, partial[i]) : total + partial[i];
    return norm == Norm::two ? sqrt(total) : total;
}

}  // namespace

template <typename T>
void grad_norm(ArrayList<const T> g, Array<T, 0> norm, double p) {
    const bool largest = p > 1e300;
    require(p == 1 || p == 2 || largest, "grad_norm: p must be 1, 2 or infinite");
    *norm.data = T(largest  ? norm_of_list<Norm::largest, T>(g)
                   : p == 1 ? norm_of_list<Norm::one, T>(g)
                            : norm_of_list<Norm::two, T>(g));
}
PYDL_KERNEL(grad_norm, "g, norm, p")

template <typename T>
void grad_scale(ArrayList<T> g, double factor) {
    const vec<T> scale = broadcast<T>(T(factor));
    update([=](vec<T>& g) PYDL_INLINE_LAMBDA { g = g * scale; }, g);
}
PYDL_KERNEL(grad_scale, "g, factor")

}  // namespace pydl::PYDL_ISA
