// argmax, argmin: where the first largest, smallest element of each last dimension is. See
// pydl/ops/argmax.py.
#include "kernel.h"
#include "parallel.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kArgmaxGrain = 16384;
constexpr int64_t kArgmaxPieces = 64;

// Whether a comes before b: larger (sign = 1) or smaller (-1); NaN before all numbers.
template <int sign, typename T>
PYDL_INLINE bool before(T a, T b) {
    return (sign > 0 ? a > b : a < b) || (a != a && b == b);
}

template <typename T>
struct Best {
    T value;
    int64_t index;
};

// a or b, whichever comes first in that order.
template <int sign, typename X>
PYDL_INLINE X better(X a, X b) {
    return sign > 0 ? max(a, b) : min(a, b);
}

// The elements [begin, end) of one row. First the value, then where it is: the second pass stops at the hit
// and reads what the first has left in the cache.
template <int sign, typename T>
Best<T> best_of(const T* x, int64_t stride, int64_t begin, int64_t end) {
    constexpr int W = width<T>,
                  kChains = 4;  // several at once, because each comparison waits for the one before
    int64_t i = begin;
    if (stride == 1 && end - begin >= kChains * W) {
        vec<T> values[kChains];
        for (int k = 0; k < kChains; ++k) values[k] = load(x + i + k * W);
        for (i += kChains * W; i + kChains * W <= end; i += kChains * W)
            for (int k = 0; k < kChains; ++k) values[k] = better<sign>(values[k], load(x + i + k * W));
        const vec<T> both =
            better<sign>(better<sign>(values[0], values[1]), better<sign>(values[2], values[3]));
        T value = sign > 0 ? reduce_max(both) : reduce_min(both);
        for (; i < end; ++i) value = better<sign>(value, x[i]);
        const vec<T> wanted = broadcast<T>(value);
        const auto missing = value != value;  // looking for NaN, which equals nothing
        for (i = begin; i + W <= end; i += W) {
            const vec<T> here = load(x + i);
            if (any(missing ? here != here : here == wanted)) break;
        }
        // Within the row even if another thread takes the value away meanwhile.
        while (i + 1 < end && (missing ? x[i] == x[i] : x[i] != value)) ++i;
        return {value, i};
    }
    Best<T> best = {x[begin * stride], begin};
    for (; i < end; ++i)
        if (before<sign>(x[i * stride], best.value)) best = {x[i * stride], i};
    return best;
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
    if (rows == 0) return;

    // One long row is cut where its length says, not the number of threads.
    int64_t pieces = kArgmaxPieces / rows;
    if (pieces > count / kArgmaxGrain) pieces = count / kArgmaxGrain;
    if (pieces < 1) pieces = 1;
    const int64_t each = (count - 1) / pieces + 1;
    pieces = (count - 1) / each + 1;
    Scratch<Best<T>> found(rows * pieces);
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
        Best<T> best = found[row * pieces];
        for (int64_t piece = 1; piece < pieces; ++piece) {
            const Best<T>& other = found[row * pieces + piece];
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
