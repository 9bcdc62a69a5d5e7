// y[k] = the sum, maximum, ... of x[k, r] over all r: the loop of every reduction, over arrays of any rank
// and strides. y has the rank of x and size 1 in the dimensions that are reduced. A kernel gives the rule:
//
//     struct Rule {
//         using Sum = double;                       what is accumulated in, and a vector of it
//         static vec<Sum> identity();
//         static vec<Sum> read(const T* p);                       width<Sum> elements
//         static vec<Sum> combine(vec<Sum> a, vec<Sum> b);
//         static Sum fold(vec<Sum> v);                            all lanes as one
//         static Sum finish(Sum sum, int64_t divisor);            and the same of a vec<Sum>
//     };
//
// and what the loops of reductions/reduce_lines.h ask for, which do the work. They take rows and columns in
// the order of memory. What lies otherwise is brought before them in steps: dimensions that are reduced and
// no neighbours one after another, an x with gaps as a copy without, and a y in another order than x by way
// of one in the same.
#pragma once
#include "elementwise/copy.h"
#include "reductions/reduce_lines.h"
#include "scratch.h"
#include "simd/doubles.h"

namespace pydl::PYDL_ISA {

// How x is walked: the kept dimensions with y's strides (operand 0) and x's (1), the reduced ones with x's.
// All but the loops themselves is the same for every rule and type, and compiled once.
struct Reduction {
    const char* x;
    char* y;
    LoopNest<2> kept;
    LoopNest<1> reduced;
    int order[kMaxRank];   // the dimensions in the order in which they lie in memory, the closest last
    uint32_t closest = 0;  // a bit for each that is in reduced's first
    int64_t results = 1, count = 1;

    Reduction(const NdNumbers<const char>& from, const NdNumbers<char>& to) : x(from.data), y(to.data) {
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
                if (stride < 0) x += (size - 1) * stride * from.bytes;
                const int64_t forwards[1] = {stride < 0 ? -stride : stride};
                reduced.add(size, forwards);
                if (reduced.rank <= 1) closest |= 1u << d;
                count *= size;
            }
        }
        fill_up(kept);
        fill_up(reduced);
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

// An array without gaps, its dimensions in the order in which those of x lie in memory; those in `ones`, a
// bit for each, have size 1.
class InOrderOf {
  public:
    InOrderOf(const Reduction& r, const Extents& x, uint32_t ones) : rank_(x.rank) {
        for (int k = rank_ - 1; k >= 0; --k) {
            const int d = r.order[k];
            shape_[d] = ones >> d & 1 ? 1 : x.shape[d];
            stride_[d] = size_;
            size_ *= shape_[d];
        }
    }

    template <typename C>
    NdNumbers<C> at(C* data, int64_t bytes) const {
        return {{{rank_, shape_, stride_}, data}, bytes};
    }
    int64_t size() const { return size_; }

    // Whether y lies as this one would.
    bool is_order_of(const Extents& y) const {
        bool same = true;
        for (int d = 0; d < rank_; ++d) same &= shape_[d] == 1 || stride_[d] == y.stride[d];
        return same;
    }

  private:
    int rank_;
    int64_t shape_[kMaxRank], stride_[kMaxRank], size_ = 1;
};

// Whether x is rows or columns as reductions/reduce_lines.h takes them; if so, they are reduced.
template <typename Rule, typename T>
bool reduce_without_gaps(const Reduction& r, int64_t divisor) {
    const auto &kept = r.kept.stride[1], &to = r.kept.stride[0];
    const auto& shape = r.kept.shape;
    const T* x = reinterpret_cast<const T*>(r.x);
    T* y = reinterpret_cast<T*>(r.y);
    if (r.reduced.rank > 1 || r.kept.rank > 2) return false;
    // A column alone is a row with gaps.
    if (r.count > 1 && r.results == 1 && r.reduced.stride[0][0] != 1) return false;
    if (r.count > 1 && r.reduced.stride[0][0] == 1 && r.kept.rank == 1) {
        reduce_rows<Rule>(x, kept[0], y, to[0], shape[0], r.count, divisor);
        return true;
    }
    if ((kept[0] != 1 && shape[0] > 1) || (to[0] != 1 && shape[0] > 1)) return false;
    const bool several = r.kept.rank == 2;
    reduce_columns_of<Rule>(x, several ? kept[1] : 0, r.reduced.stride[0][0], y, several ? to[1] : 0,
                            several ? shape[1] : 1, r.count, shape[0], divisor);
    return true;
}

template <typename Rule, typename T>
void reduce_nothing(int64_t divisor, char* y) {
    *reinterpret_cast<T*>(y) = T(Rule::finish(Rule::fold(Rule::identity()), divisor));
}

// Of an x with gaps, so many numbers are copied at once: views may have more than memory holds.
constexpr int64_t kMostCopied = int64_t(1) << 24;

// A rule, for numbers of a type.
struct ReductionRule {
    const char* mismatch;                                       // what is said of a y of another shape
    bool (*without_gaps)(const Reduction& r, int64_t divisor);  // reduce_without_gaps
    void (*nothing)(int64_t divisor, char* y);                  // reduce_nothing

    using From = NdNumbers<const char>;
    using To = NdNumbers<char>;

    [[gnu::noinline]] void reduce(const From& x, const To& y, int64_t divisor) const {
        const int64_t bytes = x.bytes;
        bool fits = x.rank == y.rank;
        uint32_t ones = 0;
        for (int d = 0; fits && d < x.rank; ++d) {
            fits = y.shape[d] == x.shape[d] || y.shape[d] == 1;
            ones |= uint32_t(y.shape[d] == 1) << d;
        }
        require(fits, mismatch);
        if (y.size() == 0) return;
        if (x.size() == 0) {
            alignas(double) char number[sizeof(double)];
            nothing(divisor, number);
            return elementwise_copy(mismatch, y, {{{0, nullptr, nullptr}, number}, bytes});
        }
        const Reduction r(x, y);
        if (without_gaps(r, divisor)) return;
        // The closest dimension first: x is read in the order of memory, and what is left is short.
        const bool several = r.reduced.rank > 1;
        const InOrderOf result(r, x, several ? r.closest : ones);
        if (several || !result.is_order_of(y)) {
            const Scratch<char> scratch(result.size() * bytes);
            reduce(x, result.at(scratch.data(), bytes), several ? 1 : divisor);
            const From middle = result.at<const char>(scratch.data(), bytes);
            return several ? reduce(middle, y, divisor) : elementwise_copy(mismatch, y, middle);
        }
        const InOrderOf packed(r, x, 0);
        if (packed.size() > kMostCopied) return reduce_halves(x, y, divisor);
        const Scratch<char> scratch(packed.size() * bytes);
        elementwise_copy(mismatch, packed.at(scratch.data(), bytes), x);
        reduce(packed.at<const char>(scratch.data(), bytes), y, divisor);
    }

  private:
    // Reduces both halves of x along its longest dimension d, and what they give if d is reduced.
    [[gnu::noinline]] void reduce_halves(const From& x, const To& y, int64_t divisor) const {
        int d = 0;
        for (int k = 1; k < x.rank; ++k)
            if (x.shape[k] > x.shape[d]) d = k;
        const bool is_kept = y.shape[d] == x.shape[d];
        int64_t part[kMaxRank], result[kMaxRank], both[kMaxRank], stride[kMaxRank], size = 1;
        for (int k = x.rank - 1; k >= 0; --k) {
            part[k] = x.shape[k];
            result[k] = y.shape[k];
            both[k] = k == d ? 2 : y.shape[k];
            stride[k] = size;
            size *= both[k];
        }
        const int64_t bytes = x.bytes, middle = x.shape[d] / 2;
        const Scratch<char> scratch(is_kept ? 0 : size * bytes);
        for (int half = 0; half < 2; ++half) {
            part[d] = half == 0 ? middle : x.shape[d] - middle;
            const char* data = x.data + half * middle * x.stride[d] * bytes;
            const From from{{{x.rank, part, x.stride}, data}, bytes};
            if (is_kept) {
                result[d] = part[d];
                char* to = y.data + half * middle * y.stride[d] * bytes;
                reduce(from, {{{x.rank, result, y.stride}, to}, bytes}, divisor);
            } else {
                char* to = scratch.data() + half * stride[d] * bytes;
                reduce(from, {{{x.rank, result, stride}, to}, bytes}, 1);
            }
        }
        if (is_kept) return;
        reduce({{{x.rank, both, stride}, scratch.data()}, bytes}, y, divisor);
    }
};

template <typename Rule, typename T>
void reduce(const char* mismatch, NdArray<const T> x, NdArray<T> y, int64_t divisor = 1) {
    const ReductionRule rule = {mismatch, reduce_without_gaps<Rule, T>, reduce_nothing<Rule, T>};
    rule.reduce({{x, reinterpret_cast<const char*>(x.data)}, sizeof(T)},
                {{y, reinterpret_cast<char*>(y.data)}, sizeof(T)}, divisor);
}

// Sums of vectors of T, as doubles.
template <typename T>
struct DoubleTotal {
    vec<double> low{}, high{};
    PYDL_INLINE void take(vec<T> v) {
        if constexpr (std::is_same_v<T, double>) {
            low += v;
        } else {
            low += low_half(v);
            high += high_half(v);
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
    PYDL_INLINE static vec<Sum> combine(vec<Sum> a, vec<Sum> b) { return a + b; }
    PYDL_INLINE static Sum fold(vec<Sum> v) { return reduce_add(v); }
    template <typename V>
    PYDL_INLINE static V finish(V sum, int64_t divisor) {
        return divisor == 1 ? sum : sum / lane<V>(divisor);
    }

    using Total = DoubleTotal<T>;
    PYDL_INLINE static vec<T> of(vec<T> x) { return x; }
    PYDL_INLINE static vec<T> start() { return vec<T>{}; }
    PYDL_INLINE static vec<T> join(vec<T> a, vec<T> b) { return a + b; }
    PYDL_INLINE static vec<T> first(vec<T> v, int64_t) { return v; }  // load_partial gives zeros
    PYDL_INLINE static Sum join_sums(Sum a, Sum b) { return a + b; }
};

}  // namespace pydl::PYDL_ISA
