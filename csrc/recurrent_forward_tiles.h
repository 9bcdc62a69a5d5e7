// A recurrent layer, forward, for many rows: a step goes through the weights once, and what belongs to the
// same units and rows leaves the first-level cache together.
#pragma once

#include "recurrent_forward_layer.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Units>
void forward_tiles(const ForwardLayer<T, Units>& layer, Direction direction, const OwnRows& own) {
    const int64_t T_ = layer.T_, D = layer.D, H = layer.H, NR = layer.columns;
    const int64_t most_rows = recurrent_tile_rows<T>(NR), sum_size = most_rows * NR;
    const typename ForwardLayer<T, Units>::State state(layer, direction, own);
    const Parts tiles(own.count(), most_rows);
    const Scratch<T> copies(own.count() * D), sums(Units::sums * sum_size);
    const Scratch<TileRows<T>> x(tiles.count);
    for (int64_t s = 0; s < T_; s++) {
        const int64_t t = direction.time(s, T_), alive = own.alive(t);
        const int64_t live_tiles = (alive + tiles.size - 1) / tiles.size;
        const T* const before = state.h_place(s % 2);
        T* const after = state.h_place((s + 1) % 2);
        for (int64_t tile = 0; tile < live_tiles; tile++) {
            const int64_t i0 = tiles.begin(tile);
            x[tile] = rows_at<T>(
                tiles.length(tile, alive), D, [&](int64_t i) { return layer.x_at(t, own[i0 + i]); },
                layer.pass.x.stride[2], copies.data() + i0 * D);
        }
        for (int64_t group = 0; group < layer.groups; group++) {
            const int64_t u = group * NR, end = H - u < NR ? H : u + NR;
            const int64_t columns = whole_vectors<T>(end - u);
            for (int64_t tile = 0; tile < live_tiles; tile++) {
                const int64_t i0 = tiles.begin(tile), rows = tiles.length(tile, alive);
                const TileRows<T> h{before + state.seen + i0 * state.pitch, state.pitch};
                for (const GateRun& run : Units::of_h)
                    for (int gate = run.gate; gate < run.gate + run.count; gate++) {
                        layer.ask_for_kept(direction, t, own, i0, rows, gate, u, end - u);
                        T* const of_x = sums.data() + gate * sum_size;
                        T* const of_h = of_x + (run.sum - run.gate) * sum_size;
                        x[tile].multiply(rows, 0, D, layer.panel(direction, gate, group), NR, of_x, NR,
                                         columns, false);
                        h.multiply(rows, 0, H, layer.panel_of_h(direction, gate, group), NR, of_h, NR,
                                   columns, of_h == of_x);
                    }
                layer.units(direction, t, own, state, before, after, i0, rows, u, end, sums.data(), NR,
                            sum_size);
            }
        }
        for (int64_t i = alive; i < own.count(); i++) {  // waits for its sequence to begin, or for the end
            copy_run(after + i * state.pitch, before + i * state.pitch, H);
            state.see(layer, direction, own, after, i, 0, H);
        }
    }
    state.finish(layer, direction, own, T_ % 2);
}

}  // namespace pydl::PYDL_ISA
