// Chooses among the ways to compute a product, by the sizes alone.
#include "gemm/gemm.h"

#include "gemm/narrow.h"
#include "gemm/shallow.h"
#include "gemm/small_tiles.h"
#include "gemm/small_ways.h"
#include "gemm/turned.h"

namespace pydl::PYDL_ISA {
namespace {

// Calls an epilogue written for C with some columns of it.
template <typename Epilogue>
struct EpilogueFrom {
    const Epilogue& epilogue;
    int64_t first;
    template <typename T>
    void operator()(T* tile, int64_t stride, int64_t row, int64_t column, int64_t rows,
                    int64_t columns) const {
        epilogue(tile, stride, row, first + column, rows, columns);
    }
};

// The last few columns of C.
template <typename T, typename Epilogue>
[[gnu::noinline]] void columns_at_end(int64_t few, Matrix<const T> a, Matrix<const T> b, T* c,
                                      int64_t c_stride, bool accumulate, const Epilogue& epilogue) {
    const int64_t first = b.columns - few;
    narrow_product<T>(a.column_stride == 1 ? Narrow::dots : Narrow::turned, a, b.part(0, first, b.rows, few),
                      c + first, c_stride, accumulate, EpilogueFrom<Epilogue>{epilogue, first});
}

// A product with few tiles but a long sum, such as the gradient of a small weight over a large batch, is cut
// along k into parts that threads can share; their sums are added in order. How many parts depends on the
// factors only. So is one of some more tiles if the rows of A meet in one place of the cache: each thread
// then reads a part of them, where it would read all with some columns of B, or copy too few to profit by it.
template <typename T>
int64_t parts_of_k(Matrix<const T> a, Matrix<const T> b) {
    constexpr int64_t enough_tiles = 8, part = 4 * GemmBlocks<T>::depth, most = 16, some_elements = 16384;
    const int64_t M = a.rows, N = b.columns, K = a.columns;
    const int64_t tiles = ((M - 1) / tile_rows<T> + 1) * ((N - 1) / tile_columns<T> + 1);
    if (tiles < enough_tiles && K >= 2 * part) {
        const int64_t even = K / part * 2;  // which two threads share fairly
        return even < most ? even : most;
    }
    if (a.column_stride != 1 || !rows_collide(a) || M * N > some_elements || K < 4 * part) return 1;
    int64_t parts = 2;
    while (parts < most && 2 * parts * part <= K) parts *= 2;
    return parts;
}

template <typename T, typename Epilogue>
void gemm_split(int64_t count, Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, bool accumulate,
                const Epilogue& epilogue) {
    const int64_t M = a.rows, N = b.columns, K = a.columns;
    const Parts parts(K, (K + count - 1) / count);
    const Scratch<T> partial(parts.count * M * N);
    parallel_for(parts.count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; p++) {
            const int64_t k = parts.begin(p), depth = parts.length(p, K);
            GemmPart<T, NoEpilogue>(a.part(0, k, M, depth), b.part(k, 0, depth, N),
                                    partial.data() + p * M * N, N, false, 0, 0, NoEpilogue{})
                .run();
        }
    });
    for (int64_t i = 0; i < M; i++) {
        for (int64_t j = 0; j < N; j += width<T>) {
            T* at = c + i * c_stride + j;
            vec<T> sum = accumulate ? load_partial(at, N - j) : vec<T>{};
            for (int64_t p = 0; p < parts.count; p++)
                sum += load_partial(partial.data() + (p * M + i) * N + j, N - j);
            store_partial(at, sum, N - j);
        }
    }
    epilogue(c, c_stride, int64_t(0), int64_t(0), M, N);
}

// A product of which no side is short.
template <typename T, typename Epilogue>
void wide_product(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, bool accumulate,
                  const Epilogue& epilogue) {
    if (const int64_t parts = parts_of_k<T>(a, b); parts > 1)
        return gemm_split<T>(parts, a, b, c.data, c.row_stride, accumulate, epilogue);
    gemm_blocked<T>(a, b, c.data, c.row_stride, accumulate, epilogue);
}

// Whether a product of a few tiles would be quicker as a narrow one, which takes longer to begin with.
template <typename T>
[[gnu::noinline]] bool is_better_narrow(const Matrix<const T>& a, const Matrix<const T>& b) {
    constexpr double beginning = 400;
    return may_be_narrow(a, b) && narrow_cycles(a, b) + beginning < cycles_along(a, b);
}
template <typename T>
bool is_few_tiles(const Matrix<const T>& a, const Matrix<const T>& b) {
    constexpr int64_t worth_asking = 8192;
    return has_few_tiles(a, b) && (a.rows * a.columns * width<T> < worth_asking || !is_better_narrow(a, b));
}

// Whether all of the product are tiles, in one thread, but for what columns_apart() says.
template <typename T>
bool is_plain(Matrix<const T> a, Matrix<const T> b) {
    if (is_thin(a, b) || narrow_way(a, b) != Narrow::no) return false;
    if constexpr (turned_packing<T> > 0)
        if (is_better_turned(a, b, a.columns)) return false;
    const int64_t M = a.rows, N = b.columns, K = a.columns;
    return parts_of_k<T>(a, b) == 1 && thread_parts<T>(M, N, K) < 2;
}

// c (+)= a b, then the epilogue.
template <typename T, typename Epilogue>
void gemm_with(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, bool accumulate, const Epilogue& epilogue) {
    const int64_t M = c.rows, N = c.columns, K = a.columns;
    if (M <= 0 || N <= 0) return;
    // A column is computed as a row, along which vectors run.
    if (c.row_stride == 1 && M > 1 && (c.column_stride != 1 || N == 1))
        return gemm_with<T>(b.transposed(), a.transposed(), c.transposed(), accumulate,
                            epilogue.transposed());
    if (c.column_stride != 1 && N > 1) {
        // Tiles are stored as rows of whole vectors: anything else takes the way through a row-major copy.
        const Scratch<T> copy(M * N);
        const Matrix<T> rows{copy.data(), M, N, N, 1};
        if (accumulate)
            for (int64_t i = 0; i < M; i++)
                for (int64_t j = 0; j < N; j++) rows(i, j) = c(i, j);
        gemm_with<T>(a, b, rows, accumulate, epilogue);
        for (int64_t i = 0; i < M; i++)
            for (int64_t j = 0; j < N; j++) c(i, j) = rows(i, j);
        return;
    }
    if (!accumulate && M * N > shallow_results && is_shallow(a, b))
        return shallow_product<T>(a, b, c.data, c.row_stride, epilogue);
    if (!accumulate && small_products(1, a, b, c, {}))
        return epilogue(c.data, c.row_stride, int64_t(0), int64_t(0), M, N);
    const bool in_dots = is_row_of_dots(a, b), thin = in_dots || is_thin(a, b);
    if (is_few_tiles(a, b) && !in_dots &&
        (!thin || (K <= sweep_steps && N <= most_tile_vectors<T> * width<T>))) {
        SmallTiles<T>(a, b).run(a.data, b.data, c.data, c.row_stride, accumulate);
        return epilogue(c.data, c.row_stride, int64_t(0), int64_t(0), M, N);
    }
    if (thin) return thin_product<T>(a, b, c.data, c.row_stride, accumulate, epilogue);
    if (const Narrow way = narrow_way(a, b); way != Narrow::no)
        return narrow_product<T>(way, a, b, c.data, c.row_stride, accumulate,
                                 EpilogueFrom<Epilogue>{epilogue, 0});
    if (const int64_t few = columns_apart(a, b); few > 0) {
        const int64_t most = N - few;
        columns_at_end(few, a, b, c.data, c.row_stride, accumulate, epilogue);
        return wide_product<T>(a, b.part(0, 0, K, most), c.part(0, 0, M, most), accumulate, epilogue);
    }
    if constexpr (turned_packing<T> > 0)
        if (is_better_turned(a, b, K)) {
            const Factors<T> one{a, b};
            return turned_products(&one, 1, c.data, c.row_stride, accumulate, Finish<T>(epilogue));
        }
    wide_product<T>(a, b, c, accumulate, epilogue);
}

}  // namespace

template <typename T>
void gemm(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, bool accumulate) {
    gemm_with<T>(a, b, c, accumulate, NoEpilogue{});
}

// It is where both are turned, for C is then turned once; and that pays earlier than for each alone.
template <typename T>
bool gemm_sum(Matrix<const T> a, Matrix<const T> b, Matrix<const T> a2, Matrix<const T> b2, Matrix<T> c) {
    bool turned = false;
    if constexpr (turned_packing<T> > 0) {
        const Factors<T> both[] = {{a, b}, {a2, b2}};
        turned = c.columns >= 2 * width<T> && c.column_stride == 1;
#pragma GCC unroll 1
        for (const Factors<T>& f : both)
            turned = turned && f.a.columns > 0 && !is_thin(f.a, f.b) &&
                     is_better_turned(f.a, f.b, a.columns + a2.columns);
        if (turned) turned_products(both, 2, c.data, c.row_stride, false, Finish<T>(NoEpilogue{}));
    }
    return turned;
}

template <typename T>
void gemm_each(int64_t count, Matrix<const T> a, Matrix<const T> b, Matrix<T> c, const int64_t (&step)[3]) {
    // The way depends on the sizes alone, not on `count`, which may be a thread's share of them.
    // Columns are computed as rows, along which vectors run.
    if (c.columns == 1 && c.rows > 1 && c.row_stride == 1 && thread_parts<T>(1, c.rows, a.columns) < 2)
        return gemm_each<T>(count, b.transposed(), a.transposed(), c.transposed(),
                            {step[1], step[0], step[2]});
    // What depends on the sizes alone is found once, if there are several.
    const bool usual = c.rows > 0 && c.columns > 1 && c.column_stride == 1;
    const auto each = [&](const auto& product) PYDL_INLINE_LAMBDA {
        const T *left = a.data, *right = b.data;
        T* to = c.data;
        for (int64_t i = 0; i < count; i++, left += step[0], right += step[1], to += step[2])
            product(left, right, to);
    };
    // A single sum is not shared.
    const bool alone = c.rows * c.columns == 1 || thread_parts<T>(c.rows, c.columns, a.columns) < 2;
    if (usual && alone && (count > 1 || c.rows * c.columns > shallow_results) && is_shallow(a, b)) {
        const ShallowProduct<T> product(a, b);
        return each([&](const T* left, const T* right, T* to) PYDL_INLINE_LAMBDA {
            product.run(a.rows, left, product.in_rows(right), to, c.row_stride);
        });
    }
    if (const SmallWay way = usual ? small_way(a, b, c.row_stride) : SmallWay::usual;
        way != SmallWay::usual) {
        const SmallProduct<T> product(way, a, b);
        return each([&](const T* left, const T* right, T* to)
                        PYDL_INLINE_LAMBDA { product.run(left, right, to); });
    }
    // With a few vectors side by side a tile has no more sums that wait for each other than sweeps have.
    const bool is_panel = b.columns <= most_tile_vectors<T> * width<T>;
    const bool is_tile =
        !is_thin(a, b) ||
        (is_panel && (a.columns <= sweep_steps ||
                      (b.column_stride == 1 && b.columns > width<T> && a.columns <= 4 * sweep_steps)));
    const bool in_dots = is_row_of_dots(a, b);
    if (usual && is_few_tiles(a, b) && is_tile && !(alone && in_dots)) {
        const SmallTiles<T> product(a, b);
        return each([&](const T* left, const T* right, T* to)
                        PYDL_INLINE_LAMBDA { product.run(left, right, to, c.row_stride, false); });
    }
    const bool in_sweeps =
        is_thin(a, b) && b.column_stride == 1 && a.rows * b.columns * (b.rows + 1) < 2 * thin_thread_work;
    if (alone && ((in_dots && (usual || c.columns == 1)) || (usual && in_sweeps))) {
        Matrix<const T> l = a, r = b;
        return each([&](const T* left, const T* right, T* to) PYDL_INLINE_LAMBDA {
            l.data = left, r.data = right;
            if (in_dots)
                dot_row<T>(l, r, {to, c.rows, c.columns, c.row_stride, 1});
            else
                thin_columns<T>(l, r, to, c.row_stride, 0, c.columns, false);
        });
    }
    if (usual && count > 1 && is_plain(a, b)) {
        const NoEpilogue none;
        const int64_t few = columns_apart(a, b), most = b.columns - few;
        const Matrix<const T> wide = b.part(0, 0, b.rows, most);
        GemmPart<T, NoEpilogue> product(a, wide, c.data, c.row_stride, false, 0, 0, none,
                                        block_depth(a, wide, 0));
        for (int64_t i = 0; i < count; i++, product.advance(step)) {
            product.run();
            if (few > 0) columns_at_end(few, a, b, c.data, c.row_stride, false, none);
            a.data += step[0], b.data += step[1], c.data += step[2];
        }
        return;
    }
    for (int64_t i = 0; i < count; i++, a.data += step[0], b.data += step[1], c.data += step[2])
        gemm<T>(a, b, c);
}

template <typename T>
void gemm(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, const BiasActivation<T>& finish) {
    gemm_with<T>(a, b, c, false, finish);
}

template <typename T>
void gemm_packed(Matrix<const T> a, const T* panels, int64_t panel_columns, Matrix<T> c,
                 const BiasActivation<T>& finish) {
    if (c.rows <= 0 || c.columns <= 0) return;
    const Matrix<const T> b{panels, a.columns, c.columns, panel_columns, a.columns};
    gemm_blocked<T>(a, b, c.data, c.row_stride, false, finish, panel_columns);
}

template void gemm(Matrix<const float>, Matrix<const float>, Matrix<float>, bool);
template void gemm(Matrix<const double>, Matrix<const double>, Matrix<double>, bool);
template bool gemm_sum(Matrix<const float>, Matrix<const float>, Matrix<const float>, Matrix<const float>,
                       Matrix<float>);
template bool gemm_sum(Matrix<const double>, Matrix<const double>, Matrix<const double>, Matrix<const double>,
                       Matrix<double>);
template void gemm_each(int64_t, Matrix<const float>, Matrix<const float>, Matrix<float>,
                        const int64_t (&)[3]);
template void gemm_each(int64_t, Matrix<const double>, Matrix<const double>, Matrix<double>,
                        const int64_t (&)[3]);
template void gemm(Matrix<const float>, Matrix<const float>, Matrix<float>, const BiasActivation<float>&);
template void gemm(Matrix<const double>, Matrix<const double>, Matrix<double>, const BiasActivation<double>&);
template void gemm_packed(Matrix<const float>, const float*, int64_t, Matrix<float>,
                          const BiasActivation<float>&);
template void gemm_packed(Matrix<const double>, const double*, int64_t, Matrix<double>,
                          const BiasActivation<double>&);

}  // namespace pydl::PYDL_ISA
