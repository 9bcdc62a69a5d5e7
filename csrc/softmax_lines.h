// The lines along which softmax and its relatives work: x[a, :, b] of an array (A, K, B).
//
// A kernel is written once, for a *line* of `steps` vectors, and runs in two forms. Where B = 1 the vectors
// lie along a line, and sums and maxima over it end with a reduction of the lanes ("along"). Else the lanes
// are neighbouring lines b, b+1, ..., a vector for each k, and there is nothing to reduce ("across").
//
// Rows of a few numbers would leave most lanes empty along a line. They are turned, a vector's width of rows
// at a time, and worked off as neighbouring lines.
#pragma once
#include "row_vectors.h"
#include "turned_rows.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct AlongLine {
    T* data;
    int64_t stride, size;

    static constexpr bool across = false;
    int64_t steps() const { return (size + width<T> - 1) / width<T>; }
    int64_t lines() const { return 1; }
    // Lanes beyond the end hold `rest`.
    PYDL_INLINE vec<T> get(int64_t step, T rest) const {
        const int64_t n = size - step * width<T>;
        if (n >= width<T> && stride == 1) return load(data + step * width<T>);
        const vec<T> v = load_strided(data + step * width<T> * stride, stride, n < width<T> ? n : width<T>);
        return select(iota<int_of<T>>() < int_of<T>(n < width<T> ? n : width<T>), v, broadcast<T>(rest));
    }
    PYDL_INLINE void fetch_next(int64_t) const {}
    PYDL_INLINE void put(int64_t step, vec<T> v) const {
        const int64_t n = size - step * width<T>;
        store_strided(data + step * width<T> * stride, stride, v, n < width<T> ? n : width<T>);
    }
    PYDL_INLINE static vec<T> all_sum(vec<T> v) { return broadcast<T>(reduce_add(v)); }
    PYDL_INLINE static vec<T> all_max(vec<T> v) { return broadcast<T>(reduce_max(v)); }
};

template <typename T>
struct AcrossLines {
    T* data;
    int64_t stride, size;    // along k
    int64_t spacing, count;  // from line to line; lanes in use

    static constexpr bool across = true;
    int64_t steps() const { return size; }
    int64_t lines() const { return count < width<T> ? count : width<T>; }
    PYDL_INLINE vec<T> get(int64_t step, T) const {
        return load_strided(data + step * stride, spacing, count);
    }
    // Asks for what lines further on read: there are too many of these rows for the processor to foresee.
    PYDL_INLINE void fetch_next(int64_t step) const { prefetch(data + step * stride + 4 * width<T>); }
    PYDL_INLINE void put(int64_t step, vec<T> v) const {
        store_strided(data + step * stride, spacing, v, count);
    }
    PYDL_INLINE static vec<T> all_sum(vec<T> v) { return v; }
    PYDL_INLINE static vec<T> all_max(vec<T> v) { return v; }
};

template <typename T>
using Mutable = std::remove_const_t<T>;

template <typename T>
AlongLine<Mutable<T>> line_along(const Array<T, 3>& x, int64_t a) {
    return {const_cast<Mutable<T>*>(x.data) + a * x.stride[0], x.stride[1], x.shape[1]};
}

template <typename T>
AcrossLines<Mutable<T>> lines_across(const Array<T, 3>& x, int64_t a, int64_t b) {
    const int64_t left = x.shape[2] - b;
    return {const_cast<Mutable<T>*>(x.data) + a * x.stride[0] + b * x.stride[2], x.stride[1], x.shape[1],
            x.stride[2], left < width<Mutable<T>> ? left : width<Mutable<T>>};
}

template <typename A, typename B>
bool same_shape(const Array<A, 3>& a, const Array<B, 3>& b) {
    return a.shape[0] == b.shape[0] && a.shape[1] == b.shape[1] && a.shape[2] == b.shape[2];
}

// f(number of the first line, line of each array) for all lines of arrays of one shape. Lines are numbered in
// the order of (a, b).
template <typename F, typename First, typename... More>
void for_each_line(const F& f, const First& first, const More&... more) {
    using T = Mutable<std::remove_reference_t<decltype(*first.data)>>;
    const int64_t A = first.shape[0], K = first.shape[1], B = first.shape[2];
    if (B == 1 && turns<T>(A, K)) {
        constexpr int64_t W = width<T>;
        const auto turned = [&](T* buffer, int64_t n) { return AcrossLines<T>{buffer, W, K, 1, n}; };
        const int64_t bundles = (A - 1) / W + 1;
        parallel_for(bundles, kElementwiseGrain / 4 / (K * W) + 1, [&](int64_t begin, int64_t end) {
            Scratch<T> buffers((1 + sizeof...(more)) * K * W);
            for (int64_t item = begin; item < end; ++item) {
                const int64_t a = item * W, n = A - a < W ? A - a : W;
                T* next = buffers.data();
                const auto in = [&](const auto& x) {
                    T* const buffer = next;
                    next += K * W;
                    if (std::is_const_v<std::remove_reference_t<decltype(*x.data)>>)
                        turn_rows<W>(x.data + a * x.stride[0], x.stride[0], x.stride[1], n, K, buffer);
                    return turned(buffer, n);
                };
                // In braces, because the order of the buffers has to be that of the arguments.
                struct Run {
                    Run(const F& f, int64_t a, AcrossLines<T> first,
                        std::conditional_t<true, AcrossLines<T>, More>... more) {
                        f(a, first, more...);
                    }
                };
                Run{f, a, in(first), in(more)...};
                next = buffers.data();
                const void* written =
                    nullptr;  // an array that is given twice keeps what f put into the first
                const auto out = [&](const auto& x) {
                    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(*x.data)>>)
                        if (x.data != written) {
                            turn_back<W>(next, n, K, x.data + a * x.stride[0], x.stride[0], x.stride[1]);
                            written = x.data;
                        }
                    next += K * W;
                };
                out(first);
                (out(more), ...);
            }
        });
    } else if (B == 1) {
        parallel_for(A, kElementwiseGrain / 4 / (K + 1) + 1, [&](int64_t begin, int64_t end) {
            for (int64_t a = begin; a < end; ++a) f(a, line_along(first, a), line_along(more, a)...);
        });
    } else {
        const int64_t bundles = (B + width<T> - 1) / width<T>;
        parallel_for(A * bundles, kElementwiseGrain / 4 / (K * width<T> + 1) + 1,
                     [&](int64_t begin, int64_t end) {
                         for (int64_t item = begin; item < end; ++item) {
                             const int64_t a = item / bundles, b = item % bundles * width<T>;
                             f(a * B + b, lines_across(first, a, b), lines_across(more, a, b)...);
                         }
                     });
    }
}

// The largest element of a line, and the sum of e^(x - largest), in all lanes that belong to it.
template <typename T>
struct Exponentials {
    vec<T> largest, sum;
};

template <typename T, typename Line>
PYDL_INLINE vec<T> largest_of(const Line& x) {
    vec<T> largest = broadcast<T>(-__builtin_inff());
    for (int64_t step = 0; step < x.steps(); ++step) {
        x.fetch_next(step);
        largest = max(largest, x.get(step, T(-__builtin_inff())));
    }
    return Line::all_max(largest);
}

template <typename T, typename Line>
PYDL_INLINE Exponentials<T> sum_exponentials(const Line& x) {
    if constexpr (!Line::across)
        if (x.stride == 1) {
            const T most = largest_of_row<T>(x.data, x.size);
            const T total = sum_of_row<T>(x.size, [&](int64_t i, int64_t n) PYDL_INLINE_LAMBDA {
                return exp(load_partial<T>(x.data + i, n) - most);
            });
            return {broadcast<T>(most), broadcast<T>(total)};
        }
    const vec<T> largest = largest_of<T>(x);
    vec<T> sum{};
    for (int64_t step = 0; step < x.steps(); ++step) sum += exp(x.get(step, T(-__builtin_inff())) - largest);
    return {largest, Line::all_sum(sum)};
}

}  // namespace pydl::PYDL_ISA
