// Pooling along few and long lines: runs of windows of a line become lines of their own, so that there are
// many of a length that the kernels are made for.
//
//     line                 a b c d e f g h i j k l m n      kernel 3, stride 2
//     lines of 3 windows   a b c d e f g
//                                      g h i j k l m        `step` = 3 * 2 elements after the one before
#pragma once
#include "pooling/pooling.h"

namespace pydl::PYDL_ISA {

// What the windows of a line that lie inside it are folded into.
struct PoolFold {
    int64_t first, count;  // these windows,
    int64_t run;           // so many at a time

    explicit PoolFold(const PoolAxis& line)
        : first(line.first_inside()),
          count(line.last_inside() - first),
          run(line.stride < 32 ? 512 / line.stride : 16) {}
};

// Whether x is few lines of many windows.
template <typename T>
bool suits_fold(const Array<const T, 5>& x, const PoolWindows& w) {
    if (w.depth.size != 1 || w.rows.size != 1 || w.depth.kernel != 1 || w.rows.kernel != 1) return false;
    const PoolFold fold(w.columns);
    const bool few = x.shape[0] * x.shape[1] <= width<T> / 2;
    return has_special_kernels && w.depth.out == 1 && w.rows.out == 1 && w.columns.span() <= 1024 &&
           fold.count >= (few ? 4 : 64) * fold.run;
}

// many(x, windows, at) for folded lines, whose results begin with number `at` of all; one(at) for each of the
// windows that see padding.
template <typename T, typename Many, typename One>
void pool_folded(const Array<const T, 5>& x, const PoolWindows& w, const Many& many, const One& one) {
    const PoolAxis& line = w.columns;
    const PoolFold fold(line);
    const auto piece = [&](int64_t plane, int64_t q, int64_t run, int64_t lines) {
        const int64_t step = run * line.stride * x.stride[4];
        const PoolAxis axis = {
            (run - 1) * line.stride + line.span(), run, line.kernel, line.stride, 0, line.dilation};
        const Array<const T, 5> pieces = {volume_of(x, plane) + line.start(q) * x.stride[4],
                                          {1, lines, 1, 1, axis.size},
                                          {lines * step, step, 0, axis.size, x.stride[4]}};
        many(pieces, {w.depth, no_axis(), axis}, plane * line.out + q);
    };
    for (int64_t plane = 0; plane < x.shape[0] * x.shape[1]; ++plane) {
        const int64_t lines = fold.count / fold.run, done = fold.first + lines * fold.run;
        const int64_t stop = fold.first + fold.count;
        piece(plane, fold.first, fold.run, lines);
        if (done < stop) piece(plane, done, stop - done, 1);
        for (int64_t q = 0; q < fold.first; ++q) one(plane * line.out + q);
        for (int64_t q = stop; q < line.out; ++q) one(plane * line.out + q);
    }
}

}  // namespace pydl::PYDL_ISA
