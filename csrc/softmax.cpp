// softmax along the middle dimension of (A, K, B). See pydl/ops/softmax.py.
#include "kernel.h"
#include "normalization/softmax_strips.h"

namespace pydl::PYDL_ISA {
namespace {

template <typename T>
struct Softmax : LineRule {
    static constexpr int kSums = 2, kNear = 6;

    void row(int64_t, int64_t K, const T* x, T* y) const {
        const T largest = largest_of_row(x, K);
        const T sum = sum_of_row<T>(K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
            const vec<T> e = exp(load_partial(x + i, n) - largest);
            store_partial(y + i, e, n);
            return e;
        });
        const T scale = T(1) / sum;
        for_vectors<T>(K, [&](int64_t i, int64_t n, int) PYDL_INLINE_LAMBDA {
            store_partial(y + i, load_partial(y + i, n) * scale, n);
        });
    }

    void strip(int64_t, int64_t lines, int64_t K, Strip<T> space, Strip<const T> x, Strip<T> y) const {
        T* const sums = space.row(0);
        T* const largest = space.row(1);
        largest_of_strip(K, lines, largest, x);
        sum_of_strip(K, lines, sums, [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            const vec<T> e = exp(load_partial(x.row(k) + j, n) - load(largest + j));
            store_partial(y.row(k) + j, e, n);
            return e;
        });
        for (int64_t j = 0; j < lines; j += width<T>) store(sums + j, T(1) / load(sums + j));
        for (int64_t k = 0; k < K; ++k)
            for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
                store_partial(y.row(k) + j, load_partial(y.row(k) + j, n) * load(sums + j), n);
            });
    }
};

template <typename T>
struct SoftmaxGradient : LineRule {
    static constexpr int kNear = 2, kFar = 2;  // three arrays take long to turn

    void row(int64_t, int64_t K, const T* dy, const T* y, T* dx) const {
        const T sum = sum_of_row<T>(K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
            return load_partial(dy + i, n) * load_partial(y + i, n);
        });
        for_vectors<T>(K, [&](int64_t i, int64_t n, int) PYDL_INLINE_LAMBDA {
            store_partial(dx + i, load_partial(y + i, n) * (load_partial(dy + i, n) - sum), n);
        });
    }

    void strip(int64_t, int64_t lines, int64_t K, Strip<T> space, Strip<const T> dy, Strip<const T> y,
               Strip<T> dx) const {
        T* const sums = space.row(0);
        sum_of_strip(K, lines, sums, [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return load_partial(dy.row(k) + j, n) * load_partial(y.row(k) + j, n);
        });
        for (int64_t k = 0; k < K; ++k)
            for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
                const vec<T> slope = load_partial(dy.row(k) + j, n) - load(sums + j);
                store_partial(dx.row(k) + j, load_partial(y.row(k) + j, n) * slope, n);
            });
    }
};

}  // namespace

template <typename T>
void softmax_forward(Array<const T, 3> x, Array<T, 3> y) {
    require(same_shape(x, y), "softmax_forward: x must have the shape of y");
    if (y.size() > 0) for_each_strip<T>(Softmax<T>{}, y.shape, x, y);
}
PYDL_KERNEL(softmax_forward, "x, y")

template <typename T>
void softmax_backward(Array<const T, 3> dy, Array<const T, 3> y, Array<T, 3> dx) {
    require(same_shape(dy, dx) && same_shape(y, dx), "softmax_backward: dy and y must have the shape of dx");
    if (dx.size() > 0) for_each_strip<T>(SoftmaxGradient<T>{}, dx.shape, dy, y, dx);
}
PYDL_KERNEL(softmax_backward, "dy, y, dx")

}  // namespace pydl::PYDL_ISA
