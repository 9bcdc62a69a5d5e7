// sum_to: x summed over the dimensions along which y would be repeated. See pydl/ops/sum_to.py.
//
// The dimension of x with the smallest stride decides how vectors are used: if it is summed, a vector gathers
// parts of one sum, added up at the end ("along"); if it is kept, the lanes are sums of their own ("across").
// Either way the terms of a sum are cut into pieces, and the sums of the pieces are added pairwise, so that
// the rounding error grows with the logarithm of their number.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kTask = 32768;       // elements that are worth a task of their own
constexpr int64_t kTasks = 64;         // tasks that are enough for any machine
constexpr int64_t kPieceAlong = 1024;  // terms added one after the other, by 4 vectors
constexpr int64_t kPieceAcross = 64;   // terms added one after the other, in every lane

template <typename T>
struct Nests {
    LoopNest<2> kept;    // y and x over the dimensions that stay
    LoopNest<1> summed;  // x over those that go
    bool along;          // whether x's innermost dimension is summed
};

// Sorts the dimensions by their stride in x: the order of summation is free, so memory may decide it.
template <typename T>
Nests<T> make_nests(const NdArray<const T>& x, const NdArray<T>& y) {
    int order[kMaxRank];
    for (int d = 0; d < x.rank; ++d) order[d] = x.rank - 1 - d;
    const auto distance = [&](int d) { return x.stride[d] < 0 ? -x.stride[d] : x.stride[d]; };
    for (int i = 1; i < x.rank; ++i)
        for (int j = i; j > 0 && distance(order[j]) < distance(order[j - 1]); --j) {
            const int swapped = order[j];
            order[j] = order[j - 1];
            order[j - 1] = swapped;
        }
    Nests<T> nests;
    nests.along = false;
    bool innermost = true;
    for (int i = 0; i < x.rank; ++i) {
        const int d = order[i], own = d - (x.rank - y.rank);
        if (x.shape[d] == 1) continue;
        const bool summed = own < 0 || y.shape[own] == 1;
        if (summed)
            nests.summed.add(x.shape[d], {x.stride[d]});
        else
            nests.kept.add(x.shape[d], {y.stride[own], x.stride[d]});
        if (innermost) nests.along = summed;
        innermost = false;
    }
    if (nests.summed.rank == 0) nests.summed.shape[nests.summed.rank++] = 1;
    if (nests.kept.rank == 0) nests.kept.shape[nests.kept.rank++] = 1;
    return nests;
}

// V adjacent vectors.
template <typename T, int V>
struct Vectors {
    vec<T> v[V];
};

template <typename T, int V, typename F>
Vectors<T, V> add_pairwise(int64_t begin, int64_t end, const F& piece) {
    if (end - begin == 1) return piece(begin);
    const int64_t middle = begin + (end - begin) / 2;
    Vectors<T, V> sum = add_pairwise<T, V>(begin, middle, piece);
    const Vectors<T, V> rest = add_pairwise<T, V>(middle, end, piece);
    for (int k = 0; k < V; ++k) sum.v[k] += rest.v[k];
    return sum;
}

// count terms that lie `stride` apart, spread over the lanes of one vector.
template <typename T>
PYDL_INLINE Vectors<T, 1> add_along(const T* x, int64_t stride, int64_t count) {
    vec<T> a{}, b{}, c{}, d{};
    constexpr int64_t w = width<T>;
    int64_t i = 0;
    if (stride == 1)
        for (; i + 4 * w <= count; i += 4 * w) {
            a += load(x + i);
            b += load(x + i + w);
            c += load(x + i + 2 * w);
            d += load(x + i + 3 * w);
        }
    for (; i < count; i += w) a += load_strided(x + i * stride, stride, count - i < w ? count - i : w);
    return {{(a + b) + (c + d)}};
}

// count rows that lie row_stride apart, each of `columns` <= V * width elements that lie `stride` apart.
template <typename T, int V>
PYDL_INLINE Vectors<T, V> add_across(const T* x, int64_t row_stride, int64_t count, int64_t stride,
                                     int64_t columns) {
    Vectors<T, V> sum{};
    if (stride == 1 && columns == V * width<T>) {
        for (int64_t r = 0; r < count; ++r, x += row_stride)
#pragma GCC unroll 16
            for (int k = 0; k < V; ++k) sum.v[k] += load(x + k * width<T>);
    } else {
        for (int64_t r = 0; r < count; ++r, x += row_stride)
            for (int k = 0; k < V; ++k) {
                const int64_t n = columns - k * width<T>;
                sum.v[k] += load_strided(x + k * width<T> * stride, stride, n < width<T> ? n : width<T>);
            }
    }
    return sum;
}

// Which terms, of which sums, where: one task.
template <typename T>
struct Task {
    const Nests<T>& nests;
    int64_t piece;       // terms of a piece along the innermost summed dimension
    int64_t begin, end;  // pieces of this task
    const T* x;          // first term of the first sum
    T* y;                // where the first sum goes
    int64_t y_stride;    // where the next ones go
    int64_t columns;     // sums of this task

    template <typename F>
    PYDL_INLINE auto for_piece(int64_t index, F f) const {
        const LoopNest<1>& summed = nests.summed;
        const int64_t per_row = (summed.shape[0] - 1) / piece + 1, first = index % per_row * piece;
        const typename LoopNest<1>::Position position(summed, index / per_row);
        const int64_t rest = summed.shape[0] - first;
        return f(x + position.offset[0] + first * summed.stride[0][0], summed.stride[0][0],
                 rest < piece ? rest : piece);
    }

    void along() const {
        const auto sum = add_pairwise<T, 1>(begin, end, [&](int64_t index) {
            return for_piece(index,
                             [](const T* p, int64_t stride, int64_t n) { return add_along(p, stride, n); });
        });
        *y = reduce_add(sum.v[0]);
    }

    template <int V>
    void across() const {
        const int64_t stride = nests.kept.stride[1][0];
        const auto sum = add_pairwise<T, V>(begin, end, [&](int64_t index) {
            return for_piece(index, [&](const T* p, int64_t row_stride, int64_t n) {
                return add_across<T, V>(p, row_stride, n, stride, columns);
            });
        });
        for (int k = 0; k < V && k * width<T> < columns; ++k) {
            const int64_t n = columns - k * width<T>;
            store_strided(y + k * width<T> * y_stride, y_stride, sum.v[k], n < width<T> ? n : width<T>);
        }
    }
};

}  // namespace

template <typename T>
void sum_to_forward(NdArray<const T> x, NdArray<T> y) {
    require(broadcasts_to(y, x), "sum_to_forward: y must broadcast to x");
    if (x.size() == 0) {
        const NdArray<const T> nothing = {{0, nullptr, nullptr}, y.data};
        if (y.size() > 0) elementwise("", [](vec<T>) { return vec<T>{}; }, y, nothing);
        return;
    }
    const Nests<T> nests = make_nests(x, y);
    const LoopNest<2>& kept = nests.kept;
    const bool along = nests.along;
    const int64_t sums = kept.shape[0];

    // A block is what one task adds up: one sum, or the sums of `wide` columns while there are so many left,
    // and then of one vector.
    constexpr int V = vector_registers / 2;
    const int64_t wide = V * width<T>, narrow = width<T>;
    const int64_t wide_blocks = along ? sums : sums / wide;
    const int64_t blocks = along ? sums : wide_blocks + (sums - wide_blocks * wide + narrow - 1) / narrow;

    // Where there are few blocks, the terms are shared out too: into `parts`, by the size of the problem
    // alone.
    const int64_t piece = along ? kPieceAlong : kPieceAcross;
    const int64_t pieces = nests.summed.rows() * ((nests.summed.shape[0] - 1) / piece + 1);
    const int64_t all_blocks = blocks * kept.rows();
    int64_t parts = x.size() / kTask < kTasks ? x.size() / kTask / all_blocks : kTasks / all_blocks;
    parts = parts < 1 ? 1 : parts > pieces ? pieces : parts;
    const int64_t outputs = sums * kept.rows();
    const Scratch<T> partial(parts > 1 ? parts * outputs : 0);

    const int64_t tasks = parts * all_blocks, share = x.size() / tasks;
    parallel_for(tasks, share >= kTask ? 1 : kTask / (share + 1), [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; ++t) {
            const int64_t part = t / all_blocks, row = t % all_blocks / blocks, block = t % blocks;
            const typename LoopNest<2>::Position position(kept, row);
            const bool is_wide = block < wide_blocks;
            const int64_t first = along     ? block
                                  : is_wide ? block * wide
                                            : wide_blocks * wide + (block - wide_blocks) * narrow;
            const int64_t columns = is_wide ? wide : sums - first < narrow ? sums - first : narrow;
            const T* source = x.data + position.offset[1] + first * kept.stride[1][0];
            T* target = parts > 1 ? partial.data() + part * outputs + row * sums + first
                                  : y.data + position.offset[0] + first * kept.stride[0][0];
            const Task<T> task = {nests,
                                  piece,
                                  pieces * part / parts,
                                  pieces * (part + 1) / parts,
                                  source,
                                  target,
                                  parts > 1 ? 1 : kept.stride[0][0],
                                  columns};
            if (along)
                task.along();
            else if (is_wide)
                task.template across<V>();
            else
                task.template across<1>();
        }
    });
    if (parts == 1) return;
    for (int64_t row = 0; row < kept.rows(); ++row) {
        const typename LoopNest<2>::Position position(kept, row);
        for (int64_t j = 0; j < sums; ++j) {
            T sum = 0;
            for (int64_t part = 0; part < parts; ++part) sum += partial[part * outputs + row * sums + j];
            y.data[position.offset[0] + j * kept.stride[0][0]] = sum;
        }
    }
}
PYDL_KERNEL(sum_to_forward, "x, y")

}  // namespace pydl::PYDL_ISA
