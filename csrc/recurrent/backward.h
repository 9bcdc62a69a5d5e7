// A recurrent layer, backward: the gradients by the state, step by step from the last to the first. Those by
// the sums in the gates are kept for all steps; recurrent/gradients.h makes the gradients by x and by the
// weights of them. Threads share rows or units as in the forward pass.
#pragma once

#include "recurrent/backward_layer.h"
#include "recurrent/team.h"

namespace pydl::PYDL_ISA {

inline constexpr int64_t rows_ahead = 2;  // that the caches are asked for

// Many rows: a step goes through the weights once. Threads may share the units, as with few rows below.
template <typename T, typename Units>
void backward_tiles(const BackwardLayer<T, Units>& layer, Direction direction, const OwnRows& own,
                    int64_t parts) {
    const int64_t T_ = layer.T_, H = layer.H, NR = layer.columns;
    const typename BackwardLayer<T, Units>::State state(layer, direction, own);
    const Parts tiles(own.count(), recurrent_tile_rows<T>(NR));
    const int64_t copy_size = layer.pass.batch.ragged() ? own.count() * layer.row_size : 0;
    const Scratch<T> copies(parts * copy_size);
    const Scratch<TileRows<T>> rows_of_tiles(parts * tiles.count);
    const auto products = [&](int64_t t, int64_t part, int64_t begin, int64_t end) {
        const int64_t alive = own.alive(t), live_tiles = (alive + tiles.size - 1) / tiles.size;
        TileRows<T>* const dsums = rows_of_tiles.data() + part * tiles.count;
        for (int64_t tile = 0; tile < live_tiles; tile++) {
            const int64_t i0 = tiles.begin(tile);
            dsums[tile] = rows_at<T>(
                tiles.length(tile, alive), layer.row_size,
                [&](int64_t i) { return layer.dsums_at(direction, t, own[i0 + i]); }, 1,
                copies.data() + part * copy_size + i0 * layer.row_size);
        }
        for (int64_t u = begin, stop; u < end; u = stop) {
            const int64_t group = u / NR, within = u % NR;
            stop = end - u < NR - within ? end : u + NR - within;
            for (int64_t tile = 0; tile < live_tiles; tile++) {
                const int64_t i0 = tiles.begin(tile), rows = tiles.length(tile, alive);
                for (const GateRun& run : Units::of_h)
                    dsums[tile].multiply(rows, run.sum * H, run.count * H,
                                         layer.panel(direction, group) + run.gate * H * NR + within, NR,
                                         state.products() + i0 * state.pitch + u, state.pitch,
                                         whole_vectors<T>(stop - u), state.carries() || run.gate > 0);
                for (int64_t i = i0; i < i0 + rows; i++) state.pass_mask(layer, direction, own, i, u, stop);
            }
        }
    };
    // As with few rows below, products are left to the next step.
    StepTeam(parts, T_ + 1).run([&](int64_t part, int64_t k) {
        const int64_t begin = first_unit<T>(H, part, parts), end = first_unit<T>(H, part + 1, parts);
        const int64_t s = T_ - 1 - k;
        if (k > 0 && (s >= 0 || layer.pass.dh0)) products(direction.time(s + 1, T_), part, begin, end);
        if (s < 0) return;
        const int64_t t = direction.time(s, T_), alive = own.alive(t);
        const int64_t next = direction.time(s > 0 ? s - 1 : 0, T_);
        for (int64_t i = 0; i < alive; i++) {
            const int64_t ahead = i + rows_ahead - alive;  // from 0 on in the next step
            layer.ask_for_row(direction, ahead < 0 ? t : next, own, ahead < 0 ? ahead + alive : ahead);
            layer.units(direction, t, own, state, i, begin, end);
        }
    });
    state.finish(layer, direction, own);
}

// Few rows: threads share the units. A part has two things to do in a step: its own units, and, when all
// have done theirs, what reaches its units through W_hh; the second is left to the next step, so that threads
// meet once.
template <typename T, typename Units>
void backward_few_rows(const BackwardLayer<T, Units>& layer, Direction direction, const OwnRows& own,
                       int64_t parts) {
    constexpr int64_t NR = tile_columns<T>;
    const int64_t T_ = layer.T_, H = layer.H;
    const typename BackwardLayer<T, Units>::State state(layer, direction, own);
    const auto product = [&](int64_t t, int64_t begin, int64_t end) {
        const int64_t alive = own.alive(t);
        if (alive == 0) return;
        const LiveRows& live = *layer.pass.live;
        const int64_t lowest = live(t, own[0]);
        const T* const sums = rows_asked_for<T>(layer.dsums_at(direction, t, own[0]), layer.row_stride,
                                                parts > 1 ? alive : 0, layer.row_size);
        for (int64_t i = 0; i < alive;) {
            // Rows that lie together are multiplied together.
            int64_t rows = 1;
            while (i + rows < alive && live(t, own[i + rows]) == live(t, own[i]) + rows) rows++;
            for (const GateRun& run : Units::of_h)
                multiply_few_rows<T>(rows, end - begin, run.count * H,
                                     sums + (live(t, own[i]) - lowest) * layer.row_stride + run.sum * H,
                                     layer.row_stride, layer.panel(direction, begin) + run.gate * H * NR,
                                     layer.weights.size(), state.products() + i * state.pitch + begin * NR,
                                     state.pitch, state.carries() || run.gate > 0);
            for (const int64_t past = i + rows; i < past; i++)
                state.pass_mask(layer, direction, own, i, begin * NR, end * NR < H ? end * NR : H);
        }
    };
    StepTeam(parts, T_ + 1).run([&](int64_t part, int64_t k) {
        const int64_t begin = layer.groups * part / parts, end = layer.groups * (part + 1) / parts;
        const int64_t s = T_ - 1 - k;
        if (k > 0 && (s >= 0 || layer.pass.dh0)) product(direction.time(s + 1, T_), begin, end);
        if (s < 0) return;
        const int64_t t = direction.time(s, T_), last = end * NR < H ? end * NR : H;
        for (int64_t i = 0; i < own.alive(t); i++) layer.units(direction, t, own, state, i, begin * NR, last);
    });
    state.finish(layer, direction, own);
}

template <typename T, typename Units>
void backward_rows(const BackwardLayer<T, Units>& layer) {
    for_rows_or_units<T>(layer, Units::gates * layer.H * layer.H,
                         [&](Direction direction, const OwnRows& own, int64_t parts)
                             __attribute__((noinline)) {
                                 if (layer.B <= few_rows)
                                     backward_few_rows(layer, direction, own, parts);
                                 else
                                     backward_tiles(layer, direction, own, parts);
                             });
}

}  // namespace pydl::PYDL_ISA
