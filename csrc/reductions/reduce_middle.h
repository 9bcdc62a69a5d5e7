// Every line along the middle dimension of x (A, K, B) becomes one result, for reductions that are seldom
// what a program waits for: less code than reductions/reduce.h. A rule says what a line is looked at with:
//
//     struct Rule {
//         using State = ...;                                                  of a line, or of a part of one
//         State row(const T* x, int64_t stride, int64_t count) const;
//         void columns(const T* x, int64_t stride, int64_t rows, int64_t count, State* states) const;
//                                                                 of `count` neighbouring lines of `rows`
//                                                                 numbers
//         static void join(State& a, const State& b);                         b is of the numbers behind a's
//         void put(int64_t a, int64_t b, const State& state) const;           the result of line (a, b)
//     };
//
// Where B is 1, lines are rows; those of a few floats are turned and looked at as neighbours. Long lines,
// where there are few, are cut into pieces: where, depends on the shape alone.
#pragma once
#include "normalization/turned_rows.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kMiddleGrain = 16384;  // numbers worth a task of their own
constexpr int64_t kMiddlePieces = 32;    // enough tasks for any processor this is meant for
constexpr int64_t kMiddleColumns = 256;  // neighbouring lines of a task

// In how many pieces lines of K numbers are best cut, if there are so many tasks of `each` lines without
// that.
[[gnu::noinline]] inline int64_t pieces_of_lines(int64_t tasks, int64_t K, int64_t each) {
    const int64_t wanted = kMiddlePieces / tasks, possible = K * each / kMiddleGrain;
    const int64_t pieces = wanted < possible ? wanted : possible;
    return pieces < 2 ? 1 : pieces < K ? pieces : K;
}

template <typename T, typename Rule>
void reduce_middle(const Array<const T, 3>& x, const Rule& rule) {
    using State = typename Rule::State;
    constexpr int64_t S = 4 * width<T>;
    const int64_t A = x.shape[0], K = x.shape[1], B = x.shape[2];
    if (A * B == 0) return;
    if constexpr (std::is_floating_point_v<T>)
        if (B == 1 && turns<T>(A, K)) {
            const bool far = are_far<T>(A * K);
            parallel_for((A - 1) / S + 1, kMiddleGrain / (K * S) + 1, [&](int64_t begin, int64_t end) {
                const Scratch<T> turned(K * S);
                State states[S];
                for (int64_t a = begin * S; a < end * S && a < A; a += S) {
                    const int64_t rows = A - a < S ? A - a : S;
                    turn_rows<S>(x.data + a * x.stride[0], x.stride[0], x.stride[1], rows, K, turned.data(),
                                 far);
                    rule.columns(turned.data(), S, K, S, states);
                    for (int64_t r = 0; r < rows; ++r) rule.put(a + r, 0, states[r]);
                }
            });
            return;
        }
    const int64_t strips = (B - 1) / kMiddleColumns + 1, each = B < kMiddleColumns ? B : kMiddleColumns;
    const int64_t pieces = pieces_of_lines(A * strips, K, each);
    const Scratch<State> partial(pieces > 1 ? A * B * pieces : 0);
    const int64_t grain = kMiddleGrain * pieces / (K * each + 1) + 1;
    parallel_for(A * strips * pieces, grain, [&](int64_t begin, int64_t end) {
        State states[kMiddleColumns];
        for (int64_t i = begin; i < end; ++i) {
            const int64_t p = i % pieces, a = i / pieces / strips, b = i / pieces % strips * kMiddleColumns;
            const int64_t first = K * p / pieces, count = K * (p + 1) / pieces - first;
            const int64_t lines = B - b < kMiddleColumns ? B - b : kMiddleColumns;
            const T* from = x.data + a * x.stride[0] + first * x.stride[1] + b;
            if (B == 1)
                states[0] = rule.row(from, x.stride[1], count);
            else
                rule.columns(from, x.stride[1], count, lines, states);
            for (int64_t j = 0; j < lines; ++j)
                if (pieces > 1)
                    partial[(a * B + b + j) * pieces + p] = states[j];
                else
                    rule.put(a, b + j, states[j]);
        }
    });
    for (int64_t line = 0; pieces > 1 && line < A * B; ++line) {
        State all = partial[line * pieces];
        for (int64_t p = 1; p < pieces; ++p) Rule::join(all, partial[line * pieces + p]);
        rule.put(line / B, line % B, all);
    }
}

// Whether x is (A, K, B), neighbours side by side, and y (A, B).
template <typename T, typename Y>
bool is_middle(const Array<const T, 3>& x, const Array<Y, 2>& y) {
    return y.shape[0] == x.shape[0] && y.shape[1] == x.shape[2] && (x.shape[2] < 2 || x.stride[2] == 1);
}

}  // namespace pydl::PYDL_ISA
