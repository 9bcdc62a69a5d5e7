// cdist: y[n, p, r] = |a[n, p] - b[n, r]|. See pydl/ops/cdist.py.
//
// As in a matrix product, a few rows of a meet a few vectors of neighbouring rows of b in registers; those of
// b are turned first, so that a number of a is met by numbers that lie one behind another.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int kRows = 4;                                  // of a in registers
constexpr int kVectors = vector_registers >= 32 ? 4 : 2;  // of rows of b
constexpr int64_t kTerms = 128;                           // numbers of a row that are turned at once
constexpr int64_t kTaskRows = 64;                         // of a, for which b is turned once

template <typename T>
constexpr int64_t columns_of_block = kVectors * width<T>;

// y += the squares of `terms` differences of R rows of a; the last of them take the root.
template <typename T, int R>
void add_squares(const T* a, int64_t a_row, int64_t a_step, const T* b, int64_t terms, T* y, int64_t y_row,
                 int64_t columns, bool begins, bool ends) {
    constexpr int W = width<T>;
    vec<T> sum[R][kVectors] = {};
    if (!begins)
        for (int r = 0; r < R; ++r)
            for (int v = 0; v < kVectors && v * W < columns; ++v)
                sum[r][v] = load_partial(y + r * y_row + v * W, columns - v * W);
    for (int64_t m = 0; m < terms; ++m, b += columns_of_block<T>) {
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
            const vec<T> x = broadcast<T>(a[r * a_row + m * a_step]);
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) {
                const vec<T> difference = x - load(b + v * W);
                sum[r][v] = fma(difference, difference, sum[r][v]);
            }
        }
    }
    for (int r = 0; r < R; ++r)
        for (int v = 0; v < kVectors && v * W < columns; ++v)
            store_partial(y + r * y_row + v * W, ends ? sqrt(sum[r][v]) : sum[r][v], columns - v * W);
}

}  // namespace

template <typename T>
void cdist_forward(Array<const T, 3> a, Array<const T, 3> b, Array<T, 3> y) {
    const int64_t N = y.shape[0], P = y.shape[1], R = y.shape[2], M = a.shape[2], C = columns_of_block<T>;
    require(a.shape[0] == N && b.shape[0] == N && a.shape[1] == P && b.shape[1] == R && b.shape[2] == M &&
                y.contiguous(),
            "cdist_forward: a is (N, P, M), b (N, R, M) and y (N, P, R), contiguous");
    if (y.size() == 0) return;
    const int64_t blocks = (R - 1) / C + 1, parts = (P - 1) / kTaskRows + 1;
    parallel_for(
        N * blocks * parts, 1 + kElementwiseGrain / (kTaskRows * C * (M + 1)),
        [&](int64_t begin, int64_t end) {
            Scratch<T> turned(kTerms * C);
            for (int64_t task = begin; task < end; ++task) {
                const int64_t n = task / (blocks * parts), r = task / parts % blocks * C;
                const int64_t first = task % parts * kTaskRows,
                              last = first + kTaskRows < P ? first + kTaskRows : P;
                const int64_t columns = R - r < C ? R - r : C;
                int64_t m = 0;
                do {
                    const int64_t terms = M - m < kTerms ? M - m : kTerms;
                    for (int64_t k = 0; k < terms; ++k)
                        for (int64_t c = 0; c < C; ++c)
                            turned[k * C + c] = c < columns ? b(n, r + c, m + k) : T(0);
                    const T* from = a.data + n * a.stride[0] + m * a.stride[2];
                    T* to = y.data + n * y.stride[0] + r;
                    int64_t p = first;
                    for (; p + kRows <= last; p += kRows)
                        add_squares<T, kRows>(from + p * a.stride[1], a.stride[1], a.stride[2], turned.data(),
                                              terms, to + p * R, R, columns, m == 0, m + terms == M);
                    for (; p < last; ++p)
                        add_squares<T, 1>(from + p * a.stride[1], a.stride[1], a.stride[2], turned.data(),
                                          terms, to + p * R, R, columns, m == 0, m + terms == M);
                    m += terms;
                } while (m < M);
            }
        });
}
PYDL_KERNEL(cdist_forward, "a, b, y")

}  // namespace pydl::PYDL_ISA
