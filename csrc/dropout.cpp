// dropout: y = x * mask * scale, with a mask from random words. See pydl/ops/dropout.py.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "simd/random.h"

namespace pydl::PYDL_ISA {
namespace {

static_assert(kElementwiseGrain % kRandomBlock == 0, "threads share no block of random words");

// y = x * (mask ? scale : 0) for n elements.
template <typename T>
[[gnu::noinline]] void scale_kept(const T* x, int64_t stride, const uint8_t* mask, T scale, T* y, int64_t n) {
    if (stride != 0 && stride != 1) {
        // A number at a time is faster than lanes that are gathered; a branch would be guessed wrong.
        const T factors[] = {T(0), scale};
        for (int64_t i = 0; i < n; ++i) y[i] = x[i * stride] * factors[mask[i] != 0];
        return;
    }
    const vec<T> factor = broadcast<T>(scale);
    alignas(PYDL_VECTOR_BYTES) T own[2][width<T>] = {};
    elementwise_row<T>([=](vec<T> x, auto kept) { return x * select(kept, factor, vec<T>{}); }, y, n,
                       RowInput<T, T, false>(x, stride, own[0]),
                       RowInput<T, uint8_t, false>(mask, 1, own[1]));
}

}  // namespace

template <typename T>
void dropout_forward(Array<const T, 1> x, int64_t key, int64_t threshold, double scale,
                     Array<uint8_t, 1> mask, Array<T, 1> y) {
    require(x.shape[0] == y.shape[0] && mask.shape[0] == y.shape[0],
            "dropout_forward: x and mask must have the shape of y");
    require(y.contiguous() && mask.contiguous(), "dropout_forward: mask and y must be contiguous");
    require(threshold >= 0, "dropout_forward: threshold must not be negative");
    parallel_for(x.shape[0], kElementwiseGrain, [&](int64_t begin, int64_t end) {
        alignas(64) uint32_t words[kRandomBlock];
        alignas(64) uint8_t kept[kRandomBlock];
        for (int64_t i = begin; i < end; i += kRandomBlock) {
            random_block(uint64_t(key), uint64_t(i / kRandomBlock), words);
            const uint32_t least = uint32_t(threshold);
            for (int64_t k = 0; k < kRandomBlock; ++k) kept[k] = words[k] >= least;
            if (threshold > int64_t(0xffffffff))
                for (int64_t k = 0; k < kRandomBlock; ++k) kept[k] = 0;
            if (end - i >= kRandomBlock) {
                __builtin_memcpy(mask.data + i, kept, kRandomBlock);
                scale_kept(x.data + i * x.stride[0], x.stride[0], kept, T(scale), y.data + i, kRandomBlock);
            } else {
                for (int64_t k = 0; k < end - i; ++k) mask.data[i + k] = kept[k];
                scale_kept(x.data + i * x.stride[0], x.stride[0], kept, T(scale), y.data + i, end - i);
            }
        }
    });
}
PYDL_KERNEL(dropout_forward, "x, key, threshold, scale, mask, y")

template <typename T>
void dropout_backward(Array<const T, 1> dy, Array<const uint8_t, 1> mask, double scale, Array<T, 1> dx) {
    require(dy.shape[0] == dx.shape[0] && mask.shape[0] == dx.shape[0],
            "dropout_backward: dy and mask must have the shape of dx");
    require(dx.contiguous() && mask.contiguous(), "dropout_backward: mask and dx must be contiguous");
    parallel_for(dy.shape[0], kElementwiseGrain, [&](int64_t begin, int64_t end) {
        scale_kept(dy.data + begin * dy.stride[0], dy.stride[0], mask.data + begin, T(scale), dx.data + begin,
                   end - begin);
    });
}
PYDL_KERNEL(dropout_backward, "dy, mask, scale, dx")

}  // namespace pydl::PYDL_ISA
