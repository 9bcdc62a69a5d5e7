// softmax along the middle dimension of (A, K, B). See pydl/ops/softmax.py.
#include "kernel.h"
#include "normalization/softmax_pieces.h"

namespace pydl::PYDL_ISA {
namespace {

template <typename T>
struct Softmax : LinesInPieces<T, Softmax<T>> {
    static constexpr int kNear = kTurnedRow, kFar = kTurnedRow;
    static constexpr bool kExponentials = true, kScaled = true;

    static void look_at_row(int64_t, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const T* const x = at[0].data;
        T* const y = at[1].data;
        const T largest = finite_largest_of_row(x, K);
        const T sum = sum_of_row<T>(K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
            const vec<T> e = exp(load_partial(x + i, n) - largest);
            store_partial(y + i, e, n);
            return e;
        });
        stats.row(0)[0] = sum;
        stats.row(1)[0] = largest;
    }

    static void write_row(int64_t, int64_t K, Strip<T> stats, const Strip<T>* at) {
        T* const y = at[1].data;
        const T scale = stats.row(0)[0];
        for_vectors<T>(K, [&](int64_t i, int64_t n, int) PYDL_INLINE_LAMBDA {
            store_partial(y + i, load_partial<T>(y + i, n) * scale, n);
        });
    }

    static void look_at_strip(int64_t lines, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const Strip<T> x = at[0], y = at[1];
        T* const largest = stats.row(1);
        largest_of_strip<T>(K, lines, largest, {x.data, x.stride}, larger_number<T>);
        sum_of_strip(K, lines, stats.row(0), [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            const vec<T> e = exp(load_partial<T>(x.row(k) + j, n) - load(largest + j));
            store_partial(y.row(k) + j, e, n);
            return e;
        });
    }

    template <typename V>
    PYDL_INLINE static V prepared(V sum) {
        return T(1) / sum;
    }

    static void write_strip(int64_t lines, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const Strip<T> y = at[1];
        for (int64_t k = 0; k < K; ++k)
            for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
                store_partial(y.row(k) + j, load_partial<T>(y.row(k) + j, n) * load(stats.row(0) + j), n);
            });
    }
};

template <typename T>
struct SoftmaxGradient : LinesInPieces<T, SoftmaxGradient<T>> {
    static constexpr int kNear = 2, kFar = 2;  // three arrays take long to turn
    static constexpr bool kExponentials = false, kScaled = false;

    static void look_at_row(int64_t, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const T *const dy = at[0].data, *const y = at[1].data;
        const T sum = sum_of_row<T>(K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
            return load_partial(dy + i, n) * load_partial(y + i, n);
        });
        stats.row(0)[0] = sum;
    }

    static void write_row(int64_t, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const T *const dy = at[0].data, *const y = at[1].data, sum = stats.row(0)[0];
        T* const dx = at[2].data;
        for_vectors<T>(K, [&](int64_t i, int64_t n, int) PYDL_INLINE_LAMBDA {
            store_partial(dx + i, load_partial(y + i, n) * (load_partial(dy + i, n) - sum), n);
        });
    }

    static void look_at_strip(int64_t lines, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const Strip<T> dy = at[0], y = at[1];
        sum_of_strip(K, lines, stats.row(0), [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return load_partial<T>(dy.row(k) + j, n) * load_partial<T>(y.row(k) + j, n);
        });
    }

    template <typename V>
    PYDL_INLINE static V prepared(V sum) {
        return sum;
    }

    static void write_strip(int64_t lines, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const Strip<T> dy = at[0], y = at[1], dx = at[2];
        for (int64_t k = 0; k < K; ++k)
            for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
                const vec<T> slope = load_partial<T>(dy.row(k) + j, n) - load(stats.row(0) + j);
                store_partial(dx.row(k) + j, load_partial<T>(y.row(k) + j, n) * slope, n);
            });
    }
};

}  // namespace

template <typename T>
void softmax_forward(Array<const T, 3> x, Array<T, 3> y) {
    require(same_shape(x, y), "softmax_forward: x must have the shape of y");
    if (y.size() > 0) for_each_line<T>(Softmax<T>{}, y.shape, x, y);
}
PYDL_KERNEL(softmax_forward, "x, y")

template <typename T>
void softmax_backward(Array<const T, 3> dy, Array<const T, 3> y, Array<T, 3> dx) {
    require(same_shape(dy, dx) && same_shape(y, dx), "softmax_backward: dy and y must have the shape of dx");
    if (dx.size() > 0) for_each_line<T>(SoftmaxGradient<T>{}, dx.shape, dy, y, dx);
}
PYDL_KERNEL(softmax_backward, "dy, y, dx")

}  // namespace pydl::PYDL_ISA
