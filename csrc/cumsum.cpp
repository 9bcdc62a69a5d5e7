// cumsum: y[a, k, b] = the sum, or product, of x[a, k', b] over k' <= k, or over k' >= k if it goes
// backwards; prod: the product over some dimensions. See pydl/ops/cumsum.py.
#include "kernel.h"
#include "parallel.h"
#include "reductions/reduce.h"
#include "simd/doubles.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kLines =
    4;  // lines that are summed at once, because each addition waits for the one before it

// What T is summed in: whole numbers, of 64 bits, as they are.
template <typename T>
using SumOf = std::conditional_t<std::is_integral_v<T>, T, double>;

// What a line begins with, and what becomes of it with the next number.
template <bool product>
constexpr int kNothing = product ? 1 : 0;
template <bool product, typename V>
PYDL_INLINE V joined(V sum, V next) {
    return product ? sum * next : sum + next;
}

// `Lines` lines of K numbers, `line` apart; step is from one number to the next.
template <int Lines, bool product, typename T>
void sum_lines(const T* x, int64_t x_line, int64_t x_step, T* y, int64_t y_line, int64_t y_step, int64_t K) {
    SumOf<T> sum[Lines];
    for (auto& each : sum) each = kNothing<product>;
    for (int64_t k = 0; k < K; ++k)
#pragma GCC unroll 4
        for (int l = 0; l < Lines; ++l) {
            sum[l] = joined<product>(sum[l], SumOf<T>(x[l * x_line + k * x_step]));
            y[l * y_line + k * y_step] = T(sum[l]);
        }
}

constexpr int kColumnVectors = 4;

template <typename T>
PYDL_INLINE vec<SumOf<T>> read_numbers(const T* p, int64_t n) {
    if constexpr (std::is_integral_v<T>)
        return load_partial(p, n);
    else
        return n == width<double> ? read_double(p) : read_double(p, n);
}

// y = the sums, rounded.
template <typename T>
PYDL_INLINE void store_sums(T* y, vec<SumOf<T>> sum, int64_t n) {
    if constexpr (std::is_integral_v<T>)
        __builtin_memcpy(y, &sum, size_t(n) * sizeof(T));
    else
        store_doubles(y, sum, n);
}

// Vectors of neighbouring columns at a time.
template <bool product, typename T>
void sum_columns_along(const T* x, int64_t x_step, T* y, int64_t y_step, int64_t K, int64_t columns) {
    constexpr int64_t W = width<double>;
    if (columns == kColumnVectors * W) {
        vec<SumOf<T>> sum[kColumnVectors];
        for (auto& each : sum) each = broadcast<SumOf<T>>(kNothing<product>);
        for (int64_t k = 0; k < K; ++k, x += x_step, y += y_step)
#pragma GCC unroll 4
            for (int v = 0; v < kColumnVectors; ++v) {
                sum[v] = joined<product>(sum[v], read_numbers(x + v * W, W));
                store_sums(y + v * W, sum[v], W);
            }
        return;
    }
    if (columns < W) {
        vec<SumOf<T>> sum = broadcast<SumOf<T>>(kNothing<product>);
        for (int64_t k = 0; k < K; ++k) {
            sum = joined<product>(sum, read_numbers(x + k * x_step, columns));
            store_sums(y + k * y_step, sum, columns);
        }
        return;
    }
    // The last vector ends with the row. What it has in common with the one before comes out alike, if all is
    // read before anything is written: y may be x.
    const int64_t vectors = (columns - 1) / W + 1, last = columns - W;
    vec<SumOf<T>> sum[kColumnVectors], next[kColumnVectors];
    for (auto& each : sum) each = broadcast<SumOf<T>>(kNothing<product>);
    for (int64_t k = 0; k < K; ++k, x += x_step, y += y_step) {
        for (int64_t v = 0; v < vectors; ++v) next[v] = read_numbers(x + (v * W < last ? v * W : last), W);
        for (int64_t v = 0; v < vectors; ++v) {
            sum[v] = joined<product>(sum[v], next[v]);
            store_sums(y + (v * W < last ? v * W : last), sum[v], W);
        }
    }
}

// The product, or the sum, in the numbers' own type.
template <typename T, bool product>
struct Joined {
    using Sum = T;
    static vec<T> identity() { return broadcast<T>(kNothing<product>); }
    PYDL_INLINE static vec<T> read(const T* p) { return load(p); }
    PYDL_INLINE static vec<T> combine(vec<T> a, vec<T> b) { return joined<product>(a, b); }
    PYDL_INLINE static T fold(vec<T> v) {
        return reduce<width<T> / 2>(v, [](vec<T> a, vec<T> b) { return combine(a, b); });
    }
    template <typename V>
    PYDL_INLINE static V finish(V all, int64_t) {
        return all;
    }

    PYDL_INLINE static vec<T> of(vec<T> x) { return x; }
    PYDL_INLINE static vec<T> start() { return identity(); }
    PYDL_INLINE static vec<T> join(vec<T> a, vec<T> b) { return combine(a, b); }
    PYDL_INLINE static vec<T> first(vec<T> v, int64_t n) {
        return select(iota<int_of<T>>() < int_of<T>(n), v, identity());
    }
    PYDL_INLINE static T join_sums(T a, T b) { return joined<product>(a, b); }
    struct Total {
        vec<T> all = identity();
        PYDL_INLINE void take(vec<T> v) { all = combine(all, v); }
        T fold() const { return Joined::fold(all); }
    };
};

template <typename T>
void scan(const Array<const T, 3>& x, bool backwards, bool product, const Array<T, 3>& y) {
    const int64_t A = x.shape[0], K = x.shape[1], B = x.shape[2];
    require(y.shape[0] == A && y.shape[1] == K && y.shape[2] == B, "cumsum: x and y are (A, K, B)");
    if (y.size() == 0) return;
    const T* from = x.data + (backwards ? (K - 1) * x.stride[1] : 0);
    T* to = y.data + (backwards ? (K - 1) * y.stride[1] : 0);
    const int64_t x_step = backwards ? -x.stride[1] : x.stride[1],
                  y_step = backwards ? -y.stride[1] : y.stride[1];
    // Parts of vectors are stored slowly.
    if (B >= width<double> && x.stride[2] == 1 && y.stride[2] == 1) {
        constexpr int64_t kColumns = kColumnVectors * width<double>;
        const int64_t strips = (B - 1) / kColumns + 1;
        parallel_for(A * strips, kElementwiseGrain / 4 / (K * kColumns) + 1, [&](int64_t begin, int64_t end) {
            for (int64_t task = begin; task < end; ++task) {
                const int64_t a = task / strips, b = task % strips * kColumns;
                const auto along = product ? sum_columns_along<true, T> : sum_columns_along<false, T>;
                along(from + a * x.stride[0] + b, x_step, to + a * y.stride[0] + b, y_step, K,
                      B - b < kColumns ? B - b : kColumns);
            }
        });
        return;
    }
    for (int64_t b = 0; b < B; ++b) {
        const int64_t groups = (A - 1) / kLines + 1;
        parallel_for(groups, kElementwiseGrain / 4 / (K * kLines) + 1, [&](int64_t begin, int64_t end) {
            for (int64_t group = begin; group < end; ++group) {
                const int64_t a = group * kLines;
                const T* p = from + a * x.stride[0] + b * x.stride[2];
                T* q = to + a * y.stride[0] + b * y.stride[2];
                if (a + kLines <= A) {
                    const auto lines = product ? sum_lines<kLines, true, T> : sum_lines<kLines, false, T>;
                    lines(p, x.stride[0], x_step, q, y.stride[0], y_step, K);
                    continue;
                }
                const auto line = product ? sum_lines<1, true, T> : sum_lines<1, false, T>;
                for (int64_t l = 0; l < A - a; ++l)
                    line(p + l * x.stride[0], 0, x_step, q + l * y.stride[0], 0, y_step, K);
            }
        });
    }
}

}  // namespace

template <typename T>
void cumsum_forward(Array<const T, 3> x, bool backwards, bool product, Array<T, 3> y) {
    scan(x, backwards, product, y);
}
PYDL_KERNEL(cumsum_forward, "x, backwards, product, y")

// Whole numbers are added and multiplied modulo 2^64.
template <typename Y, int R, typename X>
Array<Y, R> unsigned_of(const Array<X, R>& x) {
    Array<Y, R> same;
    same.data = reinterpret_cast<Y*>(x.data);
    for (int d = 0; d < R; ++d) same.shape[d] = x.shape[d], same.stride[d] = x.stride[d];
    return same;
}

inline void cumsum_integers(Array<const int64_t, 3> x, bool product, Array<int64_t, 3> y) {
    scan(unsigned_of<const uint64_t>(x), false, product, unsigned_of<uint64_t>(y));
}
PYDL_KERNEL_OF_NUMBERS(cumsum_integers, "x, product, y")

template <typename T>
void prod_forward(NdArray<const T> x, NdArray<T> y) {
    reduce<Joined<T, true>>("prod_forward: y must have the shape of x, with 1 where it is reduced", x, y);
}
PYDL_KERNEL(prod_forward, "x, y")

// The sum of whole numbers, modulo 2^64: that of sum.cpp is one of doubles.
inline void sum_integers(NdArray<const int64_t> x, NdArray<int64_t> y) {
    reduce<Joined<uint64_t, false>>("sum_integers: y must have the shape of x, with 1 where it is summed",
                                    NdArray<const uint64_t>{x, reinterpret_cast<const uint64_t*>(x.data)},
                                    NdArray<uint64_t>{y, reinterpret_cast<uint64_t*>(y.data)});
}
PYDL_KERNEL_OF_NUMBERS(sum_integers, "x, y")

}  // namespace pydl::PYDL_ISA
