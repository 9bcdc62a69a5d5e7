// The two reductions that nearly all others come down to once dimensions are merged, and that have to be
// fast: every row of x (A, K), and every column of each matrix of x (A, K, B), the last dimension without
// gaps.
//
// Terms are joined in vectors of T, a few dozen one after the other at most; what comes out is added up in
// Rule::Sum (double, for sums). A rule has, beside what reductions/reduce.h asks for:
//
//     static vec<T> finish(vec<T> sum, int64_t divisor);      as that of Sum and of vec<Sum>
//     static vec<T> of(vec<T> x);                     the terms of numbers
//     static vec<T> start();                          what changes nothing
//     static vec<T> join(vec<T> a, vec<T> b);
//     static vec<T> first(vec<T> v, int64_t n);       start in all but the first n lanes
//     struct Total { void take(vec<T>); Sum fold(); };
#pragma once
#include "elementwise/elementwise.h"
#include "scratch.h"
#include "simd/doubles.h"
#include "simd/past_caches.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kLineGrain = 16384;    // elements worth a task of their own
constexpr int64_t kLinePieces = 64;      // enough tasks for any processor this is meant for
constexpr int64_t kLineVectors = 32;     // vectors of a row that is joined with its neighbours
constexpr int64_t kStripColumns = 4096;  // columns joined at once: their results stay in the second cache
constexpr int64_t kNearColumns = 2048;   // where x is in the caches, too: they stay in the first one
constexpr int64_t kStripRows = 32;       // rows joined in T before they are added up in Sum

// Where piece p of a row of `count` numbers begins: a multiple of what a line of the caches holds, for
// vectors that lie in two of them take a third longer to read from memory.
inline int64_t begin_of_piece(int64_t count, int64_t p, int64_t pieces) {
    return p < pieces ? count * p / pieces / 64 * 64 : count;
}

// Lane i of the result is the fold of rows[i].
template <typename Rule, typename T, int Step = width<T> / 2>
PYDL_INLINE vec<T> fold_rows(vec<T> (&rows)[width<T>]) {
    constexpr auto lanes = std::make_integer_sequence<int, width<T>>{};
#pragma GCC unroll 16
    for (int i = 0; i < Step; ++i)
        rows[i] = Rule::join(swap_blocks<Step, false>(rows[i], rows[i + Step], lanes),
                             swap_blocks<Step, true>(rows[i], rows[i + Step], lanes));
    if constexpr (Step == 1)
        return rows[0];
    else
        return fold_rows<Rule, T, Step / 2>(rows);
}

// One short row, in the lanes of a vector.
template <typename Rule, typename T>
PYDL_INLINE vec<T> join_row(const T* x, int64_t count) {
    constexpr int64_t W = width<T>;
    vec<T> joined = Rule::start();
    int64_t i = 0;
    for (; i + W <= count; i += W) joined = Rule::join(joined, Rule::of(load(x + i)));
    if (i < count)
        joined = Rule::join(joined, Rule::of(Rule::first(load_partial(x + i, count - i), count - i)));
    return joined;
}

// Rows of at most half a vector, as many as a vector has lanes: blocks of 16 bytes of them side by side,
// which are turned, so that what is joined are vectors of the rows' first numbers, of their second ones and
// so on. The order of joining is that of fold_rows.
template <typename Rule, typename T>
PYDL_INLINE vec<T> join_narrow_rows(const T* x, int64_t stride, int64_t count) {
    constexpr int B = block_lanes<T>;
    vec<T> joined[B];
#pragma GCC unroll 4
    for (int i = 0; i < B; ++i) joined[i] = Rule::start();
    for (int64_t first = 0; first < count; first += B) {
        vec<T> turned[B];
#pragma GCC unroll 4
        for (int i = 0; i < B; ++i)
            turned[i] = load_blocks<T>(
                [&](int k) PYDL_INLINE_LAMBDA { return x + (i + k * B) * stride + first; }, count - first);
        transpose_blocks<T>(turned);
#pragma GCC unroll 4
        for (int i = 0; i < B; ++i)
            if (first + i < count) joined[i] = Rule::join(joined[i], Rule::of(turned[i]));
    }
    if constexpr (B == 2)
        return Rule::join(joined[0], joined[1]);
    else
        return Rule::join(Rule::join(joined[0], joined[2]), Rule::join(joined[1], joined[3]));
}

// What join_row gives of less rows than a vector has lanes, a lane each.
template <typename Rule, typename T>
[[gnu::noinline]] vec<T> join_few_rows(const T* x, int64_t stride, int64_t count, int64_t rows) {
    constexpr int W = width<T>;
    vec<T> joined[W];
    for (int i = 0; i < W; ++i) joined[i] = i < rows ? join_row<Rule>(x + i * stride, count) : Rule::start();
    return fold_rows<Rule, T>(joined);
}

// Of at most as many: four at a time, so that none waits for what came before, and each is read in order.
template <typename Rule, typename T>
PYDL_INLINE vec<T> join_rows(const T* x, int64_t stride, int64_t count, int64_t rows) {
    constexpr int W = width<T>, kTogether = W < 4 ? W : 4;
    if (rows < W) return join_few_rows<Rule>(x, stride, count, rows);
    if (2 * count <= W) return join_narrow_rows<Rule>(x, stride, count);
    const int64_t whole = count & -W, rest = count - whole;
    vec<T> joined[W];
#pragma GCC unroll 4
    for (int first = 0; first < W; first += kTogether, x += kTogether * stride) {
        vec<T>* const own = joined + first;
#pragma GCC unroll 4
        for (int r = 0; r < kTogether; ++r) own[r] = Rule::start();
        for (int64_t i = 0; i < whole; i += W)
#pragma GCC unroll 4
            for (int r = 0; r < kTogether; ++r)
                own[r] = Rule::join(own[r], Rule::of(load(x + r * stride + i)));
        if (rest > 0)
#pragma GCC unroll 4
            for (int r = 0; r < kTogether; ++r)
                own[r] = Rule::join(own[r],
                                    Rule::of(Rule::first(load_partial(x + r * stride + whole, rest), rest)));
    }
    return fold_rows<Rule, T>(joined);
}

// The rows [begin, end) of a matrix of short rows: width results at a time. Far: while the next ones are
// fetched.
template <typename Rule, typename T>
[[gnu::noinline]] void reduce_short_rows(const T* x, int64_t x_stride, T* y, int64_t y_stride, int64_t count,
                                         int64_t divisor, bool far, int64_t begin, int64_t end) {
    constexpr int64_t W = width<T>;
    for (int64_t r = begin; r < end; r += W) {
        const int64_t n = end - r < W ? end - r : W;
        const T* next = x + (r + W) * x_stride;
        if (far)
            for (int64_t i = 0; i < W * count; i += 64 / int64_t(sizeof(T))) prefetch(next + i);
        const vec<T> sums = join_rows<Rule>(x + r * x_stride, x_stride, count, n);
        store_strided(y + r * y_stride, y_stride, Rule::finish(sums, divisor), n);
    }
}

// A long row, or a piece of one. One stream of reads the processor foresees by itself, as long as the same
// instructions read all of it: a block that began with loads of its own would take up to 1.4 times as long
// from memory. Asking for memory ahead brings nothing there, and costs a quarter where the row comes from the
// last cache.
template <typename Rule, typename T>
[[gnu::noinline]] typename Rule::Sum reduce_long_row(const T* x, int64_t count) {
    constexpr int64_t W = width<T>, kSums = 8, kBlock = kSums * 64 * W;
    typename Rule::Total total;
    int64_t i = 0;
    while (i + kSums * W <= count) {
        const int64_t end = count - i < kBlock ? count : i + kBlock;
        vec<T> sums[kSums];
#pragma GCC unroll 8
        for (int s = 0; s < kSums; ++s) sums[s] = Rule::start();
        for (; i + kSums * W <= end; i += kSums * W)
#pragma GCC unroll 8
            for (int s = 0; s < kSums; ++s) sums[s] = Rule::join(sums[s], Rule::of(load(x + i + s * W)));
        total.take(Rule::join(Rule::join(Rule::join(sums[0], sums[1]), Rule::join(sums[2], sums[3])),
                              Rule::join(Rule::join(sums[4], sums[5]), Rule::join(sums[6], sums[7]))));
    }
    if (i < count) total.take(join_row<Rule>(x + i, count - i));
    return total.fold();
}

template <typename Rule, typename T>
void reduce_rows(const T* x, int64_t x_stride, T* y, int64_t y_stride, int64_t rows, int64_t count,
                 int64_t divisor) {
    using Sum = typename Rule::Sum;
    if (count <= kLineVectors * width<T>) {
        const int64_t grain = (kLineGrain / count / width<T> + 1) * width<T>;
        const bool far = x_stride == count && rows * count * int64_t(sizeof(T)) >= kPastCaches;
        parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
            reduce_short_rows<Rule>(x, x_stride, y, y_stride, count, divisor, far, begin, end);
        });
        return;
    }
    const int64_t wanted = kLinePieces / rows, possible = count / kLineGrain;
    const int64_t pieces = wanted < 2 || possible < 2 ? 1 : wanted < possible ? wanted : possible;
    if (pieces == 1) {
        parallel_for(rows, kLineGrain / count, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r)
                y[r * y_stride] = T(Rule::finish(reduce_long_row<Rule>(x + r * x_stride, count), divisor));
        });
        return;
    }
    Scratch<Sum> partial(rows * pieces);
    parallel_for(rows * pieces, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t r = i / pieces, p = i % pieces, first = begin_of_piece(count, p, pieces);
            partial[i] =
                reduce_long_row<Rule>(x + r * x_stride + first, begin_of_piece(count, p + 1, pieces) - first);
        }
    });
    for (int64_t r = 0; r < rows; ++r) {
        Sum sum = partial[r * pieces];
        for (int64_t p = 1; p < pieces; ++p) sum = Rule::join_sums(sum, partial[r * pieces + p]);
        y[r * y_stride] = T(Rule::finish(sum, divisor));
    }
}

// sums[j] = the join of column j over `rows` rows; sums are padded to whole vectors.
template <typename Rule, typename T>
[[gnu::noinline]] void join_columns(const T* x, int64_t stride, int64_t rows, int64_t columns, T* sums) {
    constexpr int64_t W = width<T>;
    const auto add = [&](auto count, auto fresh, const T* p) PYDL_INLINE_LAMBDA {
        constexpr int kRows = decltype(count)::value;
        const auto join = [&](int64_t j, auto read) PYDL_INLINE_LAMBDA {
            vec<T> v[kRows];
#pragma GCC unroll 4
            for (int r = 0; r < kRows; ++r) v[r] = Rule::of(read(p + r * stride + j));
#pragma GCC unroll 4
            for (int step = 1; step < kRows; step *= 2)
#pragma GCC unroll 4
                for (int r = 0; r + step < kRows; r += 2 * step) v[r] = Rule::join(v[r], v[r + step]);
            store(sums + j, decltype(fresh)::value ? v[0] : Rule::join(load(sums + j), v[0]));
        };
        int64_t j = 0;
        for (; j + W <= columns; j += W) join(j, [](const T* q) PYDL_INLINE_LAMBDA { return load(q); });
        if (j < columns) join(j, [&](const T* q) PYDL_INLINE_LAMBDA { return load_partial(q, columns - j); });
    };
    constexpr std::integral_constant<int, 4> four;
    constexpr std::integral_constant<int, 1> one;
    int64_t r = 0;
    if (rows >= 4) {
        add(four, std::true_type{}, x);
        for (r = 4; r + 4 <= rows; r += 4) add(four, std::false_type{}, x + r * stride);
    } else {
        add(one, std::true_type{}, x);
        r = 1;
    }
    for (; r < rows; ++r) add(one, std::false_type{}, x + r * stride);
}

// totals[j] = the Sum of column j over `rows` rows, for at most kStripColumns columns.
template <typename Rule, typename T>
[[gnu::noinline]] void sum_columns(const T* x, int64_t stride, int64_t rows, int64_t columns,
                                   typename Rule::Sum* totals) {
    alignas(64) T sums[kStripColumns + width<T>];
    for (int64_t r = 0; r < rows; r += kStripRows) {
        join_columns<Rule>(x + r * stride, stride, rows - r < kStripRows ? rows - r : kStripRows, columns,
                           sums);
        for (int64_t j = 0; j < columns; j += width<typename Rule::Sum>) {
            const int64_t n = columns - j;
            const auto more = Rule::read(sums + j);  // beyond the columns there is room, and nobody looks
            store_partial(totals + j, r == 0 ? more : Rule::combine(load_partial(totals + j, n), more), n);
        }
    }
}

// As sum_columns. Rows shorter than a few vectors that lie one behind another are taken several at a time, as
// one.
template <typename Rule, typename T>
void sum_narrow_columns(const T* x, int64_t stride, int64_t rows, int64_t columns,
                        typename Rule::Sum* totals) {
    const int64_t together = stride == columns ? 8 * width<T> / columns : 1;
    if (together < 2 || rows < 2 * together) return sum_columns<Rule>(x, stride, rows, columns, totals);
    typename Rule::Sum wide[8 * width<T>];
    const int64_t whole = rows / together, rest = rows - whole * together;
    sum_columns<Rule>(x, together * columns, whole, together * columns, wide);
    for (int64_t j = 0; j < columns; ++j) totals[j] = wide[j];
    for (int64_t k = 1; k < together; ++k)
        for (int64_t j = 0; j < columns; ++j) totals[j] = Rule::join_sums(totals[j], wide[k * columns + j]);
    if (rest == 0) return;
    sum_columns<Rule>(x + whole * together * columns, stride, rest, columns, wide);
    for (int64_t j = 0; j < columns; ++j) totals[j] = Rule::join_sums(totals[j], wide[j]);
}

// y[j] = what becomes of sums[j], which are in Sum or still in T.
template <typename Rule, typename S, typename T>
PYDL_INLINE void finish_all(const S* sums, int64_t count, int64_t divisor, T* y) {
    for (int64_t j = 0; j < count; j += width<S>) {
        const int64_t n = count - j < width<S> ? count - j : width<S>;
        const vec<S> v = Rule::finish(load_partial(sums + j, n), divisor);
        if constexpr (std::is_same_v<S, T>)
            store_partial(y + j, v, n);
        else
            store_doubles(y + j, v, n);
    }
}

// A matrices of K rows and B columns, y (A, B): strides of x from matrix to matrix and from row to row, of y
// from one line of results to the next.
template <typename Rule, typename T>
void reduce_columns_of(const T* x, int64_t matrix_stride, int64_t row_stride, T* y, int64_t y_stride,
                       int64_t A, int64_t K, int64_t B, int64_t divisor) {
    using Sum = typename Rule::Sum;
    const int64_t most_columns = A * K * B * int64_t(sizeof(T)) < kPastCaches ? kNearColumns : kStripColumns;
    const int64_t blocks = (B - 1) / most_columns + 1, columns = (B - 1) / blocks / 64 * 64 + 64;
    const int64_t strips = (B - 1) / columns + 1;
    const int64_t wanted = kLinePieces / (A * strips),
                  possible = K * (B < columns ? B : columns) / kLineGrain;
    int64_t pieces = wanted < 2 || possible < 2 ? 1 : wanted < possible ? wanted : possible;
    const int64_t most =
        (K - 1) / (2 * kStripRows) + 1;  // of fewer rows each, joining them would take longer
    if (pieces > most) pieces = most;
    const auto width_of = [&](int64_t strip) {
        const int64_t left = B - strip * columns;
        return left < columns ? left : columns;
    };
    if (pieces == 1) {
        const int64_t work = K * (B < columns ? B : columns);
        parallel_for(A * strips, kLineGrain / work, [&](int64_t begin, int64_t end) {
            alignas(64) Sum totals[kStripColumns + 64];
            alignas(64) T sums[kStripColumns + 64];
            for (int64_t i = begin; i < end; ++i) {
                const int64_t a = i / strips, strip = i % strips, n = width_of(strip);
                const T* from = x + a * matrix_stride + strip * columns;
                T* to = y + a * y_stride + strip * columns;
                if (K <= kStripRows) {
                    join_columns<Rule>(from, row_stride, K, n, sums);
                    finish_all<Rule>(sums, n, divisor, to);
                } else {
                    sum_narrow_columns<Rule>(from, row_stride, K, n, totals);
                    finish_all<Rule>(totals, n, divisor, to);
                }
            }
        });
        return;
    }
    Scratch<Sum> partial(A * B * pieces);
    parallel_for(A * strips * pieces, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t p = i % pieces, a = i / pieces / strips, strip = i / pieces % strips;
            const int64_t first = K * p / pieces, last = K * (p + 1) / pieces;
            sum_narrow_columns<Rule>(x + a * matrix_stride + first * row_stride + strip * columns, row_stride,
                                     last - first, width_of(strip),
                                     partial.data() + (p * A + a) * B + strip * columns);
        }
    });
    constexpr int64_t W = width<Sum>;
    for (int64_t p = 1; p < pieces; ++p)
        for (int64_t i = 0; i < A * B; i += W) {
            Sum* const total = partial.data() + i;
            const int64_t n = A * B - i;
            store_partial(total, Rule::combine(load_partial(total, n), load_partial(total + p * A * B, n)),
                          n);
        }
    for (int64_t a = 0; a < A; ++a) finish_all<Rule>(partial.data() + a * B, B, divisor, y + a * y_stride);
}

}  // namespace pydl::PYDL_ISA
