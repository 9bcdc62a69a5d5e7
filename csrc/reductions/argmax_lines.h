// argmax over the two layouts that nearly all arrays have: rows, and the columns of matrices.
#pragma once
#include "normalization/turned_rows.h"
#include "reductions/reduce_lines.h"
#include "simd/bits.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kArgmaxBlock = 2048;    // elements of a row whose best is known before it is searched for
constexpr int64_t kArgmaxColumns = 1024;  // columns worked on at once

// Whether a comes before b: larger (sign = 1) or smaller (-1); NaN before all numbers.
template <int sign, typename T>
PYDL_INLINE bool before(T a, T b) {
    return (sign > 0 ? a > b : a < b) || (a != a && b == b);
}

template <typename T>
struct BestOfLine {
    T value;
    int64_t index;
};

// The better of two, as a rule for the loops of reductions/reduce_lines.h.
template <typename T, int sign>
struct BetterOf {
    PYDL_INLINE static vec<T> of(vec<T> x) { return x; }
    PYDL_INLINE static vec<T> start() { return broadcast<T>(-sign * T(__builtin_inf())); }
    PYDL_INLINE static vec<T> join(vec<T> a, vec<T> b) { return sign > 0 ? max(a, b) : min(a, b); }
    PYDL_INLINE static vec<T> first(vec<T> v, int64_t n) {
        return select(iota<int_of<T>>() < int_of<T>(n), v, start());
    }
};

// Where `value`, which is there, or NaN stands first among count numbers. Another thread may take it away
// meanwhile: then the last place.
template <typename T>
PYDL_INLINE int64_t find_in_row(const T* x, int64_t count, T value) {
    constexpr int64_t W = width<T>;
    int64_t i = 0;
    for (; i + W <= count; i += W) {
        const vec<T> v = load(x + i);
        const auto hit = (v == value) | (v != v);
        if (any(hit)) return i + first_lane(hit);
    }
    for (; i + 1 < count; ++i)
        if (x[i] == value || x[i] != x[i]) break;
    return i < count ? i : count - 1;
}

// One long row: the best block by block, then its place in the first block that has it.
template <int sign, typename T>
[[gnu::noinline]] BestOfLine<T> best_of_row(const T* x, int64_t count) {
    using Rule = BetterOf<T, sign>;
    constexpr int64_t W = width<T>;
    T best{};
    int64_t where = -1;
    for (int64_t i = 0; i < count; i += kArgmaxBlock) {
        const int64_t n = count - i < kArgmaxBlock ? count - i : kArgmaxBlock;
        vec<T> sums[8];
        for (int s = 0; s < 8; ++s) sums[s] = Rule::start();
        int64_t j = 0;
        for (; j + 8 * W <= n; j += 8 * W)
#pragma GCC unroll 8
            for (int s = 0; s < 8; ++s) sums[s] = Rule::join(sums[s], load(x + i + j + s * W));
        for (int step = 4; step > 0; step /= 2)
            for (int s = 0; s < step; ++s) sums[s] = Rule::join(sums[s], sums[s + step]);
        const vec<T> all = Rule::join(sums[0], join_row<Rule>(x + i + j, n - j));
        const T value = sign > 0 ? reduce_max(all) : reduce_min(all);
        if (where < 0 || before<sign>(value, best)) {
            best = value;
            where = i;
        }
        if (best != best) break;  // NaN comes before all that follows
    }
    const int64_t left = count - where;
    return {best, where + find_in_row(x + where, left < kArgmaxBlock ? left : kArgmaxBlock, best)};
}

// The rows [begin, end) of a matrix of short rows: the best of a vector's width of rows at a time.
template <int sign, typename T>
[[gnu::noinline]] void best_of_short_rows(const T* x, int64_t stride, int64_t count, T* y, int64_t y_stride,
                                          int64_t* index, int64_t index_stride, int64_t begin, int64_t end) {
    using Rule = BetterOf<T, sign>;
    constexpr int64_t W = width<T>;
    for (int64_t r = begin; r < end; r += W) {
        const int64_t n = end - r < W ? end - r : W;
        T best[W];
        store(best, join_rows<Rule>(x + r * stride, stride, count, n));
        for (int64_t i = 0; i < n; ++i) {
            const T* row = x + (r + i) * stride;
            int64_t found;
            if (count <= W) {
                const vec<T> v = load_partial(row, count);
                const auto hit = ((v == best[i]) | (v != v)) & (iota<int_of<T>>() < int_of<T>(count));
                found = any(hit) ? first_lane(hit) : 0;
            } else {
                found = find_in_row(row, count, best[i]);
            }
            y[(r + i) * y_stride] = best[i];
            index[(r + i) * index_stride] = found;
        }
    }
}

// best[j], place[j] of column j over the rows [begin, end), in registers: for few columns.
template <int sign, int V, typename T>
PYDL_INLINE void best_of_few_columns(const T* x, int64_t stride, int64_t begin, int64_t end, int64_t columns,
                                     T* best, int_of<T>* place) {
    constexpr int64_t W = width<T>;
    vec<T> values[V];
    mask<T> places[V];
    for (int k = 0; k < V; ++k) {
        values[k] = load_partial(x + begin * stride + k * W, columns - k * W);
        places[k] = mask<T>{} + int_of<T>(begin);
    }
    for (int64_t r = begin + 1; r < end; ++r)
#pragma GCC unroll 4
        for (int k = 0; k < V; ++k) {
            const vec<T> v = load_partial(x + r * stride + k * W, columns - k * W);
            // "Not worse" is also true of NaN.
            const auto better = ~(sign > 0 ? v <= values[k] : v >= values[k]) & (values[k] == values[k]);
            values[k] = select(better, v, values[k]);
            places[k] = select(better, mask<T>{} + int_of<T>(r), places[k]);
        }
    for (int k = 0; k < V; ++k) {
        store(best + k * W, values[k]);
        store(place + k * W, places[k]);
    }
}

// The same for up to kArgmaxColumns columns, row after row; best and place are padded to whole vectors.
template <int sign, typename T>
[[gnu::noinline]] void best_of_columns(const T* x, int64_t stride, int64_t begin, int64_t end,
                                       int64_t columns, T* best, int_of<T>* place) {
    constexpr int64_t W = width<T>;
    if (columns <= W) return best_of_few_columns<sign, 1>(x, stride, begin, end, columns, best, place);
    if (columns <= 4 * W) return best_of_few_columns<sign, 4>(x, stride, begin, end, columns, best, place);
    for (int64_t j = 0; j < columns; j += W) {
        store(best + j, load_partial(x + begin * stride + j, columns - j));
        store(place + j, mask<T>{} + int_of<T>(begin));
    }
    // Several rows at a time: between them what is best stays in registers.
    constexpr int kRows = 4;
    for (int64_t r = begin + 1, rows; r < end; r += rows) {
        rows = end - r < kRows ? 1 : kRows;
        for (int64_t j = 0; j < columns; j += W) {
            vec<T> old = load(best + j);
            mask<T> where = load(place + j);
            const auto compare = [&](int64_t row) PYDL_INLINE_LAMBDA {
                const vec<T> v = load_partial(x + row * stride + j, columns - j);
                const auto better = ~(sign > 0 ? v <= old : v >= old) & (old == old);
                old = select(better, v, old);
                where = select(better, mask<T>{} + int_of<T>(row), where);
            };
            if (rows == kRows) {
#pragma GCC unroll 4
                for (int i = 0; i < kRows; ++i) compare(r + i);
            } else {
                compare(r);
            }
            store(best + j, old);
            store(place + j, where);
        }
    }
}

// Rows of so few numbers that they are turned first.
template <int sign, typename T>
void argmax_turned(const T* x, int64_t stride, int64_t rows, int64_t count, T* y, int64_t y_stride,
                   int64_t* index, int64_t index_stride) {
    constexpr int64_t S = 4 * width<T>;
    const bool far = are_far<T>(rows * count);
    parallel_for((rows - 1) / S + 1, kLineGrain / (S * count) + 1, [&](int64_t begin, int64_t end) {
        const Scratch<T> columns(S * count);
        alignas(64) T best[S];
        alignas(64) int_of<T> place[S];
        for (int64_t r = begin * S; r < rows && r < end * S; r += S) {
            const int64_t n = rows - r < S ? rows - r : S;
            turn_rows<S>(x + r * stride, stride, 1, n, count, columns.data(), far);
            best_of_columns<sign>(columns.data(), S, 0, count, S, best, place);
            for (int64_t i = 0; i < n; ++i) {
                y[(r + i) * y_stride] = best[i];
                index[(r + i) * index_stride] = place[i];
            }
        }
    });
}

// rows of `count` numbers without gaps
template <int sign, typename T>
void argmax_rows(const T* x, int64_t stride, int64_t rows, int64_t count, T* y, int64_t y_stride,
                 int64_t* index, int64_t index_stride) {
    if (rows >= width<T> && turns<T>(rows, count, 3, 4))
        return argmax_turned<sign>(x, stride, rows, count, y, y_stride, index, index_stride);
    if (count <= kLineVectors * width<T>) {
        const int64_t grain = (kLineGrain / count / width<T> + 1) * width<T>;
        parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
            best_of_short_rows<sign>(x, stride, count, y, y_stride, index, index_stride, begin, end);
        });
        return;
    }
    const int64_t wanted = kLinePieces / rows, possible = count / kLineGrain;
    const int64_t pieces = wanted < 2 || possible < 2 ? 1 : wanted < possible ? wanted : possible;
    Scratch<BestOfLine<T>> found(rows * pieces);
    parallel_for(rows * pieces, pieces > 1 ? 1 : kLineGrain / count, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t r = i / pieces, p = i % pieces, first = begin_of_piece(count, p, pieces);
            found[i] =
                best_of_row<sign>(x + r * stride + first, begin_of_piece(count, p + 1, pieces) - first);
            found[i].index += first;
        }
    });
    for (int64_t r = 0; r < rows; ++r) {
        BestOfLine<T> best = found[r * pieces];
        for (int64_t p = 1; p < pieces; ++p)
            if (before<sign>(found[r * pieces + p].value, best.value)) best = found[r * pieces + p];
        y[r * y_stride] = best.value;
        index[r * index_stride] = best.index;
    }
}

// A matrices of K rows and B columns, the columns without gaps; results (A, B) likewise.
template <int sign, typename T>
void argmax_columns(const T* x, int64_t matrix_stride, int64_t row_stride, int64_t A, int64_t K, int64_t B,
                    T* y, int64_t y_stride, int64_t* index, int64_t index_stride) {
    const int64_t strips = (B - 1) / kArgmaxColumns + 1, columns = B < kArgmaxColumns ? B : kArgmaxColumns;
    const int64_t wanted = kLinePieces / (A * strips), possible = K * columns / kLineGrain;
    int64_t pieces = wanted < 2 || possible < 2 ? 1 : wanted < possible ? wanted : possible;
    if (pieces > K) pieces = K;
    Scratch<BestOfLine<T>> found(pieces > 1 ? A * B * pieces : 0);
    parallel_for(A * strips * pieces, pieces > 1 ? 1 : kLineGrain / (K * columns),
                 [&](int64_t begin, int64_t end) {
                     alignas(64) T best[kArgmaxColumns + 64];
                     alignas(64) int_of<T> place[kArgmaxColumns + 64];
                     for (int64_t i = begin; i < end; ++i) {
                         const int64_t p = i % pieces, a = i / pieces / strips,
                                       first = i / pieces % strips * kArgmaxColumns;
                         const int64_t n = B - first < kArgmaxColumns ? B - first : kArgmaxColumns;
                         best_of_columns<sign>(x + a * matrix_stride + first, row_stride, K * p / pieces,
                                               K * (p + 1) / pieces, n, best, place);
                         if (pieces > 1) {
                             for (int64_t j = 0; j < n; ++j)
                                 found[(p * A + a) * B + first + j] = {best[j], int64_t(place[j])};
                         } else {
                             for (int64_t j = 0; j < n; ++j) y[a * y_stride + first + j] = best[j];
                             for (int64_t j = 0; j < n; ++j) index[a * index_stride + first + j] = place[j];
                         }
                     }
                 });
    for (int64_t i = 0; pieces > 1 && i < A * B; ++i) {
        BestOfLine<T> best = found[i];
        for (int64_t p = 1; p < pieces; ++p)
            if (before<sign>(found[p * A * B + i].value, best.value)) best = found[p * A * B + i];
        y[i / B * y_stride + i % B] = best.value;
        index[i / B * index_stride + i % B] = best.index;
    }
}

}  // namespace pydl::PYDL_ISA
