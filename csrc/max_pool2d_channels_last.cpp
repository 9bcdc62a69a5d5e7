// max_pool2d_channels_last: max pooling of images whose channels lie side by side. See
// pydl/ops/max_pool2d_channels_last.py.
#include "kernel.h"
#include "pooling/pooling.h"

namespace pydl::PYDL_ISA {

// Lanes are channels: a window's pixels are compared as they come.
template <typename T>
void max_pool2d_channels_last(Array<const T, 4> x, Array<T, 4> y, Ints<2> kernel, Ints<2> stride,
                              Ints<2> padding, Ints<2> dilation) {
    require(x.shape[0] == y.shape[0] && x.shape[1] == y.shape[1],
            "max_pool2d_channels_last: x and y must have as many images and channels");
    require((x.stride[1] == 1 && y.stride[1] == 1) || x.shape[1] == 1 || y.size() == 0,
            "max_pool2d_channels_last: the channels of x and y must be neighbours");
    const PoolAxis rows = pool_axis(x.shape[2], y.shape[2], kernel[0], stride[0], padding[0], dilation[0]);
    const PoolAxis columns = pool_axis(x.shape[3], y.shape[3], kernel[1], stride[1], padding[1], dilation[1]);
    if (y.size() == 0) return;
    const int64_t C = x.shape[1];
    const auto pool = [&](int64_t n, int64_t p, int64_t q) {
        const int64_t i0 = rows.first(p), i1 = rows.last(p), j0 = columns.first(q), j1 = columns.last(q);
        const int64_t down = dilation[0] * x.stride[2], right = dilation[1] * x.stride[3];
        const T* from =
            x.data + n * x.stride[0] + rows.start(p) * x.stride[2] + columns.start(q) * x.stride[3];
        T* to = y.data + n * y.stride[0] + p * y.stride[2] + q * y.stride[3];
        for (int64_t c = 0; c < C; c += width<T>) {
            vec<T> best = broadcast<T>(-__builtin_inff());
            for (int64_t i = i0; i < i1; i++)
                for (int64_t j = j0; j < j1; j++)
                    best = max(best, load_partial(from + i * down + j * right + c, C - c));
            store_partial(to + c, best, C - c);
        }
    };
    const int64_t row = y.shape[3] * C * kernel[0] * kernel[1];
    parallel_for(y.shape[0] * y.shape[2], row_grain(row), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; r++)
            for (int64_t q = 0; q < y.shape[3]; q++) pool(r / y.shape[2], r % y.shape[2], q);
    });
}
PYDL_KERNEL(max_pool2d_channels_last, "x, y, kernel, stride, padding, dilation")

}  // namespace pydl::PYDL_ISA
