// keep_steps: zeros behind the ends of sequences. See pydl/ops/keep_steps.py.
#include "kernel.h"
#include "recurrent/recurrent.h"

namespace pydl::PYDL_ISA {

template <typename T>
void keep_steps_forward(Array<const T, 3> x, Array<const int64_t, 1> lengths, Array<T, 3> y) {
    const int64_t T_ = x.shape[0], N = x.shape[1], D = x.shape[2];
    require(has_shape(y, T_, N, D) && lengths.shape[0] == N,
            "keep_steps_forward: y must have the shape of x, lengths one number for each sequence");
    parallel_for(T_ * N, 1 + 32768 / (D + 1), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const int64_t t = row / N, n = row % N;
            const bool is_kept = t < lengths(n);
            for (int64_t d = 0; d < D; d++) y(t, n, d) = is_kept ? x(t, n, d) : T(0);
        }
    });
}
PYDL_KERNEL(keep_steps_forward, "x, lengths, y")

}  // namespace pydl::PYDL_ISA
