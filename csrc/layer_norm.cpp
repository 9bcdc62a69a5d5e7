// layer_norm of the rows of x (R, D). See pydl/ops/layer_norm.py.
#include "kernel.h"
#include "normalization/row_norm_backward.h"

namespace pydl::PYDL_ISA {

template <typename T>
void layer_norm_forward(Array<const T, 2> x, Optional<Array<const T, 1>> weight,
                        Optional<Array<const T, 1>> bias, double eps, Array<T, 2> y, Array<T, 1> mean,
                        Array<T, 1> rstd) {
    const int64_t R = x.shape[0], D = x.shape[1];
    require(y.shape[0] == R && y.shape[1] == D && mean.shape[0] == R && rstd.shape[0] == R,
            "layer_norm_forward: x and y are (R, D), mean and rstd (R)");
    require((!weight || weight->shape[0] == D) && (!bias || bias->shape[0] == D),
            "layer_norm_forward: weight and bias are (D) for x (R, D)");
    normalise_rows<T, true>(x, weight, bias, eps, y, mean.data, mean.stride[0], rstd);
}
PYDL_KERNEL(layer_norm_forward, "x, weight, bias, eps, y, mean, rstd")

template <typename T>
void layer_norm_backward(Array<const T, 2> dy, Array<const T, 2> x, Optional<Array<const T, 1>> weight,
                         Array<const T, 1> mean, Array<const T, 1> rstd, Optional<Array<T, 2>> dx,
                         Optional<Array<T, 1>> dweight, Optional<Array<T, 1>> dbias) {
    const int64_t R = x.shape[0], D = x.shape[1];
    require(dy.shape[0] == R && dy.shape[1] == D && (!dx || (dx->shape[0] == R && dx->shape[1] == D)),
            "layer_norm_backward: dy and dx must have the shape of x");
    require(mean.shape[0] == R && rstd.shape[0] == R && (!weight || weight->shape[0] == D) &&
                (!dweight || dweight->shape[0] == D) && (!dbias || dbias->shape[0] == D),
            "layer_norm_backward: mean and rstd are (R), weight, dweight and dbias (D) for x (R, D)");
    if (!dx && !dweight && !dbias) return;
    const RowGradients<T> gradients(dy, x, weight, mean.data, mean.stride[0], rstd, dx,
                                    dweight ? dweight->data : nullptr, dweight ? dweight->stride[0] : 0,
                                    dbias ? dbias->data : nullptr, dbias ? dbias->stride[0] : 0);
    gradients.run();
}
PYDL_KERNEL(layer_norm_backward, "dy, x, weight, mean, rstd, dx, dweight, dbias")

}  // namespace pydl::PYDL_ISA
