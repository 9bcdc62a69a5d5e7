// Max pooling of planes and volumes, for max_pool2d and max_pool3d. See pydl/ops/max_pool2d.py.
//
// Forward looks at the elements of a window in row-major order for `width` windows at once and remembers
// which one won, as its number (k * KH + i) * KW + j. Backward lets each element of x collect from all
// windows it lies in, again `width` at once.
#pragma once
#include "pooling/along.h"
#include "pooling/fold.h"
#include "pooling/lanes.h"
#include "pooling/max_pool_2x2.h"
#include "pooling/max_pool_frames.h"
#include "pooling/max_pool_shifted.h"
#include "pooling/max_pool_whole.h"
#include "pooling/rows.h"
#include "pooling/strips.h"

namespace pydl::PYDL_ISA {

// A plane in each lane. The numbers become bytes or, for windows whose elements are numbered by their
// positions, indices.
template <typename T>
void max_pool_forward_lanes(const Array<const T, 5>& x, const LaneWindows& w, T* y, uint8_t* window,
                            int64_t* indices) {
    constexpr int64_t W = width<T>;
    const auto most = [&](int64_t plane, int64_t lanes, int64_t first, int64_t count, const T* value) {
        copy_columns(value, W, y + plane * w.outputs() + first, w.outputs(), lanes, count);
    };
    if (!window && !indices)
        return pool_lanes<LaneMax<T>>(
            x, w, [&](int64_t plane, int64_t lanes, int64_t first, int64_t count, const auto& best) {
                most(plane, lanes, first, count, best.value);
            });
    pool_lanes<Best<T>>(x, w,
                        [&](int64_t plane, int64_t lanes, int64_t first, int64_t count, const auto& best) {
                            most(plane, lanes, first, count, best.value);
                            // Small planes lie side by side: their numbers are one run.
                            const bool run = count == w.outputs();
                            const int64_t pitch = run ? count : (count + W - 1) / W * W;
                            const Scratch<int_of<T>> numbers(lanes * pitch + W);
                            copy_columns(reinterpret_cast<const T*>(best.element), W,
                                         reinterpret_cast<T*>(numbers.data()), pitch, lanes, count);
                            const int64_t lines = run ? 1 : lanes, length = run ? lanes * count : count;
                            for (int64_t l = 0; l < lines; ++l) {
                                const int_of<T>* from = numbers.data() + l * pitch;
                                const int64_t to = (plane + l) * w.outputs() + first;
                                if (window)
                                    for (int64_t k = 0; k < length; k += W)
                                        store_bytes<T>(window + to + k, load(from + k), length - k);
                                else
                                    for (int64_t k = 0; k < length; ++k) indices[to + k] = from[k];
                            }
                        });
}

// Lines (pooling/along.h). Numbers of windows of two are almost for nothing, and so are there even if nobody
// wants them.
template <typename T>
void max_pool_forward_along(const MaxPoolForward<T>& pool) {
    T* const y = pool.y;
    uint8_t* const window = pool.window;
    pool_along<Best<T>>(PoolLines<T>(pool.x, pool.windows.columns),
                        [=](int64_t at, int64_t left, int64_t, const Best<T>& best) PYDL_INLINE_LAMBDA {
                            store_partial(y + at, best.value, left);
                            if (window != nullptr) store_bytes<T>(window + at, best.element, left);
                        });
}

// Maxima alone: of two vectors, and what is done with those of windows.
template <typename T>
struct Larger {
    PYDL_INLINE vec<T> operator()(vec<T> a, vec<T> b) const { return max(a, b); }
    PYDL_INLINE vec<T> operator()(vec<T> most, int64_t, int64_t, int64_t) const { return most; }
};

// Wide rows of small windows are as fast a row after the other, and read memory in order.
template <typename T>
bool lanes_suit_better(const MaxPoolForward<T>& pool) {
    const PoolWindows& w = pool.windows;
    if (!pool.window) return !suits_rows(pool.x, w) || w.columns.out < 24;
    return w.columns.out < 40 || w.columns.stride > 2 || w.elements() > 9;
}

// Whether that is done: there is a kernel for the windows, and all of x is finite.
template <typename T>
bool max_pool_forward_strips(const MaxPoolForward<T>& pool) {
    if (pool.indices) return false;
    const auto kernel = strip_kernel<Best<T, false>>(pool.x, pool.windows);
    return kernel != nullptr && pool_strips<T>(kernel, 0, pool.x, pool.windows, pool.y, pool.window);
}

template <typename T>
void max_pool_numbers(const MaxPoolForward<T>& pool) {
    const PoolWindows& w = pool.windows;
    const int64_t* stride = pool.x.stride;
    if constexpr (has_along<T>)
        if (!pool.indices && (pool.window || w.columns.kernel == 2) && suits_along(pool.x, w))
            return max_pool_forward_along(pool);
    if (!pool.indices && suits_fold(pool.x, w))
        return pool_folded(
            pool.x, w,
            [&](const Array<const T, 5>& lines, const PoolWindows& windows, int64_t at) {
                max_pool_numbers<T>(
                    {lines, pool.y + at, pool.window ? pool.window + at : nullptr, nullptr, windows});
            },
            [&](int64_t at) { max_pool_forward_simple(pool, at, at + 1); });
    if (is_halving_run<T>(w, pool.x) && !pool.indices)
        with_group<T>(w.columns.out, [&](auto G) { max_pool_forward_halving<G>(pool); });
    else if (!pool.window && !pool.indices && max_pools_shifted(pool.x, w, pool.y))
        return;
    else if (max_pool_forward_strips(pool))
        return;
    else if (has_own_pools<T> && w.is_2x2() && !pool.indices && stride[4] == 1 &&
             w.columns.out >= width<T> / 2)
        max_pool_forward_2x2(pool);
    else if (has_own_pools<T> && w.is_whole() && is_contiguous_volume(pool.x))
        max_pool_forward_whole(pool.x, w.input(), pool.y, pool.window, pool.indices);
    else if (!pool.indices && lanes_suit_better(pool) && suits_lanes<T>(pool.x, w) && !see_padding_alone(w))
        max_pool_forward_lanes(pool.x, LaneWindows(w), pool.y, pool.window, nullptr);
    else if (!pool.window && !pool.indices && suits_rows(pool.x, w))
        pool_rows(pool.x, pool.y, w, T(-__builtin_inff()), Larger<T>(), Larger<T>());
    else if (frame_fits(w))
        max_pool_forward_frames(pool);
    else
        parallel_for(pool.planes() * w.outputs(), row_grain(w.elements()),
                     [&](int64_t begin, int64_t end) { max_pool_forward_simple(pool, begin, end); });
}

template <typename T>
void max_pool_forward(const MaxPoolForward<T>& pool) {
    const PoolWindows& w = pool.windows;
    if (!pool.indices || w.is_whole() || w.elements() > 256) return max_pool_numbers(pool);
    const Scratch<uint8_t> own(pool.window ? 0 : pool.planes() * w.outputs());
    MaxPoolForward<T> numbers = pool;
    numbers.indices = nullptr;
    if (!pool.window) numbers.window = own.data();
    max_pool_numbers(numbers);
    indices_of_numbers(pool, numbers.window);
}

}  // namespace pydl::PYDL_ISA
