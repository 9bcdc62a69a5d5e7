// A recurrent layer, forward, for many rows: a step goes through the weights once, and what belongs to the
// same units and rows leaves the first-level cache together. Threads may share the units.
#pragma once

#include "recurrent/forward_layer.h"
#include "recurrent/team.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Units>
void forward_tiles(const ForwardLayer<T, Units>& layer, Direction direction, const OwnRows& own,
                   int64_t parts) {
    const int64_t T_ = layer.T_, D = layer.D, H = layer.H, NR = layer.columns;
    const int64_t most_rows = recurrent_tile_rows<T>(NR), sum_size = most_rows * NR;
    const typename ForwardLayer<T, Units>::State state(layer, direction, own, D);
    const Parts tiles(own.count(), most_rows);
    const Scratch<T> sums(parts * Units::sums * sum_size);
    // x of a step stands in front of h before it, so that both go through the weights as one row.
    const auto copy_x = [&](int64_t s, int64_t begin, int64_t end) {
        const int64_t t = direction.time(s, T_), next = direction.time(s + 1 < T_ ? s + 1 : s, T_);
        T* const place = state.h_place(s % 2) + state.seen - D;
        for (int64_t i = begin; i < end && i < own.alive(t); i++) {
            copy_run(place + i * state.pitch, layer.x_at(t, own[i]), layer.pass.x.stride[2], D);
            ask_for(layer.x_at(next, own[i]), D);
        }
    };
    if (T_ > 0) copy_x(0, 0, own.count());
    StepTeam(parts, T_).run([&](int64_t part, int64_t s) {
        const int64_t t = direction.time(s, T_), alive = own.alive(t);
        const int64_t live_tiles = (alive + tiles.size - 1) / tiles.size;
        const int64_t depth_of_h = s == 0 && layer.starts_at_zero ? 0 : H;
        const int64_t begin = first_unit<T>(H, part, parts), end = first_unit<T>(H, part + 1, parts);
        T* const before = state.h_place(s % 2);
        T* const after = state.h_place((s + 1) % 2);
        T* const own_sums = sums.data() + part * Units::sums * sum_size;
        const T* const seen = rows_asked_for<T>(before + state.seen, state.pitch, parts > 1 ? alive : 0, H);
        for (int64_t u = begin, stop; u < end; u = stop) {
            const int64_t group = u / NR, within = u % NR;
            stop = end - u < NR - within ? end : u + NR - within;
            const int64_t columns = whole_vectors<T>(stop - u);
            for (int64_t tile = 0; tile < live_tiles; tile++) {
                const int64_t i0 = tiles.begin(tile), rows = tiles.length(tile, alive);
                const TileRows<T> all{seen - D + i0 * state.pitch, state.pitch};
                for (const GateRun& run : Units::of_h)
                    for (int gate = run.gate; gate < run.gate + run.count; gate++) {
                        layer.ask_for_kept(direction, t, own, i0, rows, gate, u, stop - u);
                        T* const of_x = own_sums + gate * sum_size;
                        const bool together = run.sum == run.gate;
                        all.multiply(rows, 0, together ? D + depth_of_h : D,
                                     layer.panel(direction, gate, group) + within, NR, of_x, NR, columns,
                                     false);
                        if (!together)
                            all.multiply(rows, D, depth_of_h,
                                         layer.panel_of_h(direction, gate, group) + within, NR,
                                         of_x + (run.sum - run.gate) * sum_size, NR, columns, false);
                    }
                layer.units(direction, t, own, state, before, after, i0, rows, u, stop, own_sums, NR,
                            sum_size);
            }
        }
        for (int64_t i = alive; i < own.count(); i++) {  // waits for its sequence to begin, or for the end
            copy_run(after + i * state.pitch + begin, before + i * state.pitch + begin, end - begin);
            state.see(layer, direction, own, after, i, begin, end);
        }
        if (s + 1 < T_) copy_x(s + 1, own.count() * part / parts, own.count() * (part + 1) / parts);
    });
    state.finish(layer, direction, own, T_ % 2);
}

}  // namespace pydl::PYDL_ISA
