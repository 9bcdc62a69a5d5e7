// How a loss becomes one number: exact to float32 for any size, and the same for any number of threads.
//
// The elements are cut into blocks of fixed size. A block is summed by lanes, the blocks in order in double
// precision.
#pragma once
#include "elementwise/elementwise.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

// As in pydl/ops/losses.py.
enum Reduce : int64_t { kNone = 0, kMean = 1, kSum = 2 };

constexpr int64_t kLossBlock = 4096;

// The sum of f(begin, end) over the blocks of `count` elements.
template <typename F>
double sum_blocks(int64_t count, const F& f) {
    const int64_t blocks = (count + kLossBlock - 1) / kLossBlock;
    Scratch<double> sums(blocks);
    parallel_for(blocks, 4, [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; ++block) {
            const int64_t start = block * kLossBlock;
            sums[block] = f(start, start + kLossBlock < count ? start + kLossBlock : count);
        }
    });
    double total = 0;
    for (int64_t block = 0; block < blocks; ++block) total += sums[block];
    return total;
}

template <typename T>
double sum_of(const T* p, int64_t count) {
    return sum_blocks(count, [&](int64_t begin, int64_t end) {
        vec<T> sum{};
        for (int64_t i = begin; i < end; i += width<T>) sum += load_partial(p + i, end - i);
        return double(reduce_add(sum));
    });
}

// One input, with any stride. One that is repeated is read from a vector full of copies, again and again.
template <typename T>
class Operand {
  public:
    Operand(const T* data, int64_t stride) : data_(data), stride_(stride) {
        if (stride == 0) store(copies_, broadcast<T>(*data));
    }

    bool unit_or_repeated() const { return stride_ == 1 || stride_ == 0; }

    PYDL_INLINE vec<T> consecutive_or_copies(int64_t i) const {  // without a branch: the stride is 1 or 0
        return load((stride_ == 0 ? copies_ : data_) + i * stride_);
    }

    PYDL_INLINE vec<T> strided(int64_t i, int64_t n) const {
        return stride_ == 0 ? load(copies_) : load_strided(data_ + i * stride_, stride_, n);
    }

  private:
    const T* data_;
    int64_t stride_;
    alignas(PYDL_VECTOR_BYTES) T copies_[width<T>];
};

// take(i, n, u, f(x...)) for the vectors of elements [begin, end): the first element, how many there are, and
// a number below U that differs from that of the vectors before, so that sums need not wait for each other.
template <typename T, int U, typename F, typename Take, typename... X>
PYDL_INLINE void map_operands(int64_t begin, int64_t end, const F& f, const Take& take, const X&... x) {
    constexpr int64_t W = width<T>;
    int64_t i = begin;
    if ((x.unit_or_repeated() && ...))
        for (; i + U * W <= end; i += U * W)
#pragma GCC unroll 4
            for (int u = 0; u < U; ++u) take(i + u * W, W, u, f(x.consecutive_or_copies(i + u * W)...));
    for (; i < end; i += W) {
        const int64_t n = end - i < W ? end - i : W;
        take(i, n, 0, f(x.strided(i, n)...));
    }
}

template <typename T>
Operand<T> operand(const Array<const T, 1>& x) {
    return {x.data, x.stride[0]};
}

// What an absent weight is: one number for all elements.
template <typename T>
inline constexpr T kOne = T(1);
template <typename T>
Array<const T, 1> or_ones(const Optional<Array<const T, 1>>& weight, int64_t count) {
    return weight ? *weight : Array<const T, 1>{&kOne<T>, {count}, {0}};
}

// y[i] = f(x[i], ...), or y[0] = their sum or mean. All inputs have one length.
template <typename T, typename F, typename... X>
void loss_forward(const char* mismatch, F f, int64_t reduction, Array<T, 1> y, Array<const T, 1> first,
                  X... more) {
    const int64_t count = first.shape[0];
    const bool reduce = reduction != kNone;
    require(((more.shape[0] == count) && ...) && y.shape[0] == (reduce ? 1 : count), mismatch);
    const double total = sum_blocks(count, [&](int64_t begin, int64_t end) {
        vec<T> sum[4] = {};
        const auto take = [&](int64_t i, int64_t n, int u, vec<T> value) PYDL_INLINE_LAMBDA {
            if (reduce)
                sum[u] += n == width<T> ? value : select(iota<int_of<T>>() < int_of<T>(n), value, vec<T>{});
            else
                store_strided(y.data + i * y.stride[0], y.stride[0], value, n);
        };
        map_operands<T, 4>(begin, end, f, take, operand<T>(first), operand<T>(more)...);
        return double(reduce_add((sum[0] + sum[1]) + (sum[2] + sum[3])));
    });
    if (reduce) y.data[0] = T(reduction == kMean ? total / double(count) : total);
}

// dx[i] = dy[i] * f(x[i], ...), divided by the number of elements for a mean. dy has one element for all i or
// one for each; dx may be absent.
template <typename T, typename F, typename... X>
void loss_backward(const char* mismatch, F f, bool mean, Array<const T, 1> dy, Optional<Array<T, 1>> dx,
                   Array<const T, 1> first, X... more) {
    const int64_t count = first.shape[0];
    require(((more.shape[0] == count) && ...) && (!dx || dx->shape[0] == count) &&
                (dy.shape[0] == 1 || dy.shape[0] == count),
            mismatch);
    if (!dx || count == 0) return;
    const Array<T, 1>& out = *dx;
    const Array<const T, 1> slopes{dy.data, {count}, {dy.shape[0] == 1 ? 0 : dy.stride[0]}};
    const vec<T> factor = broadcast<T>(mean ? T(1 / double(count)) : T(1));
    const auto scaled = [&](vec<T> dy, auto... x) PYDL_INLINE_LAMBDA { return f(x...) * (factor * dy); };
    const auto take = [&](int64_t i, int64_t n, int, vec<T> value) PYDL_INLINE_LAMBDA {
        store_strided(out.data + i * out.stride[0], out.stride[0], value, n);
    };
    parallel_for(count, kElementwiseGrain, [&](int64_t begin, int64_t end) {
        map_operands<T, 1>(begin, end, scaled, take, operand<T>(slopes), operand<T>(first),
                           operand<T>(more)...);
    });
}

}  // namespace pydl::PYDL_ISA
