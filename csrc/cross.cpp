// cross: the vector at right angles to two others, in rows of three numbers. See pydl/ops/cross.py.
#include "elementwise/plan.h"
#include "kernel.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {
namespace {

// Rounded by itself: fused with the subtraction it would leave something of parallel vectors.
template <typename T>
PYDL_INLINE T product(T a, T b) {
    T c = a * b;
    asm("" : "+m"(c));
    return c;
}

}  // namespace

template <typename T>
void cross_forward(Array<const T, 2> a, Array<const T, 2> b, Array<T, 2> y) {
    const int64_t N = y.shape[0];
    require(a.shape[0] == N && b.shape[0] == N && a.shape[1] == 3 && b.shape[1] == 3 && y.shape[1] == 3,
            "cross_forward: a, b and y are (N, 3)");
    parallel_for(N, kElementwiseGrain / 8, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            const T *p = a.data + n * a.stride[0], *q = b.data + n * b.stride[0];
            T* to = y.data + n * y.stride[0];
            const T p0 = p[0], p1 = p[a.stride[1]], p2 = p[2 * a.stride[1]];
            const T q0 = q[0], q1 = q[b.stride[1]], q2 = q[2 * b.stride[1]];
            to[0] = product(p1, q2) - product(p2, q1);
            to[y.stride[1]] = product(p2, q0) - product(p0, q2);
            to[2 * y.stride[1]] = product(p0, q1) - product(p1, q0);
        }
    });
}
PYDL_KERNEL(cross_forward, "a, b, y")

}  // namespace pydl::PYDL_ISA
