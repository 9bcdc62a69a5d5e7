// Runs of an element-by-element kernel that are short in some of its inputs only, made long.
#pragma once
#include "elementwise/apart.h"

namespace pydl::PYDL_ISA {

// Rows of an input one behind another; with a stride of 0, a number is repeated along its row. Whole vectors
// are written: the next row overwrites what lies past the end of one.
template <typename T>
[[gnu::noinline]] void pack_rows(const void* from, int64_t stride, int64_t step, void* to, int64_t count,
                                 int64_t rows) {
    const T* x = static_cast<const T*>(from);
    T* packed = static_cast<T*>(to);
    if (stride != 0 && stride != 1) return copy_numbers(x, stride, step, packed, 1, count, count, rows);
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
constexpr int64_t kApartRows = 16,
                  kApartBytes = 2048;           // rows that are fetched together, if they are as short
constexpr int64_t kFarRows = int64_t(1) << 20;  // bytes from the first row to the last

// Asks for `rows` rows of an input. Between the rows that are read lie others that are not, so the processor
// does not foresee them, and the work of a few rows is all that it does while it waits. Always inline: as a
// function of its own, the compiler takes it for one that does nothing.
PYDL_INLINE void fetch_rows(const char* first, int64_t step, int64_t bytes, int64_t rows) {
    for (; rows > 0; --rows, first += step)
        for (int64_t b = 0; b < bytes; b += 64) prefetch(first + b);
}

// Whether single numbers are to be read: neighbours, every second one and copies are read by the vector.
PYDL_INLINE bool lies_apart(int64_t stride) {
    return stride < -1 || stride > 2;
}

// Many rows. Where they are short and one behind another in the result, inputs in which they lie otherwise
// are packed, a block in the first-level cache at a time, and the kernel sees one long run. But a copy of
// many vectors costs as much as the kernel saves, one of whole vectors more, while a row or a number that is
// repeated is read once. A kernel without f has no use for it. Inputs whose rows lie far from each other are
// fetched a block ahead.
[[gnu::noinline]] inline void run_short_rows(ElementwiseRun run, const void* f, void* const* data,
                                             const int64_t* stride, int64_t count, int64_t rows,
                                             const int64_t* step, int arrays, const int64_t* bytes) {
    if (arrays > kMostPacked) return run_near(run, f, data, stride, count, rows, step, arrays, bytes);
    alignas(64) char packed[kMostPacked][kPackedRun + PYDL_VECTOR_BYTES];
    int64_t run_stride[kMostPacked];
    const int64_t W = PYDL_VECTOR_BYTES / bytes[0];
    const bool is_short = count <= kShortRow || (count % W != 0 && count <= 2 * kShortRow);
    bool packs = f != nullptr && is_short && stride[0] == 1 && bytes[0] >= int64_t(sizeof(float));
    for (int k = 0; packs && k < arrays; ++k)
        packs = (step[k] == count * stride[k] && !lies_apart(stride[k])) ||
                (k > 0 && bytes[k] == bytes[0] &&
                 (stride[k] != 1 || step[k] == 0 || count <= (count % W == 0 ? W : 4 * W)));
    bool apart[kMostPacked] = {}, any_apart = false;
    for (int k = 1; k < arrays; ++k) {
        const int64_t distance = (step[k] < 0 ? -step[k] : step[k]) * bytes[k];
        apart[k] = stride[k] == 1 && count * bytes[k] <= kApartBytes && distance != count * bytes[k] &&
                   rows * distance >= kFarRows;
        any_apart |= apart[k];
    }
    if (!packs && !any_apart) return run_near(run, f, data, stride, count, rows, step, arrays, bytes);
    const auto pack = bytes[0] == sizeof(float) ? pack_rows<float> : pack_rows<double>;
    const int64_t block = packs ? kPackedRun / bytes[0] / count : kApartRows;
    void* p[kMostPacked] = {};
    for (int64_t row = 0; row < rows; row += block) {
        const int64_t left = rows - row, n = left < block ? left : block;
        for (int k = 0; k < arrays; ++k) {
            char* const x = static_cast<char*>(data[k]) + row * step[k] * bytes[k];
            if (apart[k])
                fetch_rows(x + n * step[k] * bytes[k], step[k] * bytes[k], count * bytes[k],
                           left - n < block ? left - n : block);
            const bool is_packed = packs && (step[k] != count * stride[k] || lies_apart(stride[k]));
            run_stride[k] = is_packed ? 1 : stride[k];
            if (!is_packed)
                p[k] = x;
            else if (row == 0 || step[k] != 0)
                pack(x, stride[k], step[k], p[k] = packed[k], count, n);
        }
        if (packs)
            run_near(run, f, p, run_stride, n * count, 1, step, arrays, bytes);
        else
            run_near(run, f, p, stride, count, n, step, arrays, bytes);
    }
}

}  // namespace pydl::PYDL_ISA
