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
constexpr int64_t kSoftmaxBeside = 2048;    // numbers of a line of which some are turned at once

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
    static constexpr bool kHasRows = false;    // rows(lines, K, a Strip of each array...) in place of row
    void finish(int64_t, int64_t) const {}
};

constexpr int kLineArrays = 3;  // at most

// A rule of any type, so that the walk is compiled once for all of them, and the arrays it is for.
template <typename T>
struct LineWork {
    const void* rule;
    void (*rows)(const void* rule, int64_t line, int64_t lines, int64_t K, const Strip<T>* at);
    void (*strip)(const void* rule, int64_t line, int64_t lines, int64_t K, Strip<T> sums,
                  const Strip<T>* at);
    void (*finish)(const void* rule, int64_t begin, int64_t end);
    int sums, near, far, arrays;
    Array<T, 3> array[kLineArrays];
    bool written[kLineArrays];

    // Of how many arrays the numbers along a dimension stand one behind another.
    int dense(int dimension) const {
        int count = 0;
        for (int x = 0; x < arrays; ++x) count += array[x].stride[dimension] == 1;
        return count;
    }
};

template <typename T>
[[gnu::noinline]] void walk_rows(const LineWork<T>& work, int64_t A, int64_t K) {
    const bool copied = work.dense(1) < work.arrays;
    parallel_for(A, kSoftmaxGrain / (K + 1) + 1, [&](int64_t begin, int64_t end) {
        const Scratch<T> copies(copied ? work.arrays * K : 0);
        Strip<T> at[kLineArrays];
        const auto row_of = [&](int x, int64_t a) {
            return work.array[x].data + a * work.array[x].stride[0];
        };
        for (int x = 0; !copied && x < work.arrays; ++x) at[x] = {row_of(x, begin), work.array[x].stride[0]};
        if (!copied) work.rows(work.rule, begin, end - begin, K, at);
        for (int64_t a = begin; copied && a < end; ++a) {
            for (int x = 0; x < work.arrays; ++x) {
                at[x] = {copies.data() + x * K, K};
                if (!work.written[x]) copy_along<T>(row_of(x, a), work.array[x].stride[1], at[x].data, 1, K);
            }
            work.rows(work.rule, a, 1, K, at);
            for (int x = 0; x < work.arrays; ++x)
                if (work.written[x]) copy_along<T>(at[x].data, 1, row_of(x, a), work.array[x].stride[1], K);
        }
        work.finish(work.rule, begin, end);
    });
}

template <typename T>
[[gnu::noinline]] void walk_strips(const LineWork<T>& work, int64_t A, int64_t K, int64_t B, bool turned) {
    constexpr int64_t kTurned = 4 * width<T>;
    const bool copied = turned || work.dense(2) < work.arrays, far = turned && are_far<T>(A * K);
    const int64_t S = turned ? kTurned : lines_of_strip<T>(A, K, B);
    const int64_t strips = turned ? 1 : (B - 1) / S + 1, bundles = turned ? (A - 1) / S + 1 : A;
    parallel_for(bundles * strips, kSoftmaxGrain / (K * S) + 1, [&](int64_t begin, int64_t end) {
        const Scratch<T> copies(copied ? work.arrays * K * S : 0), sums(work.sums * S);
        for (int64_t i = begin; i < end; ++i) {
            const int64_t a = turned ? i * S : i / strips, b = turned ? 0 : i % strips * S;
            const int64_t left = turned ? A - a : B - b, lines = left < S ? left : S;
            Strip<T> at[kLineArrays];
            for (int x = 0; x < work.arrays; ++x) {
                const Array<T, 3>& array = work.array[x];
                T* const first = array.data + a * array.stride[0] + b * array.stride[2];
                const bool in_place = !copied || (turned && array.stride[0] == 1);
                at[x] = in_place ? Strip<T>{first, array.stride[1]} : Strip<T>{copies.data() + x * K * S, S};
                if (in_place || work.written[x]) continue;
                if (turned)
                    turn_rows<kTurned, T>(first, array.stride[0], array.stride[1], lines, K, at[x].data, far);
                else
                    for (int64_t k = 0; k < K; ++k)
                        copy_along<T>(first + k * array.stride[1], array.stride[2], at[x].row(k), 1, lines);
            }
            work.strip(work.rule, a * B + b, lines, K, Strip<T>{sums.data(), S}, at);
            work.finish(work.rule, a * B + b, a * B + b + lines);
            for (int x = 0; copied && x < work.arrays; ++x) {
                const Array<T, 3>& array = work.array[x];
                if (!work.written[x] || (turned && array.stride[0] == 1)) continue;
                T* const first = array.data + a * array.stride[0] + b * array.stride[2];
                if (turned)
                    turn_back<kTurned, T>(at[x].data, lines, K, first, array.stride[0], array.stride[1], far);
                else
                    for (int64_t k = 0; k < K; ++k)
                        copy_along<T>(at[x].row(k), 1, first + k * array.stride[1], array.stride[2], lines);
            }
        }
    });
}

// Matrices (K, B) without gaps whose lines are too few to fill a vector, for rules that ask neither for the
// number of a line nor for finish: the numbers of many matrices are turned, so that lanes are lines of
// different ones.
template <typename T>
[[gnu::noinline]] void walk_matrices(const LineWork<T>& work, int64_t A, int64_t K, int64_t B) {
    constexpr int64_t S = 4 * width<T>;
    const int64_t count = K * B;
    const bool far = are_far<T>(A * count);
    parallel_for((A - 1) / S + 1, kSoftmaxGrain / (count * S) + 1, [&](int64_t begin, int64_t end) {
        const Scratch<T> copies(work.arrays * count * S), sums(work.sums * S);
        const auto copy = [&](int x) { return copies.data() + x * count * S; };
        for (int64_t a = begin * S; a < A && a < end * S; a += S) {
            const int64_t lines = A - a < S ? A - a : S;
            const auto first = [&](int x) { return work.array[x].data + a * work.array[x].stride[0]; };
            for (int x = 0; x < work.arrays; ++x)
                if (!work.written[x])
                    turn_rows<S, T>(first(x), work.array[x].stride[0], 1, lines, count, copy(x), far);
            for (int64_t b = 0; b < B; ++b) {
                Strip<T> at[kLineArrays];
                for (int x = 0; x < work.arrays; ++x) at[x] = {copy(x) + b * S, B * S};
                work.strip(work.rule, 0, lines, K, Strip<T>{sums.data(), S}, at);
            }
            for (int x = 0; x < work.arrays; ++x)
                if (work.written[x])
                    turn_back<S, T>(copy(x), lines, count, first(x), work.array[x].stride[0], 1, far);
        }
    });
}

// The rule's own functions, called with the arrays one by one.
template <typename T, typename Rule, typename... X, int... I>
LineWork<T> line_work(const Rule& rule, std::integer_sequence<int, I...>, const Array<X, 3>&... arrays) {
    return {&rule,
            [](const void* rule, int64_t line, int64_t lines, int64_t K, const Strip<T>* at) {
                if constexpr (Rule::kHasRows)
                    return static_cast<const Rule*>(rule)->rows(lines, K,
                                                                Strip<X>{at[I].data, at[I].stride}...);
                else  // together: where row() is inlined, what all of them need stays in registers
                    for (int64_t i = 0; i < lines; ++i)
                        static_cast<const Rule*>(rule)->row(line + i, K, static_cast<X*>(at[I].row(i))...);
            },
            [](const void* rule, int64_t line, int64_t lines, int64_t K, Strip<T> sums, const Strip<T>* at) {
                static_cast<const Rule*>(rule)->strip(line, lines, K, sums,
                                                      Strip<X>{at[I].data, at[I].stride}...);
            },
            [](const void* rule, int64_t begin, int64_t end) {
                static_cast<const Rule*>(rule)->finish(begin, end);
            },
            Rule::kSums,
            Rule::kNear,
            Rule::kFar,
            int(sizeof...(X)),
            {{const_cast<T*>(arrays.data),
              {arrays.shape[0], arrays.shape[1], arrays.shape[2]},
              {arrays.stride[0], arrays.stride[1], arrays.stride[2]}}...},
            {!std::is_const_v<X>...}};
}

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
    const auto work = line_work<T>(rule, std::make_integer_sequence<int, int(sizeof...(X))>{}, arrays...);
    const int64_t A = shape[0], K = shape[1], B = shape[2];
    // Where neighbouring lines lie side by side in one of the arrays, turning spares that one the turn.
    const bool beside = A > 1 && work.dense(0) > 0 && K <= kSoftmaxBeside;
    const bool turned = B == 1 && (beside || turns<T>(A, K, work.near, work.far));
    if (B == 1 && !turned)
        walk_rows(work, A, K);
    else
        walk_strips(work, A, K, B, turned);
}

// f(j, n) for the vectors of a strip: first line, lines (n <= width). One at a time, since those of different
// lines do not wait for each other.
template <typename T, typename F>
PYDL_INLINE void for_lines(int64_t lines, F f) {
    int64_t j = 0;
    for (; j + width<T> <= lines; j += width<T>) f(j, width<T>);
    if (j < lines) f(j, lines - j);
}

template <typename T>
constexpr T kLargestNumber = T(sizeof(T) == 4 ? 0x1.fffffep127 : 0x1.fffffffffffffp1023);

// The larger number. NaN may be passed over: where the sum of the exponentials is asked for as well, it has
// NaN all the same.
template <typename T>
PYDL_INLINE vec<T> larger_number(vec<T> a, vec<T> b) {
    return a > b ? a : b;
}

// The largest number, but for NaN; of nothing but -inf the least finite one, so that exp(x - largest) is 0.
template <typename T>
PYDL_INLINE T finite_largest_of_row(const T* x, int64_t count) {
    const T largest = largest_of_row<T>(x, count, larger_number<T>);
    return largest < -kLargestNumber<T> ? -kLargestNumber<T> : largest;
}

// most[j] = that of column j; larger(a, b) is max, or what needs not keep NaN.
template <typename T, typename F>
PYDL_INLINE void largest_of_strip(int64_t K, int64_t lines, T* most, Strip<const T> x, F larger) {
    for (int64_t k = 0; k < K; ++k)
        for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            const vec<T> v = load_partial(x.row(k) + j, n);
            const vec<T> before = k == 0 ? broadcast<T>(-kLargestNumber<T>) : load_partial(most + j, n);
            store_partial(most + j, larger(before, v), n);
        });
}
template <typename T>
PYDL_INLINE void largest_of_strip(int64_t K, int64_t lines, T* most, Strip<const T> x) {
    largest_of_strip<T>(K, lines, most, x, [](vec<T> a, vec<T> b) PYDL_INLINE_LAMBDA { return max(a, b); });
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
