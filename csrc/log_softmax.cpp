// log_softmax along the middle dimension of (A, K, B). See pydl/ops/log_softmax.py.
#include "kernel.h"
#include "normalization/softmax_pieces.h"

namespace pydl::PYDL_ISA {
namespace {

// y = (x - largest) - log sum, in two steps: largest + log sum would round off the small part.
template <typename T>
struct LogSoftmax : LinesInPieces<T, LogSoftmax<T>> {
    static constexpr int kNear = kTurnedRow, kFar = kTurnedRow;
    static constexpr bool kExponentials = true, kScaled = false;

    static void look_at_row(int64_t, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const T* const x = at[0].data;
        const T largest = finite_largest_of_row(x, K);
        const T sum = sum_of_row<T>(K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
            return exp(load_partial(x + i, n) - largest);
        });
        stats.row(0)[0] = sum;
        stats.row(1)[0] = largest;
    }

    static void write_row(int64_t, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const T *const x = at[0].data, largest = stats.row(1)[0], log_sum = stats.row(0)[0];
        T* const y = at[1].data;
        for_vectors<T>(K, [&](int64_t i, int64_t n, int) PYDL_INLINE_LAMBDA {
            store_partial(y + i, (load_partial(x + i, n) - largest) - log_sum, n);
        });
    }

    static void look_at_strip(int64_t lines, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const Strip<const T> x{at[0].data, at[0].stride};
        T* const largest = stats.row(1);
        largest_of_strip<T>(K, lines, largest, x, larger_number<T>);
        sum_of_strip(K, lines, stats.row(0), [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return exp(load_partial(x.row(k) + j, n) - load(largest + j));
        });
    }

    template <typename V>
    PYDL_INLINE static V prepared(V sum) {
        return log(sum);
    }

    static void write_strip(int64_t lines, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const Strip<T> x = at[0], y = at[1];
        for (int64_t k = 0; k < K; ++k)
            for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
                const vec<T> distance = load_partial<T>(x.row(k) + j, n) - load(stats.row(1) + j);
                store_partial(y.row(k) + j, distance - load(stats.row(0) + j), n);
            });
    }
};

template <typename T>
struct LogSoftmaxGradient : LinesInPieces<T, LogSoftmaxGradient<T>> {
    static constexpr int kNear = 3, kFar = 2;  // three arrays take long to turn
    static constexpr bool kExponentials = false, kScaled = false;

    static void look_at_row(int64_t, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const T* const dy = at[0].data;
        const T sum = sum_of_row<T>(
            K, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA { return load_partial(dy + i, n); });
        stats.row(0)[0] = sum;
    }

    static void write_row(int64_t, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const T *const dy = at[0].data, *const y = at[1].data, sum = stats.row(0)[0];
        T* const dx = at[2].data;
        for_vectors<T>(K, [&](int64_t i, int64_t n, int) PYDL_INLINE_LAMBDA {
            store_partial(dx + i, load_partial(dy + i, n) - exp(load_partial(y + i, n)) * sum, n);
        });
    }

    static void look_at_strip(int64_t lines, int64_t K, Strip<T> stats, const Strip<T>* at) {
        const Strip<T> dy = at[0];
        sum_of_strip(K, lines, stats.row(0), [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return load_partial<T>(dy.row(k) + j, n);
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
                const vec<T> p = exp(load_partial<T>(y.row(k) + j, n));
                store_partial(dx.row(k) + j, load_partial<T>(dy.row(k) + j, n) - p * load(stats.row(0) + j),
                              n);
            });
    }
};

}  // namespace

template <typename T>
void log_softmax_forward(Array<const T, 3> x, Array<T, 3> y) {
    require(same_shape(x, y), "log_softmax_forward: x must have the shape of y");
    if (y.size() > 0) for_each_line<T>(LogSoftmax<T>{}, y.shape, x, y);
}
PYDL_KERNEL(log_softmax_forward, "x, y")

template <typename T>
void log_softmax_backward(Array<const T, 3> dy, Array<const T, 3> y, Array<T, 3> dx) {
    require(same_shape(dy, dx) && same_shape(y, dx),
            "log_softmax_backward: dy and y must have the shape of dx");
    if (dx.size() > 0) for_each_line<T>(LogSoftmaxGradient<T>{}, dx.shape, dy, y, dx);
}
PYDL_KERNEL(log_softmax_backward, "dy, y, dx")

}  // namespace pydl::PYDL_ISA
