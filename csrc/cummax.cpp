// cummax: the largest, or smallest, element up to each one and where it was. See pydl/ops/cummax.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

// x, or what is ordered the other way round: -x, and ~x of whole numbers, which is there for the smallest
// too.
template <typename T, typename X>
PYDL_INLINE X turned_if(bool smallest, X x) {
    if constexpr (std::is_integral_v<T>)
        return x ^ (smallest ? T(-1) : T(0));
    else
        return x * (smallest ? T(-1) : T(1));
}

// One line of K numbers.
template <typename T>
void extremes_of_line(const T* x, int64_t x_step, bool smallest, T* y, int64_t y_step, int64_t* index,
                      int64_t index_step, int64_t K) {
    T best = turned_if<T>(smallest, x[0]);
    int64_t at = 0;
    for (int64_t k = 0; k < K; ++k) {
        const T each = turned_if<T>(smallest, x[k * x_step]);
        if (each >= best || each != each) {  // rarely
            best = each;
            at = k;
        }
        y[k * y_step] = turned_if<T>(smallest, best);
        index[k * index_step] = at;
    }
}

// `count` neighbouring lines, at most a vector.
template <typename T>
void extremes_of_lines(const T* x, int64_t x_step, bool smallest, T* y, int64_t y_step, int64_t* index,
                       int64_t index_step, int64_t K, int64_t count) {
    using Places = vec<int_of<T>>;
    typedef int64_t Indices __attribute__((vector_size(width<T> * sizeof(int64_t))));
    vec<T> best = turned_if<T>(smallest, load_partial(x, count));
    Places at{};
    for (int64_t k = 0; k < K; ++k) {
        const vec<T> each = turned_if<T>(smallest, load_partial(x + k * x_step, count));
        const auto better = (each >= best) | (each != each);
        best = select(better, each, best);
        at = select(better, Places{} + int_of<T>(k), at);
        store_partial(y + k * y_step, turned_if<T>(smallest, best), count);
        const Indices places = __builtin_convertvector(at, Indices);
        __builtin_memcpy(index + k * index_step, &places, size_t(count) * sizeof(int64_t));
    }
}

template <typename T>
void scan(const Array<const T, 3>& x, bool smallest, const Array<T, 3>& y, const Array<int64_t, 3>& index) {
    const int64_t A = x.shape[0], K = x.shape[1], B = x.shape[2];
    bool fits = K < int64_t(1) << 31;
    for (int d = 0; d < 3; ++d) fits = fits && y.shape[d] == x.shape[d] && index.shape[d] == x.shape[d];
    require(fits, "cummax_forward: x, y and index are (A, K, B)");
    if (y.size() == 0) return;
    const bool across = B > 1 && x.stride[2] == 1 && y.stride[2] == 1 && index.stride[2] == 1;
    const int64_t W = across ? width<T> : 1, strips = (B - 1) / W + 1;
    parallel_for(A * strips, kElementwiseGrain / 4 / (K * W) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const int64_t a = task / strips, b = task % strips * W;
            const T* from = x.data + a * x.stride[0] + b * x.stride[2];
            T* to = y.data + a * y.stride[0] + b * y.stride[2];
            int64_t* places = index.data + a * index.stride[0] + b * index.stride[2];
            if (across)
                extremes_of_lines(from, x.stride[1], smallest, to, y.stride[1], places, index.stride[1], K,
                                  B - b < W ? B - b : W);
            else
                extremes_of_line(from, x.stride[1], smallest, to, y.stride[1], places, index.stride[1], K);
        }
    });
}

}  // namespace

template <typename T>
void cummax_forward(Array<const T, 3> x, bool smallest, Array<T, 3> y, Array<int64_t, 3> index) {
    scan(x, smallest, y, index);
}
PYDL_KERNEL(cummax_forward, "x, smallest, y, index")

inline void cummax_integers(Array<const int64_t, 3> x, bool smallest, Array<int64_t, 3> y,
                            Array<int64_t, 3> index) {
    scan(x, smallest, y, index);
}
PYDL_KERNEL_OF_NUMBERS(cummax_integers, "x, smallest, y, index")

}  // namespace pydl::PYDL_ISA
