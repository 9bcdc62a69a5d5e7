// matmul: y = a b for the last two dimensions, the others broadcast or summed. See pydl/ops/matmul.py.
#include "gemm/gemm.h"
#include "kernel.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

// The dimensions before the last two. One that is larger in a or b than in y is summed over.
struct Batch {
    int kept = 0, summed = 0;
    int64_t kept_size[kMaxRank], summed_size[kMaxRank];
    int64_t kept_stride[3][kMaxRank], summed_stride[2][kMaxRank];  // of a, b, y and of a, b
    int64_t kept_count = 1, summed_count = 1;
};

template <typename T>
bool describe(const NdArray<const T>& a, const NdArray<const T>& b, const NdArray<T>& y, Batch& batch) {
    for (int d = 0; d < y.rank - 2; ++d) {
        const int64_t size = a.shape[d] == 1 ? b.shape[d] : a.shape[d];
        if ((a.shape[d] != size && a.shape[d] != 1) || (b.shape[d] != size && b.shape[d] != 1)) return false;
        const int64_t of_a = a.shape[d] == 1 ? 0 : a.stride[d], of_b = b.shape[d] == 1 ? 0 : b.stride[d];
        if (y.shape[d] == size) {
            if (size == 1) continue;
            batch.kept_size[batch.kept] = size;
            batch.kept_stride[0][batch.kept] = of_a;
            batch.kept_stride[1][batch.kept] = of_b;
            batch.kept_stride[2][batch.kept++] = y.stride[d];
            batch.kept_count *= size;
        } else if (y.shape[d] == 1) {
            batch.summed_size[batch.summed] = size;
            batch.summed_stride[0][batch.summed] = of_a;
            batch.summed_stride[1][batch.summed++] = of_b;
            if (__builtin_mul_overflow(batch.summed_count, size, &batch.summed_count)) return false;
        } else {
            return false;
        }
    }
    return true;
}

inline int64_t offset_of(int64_t index, int rank, const int64_t* size, const int64_t* stride) {
    int64_t offset = 0;
    for (int d = rank - 1; d > 0; --d) {
        offset += index % size[d] * stride[d];
        index /= size[d];
    }
    return rank > 0 ? offset + index * stride[0] : 0;
}

// Whether the dimensions continue one of `inner` elements `step` apart, so that all together are one long
// dimension.
inline bool continues(int rank, const int64_t* size, const int64_t* stride, int64_t inner, int64_t step) {
    for (int d = rank - 1; d >= 0; --d) {
        if (stride[d] != inner * step) return false;
        inner *= size[d];
    }
    return true;
}

inline bool repeats(int rank, const int64_t* stride) {
    for (int d = 0; d < rank; ++d)
        if (stride[d] != 0) return false;
    return true;
}

template <typename A>
auto last_two(const A& x) {
    const int r = x.rank - 2, c = x.rank - 1;
    return Matrix<std::remove_pointer_t<decltype(x.data)>>{x.data, x.shape[r], x.shape[c], x.stride[r],
                                                           x.stride[c]};
}

constexpr int64_t kDotPiece = 16384;  // numbers of a vector that are worth a task of their own

template <typename T>
void matmul_forward(NdArray<const T> a, NdArray<const T> b, NdArray<T> y) {
    if (a.rank == 1 && b.rank == 1 && y.rank == 0) {  // a row, a column and their product
        const int64_t ones[2] = {1, 1}, row[2] = {1, a.shape[0]}, column[2] = {b.shape[0], 1};
        const int64_t along[2] = {0, a.stride[0]}, down[2] = {b.stride[0], 0};
        return matmul_forward<T>({{2, row, along}, a.data}, {{2, column, down}, b.data},
                                 {{2, ones, ones}, y.data});
    }
    require(a.rank >= 2 && b.rank == a.rank && y.rank == a.rank,
            "matmul_forward: a, b and y must have equally many dimensions, at least 2, or be two vectors "
            "and a number");
    Matrix<const T> left = last_two(a), right = last_two(b);
    Matrix<T> product = last_two(y);
    if (right.columns == 1)
        right.column_stride = 0;  // whatever it was: a column is read as one, not as rows of 1
    require(left.columns == right.rows && left.rows == product.rows && right.columns == product.columns,
            "matmul_forward: a (..., M, K), b (..., K, N) and y (..., M, N) do not fit");
    Batch batch;
    require(describe(a, b, y, batch),
            "matmul_forward: the leading dimensions of a and b must broadcast, and those of "
            "y be the result or 1");
    if (y.size() == 0) return;
    if (batch.summed_count == 0 || left.columns == 0) {  // a sum without terms
        left.columns = right.rows = 0;
        batch.summed = 0, batch.summed_count = 1;
    }

    int64_t work;  // multiply-adds of one product
    require(!__builtin_mul_overflow(left.columns, batch.summed_count, &work) &&
                !__builtin_mul_overflow(work, product.rows * product.columns, &work),
            "matmul_forward: the sums have too many terms");

    // A product alone, and not a dot product worth pieces: without a batch there is nothing more to find out.
    constexpr int64_t none[3] = {};
    if (y.rank == 2 && (y.size() > 1 || left.columns < 2 * kDotPiece))
        return gemm_each<T>(1, left, right, product, none);

    // One b for all of a: the batch is more rows. A sum over the batch: it is a longer k. Both make one large
    // product.
    if (batch.summed == 0 && repeats(batch.kept, batch.kept_stride[1]) &&
        continues(batch.kept, batch.kept_size, batch.kept_stride[0], left.rows, left.row_stride) &&
        continues(batch.kept, batch.kept_size, batch.kept_stride[2], product.rows, product.row_stride)) {
        left.rows *= batch.kept_count;
        product.rows = left.rows;
        batch.kept = 0, batch.kept_count = 1;
    } else if (continues(batch.summed, batch.summed_size, batch.summed_stride[0], left.columns,
                         left.column_stride) &&
               continues(batch.summed, batch.summed_size, batch.summed_stride[1], right.rows,
                         right.row_stride)) {
        left.columns *= batch.summed_count;
        right.rows = left.columns;
        batch.summed = 0, batch.summed_count = 1;
    }

    const int64_t terms = batch.summed_count;

    // A long row times a column has one result, which threads cannot share: pieces of it are a batch.
    const int64_t K = left.columns, pieces = y.size() == 1 && terms == 1 ? K / kDotPiece : 0;
    const bool in_pieces = pieces > 1;
    const Scratch<T> partial(in_pieces ? pieces : 0);
    if (in_pieces) {
        batch.kept = 1, batch.kept_size[0] = batch.kept_count = pieces;
        batch.kept_stride[0][0] = kDotPiece * left.column_stride;
        batch.kept_stride[1][0] = kDotPiece * right.row_stride;
        batch.kept_stride[2][0] = 1;
        left.columns = right.rows = kDotPiece;
        product.data = partial.data();
    }
    const int last = batch.kept - 1;
    const int64_t row =
        batch.kept > 0 ? batch.kept_size[last] : 1;  // of products whose places are evenly spaced
    int64_t step[3] = {};
    for (int operand = 0; operand < 3 && batch.kept > 0; ++operand)
        step[operand] = batch.kept_stride[operand][last];
    const auto products = [&](int64_t begin, int64_t end) {
        for (int64_t i = begin, count; i < end; i += count) {
            const auto at = [&](int operand) {
                return offset_of(i, batch.kept, batch.kept_size, batch.kept_stride[operand]);
            };
            count = terms > 1 ? 1 : end - i < row - i % row ? end - i : row - i % row;
            Matrix<const T> l = left, r = right;
            Matrix<T> p = product;
            p.data += at(2);
            for (int64_t s = 0; s < terms; ++s) {
                l.data =
                    left.data + at(0) + offset_of(s, batch.summed, batch.summed_size, batch.summed_stride[0]);
                r.data = right.data + at(1) +
                         offset_of(s, batch.summed, batch.summed_size, batch.summed_stride[1]);
                if (terms > 1)
                    gemm<T>(l, r, p, s > 0);
                else
                    gemm_each<T>(count, l, r, p, step);
            }
        }
    };
    if (in_pieces)
        parallel_for(pieces, 2, products);
    else
        gemm_batch(batch.kept_count, product.rows * product.columns * left.columns * terms, products);
    if (!in_pieces) return;
    const int64_t first = pieces * kDotPiece;
    left.data += first * left.column_stride, right.data += first * right.row_stride;
    left.columns = right.rows = K - first;
    gemm<T>(left, right, product, true);  // the rest, on top of the first piece
    double sum = 0;
    for (int64_t p = 0; p < pieces; ++p) sum += double(partial[p]);
    *y.data = T(sum);
}
PYDL_KERNEL(matmul_forward, "a, b, y")

}  // namespace pydl::PYDL_ISA
