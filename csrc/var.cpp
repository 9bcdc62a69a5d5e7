// var: the mean and the variance of every line along the middle dimension of (A, K, B). See pydl/ops/var.py.
//
// Both come of one look at memory: the moments of a block that stays in the first-level cache are taken about
// the block's own mean, and blocks are combined in double precision, as normalization/moments.h says. Where B
// is 1 a block is a part of a row; else it is a few rows of neighbouring lines, a line in each lane.
#include "kernel.h"
#include "normalization/channel_lanes.h"
#include "normalization/turned_rows.h"
#include "scratch.h"
#include "simd/past_caches.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kBlockRows = 32;    // numbers of a line that are added in T
constexpr int64_t kVarColumns = 256;  // neighbouring lines of a task
constexpr int64_t kTurnedRow = 64;    // numbers of a row that is worked on beside others
constexpr int64_t kVarPieces = 32;    // of lines, where there are few

// The moments of `rows` numbers, at most kBlockRows, of a vector of lines beside those of the `before` ones.
template <typename T>
[[gnu::noinline]] void add_rows(const T* x, int64_t stride, int64_t rows, int64_t lines, double before,
                                double* mean, double* squares) {
    const T share = T(1) / T(rows);
    // f(vector of row r, u): u is 0 and 1 in turn, for sums that do not wait for each other.
    const auto for_rows = [&](auto f) PYDL_INLINE_LAMBDA {
        int64_t r = 0;
        for (; r + 2 <= rows; r += 2)
#pragma GCC unroll 2
            for (int u = 0; u < 2; ++u) f(load_partial(x + (r + u) * stride, lines), u);
        if (r < rows) f(load_partial(x + r * stride, lines), 0);
    };
    vec<T> middle[2] = {}, d[2] = {}, d2[2] = {};
    // A share of each is added, because their sum might be infinite.
    for_rows([&](vec<T> v, int u) PYDL_INLINE_LAMBDA { middle[u] += v * share; });
    const vec<T> near = middle[0] + middle[1];
    const vec<T> center = select(near - near == T(0), near, vec<T>{});  // an infinite one would make all NaN
    for_rows([&](vec<T> v, int u) PYDL_INLINE_LAMBDA {
        const vec<T> distance = v - center;
        d[u] += distance;
        d2[u] += distance * distance;
    });
    join_lanes<T>(center, d[0] + d[1], d2[0] + d2[1], double(rows), before, width<T>, mean, squares);
}

// The moments of K numbers of each of `lines` neighbouring lines, at most kVarColumns.
template <typename T>
[[gnu::noinline]] void moments_of_columns(const T* x, int64_t stride, int64_t K, int64_t lines, bool far,
                                          Moments* moments) {
    constexpr int64_t W = width<T>;
    alignas(64) double mean[kVarColumns], squares[kVarColumns];
    for (int64_t k = 0; k < K; k += kBlockRows) {
        const int64_t rows = K - k < kBlockRows ? K - k : kBlockRows;
        // From memory the next rows are asked for meanwhile: the processor does not foresee so many places.
        const int64_t left = far ? K - k - rows : 0, ahead = left < kBlockRows ? left : kBlockRows;
        const int64_t steps = (lines - 1) / W + 1;
        for (int64_t j = 0; j < lines; j += W) {
            for (int64_t r = ahead * (j / W) / steps; r < ahead * (j / W + 1) / steps; ++r)
                for (int64_t i = 0; i < lines; i += 64 / int64_t(sizeof(T)))
                    prefetch(x + (k + rows + r) * stride + i);
            add_rows(x + k * stride + j, stride, rows, lines - j, double(k), mean + j, squares + j);
        }
    }
    for (int64_t j = 0; j < lines; ++j) moments[j] = {double(K), mean[j], squares[j]};
}

// Of a row, or a part of one.
template <typename T>
Moments moments_of_row(Line<const T> x, int64_t count) {
    if (count <= kMomentBlock) return block_moments(x, count, 1, 0);
    return piece_moments(MomentBlocks(1, count), 0, 1, x, 0);
}

// Rows of so few numbers that they are turned first.
template <typename T>
void moments_of_short_rows(const Array<const T, 3>& x, double divisor, const Array<T, 2>& mean,
                           const Array<T, 2>& y) {
    constexpr int64_t S = 4 * width<T>;
    const int64_t A = x.shape[0], K = x.shape[1];
    const bool far = are_far<T>(A * K);
    parallel_for((A - 1) / S + 1, kMomentGrain / (S * K) + 1, [&](int64_t begin, int64_t end) {
        const Scratch<T> columns(S * K);
        alignas(64) double means[S], squares[S];
        for (int64_t a = begin * S; a < A && a < end * S; a += S) {
            const int64_t rows = A - a < S ? A - a : S;
            turn_rows<S>(x.data + a * x.stride[0], x.stride[0], 1, rows, K, columns.data(), far);
            for (int64_t j = 0; j < S; j += width<T>)
                for (int64_t k = 0; k < K; k += kBlockRows)
                    add_rows(columns.data() + k * S + j, S, K - k < kBlockRows ? K - k : kBlockRows, width<T>,
                             double(k), means + j, squares + j);
            for (int64_t j = 0; j < S; j += width<double>) {
                const vec<double> v = load(squares + j);  // rounding may leave less than nothing
                store(squares + j, select(v < 0.0, vec<double>{}, v) / divisor);
            }
            for (int64_t i = 0; i < rows; ++i) {
                mean.data[(a + i) * mean.stride[0]] = T(means[i]);
                y.data[(a + i) * y.stride[0]] = T(squares[i]);
            }
        }
    });
}

}  // namespace

// Long lines, where there are few, are cut into pieces: where, depends on the shape alone.
template <typename T>
void var_forward(Array<const T, 3> x, double divisor, Array<T, 2> mean, Array<T, 2> y) {
    const int64_t A = x.shape[0], K = x.shape[1], B = x.shape[2];
    require(mean.shape[0] == A && mean.shape[1] == B && y.shape[0] == A && y.shape[1] == B && K > 0 &&
                (A == 0 || B < 2 || x.stride[2] == 1),
            "var_forward: x is (A, K, B), lines side by side, mean and y (A, B)");
    if (A * B == 0) return;
    if (B == 1 && x.stride[1] == 1 && A > 1 && K <= kTurnedRow)
        return moments_of_short_rows(x, divisor, mean, y);
    const auto put = [&](int64_t a, int64_t b, const Moments& all) {
        mean.data[a * mean.stride[0] + b * mean.stride[1]] = T(all.mean);
        // Rounding may leave less than nothing; NaN stays NaN.
        y.data[a * y.stride[0] + b * y.stride[1]] = T((all.squares < 0 ? 0 : all.squares) / divisor);
    };
    const int64_t strips = (B - 1) / kVarColumns + 1, width_of_strip = B < kVarColumns ? B : kVarColumns;
    const int64_t wanted = kVarPieces / (A * strips), possible = K * width_of_strip / kMomentGrain;
    int64_t pieces = wanted < possible ? wanted : possible;
    if (pieces < 2) pieces = 1;
    if (pieces > K) pieces = K;
    const Scratch<Moments> partial(pieces > 1 ? A * B * pieces : 0);
    const bool far = A * K * B * int64_t(sizeof(T)) >= kPastCaches;
    const int64_t grain = kMomentGrain * pieces / (K * width_of_strip) + 1;
    parallel_for(A * strips * pieces, grain, [&](int64_t begin, int64_t end) {
        Moments moments[kVarColumns];
        for (int64_t i = begin; i < end; ++i) {
            const int64_t p = i % pieces, a = i / pieces / strips, b = i / pieces % strips * kVarColumns;
            const int64_t first = K * p / pieces, count = K * (p + 1) / pieces - first;
            const int64_t lines = B - b < kVarColumns ? B - b : kVarColumns;
            const T* from = x.data + a * x.stride[0] + first * x.stride[1] + b;
            if (B == 1)
                moments[0] = moments_of_row(Line<const T>{from, x.stride[1]}, count);
            else
                moments_of_columns(from, x.stride[1], count, lines, far, moments);
            for (int64_t j = 0; j < lines; ++j)
                if (pieces > 1)
                    partial[(a * B + b + j) * pieces + p] = moments[j];
                else
                    put(a, b + j, moments[j]);
        }
    });
    for (int64_t line = 0; pieces > 1 && line < A * B; ++line) {
        Moments all = partial[line * pieces];
        for (int64_t p = 1; p < pieces; ++p) combine(all, partial[line * pieces + p]);
        put(line / B, line % B, all);
    }
}
PYDL_KERNEL(var_forward, "x, divisor, mean, y")

}  // namespace pydl::PYDL_ISA
