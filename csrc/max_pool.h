// Max pooling of planes and volumes, for max_pool2d and max_pool3d. See pydl/ops/max_pool2d.py.
//
// Forward looks at the elements of a window in row-major order for `width` windows at once and remembers
// which one won, as its number (k * KH + i) * KW + j. Backward lets each element of x collect from all
// windows it lies in, again `width` at once.
#pragma once
#include "max_pool_whole.h"
#include "pool_frame.h"
#include "pool_halving.h"
#include "pool_lanes.h"
#include "pool_rows.h"
#include "pool_strips.h"
#include "simd_bytes.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct MaxPoolForward {
    Array<const T, 5> x;
    T* y;              // these are contiguous
    uint8_t* window;   // or null
    int64_t* indices;  // or null
    PoolWindows windows;

    int64_t planes() const { return x.shape[0] * x.shape[1]; }
    int64_t outputs() const { return windows.depth.out * windows.rows.out * windows.columns.out; }
    // The number of an element that wins, as window and indices hold it.
    void set(int64_t at, int64_t number, int64_t z, int64_t p, int64_t q) const {
        const PoolAxis &depth = windows.depth, &rows = windows.rows, &columns = windows.columns;
        if (window) window[at] = uint8_t(number);
        if (!indices) return;
        const int64_t k = number / columns.kernel / rows.kernel, i = number / columns.kernel % rows.kernel;
        const int64_t d = depth.start(z) + k * depth.dilation, h = rows.start(p) + i * rows.dilation;
        indices[at] = (d * rows.size + h) * columns.size + columns.start(q) +
                      number % columns.kernel * columns.dilation;
    }
    // The element that wins where all are -inf: the first inside the input.
    int64_t first(int64_t z, int64_t p, int64_t q) const {
        const PoolAxis &depth = windows.depth, &rows = windows.rows, &columns = windows.columns;
        return (depth.first(z) * rows.kernel + rows.first(p)) * columns.kernel + columns.first(q);
    }
};

// ---- windows of 2x2 with stride 2 and no padding: straight from the two rows ----

template <typename T>
void max_pool_row_2x2(const T* upper, const T* lower, int64_t count, T* y, uint8_t* window, bool spills) {
    constexpr int64_t W = width<T>;
    const auto number = [](int k) { return broadcast<int_of<T>>(int_of<T>(k)); };
    for (int64_t q = 0; q < count; q += W) {
        // The last vector is moved back to end with the row; what it computes again is the same.
        if (q + W > count && count >= W) q = count - W;
        const int64_t n = 2 * (count - q);
        const vec<T> a = load_partial(upper + 2 * q, n), b = load_partial(upper + 2 * q + W, n - W);
        const vec<T> c = load_partial(lower + 2 * q, n), d = load_partial(lower + 2 * q + W, n - W);
        prefetch_row_pair(upper + 2 * q, lower + 2 * q);
        Best<T> best = {even_lanes(a, b), mask<T>{}};
        best.meet(odd_lanes(a, b), number(1));
        best.meet(even_lanes(c, d), number(2));
        best.meet(odd_lanes(c, d), number(3));
        store_partial(y + q, best.value, count - q);
        if (window) store_bytes<T>(window + q, best.element, spills ? W : count - q);
    }
}

template <typename T>
void max_pool_forward_2x2(const MaxPoolForward<T>& pool) {
    const int64_t OH = pool.windows.rows.out, OW = pool.windows.columns.out;
    const int64_t* stride = pool.x.stride;
    parallel_for(pool.planes(), row_grain(4 * OH * OW), [&](int64_t begin, int64_t end) {
        for (int64_t plane = begin; plane < end; ++plane) {
            const T* upper = volume_of(pool.x, plane);
            int64_t at = plane * OH * OW;
            for (int64_t p = 0; p < OH; ++p, upper += 2 * stride[3], at += OW)
                // Bytes beyond a row belong to the next one and are written again.
                max_pool_row_2x2(upper, upper + stride[3], OW, pool.y + at,
                                 pool.window ? pool.window + at : nullptr,
                                 (end - plane) * OH * OW - p * OW >= width<T>);
        }
    });
}

// The same where rows are shorter than a vector.
template <int G, typename T>
void max_pool_forward_halving(const MaxPoolForward<T>& pool) {
    constexpr int64_t W = width<T>;
    const int64_t count = pool.planes() * pool.outputs();
    const auto number = [](int k) { return broadcast<int_of<T>>(int_of<T>(k)); };
    parallel_for((count + W - 1) / W, row_grain(4 * W), [&](int64_t begin, int64_t end) {
        for (int64_t at = begin * W; at < end * W && at < count; at += W) {
            const Quarters<T> x = load_quarters<G>(pool.x.data + 4 * at, count - at);
            Best<T> best = {x.upper_left, mask<T>{}};
            best.meet(x.upper_right, number(1));
            best.meet(x.lower_left, number(2));
            best.meet(x.lower_right, number(3));
            store_partial(pool.y + at, best.value, count - at);
            if (pool.window) store_bytes<T>(pool.window + at, best.element, count - at);
        }
    });
}

// ---- windows of any kind ----

template <bool MeetsNan, int Taps, typename T>
void best_of_taps(const T* frame, const int64_t* offset, int64_t taps, int64_t positions, T* value,
                  int_of<T>* element, NextBlock<T> next) {
    // A table of its own, which no store can change.
    const T* tap[Taps > 0 ? Taps : 1];
    for (int k = 0; k < Taps; ++k) tap[k] = frame + offset[k];
    for (int64_t at = 0; at < positions; at += width<T>) {
        Best<T, MeetsNan> best = {load(frame + offset[0] + at), mask<T>{}};
        const auto meet = [&](const T* x, int64_t k) PYDL_INLINE_LAMBDA {
            best.meet(load(x + at), broadcast<int_of<T>>(int_of<T>(k)));
        };
        if constexpr (Taps > 0) {
#pragma GCC unroll 16
            for (int k = 1; k < Taps; ++k) meet(tap[k], k);
        } else {
            for (int64_t k = 1; k < taps; ++k) meet(frame + offset[k], k);
        }
        store(value + at, best.value);
        store(element + at, best.element);
        next.ask(at);
    }
}

template <typename T>
bool has_nan(const T* p, int64_t count) {
    // As whole numbers, NaN are above infinity.
    const mask<T> magnitude = ~bit_cast<mask<T>>(broadcast<T>(T(-0.0)));
    mask<T> most{};
    for (int64_t k = 0; k < count; k += width<T>) {
        const mask<T> bits = bit_cast<mask<T>>(load(p + k)) & magnitude;
        most = bits > most ? bits : most;
    }
    return any(most > bit_cast<mask<T>>(broadcast<T>(T(__builtin_inff()))));
}

// Where padding has won, no element is more than -inf. Only windows that begin in padding are concerned.
template <typename T>
void correct_infinite(const MaxPoolForward<T>& pool, const T* value, int_of<T>* element, int64_t z,
                      int64_t p) {
    const PoolAxis& columns = pool.windows.columns;
    const bool all = pool.windows.depth.start(z) < 0 || pool.windows.rows.start(p) < 0;
    for (int64_t q = 0; q < columns.out && (all || columns.start(q) < 0); ++q)
        if (value[q] == -__builtin_inff()) element[q] = int_of<T>(pool.first(z, p, q));
}

template <typename T>
void max_pool_forward_frames(const MaxPoolForward<T>& pool) {
    const PoolWindows& w = pool.windows;
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, taps = w.elements();
    const PoolBlocks blocks(pool.planes() * OD, OH, w.rows.reach(), OW + w.columns.reach(),
                            w.depth.kernel * w.rows.stride * w.columns.stride);
    const bool padded = w.depth.padding > 0 || w.rows.padding > 0 || w.columns.padding > 0;
    parallel_for(
        blocks.count, row_grain(blocks.slices * blocks.run * OW * taps), [&](int64_t begin, int64_t end) {
            InputFrame<T> frame(w, blocks, -__builtin_inff());
            const FrameShape& shape = frame.shape();
            const int64_t room = shape.phase() + width<T>;
            const Scratch<T> value(room);
            const Scratch<int_of<T>> element(room);
            const Scratch<int64_t> offset(taps);
            for (int64_t k = 0; k < taps; ++k)
                offset[k] = frame.offset(k / w.columns.kernel / w.rows.kernel,
                                         k / w.columns.kernel % w.rows.kernel, k % w.columns.kernel);
            for (int64_t block = begin; block < end; ++block) {
                const int64_t item = blocks.first_item(block), items = blocks.items_of(block);
                const int64_t top = blocks.first_row(block), rows = blocks.rows_of(block);
                for (int64_t s = 0; s < items; ++s)
                    frame.fill(s, volume_of(pool.x, (item + s) / OD), pool.x.stride, (item + s) % OD, top,
                               rows);
                const bool nan = has_nan(frame.data(), frame.size());
                const auto run = nan         ? best_of_taps<true, 0, T>
                                 : taps == 9 ? best_of_taps<false, 9, T>
                                             : best_of_taps<false, 0, T>;
                run(frame.data(), offset.data(), taps, shape.positions(items, rows, OW), value.data(),
                    element.data(), NextBlock<T>(pool.x, w, blocks, block + 1));
                const auto write = [&](int64_t from, int64_t to, int64_t count) {
                    for (int64_t q = 0; q < count; q += width<T>) {
                        store_partial(pool.y + to + q, load(value.data() + from + q), count - q);
                        if (pool.window)
                            store_bytes<T>(pool.window + to + q, load(element.data() + from + q), count - q);
                    }
                };
                for (int64_t s = 0; s < items; ++s) {
                    const int64_t z = (item + s) % OD, to = ((item + s) * OH + top) * OW;
                    if (padded)
                        for (int64_t p = 0; p < rows; ++p)
                            correct_infinite(pool, value.data() + shape.row(s, p),
                                             element.data() + shape.row(s, p), z, top + p);
                    if (shape.pitch == OW)  // the rows of a slice lie side by side in the frame too
                        write(shape.row(s, 0), to, rows * OW);
                    else
                        for (int64_t p = 0; p < rows; ++p) write(shape.row(s, p), to + p * OW, OW);
                    if (pool.indices)
                        for (int64_t p = 0; p < rows; ++p)
                            for (int64_t q = 0; q < OW; ++q)
                                pool.set(to + p * OW + q, element[shape.row(s, p) + q], z, top + p, q);
                }
            }
        });
}

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
                            const int64_t pitch = (count + W - 1) / W * W;
                            const Scratch<int_of<T>> numbers(lanes * pitch);
                            copy_columns(reinterpret_cast<const T*>(best.element), W,
                                         reinterpret_cast<T*>(numbers.data()), pitch, lanes, count);
                            for (int64_t l = 0; l < lanes; ++l) {
                                const int_of<T>* from = numbers.data() + l * pitch;
                                const int64_t to = (plane + l) * w.outputs() + first;
                                if (window)
                                    for (int64_t k = 0; k < count; k += W)
                                        store_bytes<T>(window + to + k, load(from + k), count - k);
                                else
                                    for (int64_t k = 0; k < count; ++k) indices[to + k] = from[k];
                            }
                        });
}

// One window after the other.
template <typename T>
void max_pool_forward_simple(const MaxPoolForward<T>& pool) {
    const PoolAxis &depth = pool.windows.depth, &rows = pool.windows.rows, &columns = pool.windows.columns;
    const int64_t OH = rows.out, OW = columns.out, volume = pool.outputs();
    parallel_for(pool.planes() * volume, row_grain(pool.windows.elements()), [&](int64_t begin, int64_t end) {
        for (int64_t at = begin; at < end; ++at) {
            const T* x = volume_of(pool.x, at / volume);
            const int64_t z = at % volume / (OH * OW), p = at % volume / OW % OH, q = at % OW;
            T best = -__builtin_inff();
            int64_t winner = pool.first(z, p, q);
            for (int64_t k = depth.first(z); k < depth.last(z); ++k)
                for (int64_t i = rows.first(p); i < rows.last(p); ++i) {
                    const T* row = x + (depth.start(z) + k * depth.dilation) * pool.x.stride[2] +
                                   (rows.start(p) + i * rows.dilation) * pool.x.stride[3];
                    for (int64_t j = columns.first(q); j < columns.last(q); ++j) {
                        const T value = row[(columns.start(q) + j * columns.dilation) * pool.x.stride[4]];
                        if (value > best || value != value) {
                            best = value;
                            winner = (k * rows.kernel + i) * columns.kernel + j;
                        }
                    }
                }
            pool.y[at] = best;
            pool.set(at, winner, z, p, q);
        }
    });
}

// The positions of the elements whose numbers are known.
template <typename T>
void indices_of_numbers(const MaxPoolForward<T>& pool, const uint8_t* window) {
    const PoolAxis &depth = pool.windows.depth, &rows = pool.windows.rows, &columns = pool.windows.columns;
    int64_t distance[256];
    set_distances(pool.windows, distance, 0);
    parallel_for(pool.planes() * depth.out * rows.out, row_grain(2 * columns.out),
                 [&](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row) {
                         const int64_t z = row / rows.out % depth.out, p = row % rows.out;
                         int64_t corner =
                             (depth.start(z) * rows.size + rows.start(p)) * columns.size - columns.padding;
                         const uint8_t* number = window + row * columns.out;
                         int64_t* to = pool.indices + row * columns.out;
                         for (int64_t q = 0; q < columns.out; ++q, corner += columns.stride)
                             to[q] = corner + distance[number[q]];
                     }
                 });
}

// Wide rows of small windows are as fast a row after the other, and read memory in order.
template <typename T>
bool lanes_suit_better(const MaxPoolForward<T>& pool) {
    const PoolWindows& w = pool.windows;
    if (!pool.window) return !suits_rows<T>(w) || w.columns.out < 24;
    return w.columns.out < 40 || w.columns.stride > 2 || w.elements() > 9;
}

// Whether that is done: there is a kernel for the windows, and all of x is finite.
template <typename T>
bool max_pool_forward_strips(const MaxPoolForward<T>& pool) {
    if (!pool.window || pool.indices) return false;
    const auto kernel = strip_kernel<Best<T, false>>(pool.x, pool.windows);
    return kernel != nullptr && pool_strips<T>(kernel, 0, pool.x, pool.windows, pool.y, pool.window);
}

template <typename T>
void max_pool_numbers(const MaxPoolForward<T>& pool) {
    const PoolWindows& w = pool.windows;
    const int64_t* stride = pool.x.stride;
    if (is_halving_run<T>(w, pool.x) && !pool.indices)
        with_group<T>(w.columns.out, [&](auto G) { max_pool_forward_halving<G>(pool); });
    else if (w.is_2x2() && !pool.indices && stride[4] == 1 && w.columns.out >= width<T> / 2)
        max_pool_forward_2x2(pool);
    else if (w.is_whole() && stride[4] == 1 && (w.rows.size == 1 || stride[3] == w.columns.size) &&
             (w.depth.size == 1 || stride[2] == w.rows.size * w.columns.size))
        max_pool_forward_whole(pool.x, w.input(), pool.y, pool.window, pool.indices);
    else if (max_pool_forward_strips(pool))
        return;
    else if (const LaneWindows lanes(w); !pool.indices && suits_lanes<T>(pool.x, w) &&
                                         !lanes.see_padding_alone() && lanes_suit_better(pool))
        max_pool_forward_lanes(pool.x, lanes, pool.y, pool.window, nullptr);
    else if (!pool.window && !pool.indices && suits_rows<T>(w))
        pool_rows(
            pool.x, pool.y, w, T(-__builtin_inff()),
            [](vec<T> a, vec<T> b) PYDL_INLINE_LAMBDA { return max(a, b); },
            [](vec<T> most, int64_t, int64_t, int64_t) PYDL_INLINE_LAMBDA { return most; });
    else if (frame_fits(w))
        max_pool_forward_frames(pool);
    else
        max_pool_forward_simple(pool);
}

template <typename T>
void max_pool_forward(const MaxPoolForward<T>& pool) {
    const PoolWindows& w = pool.windows;
    if (!pool.indices || w.is_whole() || w.elements() > 256) return max_pool_numbers(pool);
    const Scratch<uint8_t> own(pool.window ? 0 : pool.planes() * pool.outputs());
    MaxPoolForward<T> numbers = pool;
    numbers.indices = nullptr;
    if (!pool.window) numbers.window = own.data();
    max_pool_numbers(numbers);
    indices_of_numbers(pool, numbers.window);
}

}  // namespace pydl::PYDL_ISA
