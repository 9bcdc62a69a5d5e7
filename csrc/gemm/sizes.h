// How large the blocks of a product are, and into how many parts it is cut for threads. See gemm/blocked.h.
#pragma once

#include "gemm/pack.h"
#include "gemm/tile.h"
#include "runtime/threads.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Block sizes, for caches of 32-48 KiB, 512 KiB-2 MiB and some MiB.
template <typename T>
struct GemmBlocks {
    static constexpr int64_t depth = 256;  // of a block of k
    static constexpr int64_t group_bytes = many_registers ? 512 << 10 : 256 << 10;
    static constexpr int64_t group_rows = group_bytes / int64_t(sizeof(T)) / depth;
    static constexpr int64_t sum_depth = (many_registers ? 1536 : 1024) / int64_t(sizeof(T));
    static constexpr int64_t stripe_elements = (many_registers ? 640 << 10 : 256 << 10) / int64_t(sizeof(T));
    static constexpr int64_t shallow = 64;  // depth of a block where few rows use a large B
    static constexpr int64_t kept_elements = (4 << 20) / int64_t(sizeof(T));  // of an A packed once
    // Multiply-adds below which another thread costs more than it brings.
    static constexpr int64_t thread_work = 300000;
    static constexpr int64_t tasks = 32;  // wanted of loops whose items differ, so that threads share evenly
};

struct TileShape {
    int rows, vectors;
};

// The shape for a part of C of so many rows and columns.
template <typename T>
TileShape tile_shape(int64_t rows, int64_t columns) {
    constexpr int two = most_tile_rows<T>(2), three = most_tile_rows<T>(3);
    const int64_t vectors = (columns + width<T> - 1) / width<T>;
    // Four vectors are better as two and two than as three and one; and B is read once if all rows are a
    // panel.
    const bool narrower = vectors == 4 || (rows > three && rows <= two);
    const int most = narrower ? 2 : most_tile_vectors<T>;
    const int used = int(vectors < most ? vectors : most);
    return {most_tile_rows<T>(used), used};
}

// How C is cut into parts for threads.
struct Grid {
    int64_t rows, columns;
};

// How many parts are worth a thread each. Reading B takes as long as six rows take to use it, and writing a
// vector of C as long as four multiply-adds.
template <typename T>
double thread_parts(int64_t M, int64_t N, int64_t K) {
    const double columns = double((N + width<T> - 1) / width<T> * width<T>);
    return double(M < 6 ? 6 : M) * columns * double(K + 4) / GemmBlocks<T>::thread_work;
}

// Elements that go together in a loop over `count` of them: whole units, no less than `least`, which are
// worth a thread, and so that all threads have nearly the same number of them.
[[gnu::noinline]] inline int64_t fair_grain(int64_t count, int64_t unit, int64_t least) {
    constexpr int64_t for_each = 4;  // of parts, the rest of which others can do if a thread comes late
    constexpr int64_t units = 8;     // of such parts: of fewer, one is too much
    const int64_t threads = num_threads();
    int64_t parts = count / least;
    if (parts > for_each * threads) parts = for_each * threads;
    if (parts > threads) parts -= parts % threads;
    while (parts > threads && count < units * unit * parts) parts -= threads;
    return parts < 2 ? count : ((count - 1) / parts / unit + 1) * unit;
}

// As near to square as the threads allow, for that packs the least; no more parts than are worth a thread.
template <typename T>
[[gnu::noinline]] Grid thread_grid(int64_t M, int64_t N, int64_t K) {
    int64_t threads = num_threads();
    const double work = thread_parts<T>(M, N, K);
    if (work < double(threads)) threads = int64_t(work);
    Grid best{1, 1};
    double least = 0;
    for (int64_t rows = 1; rows <= threads; rows++) {
        const int64_t columns = threads / rows;
        const double m = double((M - 1) / rows + 1),
                     n = double(((N - 1) / columns / width<T> + 1) * width<T>);
        const double cost = m * n + 8 * (m + 2 * n);
        if (rows == 1 || cost < least) best = {rows, columns}, least = cost;
    }
    return best;
}

// How deep blocks of k are. A few rows use B only a few times, too few to pack it: it is read along its rows,
// as caches expect it, some of them at a time.
template <typename T>
int64_t block_depth(Matrix<const T> a, Matrix<const T> b, int64_t given) {
    using Blocks = GemmBlocks<T>;
    if (given > 0) return (many_registers ? 3 : 1) * Blocks::sum_depth;
    constexpr bool lines = width<T> * sizeof(T) == 64;  // a vector is one
    const bool few = a.rows <= (lines ? 32 : most_tile_rows<T>(2)) && b.column_stride == 1 &&
                     b.rows * b.columns > Blocks::stripe_elements;
    return few ? Blocks::shallow : Blocks::sum_depth;
}

}  // namespace pydl::PYDL_ISA
