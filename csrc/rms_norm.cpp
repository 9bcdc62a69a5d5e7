// rms_norm of the rows of x (R, D): layer_norm without mean and bias. See pydl/ops/rms_norm.py.
#include "kernel.h"
#include "normalization/row_norm_backward.h"

namespace pydl::PYDL_ISA {

template <typename T>
void rms_norm_forward(Array<const T, 2> x, Optional<Array<const T, 1>> weight, double eps, Array<T, 2> y,
                      Array<T, 1> rstd) {
    const int64_t R = x.shape[0], D = x.shape[1];
    require(y.shape[0] == R && y.shape[1] == D && rstd.shape[0] == R && (!weight || weight->shape[0] == D),
            "rms_norm_forward: x and y are (R, D), weight (D), rstd (R)");
    normalise_rows<T, false>(x, weight, Optional<Array<const T, 1>>{{}, false}, eps, y, nullptr, 0, rstd);
}
PYDL_KERNEL(rms_norm_forward, "x, weight, eps, y, rstd")

template <typename T>
void rms_norm_backward(Array<const T, 2> dy, Array<const T, 2> x, Optional<Array<const T, 1>> weight,
                       Array<const T, 1> rstd, Optional<Array<T, 2>> dx, Optional<Array<T, 1>> dweight) {
    const int64_t R = x.shape[0], D = x.shape[1];
    require(dy.shape[0] == R && dy.shape[1] == D && (!dx || (dx->shape[0] == R && dx->shape[1] == D)),
            "rms_norm_backward: dy and dx must have the shape of x");
    require(rstd.shape[0] == R && (!weight || weight->shape[0] == D) && (!dweight || dweight->shape[0] == D),
            "rms_norm_backward: rstd is (R), weight and dweight (D) for x (R, D)");
    if (!dx && !dweight) return;
    const RowGradients<T> gradients(dy, x, weight, nullptr, 0, rstd, dx, dweight ? dweight->data : nullptr,
                                    dweight ? dweight->stride[0] : 0, nullptr, 0);
    gradients.run();
}
PYDL_KERNEL(rms_norm_backward, "dy, x, weight, rstd, dx, dweight")

}  // namespace pydl::PYDL_ISA
