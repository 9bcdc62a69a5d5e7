// dropout: y = x * mask * scale. See pydl/ops/dropout.py.
#include "elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
void dropout_forward(Array<const T, 1> x, Array<const uint8_t, 1> mask, Array<T, 1> y, double scale) {
    require(x.shape[0] == y.shape[0] && mask.shape[0] == y.shape[0],
            "dropout_forward: x and mask must have the shape of y");
    require(y.contiguous() && mask.contiguous(), "dropout_forward: mask and y must be contiguous");
    const T kept = T(scale);
    parallel_for(x.shape[0], kElementwiseGrain, [&](int64_t begin, int64_t end) {
        if (x.stride[0] == 1)
            for (int64_t i = begin; i < end; ++i) y.data[i] = x.data[i] * (mask.data[i] ? kept : T(0));
        else
            for (int64_t i = begin; i < end; ++i) y.data[i] = x(i) * (mask.data[i] ? kept : T(0));
    });
}
PYDL_KERNEL(dropout_forward, "x, mask, y, scale")

}  // namespace pydl::PYDL_ISA
