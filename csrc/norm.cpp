// norm: the length of x over some dimensions. See pydl/ops/norm.py.
#include "kernel.h"
#include "reductions/reduce.h"

namespace pydl::PYDL_ISA {
namespace {

// A sum of squares, and its root. The length of lengths is the length of all, so dimensions may be reduced
// one after another.
template <typename T>
struct Length : Addition<T> {
    PYDL_INLINE static vec<T> of(vec<T> x) { return x * x; }
    template <typename V>
    PYDL_INLINE static V finish(V sum, int64_t) {
        return sqrt(sum);
    }
};

}  // namespace

template <typename T>
void norm_forward(NdArray<const T> x, NdArray<T> y) {
    reduce<Length<T>>("norm_forward: y must have the shape of x, with 1 where it is reduced", x, y);
}
PYDL_KERNEL(norm_forward, "x, y")

}  // namespace pydl::PYDL_ISA
