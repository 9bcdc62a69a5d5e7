// How a loss becomes one number: exact to float32 for any size, and the same for any number of threads.
//
// The elements are cut into blocks of fixed size. A block is summed by lanes, the blocks in order in double
// precision.
#pragma once
#include "elementwise.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

// As in pydl/ops/losses.py.
enum Reduce : int64_t { kNone = 0, kMean = 1, kSum = 2 };

constexpr int64_t kLossBlock = 4096;

template <typename T>
double sum_of(const T* p, int64_t count) {
    const int64_t blocks = (count + kLossBlock - 1) / kLossBlock;
    Scratch<double> sums(blocks);
    parallel_for(blocks, 4, [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; ++block) {
            const int64_t start = block * kLossBlock;
            const int64_t stop = start + kLossBlock < count ? start + kLossBlock : count;
            vec<T> sum{};
            for (int64_t i = start; i < stop; i += width<T>) sum += load_partial(p + i, stop - i);
            sums[block] = double(reduce_add(sum));
        }
    });
    double total = 0;
    for (int64_t block = 0; block < blocks; ++block) total += sums[block];
    return total;
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
    const auto at = [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
        return f(load_strided(first.data + i * first.stride[0], first.stride[0], n),
                 load_strided(more.data + i * more.stride[0], more.stride[0], n)...);
    };
    const int64_t blocks = (count + kLossBlock - 1) / kLossBlock;
    Scratch<double> sums(blocks);
    parallel_for(blocks, 4, [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; ++block) {
            const int64_t start = block * kLossBlock;
            const int64_t stop = start + kLossBlock < count ? start + kLossBlock : count;
            vec<T> sum{};
            for (int64_t i = start; i < stop; i += width<T>) {
                const int64_t n = stop - i < width<T> ? stop - i : width<T>;
                const vec<T> value = at(i, n);
                if (reduce)
                    sum += n == width<T> ? value : select(iota<int_of<T>>() < int_of<T>(n), value, vec<T>{});
                else
                    store_strided(y.data + i * y.stride[0], y.stride[0], value, n);
            }
            sums[block] = double(reduce_add(sum));
        }
    });
    if (!reduce) return;
    double total = 0;
    for (int64_t block = 0; block < blocks; ++block) total += sums[block];
    y.data[0] = T(reduction == kMean ? total / double(count) : total);
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
    const int64_t step = dy.shape[0] == 1 ? 0 : dy.stride[0];
    const vec<T> factor = broadcast<T>(mean ? T(1 / double(count)) : T(1));
    parallel_for(count, kElementwiseGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i += width<T>) {
            const int64_t n = end - i < width<T> ? end - i : width<T>;
            const vec<T> slope = f(load_strided(first.data + i * first.stride[0], first.stride[0], n),
                                   load_strided(more.data + i * more.stride[0], more.stride[0], n)...);
            store_strided(out.data + i * out.stride[0], out.stride[0],
                          slope * (factor * load_strided(dy.data + i * step, step, n)), n);
        }
    });
}

}  // namespace pydl::PYDL_ISA
