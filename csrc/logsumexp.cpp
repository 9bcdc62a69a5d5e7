// logsumexp: the logarithm of the sum of exponentials along the middle dimension of (A, K, B). See
// pydl/ops/logsumexp.py.
//
// Memory is looked at once: of a block that stays in the caches the largest number is found, what was added
// up before is scaled if that is larger than all before, and the block's exponentials are added.
#include "kernel.h"
#include "normalization/softmax_strips.h"
#include "normalization/turned_rows.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kExpBlock = 2048;   // numbers of a row
constexpr int64_t kExpRows = 32;      // numbers of each of many neighbouring lines
constexpr int64_t kExpLines = 512;    // neighbouring lines of a task
constexpr int64_t kWideLines = 128;   // that rows of fewer, one behind another, are taken as
constexpr int64_t kExpPieces = 64;    // of long lines, where there are few
constexpr int64_t kExpGrain = 16384;  // exponentials that are worth a piece

// The exponentials of line j add up to sum[j] * exp(shift[j]). No shift is infinite: inf - inf would be NaN.
template <typename T>
struct ExpSums {
    alignas(64) T shift[kExpLines + 64];
    alignas(64) double sum[kExpLines + 64];
};

template <typename X, typename T = lane<X>>
PYDL_INLINE X finite_max(X a, X b) {
    return clamp(max(a, b), -kLargestNumber<T>, kLargestNumber<T>);
}

// Of one row.
template <typename T>
[[gnu::noinline]] void add_up_row(const T* x, int64_t count, T& shift, double& sum) {
    shift = -kLargestNumber<T>;
    sum = 0;
    for (int64_t i = 0; i < count; i += kExpBlock) {
        const T* const block = x + i;
        const int64_t size = count - i < kExpBlock ? count - i : kExpBlock;
        const T before = shift, most = finite_max(before, largest_of_row(block, size));
        shift = most;
        if (i > 0) sum *= double(exp(before - most));
        sum += double(sum_of_row<T>(size, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
            return exp(load_partial(block + i, n) - most);
        }));
    }
}

// Of `lines` neighbouring lines of K numbers; whole vectors of shift are written.
template <typename T>
[[gnu::noinline]] void add_up_columns(const T* x, int64_t stride, int64_t K, int64_t lines, T* shift,
                                      double* sum) {
    alignas(64) T most[kExpLines + 64], sums[kExpLines + 64];
    for (int64_t j = 0; j < lines; ++j) {
        shift[j] = -kLargestNumber<T>;
        sum[j] = 0;
    }
    for (int64_t k = 0; k < K; k += kExpRows) {
        const int64_t rows = K - k < kExpRows ? K - k : kExpRows;
        const Strip<const T> block{x + k * stride, stride};
        largest_of_strip(rows, lines, most, block);
        for (int64_t j = 0; j < lines; j += width<T>) {
            const vec<T> before = load(shift + j), now = finite_max(before, load(most + j));
            store(shift + j, now);
            store(most + j, exp(before - now));  // what the sum so far is scaled by
        }
        sum_of_strip(rows, lines, sums, [&](int64_t k, int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            return exp(load_partial(block.row(k) + j, n) - load(shift + j));
        });
        for (int64_t j = 0; j < lines; ++j) sum[j] = sum[j] * double(most[j]) + double(sums[j]);
    }
}

// Joins groups of sums, that of line j in group g at [g * lines + j], in the first group.
template <typename T>
[[gnu::noinline]] void join_groups(int64_t groups, int64_t lines, T* shift, double* sum) {
    for (int64_t g = 1; g < groups; ++g)
        for (int64_t j = 0, n; j < lines; j += n) {
            n = lines - j < width<T> ? lines - j : width<T>;
            T *const to = shift + j, *const from = to + g * lines;
            const vec<T> a = load_partial(to, n), b = load_partial(from, n), most = max(a, b);
            alignas(64) T scale[2][width<T>];
            store(scale[0], exp(a - most));
            store(scale[1], exp(b - most));
            store_partial(to, most, n);
            double* const total = sum + j;
            for (int64_t i = 0; i < n; ++i)
                total[i] = total[i] * double(scale[0][i]) + total[g * lines + i] * double(scale[1][i]);
        }
}

template <typename T>
void put_logarithms(int64_t lines, const T* shift, const double* sum, T* y) {
    for (int64_t j = 0; j < lines; j += width<T>) {
        const int64_t n = lines - j < width<T> ? lines - j : width<T>;
        alignas(64) T sums[width<T>] = {};
        for (int64_t i = 0; i < n; ++i) sums[i] = T(sum[j + i]);
        store_partial(y + j, load_partial(shift + j, n) + log(load(sums)), n);
    }
}

// How lines are shared: in strips of S neighbouring ones, or as many rows that are turned, and where those
// are few the lines in pieces.
template <typename T>
struct ExpTasks {
    const Array<const T, 3>& x;
    const int64_t A = x.shape[0], K = x.shape[1], B = x.shape[2], lines = A * B;
    const bool turned = B == 1 && turns<T>(A, K, 16, 16), far = turned && are_far<T>(A * K);
    const int64_t S = turned ? 4 * width<T> : B < kExpLines ? B : kExpLines;
    const int64_t strips = turned ? 1 : (B - 1) / S + 1, bundles = turned ? (A - 1) / S + 1 : A;
    const int64_t pieces = pieces_of_lines();
    // Rows of a few numbers, one behind another, that are taken as one.
    const int64_t together = B > 1 && B <= kWideLines / 2 && x.stride[1] == B ? kWideLines / B : 1;

    int64_t pieces_of_lines() const {
        const int64_t wanted = kExpPieces / (bundles * strips), possible = turned ? 1 : K * S / kExpGrain;
        const int64_t pieces = wanted < possible ? wanted : possible;
        return pieces < 2 ? 1 : pieces;
    }

    // Piece p of `count` lines from line a * B + b on: `rows` numbers of each.
    struct Task {
        int64_t p, a, b, count, rows;
        const T* from;
    };
    Task task(int64_t i) const {
        Task t;
        t.p = i % pieces;
        t.a = i / pieces / strips * (turned ? S : 1);
        t.b = i / pieces % strips * S;
        const int64_t left = turned ? A - t.a : B - t.b, first = K * t.p / pieces;
        t.count = left < S ? left : S;
        t.rows = K * (t.p + 1) / pieces - first;
        t.from = x.data + t.a * x.stride[0] + first * x.stride[1] + t.b;
        return t;
    }

    // copy: room for K * S numbers, where rows are turned.
    void add_up(const Task& t, T* copy, ExpSums<T>& of) const {
        if (turned) {
            turn_rows<4 * width<T>>(t.from, x.stride[0], x.stride[1], t.count, K, copy, far);
            add_up_columns(copy, S, K, t.count, of.shift, of.sum);
        } else if (B == 1) {
            add_up_row(t.from, t.rows, of.shift[0], of.sum[0]);
        } else {
            add_up_strip(t, of);
        }
    }

  private:
    void add_up_strip(const Task& t, ExpSums<T>& of) const {
        const int64_t wide = t.rows < 16 * together ? 1 : together, rest = t.rows % wide;
        add_up_columns(t.from, wide * x.stride[1], t.rows / wide, wide * t.count, of.shift, of.sum);
        if (rest > 0)
            add_up_columns(t.from + (t.rows - rest) * B, B, rest, B, of.shift + wide * B, of.sum + wide * B);
        join_groups(wide + (rest > 0), t.count, of.shift, of.sum);
    }
};

}  // namespace

template <typename T>
void logsumexp_forward(Array<const T, 3> x, Array<T, 2> y) {
    const int64_t A = x.shape[0], K = x.shape[1], B = x.shape[2], lines = A * B;
    require(y.shape[0] == A && y.shape[1] == B && y.contiguous() &&
                (A == 0 || (B == 1 ? K < 2 || x.stride[1] == 1 : B < 2 || x.stride[2] == 1)),
            "logsumexp_forward: x is (A, K, B), lines side by side or rows without gaps, y (A, B)");
    if (lines == 0) return;
    const ExpTasks<T> tasks{x};
    const int64_t pieces = tasks.pieces, S = tasks.S;
    const Scratch<T> shifts(pieces > 1 ? pieces * lines : 0);
    const Scratch<double> sums(pieces > 1 ? pieces * lines : 0);
    parallel_for(tasks.bundles * tasks.strips * pieces, kSoftmaxGrain * pieces / (K * S + 1) + 1,
                 [&](int64_t begin, int64_t end) {
                     const Scratch<T> copy(tasks.turned ? K * S : 0);
                     ExpSums<T> of;
                     for (int64_t i = begin; i < end; ++i) {
                         const auto task = tasks.task(i);
                         tasks.add_up(task, copy.data(), of);
                         const int64_t line = task.a * B + task.b;
                         if (pieces == 1) {
                             put_logarithms(task.count, of.shift, of.sum, y.data + line);
                             continue;
                         }
                         for (int64_t j = 0; j < task.count; ++j) {
                             shifts[task.p * lines + line + j] = of.shift[j];
                             sums[task.p * lines + line + j] = of.sum[j];
                         }
                     }
                 });
    if (pieces == 1) return;
    join_groups(pieces, lines, shifts.data(), sums.data());
    put_logarithms(lines, shifts.data(), sums.data(), y.data);
}
PYDL_KERNEL(logsumexp_forward, "x, y")

template <typename T>
void logsumexp_backward(NdArray<const T> dy, NdArray<const T> x, NdArray<const T> y, NdArray<T> dx) {
    // Of nothing but -inf, no number has a share.
    elementwise(
        "logsumexp_backward: dx must have the shape of x, dy and y with 1 where it is reduced",
        [](vec<T> dy, vec<T> x, vec<T> y) {
            return dy * exp(x - select(y < -kLargestNumber<T>, vec<T>{}, y));
        },
        dx, dy, x, y);
}
PYDL_KERNEL(logsumexp_backward, "dy, x, y, dx")

}  // namespace pydl::PYDL_ISA
