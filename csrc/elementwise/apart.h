// Runs of an element-by-element kernel over arrays whose numbers do not lie one behind another: by way of
// memory where they do.
#pragma once
#include "elementwise/row.h"

namespace pydl::PYDL_ISA {

// Runs along the innermost dimension, for those who do not know the types of a kernel f: where the first
// begins in each array, the result first, the strides there, and the number of elements; how many runs, and
// how far apart they are. The result has stride 1, inputs have 1 or, beside others, 0; without f, any.
using ElementwiseRun = void (*)(const void* f, void* const* p, const int64_t* stride, int64_t count,
                                int64_t rows, const int64_t* step);

constexpr int kMostArrays = 5;
constexpr int64_t kNearRun = 2048;  // bytes

// Rows of numbers that lie apart, one by one.
template <typename T>
[[gnu::noinline]] void copy_numbers(const T* x, int64_t x_stride, int64_t x_step, T* y, int64_t y_stride,
                                    int64_t y_step, int64_t count, int64_t rows) {
    for (; rows > 0; --rows, x += x_step, y += y_step) {
#pragma GCC unroll 4
        for (int64_t i = 0; i < count; ++i) y[i * y_stride] = x[i * x_stride];
    }
}

// Rows backwards. The last vector of a row is moved back to end with it. Rows of less than a vector, without
// gaps between them, are read with numbers of the row before, which the next row's overwrite.
template <typename T>
[[gnu::noinline]] void copy_backwards(const T* x, int64_t x_step, T* y, int64_t y_step, int64_t count,
                                      int64_t rows) {
    constexpr int64_t W = width<T>;
    const bool dense = x_step == count && y_step == count;
    for (int64_t r = 0; r < rows; ++r) {
        const T* from = x + r * x_step;
        T* to = y + r * y_step;
        int64_t i = 0;
        for (; i + W <= count; i += W) store(to + i, backwards(load(from - i - (W - 1))));
        if (i == count) continue;
        if (count >= W)
            store(to + count - W, backwards(load(from - (count - 1))));
        else if (dense && r * count >= W - count && (rows - 1 - r) * count >= W - count)
            store(to, backwards(load(from - (W - 1))));
        else
            for (; i < count; ++i) to[i] = from[-i];
    }
}

// Every second number of a row of at least a vector.
template <typename T>
[[gnu::noinline]] void copy_every_second(const T* x, T* y, int64_t count) {
    constexpr int64_t W = width<T>;
    int64_t i = 0;
    for (; i + W <= count; i += W) {
        prefetch(x + 2 * i + 4096 / sizeof(T));
        prefetch(x + 2 * i + 4096 / sizeof(T) + W);
        store(y + i, even_lanes_of_run(load(x + 2 * i), load(x + 2 * i + W - 1)));
    }
    if (i == count) return;
    i = count - W;  // the last vector is moved back to end with the row
    store(y + i, even_lanes_of_run(load(x + 2 * i), load(x + 2 * i + W - 1)));
}

// One row that is to lie without gaps.
template <typename T>
[[gnu::noinline]] void copy_near(const void* from, int64_t stride, void* to, int64_t count) {
    const T* x = static_cast<const T*>(from);
    T* near = static_cast<T*>(to);
    if (stride == -1) return copy_backwards(x, 0, near, 0, count, 1);
    if (stride == 2 && count >= width<T>) return copy_every_second(x, near, count);
    copy_numbers(x, stride, 0, near, 1, 0, count, 1);
}

[[gnu::noinline]] inline void run_apart(ElementwiseRun run, const void* f, void* const* data,
                                        const int64_t* stride, int64_t count, int64_t rows,
                                        const int64_t* step, int arrays, const int64_t* bytes) {
    alignas(64) char near[kMostArrays][kNearRun + PYDL_VECTOR_BYTES];
    int64_t most = 0;  // bytes of an element of any array
    for (int k = 0; k < arrays; ++k) most = bytes[k] > most ? bytes[k] : most;
    const int64_t block = kNearRun / most;
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t first = 0; first < count; first += block) {
            const int64_t left = count - first, n = left < block ? left : block;
            void* p[kMostArrays] = {};
            int64_t near_stride[kMostArrays] = {};
            for (int k = 0; k < arrays; ++k) {
                char* const x = static_cast<char*>(data[k]) + (row * step[k] + first * stride[k]) * bytes[k];
                const bool is_near = stride[k] == 1 || (stride[k] == 0 && k > 0 && arrays > 2);
                p[k] = is_near ? x : near[k];
                near_stride[k] = is_near ? stride[k] : 1;
                if (is_near || k == 0) continue;
                if (bytes[k] == 1)
                    copy_numbers(reinterpret_cast<const uint8_t*>(x), stride[k], 0,
                                 reinterpret_cast<uint8_t*>(near[k]), 1, 0, n, 1);
                else
                    bytes[k] == sizeof(float) ? copy_near<float>(x, stride[k], near[k], n)
                                              : copy_near<double>(x, stride[k], near[k], n);
            }
            run(f, p, near_stride, n, 1, step);
            if (stride[0] == 1) continue;
            char* const y = static_cast<char*>(data[0]) + (row * step[0] + first * stride[0]) * bytes[0];
            if (bytes[0] == 1)
                copy_numbers(static_cast<const uint8_t*>(p[0]), 1, 0, reinterpret_cast<uint8_t*>(y),
                             stride[0], 0, n, 1);
            else if (bytes[0] == sizeof(float))
                copy_numbers(static_cast<const float*>(p[0]), 1, 0, reinterpret_cast<float*>(y), stride[0], 0,
                             n, 1);
            else
                copy_numbers(static_cast<const double*>(p[0]), 1, 0, reinterpret_cast<double*>(y), stride[0],
                             0, n, 1);
        }
}

// Runs with any strides.
PYDL_INLINE void run_near(ElementwiseRun run, const void* f, void* const* data, const int64_t* stride,
                          int64_t count, int64_t rows, const int64_t* step, int arrays,
                          const int64_t* bytes) {
    bool apart = stride[0] != 1;
    for (int k = 1; k < arrays; ++k) apart |= stride[k] != 1 && (stride[k] != 0 || arrays == 2);
    // The strides of one number do not matter.
    if (apart && count > 1 && f != nullptr)
        return run_apart(run, f, data, stride, count, rows, step, arrays, bytes);
    run(f, data, stride, count, rows, step);
}

}  // namespace pydl::PYDL_ISA
