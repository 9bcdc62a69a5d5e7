// argmax, argmin: where the first largest, smallest element of each last dimension is. See
// pydl/ops/argmax.py.
#include "elementwise/loop_nest.h"
#include "kernel.h"
#include "reductions/argmax_lines.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kArgmaxGrain = 16384;
constexpr int64_t kArgmaxPieces = 64;

// The elements [begin, end) of one row, one by one.
template <int sign, typename T>
BestOfLine<T> best_of(const T* x, int64_t stride, int64_t begin, int64_t end) {
    BestOfLine<T> best = {x[begin * stride], begin};
    for (int64_t i = begin + 1; i < end; ++i)
        if (before<sign>(x[i * stride], best.value)) best = {x[i * stride], i};
    return best;
}

// Whether x is rows or columns as reductions/argmax_lines.h takes them; if so, they are searched.
template <int sign, typename T>
bool find_without_gaps(const NdArray<const T>& x, const NdArray<T>& y, const NdArray<int64_t>& index) {
    LoopNest<3> kept;  // strides of y, index and x
    for (int d = y.rank - 1; d >= 0; --d) kept.add(y.shape[d], {y.stride[d], index.stride[d], x.stride[d]});
    const int64_t count = x.shape[x.rank - 1], stride = x.stride[x.rank - 1];
    const auto &to = kept.stride[0], &at = kept.stride[1], &from = kept.stride[2];
    if (stride == 1 && kept.rank <= 1) {
        argmax_rows<sign>(x.data, from[0], kept.rank == 0 ? 1 : kept.shape[0], count, y.data, to[0],
                          index.data, at[0]);
        return true;
    }
    if (kept.rank < 1 || kept.rank > 2 || to[0] != 1 || at[0] != 1 || from[0] != 1 || count > (1 << 30))
        return false;
    const bool several = kept.rank == 2;
    argmax_columns<sign>(x.data, several ? from[1] : 0, stride, several ? kept.shape[1] : 1, count,
                         kept.shape[0], y.data, several ? to[1] : 0, index.data, several ? at[1] : 0);
    return true;
}

template <int sign, typename T>
void find(const NdArray<const T>& x, const NdArray<T>& y, const NdArray<int64_t>& index) {
    const int rows_rank = x.rank - 1;
    bool fits = x.rank >= 1 && y.rank == rows_rank && index.rank == rows_rank;
    for (int d = 0; fits && d < rows_rank; ++d)
        fits = y.shape[d] == x.shape[d] && index.shape[d] == x.shape[d];
    require(fits, "argmax: y and index must have the shape of x without its last dimension");
    const int64_t rows = y.size(), count = x.shape[rows_rank], stride = x.stride[rows_rank];
    require(count > 0 || rows == 0, "argmax: nothing has no largest element");
    if (rows == 0 || find_without_gaps<sign>(x, y, index)) return;

    // One long row is cut where its length says, not the number of threads.
    int64_t pieces = kArgmaxPieces / rows;
    if (pieces > count / kArgmaxGrain) pieces = count / kArgmaxGrain;
    if (pieces < 1) pieces = 1;
    const int64_t each = (count - 1) / pieces + 1;
    pieces = (count - 1) / each + 1;
    Scratch<BestOfLine<T>> found(rows * pieces);
    parallel_for(rows * pieces, kArgmaxGrain / each, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const T* p = x.data;
            int64_t row = task / pieces;
            for (int d = rows_rank - 1; d >= 0; row /= x.shape[d--]) p += row % x.shape[d] * x.stride[d];
            const int64_t from = task % pieces * each;
            found[task] = best_of<sign>(p, stride, from, from + each < count ? from + each : count);
        }
    });
    for (int64_t row = 0; row < rows; ++row) {
        BestOfLine<T> best = found[row * pieces];
        for (int64_t piece = 1; piece < pieces; ++piece) {
            const BestOfLine<T>& other = found[row * pieces + piece];
            if (before<sign>(other.value, best.value)) best = other;
        }
        int64_t rest = row, to_y = 0, to_index = 0;
        for (int d = rows_rank - 1; d >= 0; rest /= x.shape[d--]) {
            to_y += rest % x.shape[d] * y.stride[d];
            to_index += rest % x.shape[d] * index.stride[d];
        }
        y.data[to_y] = best.value;
        index.data[to_index] = best.index;
    }
}

template <typename T>
void argmax_forward(NdArray<const T> x, NdArray<T> y, NdArray<int64_t> index) {
    find<1>(x, y, index);
}
PYDL_KERNEL(argmax_forward, "x, y, index")

template <typename T>
void argmin_forward(NdArray<const T> x, NdArray<T> y, NdArray<int64_t> index) {
    find<-1>(x, y, index);
}
PYDL_KERNEL(argmin_forward, "x, y, index")

}  // namespace pydl::PYDL_ISA
