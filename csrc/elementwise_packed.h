// Runs of an element-by-element kernel that are short in some of its inputs only, made long.
#pragma once
#include "simd.h"

namespace pydl::PYDL_ISA {

// Runs along the innermost dimension, for those who do not know the types of a kernel f: where the first
// begins in each array, the result first, the strides there, and the number of elements; how many runs, and
// how far apart they are.
using ElementwiseRun = void (*)(const void* f, void* const* p, const int64_t* stride, int64_t count,
                                int64_t rows, const int64_t* step);

// Rows of an input one behind another; with a stride of 0, a number is repeated along its row. Whole vectors
// are written: the next row overwrites what lies past the end of one.
template <typename T>
[[gnu::noinline]] void pack_rows(const void* from, int64_t stride, int64_t step, void* to, int64_t count,
                                 int64_t rows) {
    const T* x = static_cast<const T*>(from);
    T* packed = static_cast<T*>(to);
    for (; rows > 0; --rows, x += step, packed += count) {
        int64_t i = 0;
        if (stride == 0) {
            const vec<T> copies = broadcast<T>(*x);
            do store(packed + i, copies);
            while ((i += width<T>) < count);
            continue;
        }
        for (; i + width<T> <= count; i += width<T>) store(packed + i, load(x + i));
        if (i < count) store(packed + i, load_partial(x + i, count - i));
    }
}

constexpr int64_t kShortRow = 64, kPackedRun = 4096;  // elements; bytes
constexpr int64_t kManyRows = 8;                      // below which packing costs more than it brings
constexpr int kMostPacked = 4;                        // arrays, the result among them

// Many rows. Where they are short and one behind another in the result, inputs in which they lie otherwise
// are packed, a block in the first-level cache at a time, and the kernel sees one long run. But a copy of
// many vectors costs as much as the kernel saves, one of whole vectors more, while a row or a number that is
// repeated is read once. A kernel without f has no use for it.
[[gnu::noinline]] inline void run_rows(ElementwiseRun run, const void* f, void* const* data,
                                       const int64_t* stride, int64_t count, int64_t rows,
                                       const int64_t* step, int arrays, const int64_t* bytes) {
    alignas(64) char packed[kMostPacked][kPackedRun + PYDL_VECTOR_BYTES];
    void* p[kMostPacked];
    int64_t run_stride[kMostPacked];
    const int64_t W = PYDL_VECTOR_BYTES / bytes[0];
    bool packs = f != nullptr && arrays <= kMostPacked && count <= kShortRow && stride[0] == 1;
    for (int k = 0; packs && k < arrays; ++k) {
        p[k] = data[k];
        run_stride[k] = stride[k];
        if (step[k] == count * stride[k]) continue;
        p[k] = packed[k];
        run_stride[k] = 1;
        packs = k > 0 && bytes[k] == bytes[0] && uint64_t(stride[k]) <= 1 &&
                (stride[k] == 0 || step[k] == 0 || count <= (count % W == 0 ? W : 4 * W));
    }
    if (!packs) return run(f, data, stride, count, rows, step);
    const auto pack = bytes[0] == sizeof(float) ? pack_rows<float> : pack_rows<double>;
    const int64_t block = kPackedRun / bytes[0] / count;
    for (int64_t row = 0; row < rows; row += block) {
        const int64_t n = rows - row < block ? rows - row : block;
        for (int k = 0; k < arrays; ++k) {
            void* x = static_cast<char*>(data[k]) + row * step[k] * bytes[k];
            if (p[k] != packed[k])
                p[k] = x;
            else if (row == 0 || step[k] != 0)
                pack(x, stride[k], step[k], p[k], count, n);
        }
        run(f, p, run_stride, n * count, 1, step);
    }
}

}  // namespace pydl::PYDL_ISA
