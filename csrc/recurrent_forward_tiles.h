// A recurrent layer, forward, for many rows: a step goes through the weights once, and what belongs to the
// same units and rows leaves the first-level cache together.
#pragma once

#include "recurrent_forward_layer.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Units>
void forward_tiles(const ForwardLayer<T, Units>& layer, Direction direction, const OwnRows& own) {
    const int64_t T_ = layer.T_, D = layer.D, H = layer.H, NR = layer.columns;
    const int64_t most_rows = recurrent_tile_rows<T>(NR), sum_size = most_rows * NR;
    const typename ForwardLayer<T, Units>::State state(layer, direction, own, D);
    const Parts tiles(own.count(), most_rows);
    const Scratch<T> sums(Units::sums * sum_size);
    for (int64_t s = 0; s < T_; s++) {
        const int64_t t = direction.time(s, T_), alive = own.alive(t);
        const int64_t live_tiles = (alive + tiles.size - 1) / tiles.size;
        const int64_t depth_of_h = s == 0 && layer.starts_at_zero ? 0 : H;
        T* const before = state.h_place(s % 2);
        T* const after = state.h_place((s + 1) % 2);
        // x stands in front of h, so that both go through the weights as one row.
        T* const x_and_h = before + state.seen - D;
        const int64_t next = direction.time(s + 1 < T_ ? s + 1 : s, T_);
        for (int64_t i = 0; i < alive; i++) {
            copy_run(x_and_h + i * state.pitch, layer.x_at(t, own[i]), layer.pass.x.stride[2], D);
            ask_for(layer.x_at(next, own[i]), D);
        }
        for (int64_t group = 0; group < layer.groups; group++) {
            const int64_t u = group * NR, end = H - u < NR ? H : u + NR;
            const int64_t columns = whole_vectors<T>(end - u);
            for (int64_t tile = 0; tile < live_tiles; tile++) {
                const int64_t i0 = tiles.begin(tile), rows = tiles.length(tile, alive);
                const TileRows<T> all{x_and_h + i0 * state.pitch, state.pitch};
                for (const GateRun& run : Units::of_h)
                    for (int gate = run.gate; gate < run.gate + run.count; gate++) {
                        layer.ask_for_kept(direction, t, own, i0, rows, gate, u, end - u);
                        T* const of_x = sums.data() + gate * sum_size;
                        const bool together = run.sum == run.gate;
                        all.multiply(rows, 0, together ? D + depth_of_h : D,
                                     layer.panel(direction, gate, group), NR, of_x, NR, columns, false);
                        if (!together)
                            all.multiply(rows, D, depth_of_h, layer.panel_of_h(direction, gate, group), NR,
                                         of_x + (run.sum - run.gate) * sum_size, NR, columns, false);
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
