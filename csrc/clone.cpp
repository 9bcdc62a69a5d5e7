// clone: y = x, whatever the strides. See pydl/ops/clone.py.
//
// Where the two run along different dimensions, as in a transpose, squares of a vector's width go through
// registers:
//
//     x, unit stride downwards         y, unit stride to the right
//     | | | |  columns are loaded      ----
//     | | | |  as vectors         ->   ----  rows are stored as vectors
//     | | | |                          ----
#include "array.h"
#include "kernel.h"
#include "loop_nest.h"
#include "parallel.h"
#include "simd_lanes.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t grain = 16384;  // elements below which a second thread costs more than it brings

template <typename T>
void copy_row(const T* x, int64_t x_stride, T* y, int64_t y_stride, int64_t count) {
    int64_t i = 0;
    if (x_stride == 0 && y_stride == 1)
        for (const vec<T> same = broadcast<T>(*x); i + width<T> <= count; i += width<T>) store(y + i, same);
    if (x_stride == 1 && y_stride == 1)
        for (; i + width<T> <= count; i += width<T>) store(y + i, load(x + i));
#pragma GCC unroll 4
    for (; i < count; ++i) y[i * y_stride] = x[i * x_stride];
}

// y[a, b] = x[b, a] for a square of whole vectors; strides of the dimension that is not contiguous.
template <typename T>
PYDL_INLINE void copy_square(const T* x, int64_t x_stride, T* y, int64_t y_stride) {
    vec<T> rows[width<T>];
#pragma GCC unroll 16
    for (int i = 0; i < width<T>; ++i) rows[i] = load(x + i * x_stride);
    transpose<T>(rows);
#pragma GCC unroll 16
    for (int i = 0; i < width<T>; ++i) store(y + i * y_stride, rows[i]);
}

// The rows `first` to `first + count` (at most a vector's width of them) of y, which x has as columns.
template <typename T>
void copy_columns(const T* x, int64_t x_stride, T* y, int64_t y_stride, int64_t count, int64_t length) {
    int64_t j = 0;
    if (count == width<T>)
        for (; j + width<T> <= length; j += width<T>)
            copy_square(x + j * x_stride, x_stride, y + j, y_stride);
    for (int64_t i = 0; i < count; ++i)
        copy_row(x + i + j * x_stride, x_stride, y + i * y_stride + j, 1, length - j);
}

// The dimension along which x is contiguous, if y is along the innermost one and x is not; else 0.
int turned_dimension(const LoopNest<2>& nest) {
    if (nest.rank < 2 || nest.stride[0][0] != 1 || nest.stride[1][0] == 1) return 0;
    for (int d = 1; d < nest.rank; ++d)
        if (nest.stride[1][d] == 1) return d;
    return 0;
}

template <typename T>
void copy_rows(const LoopNest<2>& nest, const T* x, T* y) {
    const int64_t inner = nest.rank > 0 ? nest.shape[0] : 1;
    const int64_t y_stride = nest.rank > 0 ? nest.stride[0][0] : 1,
                  x_stride = nest.rank > 0 ? nest.stride[1][0] : 1;
    const int64_t piece = inner < grain ? inner : grain, pieces = (inner - 1) / piece + 1;
    parallel_for(nest.rows() * pieces, grain / piece, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const typename LoopNest<2>::Position at(nest, task / pieces);
            const int64_t first = task % pieces * piece,
                          count = inner - first < piece ? inner - first : piece;
            copy_row(x + at.offset[1] + first * x_stride, x_stride, y + at.offset[0] + first * y_stride,
                     y_stride, count);
        }
    });
}

}  // namespace

template <typename T>
void clone_forward(NdArray<const T> x, NdArray<T> y) {
    require(x.rank == y.rank && broadcasts_to(x, y) && broadcasts_to(y, x),
            "clone_forward: x must have the shape of y");
    if (y.size() == 0) return;
    LoopNest<2> nest;
    for (int d = y.rank - 1; d >= 0; --d) nest.add(y.shape[d], {y.stride[d], x.stride[d]});
    const int turned = turned_dimension(nest);
    if (turned == 0) return copy_rows(nest, x.data, y.data);
    const int64_t length = nest.shape[0], x_stride = nest.stride[1][0];
    const int64_t rows = nest.shape[turned], y_stride = nest.stride[0][turned];
    // What is left are the other dimensions; the turned one is walked through in groups of a vector's width.
    LoopNest<2> outer;
    outer.rank = 1;
    outer.shape[0] = 1;
    for (int d = 1; d < nest.rank; ++d)
        if (d != turned) outer.add(nest.shape[d], {nest.stride[0][d], nest.stride[1][d]});
    const int64_t groups = (rows - 1) / width<T> + 1;
    parallel_for(outer.rows() * groups, 1 + grain / (width<T> * length), [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const typename LoopNest<2>::Position at(outer, task / groups);
            const int64_t first = task % groups * width<T>;
            copy_columns(x.data + at.offset[1] + first, x_stride, y.data + at.offset[0] + first * y_stride,
                         y_stride, rows - first < width<T> ? rows - first : width<T>, length);
        }
    });
}
PYDL_KERNEL(clone_forward, "x, y")

}  // namespace pydl::PYDL_ISA
