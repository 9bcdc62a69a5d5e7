// Max pooling with windows of any kind, from copies of the input in which they are neighbours
// (pooling/frame.h).
#pragma once
#include "pooling/frame.h"
#include "pooling/max_pool_windows.h"
#include "simd/bytes.h"

namespace pydl::PYDL_ISA {

// The best of in[offset[t] + at] for t < taps, and its number: `step` * t and, where Numbered, what it has
// in `number` besides. Two vectors at a time, as one alone would wait for its comparisons.
template <bool MeetsNan, bool Numbered, typename T>
void best_of_taps(const T* in, const int_of<T>* number, const int64_t* offset, int64_t taps, int64_t step,
                  int64_t positions, T* value, int_of<T>* element, NextBlock<T> next) {
    constexpr int64_t W = width<T>;
    using I = int_of<T>;
    for (int64_t at = 0; at < positions; at += 2 * W) {
        Best<T, MeetsNan> a, b;
        for (int64_t t = 0; t < taps; ++t) {
            const int64_t from = offset[t] + at;
            mask<T> of_a = broadcast<I>(I(t * step)), of_b = of_a;
            if constexpr (Numbered) of_a += load(number + from), of_b += load(number + from + W);
            if (t == 0) {
                a = {load(in + from), of_a}, b = {load(in + from + W), of_b};
            } else {
                a.meet(load(in + from), of_a);
                b.meet(load(in + from + W), of_b);
            }
        }
        store(value + at, a.value);
        store(value + at + W, b.value);
        store(element + at, a.element);
        store(element + at + W, b.element);
        next.ask(at);
        next.ask(at + W);
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

// Along the rows first, and then down the rows and slices.
template <typename T>
void max_pool_forward_frames(const MaxPoolForward<T>& pool) {
    using I = int_of<T>;
    const PoolWindows& w = pool.windows;
    const int64_t OD = w.depth.out, OH = w.rows.out, OW = w.columns.out, KW = w.columns.kernel;
    const int64_t lines = w.depth.kernel * w.rows.stride, taps = w.depth.kernel * w.rows.kernel;
    const PoolBlocks blocks(pool.planes() * OD, OH, w.rows.reach(), OW + w.columns.reach(),
                            lines * (w.columns.stride + 2));
    const bool padded = w.depth.padding > 0 || w.rows.padding > 0 || w.columns.padding > 0;
    const int64_t work = blocks.slices * blocks.run * OW * (KW * w.rows.stride + taps);
    parallel_for(blocks.count, row_grain(work), [&](int64_t begin, int64_t end) {
        InputFrame<T> frame(w, blocks, -__builtin_inff());
        const FrameShape& shape = frame.shape();
        const int64_t room = shape.phase() + 2 * width<T>, all = lines * shape.phase() + 2 * width<T>;
        const Scratch<T> values(all + room);
        const Scratch<I> elements(all + room);
        T* const best = values.data();  // along the rows
        I* const number = elements.data();
        // Windows of one row are done then.
        T* const value = best + (taps > 1 ? all : 0);
        I* const element = number + (taps > 1 ? all : 0);
        const Scratch<int64_t> right(KW), down(taps);
        for (int64_t j = 0; j < KW; ++j) right[j] = frame.offset(0, 0, j);
        for (int64_t t = 0; t < taps; ++t) down[t] = frame.line_offset(t / w.rows.kernel, t % w.rows.kernel);
        for (int64_t block = begin; block < end; ++block) {
            const int64_t item = blocks.first_item(block), items = blocks.items_of(block);
            const int64_t top = blocks.first_row(block), rows = blocks.rows_of(block);
            for (int64_t s = 0; s < items; ++s)
                frame.fill(s, volume_of(pool.x, (item + s) / OD), pool.x.stride, (item + s) % OD, top, rows);
            const bool nan = has_nan(frame.data(), frame.size());
            const auto along = nan ? best_of_taps<true, false, T> : best_of_taps<false, false, T>;
            const auto across = nan ? best_of_taps<true, true, T> : best_of_taps<false, true, T>;
            const NextBlock<T> next(pool.x, w, blocks, block + 1);
            for (int64_t line = 0; line < lines; ++line)
                along(frame.data() + line * w.columns.stride * shape.phase(), nullptr, right.data(), KW, 1,
                      items * shape.rows * shape.pitch - w.columns.reach(), best + line * shape.phase(),
                      number + line * shape.phase(), taps == 1 ? next : NextBlock<T>());
            if (taps > 1)
                across(best, number, down.data(), taps, KW, shape.positions(items, rows, OW), value, element,
                       next);
            const auto write = [&](int64_t from, int64_t to, int64_t count) {
                for (int64_t q = 0; q < count; q += width<T>) {
                    store_partial(pool.y + to + q, load(value + from + q), count - q);
                    if (pool.window)
                        store_bytes<T>(pool.window + to + q, load(element + from + q), count - q);
                }
            };
            for (int64_t s = 0; s < items; ++s) {
                const int64_t z = (item + s) % OD, to = ((item + s) * OH + top) * OW;
                if (padded)
                    for (int64_t p = 0; p < rows; ++p)
                        correct_infinite(pool, value + shape.row(s, p), element + shape.row(s, p), z,
                                         top + p);
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

}  // namespace pydl::PYDL_ISA
