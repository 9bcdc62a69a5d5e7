// Products by a B that lies in columns, as the weights of a linear layer do, with fewer rows than columns:
// C^T = B^T A^T reads B along its columns where it lies. Packing it, as tiles of C would want, takes as long
// as multiplying some rows with it; here A is packed instead, and C turned.
#pragma once

#include "elementwise/turned_copy.h"
#include "gemm/blocked.h"

namespace pydl::PYDL_ISA {

// What packing takes in cycles for an element of B; zero where that was not measured.
template <typename T>
inline constexpr double turned_packing = width<T> * sizeof(T) == 64   ? 0.35
                                         : width<T> * sizeof(T) == 32 ? 0.2
                                                                      : 0;

// One product of those that are added up in a C.
template <typename T>
struct Factors {
    Matrix<const T> a, b;
};

// Whether packing B, which lies in columns, takes longer than turning C, and packing A, and the lanes that
// rows leave empty. depth: of all products whose sum is C.
template <typename T>
[[gnu::noinline]] bool is_better_turned(Matrix<const T> a, Matrix<const T> b, int64_t depth) {
    const double M = double(a.rows), N = double(b.columns), K = double(depth);
    const bool is_near = M * N * sizeof(T) <= 131072;  // C stays in the first caches
    const double turning = !is_near ? 4 : width<T> * sizeof(T) == 64 ? 1 : 0.6;
    const double empty = double(whole_vectors<T>(a.rows) - a.rows) / (2 * width<T>);
    return b.row_stride == 1 && b.column_stride != 1 && (a.column_stride == 1 || a.row_stride == 1) &&
           turning * M * N + K * (0.4 * M + empty * N) < turned_packing<T> * K * N;
}

// An epilogue, for those who do not know its type.
template <typename T>
struct Finish {
    void (*run)(const void* epilogue, T* tile, int64_t stride, int64_t row, int64_t column, int64_t rows,
                int64_t columns);
    const void* epilogue;

    template <typename Epilogue>
    explicit Finish(const Epilogue& given)
        : run([](const void* epilogue, T* tile, int64_t stride, int64_t row, int64_t column, int64_t rows,
                 int64_t columns) {
              (*static_cast<const Epilogue*>(epilogue))(tile, stride, row, column, rows, columns);
          }),
          epilogue(&given) {}
};

// The sum of `count` products, which have a C in common.
template <typename T>
void turned_products(const Factors<T>* factors, int count, T* c, int64_t c_stride, bool accumulate,
                     const Finish<T>& finish) {
    const int64_t M = factors->a.rows, N = factors->b.columns;
    int64_t K = 0;  // of all
    for (int f = 0; f < count; f++) K += factors[f].a.columns;
    const TileShape shape = tile_shape<T>(N, M);
    const int64_t lanes = shape.vectors * width<T>, panels = (M + lanes - 1) / lanes;
    // The panels of one A behind those of the one before.
    const auto pack = [&](T* packed, int64_t begin, int64_t end) __attribute__((noinline)) {
        for (int f = 0; f < count; f++) {
            const Matrix<const T>& a = factors[f].a;
            for (int64_t p = begin; p < end; p++)
                pack_panel(packed + p * lanes * a.columns, lanes,
                           M - p * lanes < lanes ? M - p * lanes : lanes, &a(p * lanes, 0), a.row_stride,
                           a.column_stride, a.columns);
            packed += panels * lanes * a.columns;
        }
    };
    // Each thread packs all of A for itself where that is little beside its columns of C: what another core
    // has packed comes line by line from there, which takes longer.
    const bool apart = N >= 64 * num_threads();
    const Panels<T> shared(apart ? 0 : panels * lanes * K);
    if (!apart)
        parallel_for(panels, 1 + 65536 / (lanes * K + 1),
                     [&](int64_t begin, int64_t end) { pack(shared.data(), begin, end); });
    // Columns of C at a time, whole vectors of them, as many as stay in the first-level cache until they are
    // turned. Their stride is no power of two, in which they would collide.
    const int64_t stride = panels * lanes + 64 / int64_t(sizeof(T));
    const int64_t fit = 32768 / int64_t(sizeof(T)) / stride / width<T>;
    const int64_t together = width<T> * (1 + (fit < 6 ? fit : 6));
    parallel_for(N, fair_grain(N, width<T>, 1 + GemmBlocks<T>::thread_work / (M * K + 1)),
                 [&](int64_t begin, int64_t end) {
                     const Panels<T> own(apart ? panels * lanes * K : 0);
                     if (apart) pack(own.data(), 0, panels);
                     const Parts parts(end - begin, together, width<T>);
                     const Scratch<T> scratch(parts.size * stride);
                     for (int64_t p = 0; p < parts.count; p++) {
                         const int64_t j = begin + parts.begin(p), n = parts.length(p, end - begin);
                         if (accumulate) turn(c + j, c_stride, scratch.data(), stride, n, M);
                         const T* packed = apart ? own.data() : shared.data();
                         for (int f = 0; f < count; f++) {
                             const int64_t depth = factors[f].a.columns;
                             const Matrix<const T> left = factors[f].b.transposed(),
                                                   right{packed, depth, M, lanes, depth};
                             GemmPart<T, NoEpilogue>(left.part(j, 0, n, depth), right, scratch.data(), stride,
                                                     accumulate || f > 0, 0, 0, NoEpilogue{},
                                                     block_depth(left, right, lanes), lanes)
                                 .run();
                             packed += panels * lanes * depth;
                         }
                         turn(scratch.data(), stride, c + j, c_stride, M, n);
                         finish.run(finish.epilogue, c + j, c_stride, 0, j, M, n);
                     }
                 });
}

}  // namespace pydl::PYDL_ISA
