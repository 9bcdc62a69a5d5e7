// row_norms: the length of every row. See pydl/ops/norm.py.
#include "kernel.h"
#include "reductions/norm_of_run.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

// Long rows are cut into parts, which are combined in their order, whoever computed them.
template <typename T>
void row_norms(Array<const T, 2> x, Array<T, 1> y) {
    const int64_t A = x.shape[0], K = x.shape[1], size = K < kTensorListGrain ? K : kTensorListGrain;
    require(y.shape[0] == A && (A == 0 || K < 2 || x.stride[1] == 1),
            "row_norms: x is (A, K), rows without gaps, y (A)");
    const int64_t parts = K > 0 ? (K - 1) / size + 1 : 0;
    const Scratch<double> partial(A * parts);
    parallel_for(A * parts, kTensorListGrain / (size + 1) + 1, [&](int64_t begin, int64_t end) {
        int64_t a = begin / parts, part = begin % parts;
        for (int64_t task = begin; task < end; ++task) {
            const int64_t first = part * size, left = K - first;
            partial[task] =
                norm_of_run<Norm::two>(x.data + a * x.stride[0] + first, left < size ? left : size);
            if (++part < parts) continue;
            part = 0;
            ++a;
        }
    });
    for (int64_t a = 0; a < A; ++a) {
        double total = 0;
        for (int64_t part = 0; part < parts; ++part) total += partial[a * parts + part];
        y.data[a * y.stride[0]] = T(sqrt(total));
    }
}
PYDL_KERNEL(row_norms, "x, y")

}  // namespace pydl::PYDL_ISA
