// y[k] = the sum, maximum, ... of x[k, r] over all r: the loop of every reduction, over arrays of any rank
// and strides. y has the rank of x and size 1 in the dimensions that are reduced. A kernel gives the rule:
//
//     struct Rule {
//         using Sum = double;                       what is accumulated in, and a vector of it
//         static vec<Sum> identity();
//         static vec<Sum> read(const T* p);                       width<Sum> elements
//         static vec<Sum> read(const T* p, int64_t n);            the first n of them, the rest identity
//         static V of(V x);                                       the term of each number, in T or Sum
//         static vec<Sum> combine(vec<Sum> a, vec<Sum> b);
//         static Sum fold(vec<Sum> v);                            all lanes as one
//         static T finish(Sum sum, int64_t divisor);
//     };
//
// There are two ways through x: along the reduced dimension where its elements lie closest ("by rows": the
// lanes of a vector belong to one result), else along the kept one ("by columns": a lane is a result). Long
// reductions with few results are cut into pieces; where, depends on the shape alone, and the pieces are
// combined in order, so the result is the same for any number of threads. Where x has no gaps, the loops of
// reductions/reduce_lines.h do the work.
#pragma once
#include "elementwise/copy.h"
#include "reductions/reduce_lines.h"
#include "scratch.h"
#include "simd/doubles.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kReduceGrain = 16384;  // elements worth a task of their own
constexpr int64_t kReducePieces = 64;    // enough tasks for any processor this is meant for
constexpr int64_t kFirstStep = 8;        // of fewer numbers a reduction by itself would leave too many
constexpr int64_t kColumnBlock = 512;    // results that are accumulated at once, by columns: a few KiB

// How x is walked: the kept dimensions with y's strides (operand 0) and x's (1), the reduced ones with x's.
template <typename T>
struct Reduction {
    const T* x;
    T* y;
    LoopNest<2> kept;
    LoopNest<1> reduced;
    int order[kMaxRank];   // the dimensions in the order in which they lie in memory, the closest last
    uint32_t closest = 0;  // a bit for each that is in reduced's first
    int64_t results = 1, count = 1;
    int64_t pieces = 1, piece = 0;

    // No copy of its own for every rule.
    [[gnu::noinline]] Reduction(NdArray<const T> from, NdArray<T> to) : x(from.data), y(to.data) {
        for (int d = 0; d < from.rank; ++d) {
            int place = d;
            for (; place > 0 && distance(from, order[place - 1]) < distance(from, d); --place)
                order[place] = order[place - 1];
            order[place] = d;
        }
        for (int k = from.rank - 1; k >= 0; --k) {
            const int d = order[k];
            const int64_t size = from.shape[d], stride = from.stride[d];
            if (to.shape[d] == size) {
                const int64_t both[2] = {to.stride[d], stride};
                kept.add(size, both);
                results *= size;
            } else {
                // Addition has no direction: backwards dimensions are walked forwards.
                if (stride < 0) x += (size - 1) * stride;
                const int64_t forwards[1] = {stride < 0 ? -stride : stride};
                reduced.add(size, forwards);
                if (reduced.rank <= 1) closest |= 1u << d;
                count *= size;
            }
        }
        fill_up(kept);
        fill_up(reduced);
        const int64_t wanted = kReducePieces / results, possible = count / kReduceGrain;
        if (wanted > 1 && possible > 1) pieces = wanted < possible ? wanted : possible;
        piece = (count - 1) / pieces + 1;
        pieces = (count - 1) / piece + 1;
    }

    bool by_rows() const {
        const int64_t stride = kept.stride[1][0];
        return results == 1 || reduced.stride[0][0] <= (stride < 0 ? -stride : stride);
    }

    [[gnu::noinline]] const T* row(int64_t result) const {
        const T* p = x;
        for (int d = 0; d < kept.rank; ++d, result /= kept.shape[d - 1])
            p += result % kept.shape[d] * kept.stride[1][d];
        return p;
    }

    [[gnu::noinline]] T* target(int64_t result) const {
        T* p = y;
        for (int d = 0; d < kept.rank; ++d, result /= kept.shape[d - 1])
            p += result % kept.shape[d] * kept.stride[0][d];
        return p;
    }

    // Where the r-th reduced element lies behind the first.
    int64_t offset(int64_t r) const {
        if (reduced.rank == 1) return r * reduced.stride[0][0];
        int64_t sum = 0;
        for (int d = 0; d < reduced.rank; ++d, r /= reduced.shape[d - 1])
            sum += r % reduced.shape[d] * reduced.stride[0][d];
        return sum;
    }

  private:
    static int64_t distance(const Extents& x, int d) { return x.stride[d] < 0 ? -x.stride[d] : x.stride[d]; }

    // A nest without dimensions gets one of size 1.
    template <int N>
    static void fill_up(LoopNest<N>& nest) {
        if (nest.rank > 0) return;
        const int64_t none[N] = {};
        nest.shape[0] = 1;
        for (int k = 0; k < N; ++k) nest.stride[k][0] = none[k];
        nest.rank = 1;
    }
};

// width<Sum> elements that lie `stride` apart, of which n count.
template <typename Rule, typename T>
PYDL_INLINE vec<typename Rule::Sum> read_strided(const T* p, int64_t stride, int64_t n) {
    constexpr int W = width<typename Rule::Sum>;
    if (stride == 1) return Rule::of(n >= W ? Rule::read(p) : Rule::read(p, n));
    T lanes[W] = {};
    for (int64_t i = 0; i < n && i < W; ++i) lanes[i] = p[i * stride];
    return Rule::of(n >= W ? Rule::read(lanes) : Rule::read(lanes, n));
}

// n elements that lie `stride` apart, one behind another, with room for whole vectors of them.
template <typename T>
[[gnu::noinline]] void pack_lanes(const T* p, int64_t stride, int64_t n, T* packed) {
    for (int64_t i = 0; i < n; i += width<T>)
        store(packed + i, gather_lanes(p + i * stride, stride, n - i < width<T> ? n - i : width<T>));
}

// The elements [begin, end) of the reduction of one result. Several sums at once, because each addition waits
// for the one before it. Runs that are long enough are rows of their own, packed where they have gaps: see
// reductions/reduce_lines.h.
template <typename Rule, typename T>
typename Rule::Sum reduce_row(const Reduction<T>& r, const T* x, int64_t begin, int64_t end) {
    constexpr int W = width<typename Rule::Sum>, kSums = 8;
    vec<typename Rule::Sum> sums[kSums];
    for (int s = 0; s < kSums; ++s) sums[s] = Rule::identity();
    typename Rule::Total of_rows;
    const int64_t stride = r.reduced.stride[0][0], length = r.reduced.shape[0];
    while (begin < end) {
        const int64_t inside = begin % length;
        const int64_t run = length - inside < end - begin ? length - inside : end - begin;
        const T* p = x + r.offset(begin);
        if (run >= 4 * width<T>) {
            constexpr int64_t kRow = kLineVectors * width<T>;
            T packed[kRow];
            for (int64_t i = 0; i < run; i += kRow) {
                const int64_t n = run - i < kRow ? run - i : kRow;
                if (stride != 1) pack_lanes(p + i * stride, stride, n, packed);
                of_rows.take(join_row<Rule>(stride == 1 ? p + i : packed, n));
            }
            begin += run;
            continue;
        }
        int64_t i = 0;
#pragma GCC unroll 1
        for (int s = 0; i < run; i += W, s = (s + 1) % kSums)
            sums[s] = Rule::combine(sums[s], read_strided<Rule>(p + i * stride, stride, run - i));
        begin += run;
    }
    for (int step = kSums / 2; step > 0; step /= 2)
        for (int s = 0; s < step; ++s) sums[s] = Rule::combine(sums[s], sums[s + step]);
    return Rule::join_sums(of_rows.fold(), Rule::fold(sums[0]));
}

// `width` neighbouring results from `first` on: sums[j] over the elements [begin, end) of each.
template <typename Rule, typename T>
void reduce_columns(const Reduction<T>& r, int64_t first, int64_t columns, int64_t begin, int64_t end,
                    typename Rule::Sum* sums) {
    constexpr int W = width<typename Rule::Sum>;
    const T* x = r.row(first);
    const int64_t stride = r.kept.stride[1][0];
    for (int64_t j = 0; j < columns; j += W) store(sums + j, Rule::identity());
    for (; begin + 4 <= end; begin += 4) {  // four at a time: a quarter of the traffic on sums
        const T* p[4] = {x + r.offset(begin), x + r.offset(begin + 1), x + r.offset(begin + 2),
                         x + r.offset(begin + 3)};
        for (int64_t j = 0; j < columns; j += W) {
            auto sum = load(sums + j);
            for (int k = 0; k < 4; ++k)
                sum = Rule::combine(sum, read_strided<Rule>(p[k] + j * stride, stride, columns - j));
            store(sums + j, sum);
        }
    }
    for (; begin < end; ++begin) {
        const T* p = x + r.offset(begin);
        for (int64_t j = 0; j < columns; j += W)
            store(sums + j,
                  Rule::combine(load(sums + j), read_strided<Rule>(p + j * stride, stride, columns - j)));
    }
}

// Whether x is rows or columns as reductions/reduce_lines.h takes them; if so, they are reduced.
template <typename Rule, typename T>
bool reduce_without_gaps(const Reduction<T>& r, int64_t divisor) {
    const auto &kept = r.kept.stride[1], &to = r.kept.stride[0];
    const auto& shape = r.kept.shape;
    if (r.reduced.rank > 1 || r.kept.rank > 2) return false;
    if (r.results == 1 && r.reduced.stride[0][0] != 1) return false;  // a column alone is a row with gaps
    if (r.count > 1 && r.reduced.stride[0][0] == 1 && r.kept.rank == 1) {
        reduce_rows<Rule>(r.x, kept[0], r.y, to[0], shape[0], r.count, divisor);
        return true;
    }
    if ((kept[0] != 1 && shape[0] > 1) || (to[0] != 1 && shape[0] > 1)) return false;
    const bool several = r.kept.rank == 2;
    reduce_columns_of<Rule>(r.x, several ? kept[1] : 0, r.reduced.stride[0][0], r.y, several ? to[1] : 0,
                            several ? shape[1] : 1, r.count, shape[0], divisor);
    return true;
}

template <typename T>
[[gnu::noinline]] void fill_all(NdArray<T> y, T value) {
    const char* bytes = reinterpret_cast<const char*>(&value);
    elementwise_copy("reduce", NdNumbers<char>{{y, reinterpret_cast<char*>(y.data)}, sizeof(T)},
                     NdNumbers<const char>{{{0, nullptr, nullptr}, bytes}, sizeof(T)});
}

template <typename Rule, typename T>
void reduce(const char* mismatch, NdArray<const T> x, NdArray<T> y, int64_t divisor = 1);

// Of several dimensions that are no neighbours first the closest one: x is read in the order of memory, and
// what is left is short. It lies in memory as x does.
template <typename Rule, typename T>
[[gnu::noinline]] void reduce_in_steps(const char* mismatch, const Reduction<T>& r, NdArray<const T> x,
                                       NdArray<T> y, int64_t divisor) {
    int64_t shape[kMaxRank], stride[kMaxRank], next = 1;
    for (int k = x.rank - 1; k >= 0; --k) {
        const int d = r.order[k];
        shape[d] = r.closest >> d & 1 ? 1 : x.shape[d];
        stride[d] = next;
        next *= shape[d];
    }
    const Scratch<T> left(next);
    const NdArray<T> middle{{x.rank, shape, stride}, left.data()};
    reduce<Rule>(mismatch, x, middle);
    reduce<Rule>(mismatch, read_only(middle), y, divisor);
}

template <typename Rule, typename T>
void reduce(const char* mismatch, NdArray<const T> x, NdArray<T> y, int64_t divisor) {
    using Sum = typename Rule::Sum;
    bool fits = x.rank == y.rank;
    for (int d = 0; fits && d < x.rank; ++d) fits = y.shape[d] == x.shape[d] || y.shape[d] == 1;
    require(fits, mismatch);
    if (y.size() == 0) return;
    if (x.size() == 0) {
        return fill_all(y, Rule::finish(Rule::fold(Rule::identity()), divisor));
    }
    const Reduction<T> r(x, y);
    if (reduce_without_gaps<Rule>(r, divisor)) return;
    if (r.reduced.rank > 1 && r.results > 1 && r.reduced.shape[0] >= kFirstStep)
        return reduce_in_steps<Rule>(mismatch, r, x, y, divisor);
    const int64_t each = r.piece;  // elements of a task for one result
    Scratch<Sum> partial(r.pieces > 1 ? r.pieces * r.results : 0);
    const auto keep = [&](int64_t result, int64_t piece, Sum sum) {
        if (r.pieces > 1)
            partial[result * r.pieces + piece] = sum;
        else
            *r.target(result) = Rule::finish(sum, divisor);
    };
    const auto limit = [&](int64_t piece) {
        return (piece + 1) * each < r.count ? (piece + 1) * each : r.count;
    };
    if (r.by_rows()) {
        parallel_for(r.results * r.pieces, kReduceGrain / each, [&](int64_t begin, int64_t end) {
            for (int64_t task = begin; task < end; ++task) {
                const int64_t result = task / r.pieces, piece = task % r.pieces;
                keep(result, piece, reduce_row<Rule>(r, r.row(result), piece * each, limit(piece)));
            }
        });
    } else {
        const int64_t line = r.kept.shape[0], blocks = (line - 1) / kColumnBlock + 1;
        const int64_t block_size = line < kColumnBlock ? line : kColumnBlock;
        const int64_t tasks = r.results / line * blocks * r.pieces;
        parallel_for(tasks, kReduceGrain / (each * block_size), [&](int64_t begin, int64_t end) {
            alignas(64) Sum sums[kColumnBlock + width<Sum>];
            for (int64_t task = begin; task < end; ++task) {
                const int64_t piece = task % r.pieces, block = task / r.pieces % blocks;
                const int64_t first = task / r.pieces / blocks * line + block * kColumnBlock;
                const int64_t left = line - block * kColumnBlock;
                const int64_t columns = left < kColumnBlock ? left : kColumnBlock;
                reduce_columns<Rule>(r, first, columns, piece * each, limit(piece), sums);
                for (int64_t j = 0; j < columns; ++j) keep(first + j, piece, sums[j]);
            }
        });
    }
    if (r.pieces == 1) return;
    for (int64_t result = 0; result < r.results; ++result) {
        vec<Sum> sum = Rule::identity();
        for (int64_t piece = 0; piece < r.pieces; ++piece)
            sum = Rule::combine(sum, broadcast<Sum>(partial[result * r.pieces + piece]));
        *r.target(result) = Rule::finish(sum[0], divisor);
    }
}

// Sums of vectors of T, as doubles.
template <typename T>
struct DoubleTotal {
    vec<double> low{}, high{};
    PYDL_INLINE void take(vec<T> v) {
        if constexpr (std::is_same_v<T, double>) {
            low += v;
        } else {
            alignas(PYDL_VECTOR_BYTES) T lanes[width<T>];
            store(lanes, v);
            low += read_double(lanes);
            high += read_double(lanes + width<double>);
        }
    }
    double fold() const { return reduce_add(low + high); }
};

// Addition; of the mean, the divisor is how many terms there are.
template <typename T>
struct Addition {
    using Sum = double;
    static vec<Sum> identity() { return vec<Sum>{}; }
    PYDL_INLINE static vec<Sum> read(const T* p) { return read_double(p); }
    PYDL_INLINE static vec<Sum> read(const T* p, int64_t n) { return read_double(p, n); }
    PYDL_INLINE static vec<Sum> combine(vec<Sum> a, vec<Sum> b) { return a + b; }
    PYDL_INLINE static Sum fold(vec<Sum> v) { return reduce_add(v); }
    static T finish(Sum sum, int64_t divisor) { return T(divisor == 1 ? sum : sum / double(divisor)); }

    using Total = DoubleTotal<T>;
    template <typename V>
    PYDL_INLINE static V of(V x) {
        return x;
    }
    PYDL_INLINE static vec<T> start() { return vec<T>{}; }
    PYDL_INLINE static vec<T> join(vec<T> a, vec<T> b) { return a + b; }
    PYDL_INLINE static vec<T> first(vec<T> v, int64_t) { return v; }  // load_partial gives zeros
    PYDL_INLINE static Sum join_sums(Sum a, Sum b) { return a + b; }
};

}  // namespace pydl::PYDL_ISA
