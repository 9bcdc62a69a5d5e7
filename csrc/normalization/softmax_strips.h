// How softmax and its relatives walk through arrays (A, K, B) along K, one line or one strip of lines at a
// time.
//
// Where B = 1 a line is a row: vectors lie along it, and what is needed of it is in the first cache after the
// first look. Else the lanes of a vector are neighbouring lines, and a strip of as many as fit the second
// cache is worked off row by row: memory is quickest where much of a row is read at once. Rows of a few
// numbers would leave most lanes empty: they are turned and worked off as strips.
#pragma once
#include "elementwise/row_vectors.h"
#include "normalization/turned_rows.h"
#include "scratch.h"

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
struct InOrder {
    template <typename F, typename... Parts>
    InOrder(const F& f, Parts... parts) {
        f(parts...);
    }
};

template <typename A, typename B>
bool same_shape(const Array<A, 3>& a, const Array<B, 3>& b) {
    return a.shape[0] == b.shape[0] && a.shape[1] == b.shape[1] && a.shape[2] == b.shape[2];
}

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

// What a rule for lines may have besides row and strip: see for_each_strip.
struct LineRule {
    static constexpr int kSums = 1;
    static constexpr int kNear = 4, kFar = 4;  // when rows are turned: see turns()
    void finish(int64_t, int64_t) const {}
};

// Arrays (A, K, B) by the line, or by the strip of S neighbouring lines; lines are numbered in the order of
// (a, b):
//
//     rule.row(line, K, a pointer into each array...)
//     rule.strip(first line, lines, K, sums, a Strip of each array...)     sums: kSums rows of S numbers
//     rule.finish(begin, end)              when the lines from begin to end have been looked at
//
// All have numbers one behind another: what lies otherwise is copied, and what is not const copied back. An
// array that is written may be one that is read.
template <typename T, typename Rule, typename... X>
void for_each_strip(const Rule& rule, const int64_t (&shape)[3], const Array<X, 3>&... arrays) {
    constexpr int64_t W = width<T>, kArrays = sizeof...(X);
    const int64_t A = shape[0], K = shape[1], B = shape[2];
    if (B == 1 && !turns<T>(A, K, Rule::kNear, Rule::kFar)) {
        const bool copied = !((arrays.stride[1] == 1) && ...);
        parallel_for(A, kSoftmaxGrain / (K + 1) + 1, [&](int64_t begin, int64_t end) {
            Scratch<T> copies(copied ? kArrays * K : 0);
            for (int64_t a = begin; a < end; ++a) {
                T* next = copies.data();
                const auto in = [&](const auto& x) {
                    if (!copied) return x.data + a * x.stride[0];
                    if constexpr (std::is_const_v<std::remove_pointer_t<decltype(x.data)>>)
                        copy_along<T>(x.data + a * x.stride[0], x.stride[1], next, 1, K);
                    return static_cast<decltype(x.data)>(next += K) - K;
                };
                InOrder{[&](X*... row) { rule.row(a, K, row...); }, in(arrays)...};
                next = copies.data();
                const auto out = [&](const auto& x) {
                    if constexpr (!std::is_const_v<std::remove_pointer_t<decltype(x.data)>>)
                        copy_along<T>(next, 1, x.data + a * x.stride[0], x.stride[1], K);
                    next += K;
                };
                if (copied) (out(arrays), ...);
            }
            rule.finish(begin, end);
        });
        return;
    }
    const bool turned = B == 1, copied = turned || !((arrays.stride[2] == 1) && ...);
    const bool far = turned && are_far<T>(A * K);
    const int64_t S = turned ? 4 * W : lines_of_strip<T>(A, K, B);
    const int64_t strips = turned ? 1 : (B - 1) / S + 1, bundles = turned ? (A - 1) / S + 1 : A;
    parallel_for(bundles * strips, kSoftmaxGrain / (K * S) + 1, [&](int64_t begin, int64_t end) {
        Scratch<T> copies(copied ? kArrays * K * S : 0), sums(Rule::kSums * S);
        for (int64_t i = begin; i < end; ++i) {
            const int64_t a = turned ? i * S : i / strips, b = turned ? 0 : i % strips * S;
            const int64_t left = turned ? A - a : B - b, lines = left < S ? left : S;
            T* next = copies.data();
            const auto in = [&](const auto& x) {
                using Number = std::remove_pointer_t<decltype(x.data)>;
                const auto first = x.data + a * x.stride[0] + b * x.stride[2];
                if (!copied) return Strip<Number>{first, x.stride[1]};
                if constexpr (std::is_const_v<Number>) {
                    if (turned)
                        turn_rows<4 * W>(first, x.stride[0], x.stride[1], lines, K, next, far);
                    else
                        for (int64_t k = 0; k < K; ++k)
                            copy_along<T>(first + k * x.stride[1], x.stride[2], next + k * S, 1, lines);
                }
                next += K * S;
                return Strip<Number>{next - K * S, S};
            };
            InOrder{[&](Strip<X>... strip) {
                        rule.strip(a * B + b, lines, K, Strip<T>{sums.data(), S}, strip...);
                    },
                    in(arrays)...};
            rule.finish(a * B + b, a * B + b + lines);
            next = copies.data();
            const auto out = [&](const auto& x) {
                if constexpr (!std::is_const_v<std::remove_pointer_t<decltype(x.data)>>) {
                    T* const to = x.data + a * x.stride[0] + b * x.stride[2];
                    if (turned)
                        turn_back<4 * W>(next, lines, K, to, x.stride[0], x.stride[1], far);
                    else
                        for (int64_t k = 0; k < K; ++k)
                            copy_along<T>(next + k * S, 1, to + k * x.stride[1], x.stride[2], lines);
                }
                next += K * S;
            };
            if (copied) (out(arrays), ...);
        }
    });
}

// f(j, n) for the vectors of a strip: first line, lines (n <= width). One at a time, since those of different
// lines do not wait for each other.
template <typename T, typename F>
PYDL_INLINE void for_lines(int64_t lines, F f) {
    int64_t j = 0;
    for (; j + width<T> <= lines; j += width<T>) f(j, width<T>);
    if (j < lines) f(j, lines - j);
}

// most[j] = the largest of column j.
template <typename T>
PYDL_INLINE void largest_of_strip(int64_t K, int64_t lines, T* most, Strip<const T> x) {
    for (int64_t k = 0; k < K; ++k)
        for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            const vec<T> v = load_partial(x.row(k) + j, n);
            store_partial(most + j, k == 0 ? v : max(load_partial(most + j, n), v), n);
        });
}

// sums[j] += what f(k, j, n) gives, over all k.
template <typename T, typename F>
PYDL_INLINE void sum_of_strip(int64_t K, int64_t lines, T* sums, F f) {
    for (int64_t k = 0; k < K; ++k)
        for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            const vec<T> v = f(k, j, n);
            store_partial(sums + j, k == 0 ? v : load_partial(sums + j, n) + v, n);
        });
}

}  // namespace pydl::PYDL_ISA
