// How softmax and log_softmax walk through (A, K, B) along K, one line or one strip of lines at a time.
//
// Where B = 1 a line is a row: vectors lie along it, and what is needed of it is in the first cache after the
// first look. Else the lanes of a vector are neighbouring lines, and a strip of as many as fit the second
// cache is worked off row by row: memory is quickest where much of a row is read at once.
#pragma once
#include "row_vectors.h"
#include "scratch.h"
#include "softmax_lines.h"
#include "turned_rows.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kSoftmaxStrip = 3 << 16;  // bytes of one input, if the strip can be that narrow
constexpr int64_t kSoftmaxLines = 1024;     // in a strip at most
constexpr int64_t kSoftmaxGrain = 4096;     // exponentials worth a task of their own
constexpr int64_t kSoftmaxTasks = 16;       // that there are at least, if they are worth it

// A matrix of K rows of S numbers, S a whole number of vectors or the last ones not to be touched.
template <typename T>
struct Strip {
    T* data;
    int64_t stride;
    T* row(int64_t k) const { return data + k * stride; }
};

template <typename T>
[[gnu::noinline]] void copy_along(const T* from, int64_t from_stride, T* to, int64_t to_stride,
                                  int64_t count) {
    for (int64_t i = 0; i < count; i += width<T>) {
        const int64_t n = count - i < width<T> ? count - i : width<T>;
        store_strided<T>(to + i * to_stride, to_stride, load_strided(from + i * from_stride, from_stride, n),
                         n);
    }
}

// A call whose arguments are evaluated in their order, as those of a constructor in braces are.
template <typename Rule, typename T, typename... X>
struct StripRun {
    StripRun(int64_t K, int64_t lines, T* sums, T* more, Strip<T> y,
             std::conditional_t<true, Strip<const T>, X>... x) {
        Rule::strip(K, lines, sums, more, y, x...);
    }
};

// How many of B lines of K numbers make a strip: a whole number of vectors, and all strips alike.
template <typename T>
int64_t lines_of_strip(int64_t A, int64_t K, int64_t B) {
    constexpr int64_t W = width<T>;
    const auto at_least = [](int64_t a, int64_t b) { return a > b ? a : b; };
    const auto at_most = [](int64_t a, int64_t b) { return a < b ? a : b; };
    const int64_t shared = at_least(A * B / kSoftmaxTasks, kSoftmaxGrain / K),
                  near = kSoftmaxStrip / int64_t(sizeof(T)) / K;
    const int64_t most = at_least(at_most(at_most(shared, near), kSoftmaxLines), 4 * W);
    const int64_t vectors = (B - 1) / W + 1, strips = (vectors - 1) / (most / W) + 1;
    return ((vectors - 1) / strips + 1) * W;
}

// Rule::row(K, y, x...) for each line and Rule::strip(K, S, sums, y, x...) for each strip of S lines, where
// sums are two arrays of S numbers, padded to whole vectors. y may be x.
template <typename Rule, typename T, typename... X>
void for_each_strip(const Array<T, 3>& y, const X&... x) {
    constexpr int64_t W = width<T>, kInputs = sizeof...(X);
    const int64_t A = y.shape[0], K = y.shape[1], B = y.shape[2];
    if (B == 1 && turns<T>(A, K)) {
        constexpr int64_t S = 4 * W;
        parallel_for((A - 1) / S + 1, kSoftmaxGrain / (K * S) + 1, [&](int64_t begin, int64_t end) {
            Scratch<T> copies((kInputs + 1) * K * S), sums(2 * S);
            for (int64_t i = begin; i < end; ++i) {
                const int64_t a = i * S, rows = A - a < S ? A - a : S;
                T* next = copies.data();
                const auto part = [&](const auto& from) {
                    turn_rows<S>(from.data + a * from.stride[0], from.stride[0], from.stride[1], rows, K,
                                 next);
                    next += K * S;
                    return Strip<const T>{next - K * S, S};
                };
                T* const result = copies.data() + kInputs * K * S;
                StripRun<Rule, T, X...>{K,         rows, sums.data(), sums.data() + S, Strip<T>{result, S},
                                        part(x)...};
                turn_back<S>(result, rows, K, y.data + a * y.stride[0], y.stride[0], y.stride[1]);
            }
        });
        return;
    }
    if (B == 1) {
        const bool plain = y.stride[1] == 1 && ((x.stride[1] == 1) && ...);
        parallel_for(A, kSoftmaxGrain / (K + 1) + 1, [&](int64_t begin, int64_t end) {
            Scratch<T> copies(plain ? 0 : (kInputs + 1) * K);
            for (int64_t a = begin; a < end; ++a) {
                if (plain) {
                    Rule::row(K, y.data + a * y.stride[0], x.data + a * x.stride[0]...);
                    continue;
                }
                T* next = copies.data();
                const auto copy = [&](const auto& from) {
                    copy_along<T>(from.data + a * from.stride[0], from.stride[1], next, 1, K);
                    return static_cast<const T*>(next += K) - K;
                };
                T* const result = copies.data() + kInputs * K;
                // In braces, because the order of the copies has to be that of the arguments.
                struct Run {
                    Run(int64_t K, T* y, decltype(x.data)... x) { Rule::row(K, y, x...); }
                };
                Run{K, result, copy(x)...};
                copy_along<T>(result, 1, y.data + a * y.stride[0], y.stride[1], K);
            }
        });
        return;
    }
    const int64_t S = lines_of_strip<T>(A, K, B);
    const bool copied = !(y.stride[2] == 1 && ((x.stride[2] == 1) && ...));
    const int64_t strips = (B - 1) / S + 1;
    parallel_for(A * strips, kSoftmaxGrain / (K * S) + 1, [&](int64_t begin, int64_t end) {
        Scratch<T> copies(copied ? (kInputs + 1) * K * S : 0), sums(2 * S);
        for (int64_t i = begin; i < end; ++i) {
            const int64_t a = i / strips, b = i % strips * S, lines = B - b < S ? B - b : S;
            T* next = copies.data();
            const auto part = [&](const auto& from) {
                const T* first = from.data + a * from.stride[0] + b * from.stride[2];
                if (!copied) return Strip<const T>{first, from.stride[1]};
                for (int64_t k = 0; k < K; ++k)
                    copy_along<T>(first + k * from.stride[1], from.stride[2], next + k * S, 1, lines);
                next += K * S;
                return Strip<const T>{next - K * S, S};
            };
            T* to = y.data + a * y.stride[0] + b * y.stride[2];
            const Strip<T> result =
                copied ? Strip<T>{copies.data() + kInputs * K * S, S} : Strip<T>{to, y.stride[1]};
            StripRun<Rule, T, X...>{K, lines, sums.data(), sums.data() + S, result, part(x)...};
            if (copied)
                for (int64_t k = 0; k < K; ++k)
                    copy_along<T>(result.row(k), 1, to + k * y.stride[1], y.stride[2], lines);
        }
    });
}

// most[j] = the largest of column j.
template <typename T>
PYDL_INLINE void largest_of_strip(int64_t K, int64_t lines, T* most, Strip<const T> x) {
    for (int64_t k = 0; k < K; ++k)
        for_vectors<T>(lines, [&](int64_t j, int64_t n, int) PYDL_INLINE_LAMBDA {
            const vec<T> v = load_partial(x.row(k) + j, n);
            store(most + j, k == 0 ? v : max(load(most + j), v));
        });
}

// sums[j] += what f(k, j, n) gives, over all k.
template <typename T, typename F>
PYDL_INLINE void sum_of_strip(int64_t K, int64_t lines, T* sums, F f) {
    for (int64_t k = 0; k < K; ++k)
        for_vectors<T>(lines, [&](int64_t j, int64_t n, int) PYDL_INLINE_LAMBDA {
            const vec<T> v = f(k, j, n);
            store(sums + j, k == 0 ? v : load(sums + j) + v);
        });
}

}  // namespace pydl::PYDL_ISA
