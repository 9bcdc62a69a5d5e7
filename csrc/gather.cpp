// gather: y[a, m, b] = x[a, index[a, m, b], b], the other way round, and with sums. See pydl/ops/gather.py.
//
// Where index is the same for all b (its stride is 0), as for index_select, whole rows are copied or added.
#include "kernel.h"
#include "parallel.h"
#include "row_copies.h"

namespace pydl::PYDL_ISA {
namespace {

using Index = Array<const int64_t, 3>;

constexpr int64_t kColumns = 256;  // of one task, where there is no other way to share the work

// Refuses numbers outside of 0 .. K - 1. What is repeated by a stride of 0 is looked at once.
[[gnu::noinline]] void check_index(const Index& index, int64_t K, const char* message) {
    int64_t n[3];
    for (int d = 0; d < 3; ++d) n[d] = index.stride[d] == 0 && index.shape[d] > 0 ? 1 : index.shape[d];
    const int inner = n[2] > 1 ? 2 : 1, outer = 3 - inner;
    const int64_t step = index.stride[inner];
    vec<int64_t> outside{};
    bool wrong = false;
    for (int64_t a = 0; a < n[0]; ++a)
        for (int64_t m = 0; m < n[outer]; ++m) {
            const int64_t* p = index.data + a * index.stride[0] + m * index.stride[outer];
            int64_t b = 0;
            if (step == 1)
                for (; b + width<int64_t> <= n[inner]; b += width<int64_t>) {
                    const vec<int64_t> i = load(p + b);
                    outside |= (i < 0) | (i >= K);
                }
            for (; b < n[inner]; ++b) wrong |= uint64_t(p[b * step]) >= uint64_t(K);
        }
    require(!wrong && !any(outside), message);
}

// f(place in the long array, place in the short one) for single elements, or rows(..., count) where index
// allows. Of the long array, `long_stride` apart along its middle dimension, each (a, b) belongs to one
// thread.
template <typename Element, typename Rows>
void for_each_index(const Index& index, const int64_t (&long_stride)[3], const int64_t (&short_stride)[3],
                    const Element& element, const Rows& rows) {
    const int64_t A = index.shape[0], M = index.shape[1], B = index.shape[2];
    if (A == 0 || M == 0 || B == 0) return;
    const int64_t strips = (B - 1) / kColumns + 1;
    const int64_t columns = B < kColumns ? B : kColumns;
    parallel_for(A * strips, kElementwiseGrain / (M * columns) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const int64_t a = task / strips, first = task % strips * kColumns;
            const int64_t count = B - first < kColumns ? B - first : kColumns;
            const int64_t at_long = a * long_stride[0] + first * long_stride[2];
            const int64_t at_short = a * short_stride[0] + first * short_stride[2];
            const int64_t* p = index.data + a * index.stride[0] + first * index.stride[2];
            for (int64_t m = 0; m < M; ++m) {
                const int64_t* q = p + m * index.stride[1];
                const int64_t s = at_short + m * short_stride[1];
                if (index.stride[2] == 0 && B > 1) {
                    rows(at_long + *q * long_stride[1], s, count);
                    continue;
                }
                for (int64_t b = 0; b < count; ++b)
                    element(at_long + q[b * index.stride[2]] * long_stride[1] + b * long_stride[2],
                            s + b * short_stride[2]);
            }
        }
    });
}

// The last dimension is the one that is indexed: B = 1, and M takes its place.
template <typename Element>
void for_each_in_lines(const Index& index, const int64_t (&long_stride)[3], const int64_t (&short_stride)[3],
                       const Element& element) {
    const int64_t A = index.shape[0], M = index.shape[1];
    parallel_for(A, kElementwiseGrain / (M + 1) + 1, [&](int64_t begin, int64_t end) {
        if (M == 1) {  // one of every line: the right class, say
            const int64_t step = index.stride[0];
            for (int64_t a = begin; a < end; ++a)
                element(a * long_stride[0] + index.data[a * step] * long_stride[1], a * short_stride[0]);
            return;
        }
        for (int64_t a = begin; a < end; ++a) {
            const int64_t* q = index.data + a * index.stride[0];
            const int64_t at_long = a * long_stride[0], at_short = a * short_stride[0];
            if (index.stride[1] == 1 && long_stride[1] == 1 && short_stride[1] == 1) {
#pragma GCC unroll 4
                for (int64_t m = 0; m < M; ++m) element(at_long + q[m], at_short + m);
                continue;
            }
            for (int64_t m = 0; m < M; ++m)
                element(at_long + q[m * index.stride[1]] * long_stride[1], at_short + m * short_stride[1]);
        }
    });
}

template <typename X, typename Y>
void check_shapes(const Array<X, 3>& long_one, const Index& index, const Array<Y, 3>& short_one,
                  const char* message) {
    for (int d = 0; d < 3; ++d)
        require(index.shape[d] == short_one.shape[d] && (d == 1 || long_one.shape[d] == index.shape[d]),
                message);
    if (short_one.size() > 0) check_index(index, long_one.shape[1], message);
}

template <typename X, typename Y, typename Element, typename Rows>
void for_all(const Array<X, 3>& long_one, const Index& index, const Array<Y, 3>& short_one,
             const Element& element, const Rows& rows) {
    if (index.shape[2] == 1) return for_each_in_lines(index, long_one.stride, short_one.stride, element);
    for_each_index(index, long_one.stride, short_one.stride, element, rows);
}

}  // namespace

template <typename T>
void gather_forward(Array<const T, 3> x, Array<const int64_t, 3> index, Array<T, 3> y) {
    check_shapes(x, index, y, "gather_forward: x is (A, K, B), index and y (A, M, B), index from 0 to K - 1");
    for_all(
        x, index, y, [&](int64_t i, int64_t j) PYDL_INLINE_LAMBDA { y.data[j] = x.data[i]; },
        [&](int64_t i, int64_t j, int64_t count) {
            copy_row(x.data + i, x.stride[2], y.data + j, y.stride[2], count);
        });
}
PYDL_KERNEL(gather_forward, "x, index, y")

// Adds to dx.
template <typename T>
void gather_backward(Array<const T, 3> dy, Array<const int64_t, 3> index, Array<T, 3> dx) {
    check_shapes(dx, index, dy,
                 "gather_backward: dx is (A, K, B), index and dy (A, M, B), index from 0 to K - 1");
    for_all(
        dx, index, dy, [&](int64_t i, int64_t j) PYDL_INLINE_LAMBDA { dx.data[i] += dy.data[j]; },
        [&](int64_t i, int64_t j, int64_t count) {
            add_row(dy.data + j, dy.stride[2], dx.data + i, dx.stride[2], count);
        });
}
PYDL_KERNEL(gather_backward, "dy, index, dx")

// Writes over y; of several numbers for one place the last stays.
template <typename T>
void scatter_forward(Array<const T, 3> src, Array<const int64_t, 3> index, Array<T, 3> y) {
    check_shapes(y, index, src,
                 "scatter_forward: y is (A, K, B), index and src (A, M, B), index from 0 to K - 1");
    for_all(
        y, index, src, [&](int64_t i, int64_t j) PYDL_INLINE_LAMBDA { y.data[i] = src.data[j]; },
        [&](int64_t i, int64_t j, int64_t count) {
            copy_row(src.data + j, src.stride[2], y.data + i, y.stride[2], count);
        });
}
PYDL_KERNEL(scatter_forward, "src, index, y")

}  // namespace pydl::PYDL_ISA
