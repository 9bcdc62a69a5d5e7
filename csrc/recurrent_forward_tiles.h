// A recurrent layer, forward, for many rows: a step goes through the weights once, and what belongs to the
// same units and rows leaves the first-level cache together.
#pragma once

#include "recurrent_forward_layer.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Units>
void forward_tiles(const ForwardLayer<T, Units>& layer, Direction direction, const OwnRows& own) {
    constexpr int64_t NR = tile_columns<T>, sum_size = tile_rows<T> * NR;
    const int64_t T_ = layer.T_, D = layer.D, H = layer.H, depth = D + H;
    const typename ForwardLayer<T, Units>::State state(layer, direction, own);
    const Parts tiles(own.count(), tile_rows<T>);
    // For every row tile x_t and below it the h before it, step of k by step of k.
    const Scratch<T> inputs(own.count() * depth + width<T>), strip(tiles.size * D),
        sums(Units::sums * sum_size);
    T* const h = state.h_place(0);
    for (int64_t s = 0; s < T_; s++) {
        const int64_t t = direction.time(s, T_), alive = own.alive(t);
        const int64_t live_tiles = (alive + tiles.size - 1) / tiles.size;
        for (int64_t tile = 0; tile < live_tiles; tile++) {
            const int64_t i0 = tiles.begin(tile), rows = tiles.length(tile, alive);
            T* const panel = inputs.data() + i0 * depth;
            pack_addresses<T>(
                panel, rows, D, [&](int64_t i) { return layer.x_at(t, own[i0 + i]); }, layer.pass.x.stride[2],
                strip.data());
            pack_panel(panel + rows * D, rows, rows, h + i0 * state.pitch, state.pitch, int64_t(1), H);
        }
        for (int64_t group = 0; group < layer.groups; group++) {
            const int64_t u = group * NR, end = H - u < NR ? H : u + NR;
            const int64_t columns = whole_vectors<T>(end - u);
            for (int64_t tile = 0; tile < live_tiles; tile++) {
                const int64_t i0 = tiles.begin(tile), rows = tiles.length(tile, alive);
                const TileFunction<T> multiply = tile_function<T>(int(rows), columns);
                const T* const of_x = inputs.data() + i0 * depth;
                const T* const of_h = of_x + rows * D;
                for (const GateRun& run : Units::of_h)
                    for (int gate = run.gate; gate < run.gate + run.count; gate++) {
                        const T* const weights = layer.panel(direction, gate, group);
                        T* const sum = sums.data() + gate * sum_size;
                        const bool together = run.sum == run.gate;
                        multiply(together ? depth : D, of_x, weights, NR, sum, NR, columns, false);
                        if (!together)
                            multiply(H, of_h, layer.panel_of_h(direction, gate, group), NR,
                                     sum + (run.sum - run.gate) * sum_size, NR, columns, false);
                    }
                layer.units(direction, t, own, state, h, h, i0, rows, u, end, sums.data(), NR, sum_size);
            }
        }
    }
    state.finish(layer, direction, own, 0);
}

}  // namespace pydl::PYDL_ISA
