// A recurrent layer, forward: what belongs to all of its rows, and the state of some of them.
#pragma once

#include "recurrent/dots.h"
#include "recurrent/panels.h"
#include "recurrent/rows.h"

namespace pydl::PYDL_ISA {

// N directions, T steps, B rows, D features, H units. Arrays that a layer does not have are null.
template <typename T>
struct ForwardPass {
    const Array<const T, 3>& x;      // (T, B, D)
    const Array<const T, 3>& h0;     // (N, B, H)
    const Array<const T, 3>* c0;     // (N, B, H)
    const ArrayList<const T>& w_ih;  // (gates * H, D) for each direction
    const ArrayList<const T>& w_hh;  // (gates * H, H)
    const T* bias;                   // (N, sums, H)
    const Batch& batch;
    bool reverse;
    const T* mask;  // (N, B, H): times h on its way to the gates; or null
    T* kept;        // (N, T, B, kept * H)
    T* c;           // (N, T, B, H)
    T* h;           // (T, B, N * H)
    T* h_n;         // (N, B, H)
    T* c_n;         // (N, B, H)
};

template <typename T, typename Units>
struct ForwardLayer {
    // h, and c of an LSTM, of a thread's rows. h has two places, between which the steps change: all units of
    // a step need all of the step before. What the gates see of h lies `seen` further: the same, or masked.
    // `front` numbers are free before each row of it.
    struct State {
        int64_t front, pitch, rows, seen;
        Scratch<T> h, c;

        State(const ForwardLayer& layer, Direction direction, const OwnRows& own, int64_t before_h = 0)
            : front(whole_vectors<T>(before_h)),
              // An odd number of cache lines, so that rows do not fall into the same places of the cache.
              pitch((front + layer.groups * layer.columns) / width<T> / 2 * 2 * width<T> + width<T>),
              rows(own.count()),
              seen(layer.pass.mask ? 2 * rows * pitch : 0),
              h(2 * rows * pitch + seen),
              c(Units::has_cell ? rows * pitch : 0) {
            const int64_t n = direction.number;
            for (int64_t i = 0; i < rows; i++) {
                copy_line(h_place(0) + i * pitch, layer.pass.h0, n, own[i]);
                see(layer, direction, own, h_place(0), i, 0, layer.H);
                if (Units::has_cell) copy_line(c.data() + i * pitch, *layer.pass.c0, n, own[i]);
                layer.clear_padding(direction, own[i]);
            }
        }
        T* h_place(int64_t k) const { return h.data() + k * rows * pitch + front; }

        // Masks units [begin, end) of own row i at a place of h.
        void see(const ForwardLayer& layer, Direction direction, const OwnRows& own, T* place, int64_t i,
                 int64_t begin, int64_t end) const {
            if (seen == 0) return;
            const T* const mask = layer.pass.mask + (direction.number * layer.B + own[i]) * layer.H;
            T* const row = place + i * pitch;
            for (int64_t u = begin; u < end; u++) row[seen + u] = mask[u] * row[u];
        }

        // The last states are results.
        void finish(const ForwardLayer& layer, Direction direction, const OwnRows& own, int64_t k) const {
            for (int64_t i = 0; i < rows; i++) {
                const int64_t row = direction.number * layer.B + own[i];
                copy_run(layer.pass.h_n + row * layer.H, h_place(k) + i * pitch, layer.H);
                if (Units::has_cell) copy_run(layer.pass.c_n + row * layer.H, c.data() + i * pitch, layer.H);
            }
        }
    };

    explicit ForwardLayer(const ForwardPass<T>& p)
        : pass(p),
          N(p.h0.shape[0]),
          T_(p.x.shape[0]),
          B(p.x.shape[1]),
          D(p.x.shape[2]),
          H(p.h0.shape[2]),
          in_place(has_special_kernels && B == 1 && reads_in_place()),
          columns(in_place ? dot_units<T> : recurrent_columns<T>(B, H)),
          groups(panels_for<T>(H, columns)),
          starts_at_zero(B > few_rows && !p.mask && is_zero(p.h0) && all_finite(p.w_hh)),
          far(p.kept && N * T_ * B * H * Units::kept * int64_t(sizeof(T)) > 2 << 20),
          weights(D + H, in_place ? 0 : N * Units::gates * groups, columns) {
        if (in_place) return;
        const int64_t grain = 1 + 32768 / ((D + H) * columns + 1);
        parallel_for(N * Units::gates * groups, grain, [&](int64_t begin, int64_t end) {
            for (int64_t panel = begin; panel < end; panel++) {
                const int64_t n = panel / (Units::gates * groups), gate = panel / groups % Units::gates;
                const int64_t u = panel % groups * columns, row = gate * H + u;
                weights.pack(panel, 0, D, p.w_ih.data(n) + row * D, D, 1, H - u);
                weights.pack(panel, D, H, p.w_hh.data(n) + row * H, H, 1, H - u);
            }
        });
    }

    // The weights of a gate and a group of units: those of x, and behind them those of h.
    const T* panel(Direction direction, int64_t gate, int64_t group) const {
        return weights((direction.number * Units::gates + gate) * groups + group);
    }
    const T* panel_of_h(Direction direction, int64_t gate, int64_t group) const {
        return panel(direction, gate, group) + D * columns;
    }

    int64_t place(Direction direction, int64_t t, int64_t b) const {
        return (direction.number * T_ + t) * B + b;
    }
    T* h_at(Direction direction, int64_t t, int64_t b) const {
        return pass.h + ((t * B + b) * N + direction.number) * H;
    }
    const T* x_at(int64_t t, int64_t b) const {
        return pass.x.data + t * pass.x.stride[0] + b * pass.x.stride[1];
    }

    void clear_padding(Direction direction, int64_t b) const {
        for (int64_t t = pass.batch.length(b); t < T_; t++) {
            fill_run(h_at(direction, t, b), T(0), H);
            if (pass.c) fill_run(pass.c + place(direction, t, b) * H, T(0), H);
            if (pass.kept)
                fill_run(pass.kept + place(direction, t, b) * Units::kept * H, T(0), Units::kept * H);
        }
    }

    // Units [begin, end) of own rows [i0, i0 + rows) in step t. sums: those of unit `begin` of the first row,
    // the next row's row_stride further.
    void units(Direction direction, int64_t t, const OwnRows& own, const State& state, const T* h_before,
               T* h_after, int64_t i0, int64_t rows, int64_t begin, int64_t end, T* sums, int64_t row_stride,
               int64_t sum_stride) const {
        const int64_t place = (direction.number * T_ + t) * B, pitch = state.pitch;
        T *const h_out = h_at(direction, t, 0), *const c_out = pass.c ? pass.c + place * H : nullptr;
        T* const kept = pass.kept ? pass.kept + place * Units::kept * H : nullptr;
        const T* const bias = pass.bias + direction.number * Units::sums * H;
        const auto row = [&](int64_t r) PYDL_INLINE_LAMBDA {
            const int64_t b = own[i0 + r];
            return UnitForward<T>{sums + r * row_stride,
                                  sum_stride,
                                  bias,
                                  H,
                                  h_before + (i0 + r) * pitch,
                                  h_after + (i0 + r) * pitch,
                                  state.c.data() + (i0 + r) * pitch,
                                  kept ? kept + b * Units::kept * H : nullptr,
                                  h_out + b * N * H,
                                  c_out ? c_out + b * H : nullptr};
        };
        for (int64_t r = 0; r < rows; r++) forward_units<T, Units, Part::first>(begin, end, row(r));
        for (int64_t r = 0; r < rows; r++) forward_units<T, Units, Part::second>(begin, end, row(r));
        for (int64_t r = 0; r < rows; r++) state.see(*this, direction, own, h_after, i0 + r, begin, end);
    }

    // The places where `units` will write what is kept of a gate, and with the first one c: while
    // the products run, they come from memory.
    PYDL_INLINE void ask_for_kept(Direction direction, int64_t t, const OwnRows& own, int64_t i0,
                                  int64_t rows, int64_t gate, int64_t begin, int64_t count) const {
        if (Units::kept == 0 || !far) return;
        const int64_t step = (direction.number * T_ + t) * B;
        const T* const kept = pass.kept + (step * Units::kept + gate) * H + begin;
        const T* const c = gate == 0 && pass.c ? pass.c + step * H + begin : nullptr;
        for (int64_t i = i0; i < i0 + rows; i++) {
            const int64_t b = own[i];
            ask_for(kept + b * (Units::kept * H), count);
            if (c) ask_for(c + b * H, count);
        }
    }

    const ForwardPass<T>& pass;
    const int64_t N, T_, B, D, H;
    const bool in_place;  // whether weights are read where they lie (recurrent/dots.h), and not packed
    const int64_t columns, groups;
    const bool starts_at_zero;          // products with the first h are zero
    const bool far;                     // whether what is kept is more than the second-level cache
    const RecurrentWeights<T> weights;  // of depth D + H

  private:
    // Packing pays if steps are many, but for weights so large that the cache they come from is what limits
    // them either way. Depends on no addresses, because it changes how sums are rounded.
    bool reads_in_place() const {
        constexpr int64_t line = 64 / sizeof(T);
        const int64_t bytes = Units::gates * H * H * int64_t(sizeof(T));
        const bool large = bytes > (H % line == 0 ? 176 << 10 : 320 << 10);
        return large || T_ < (H < 48 ? 3 : H % line == 0 ? 32 : 8);
    }
};

}  // namespace pydl::PYDL_ISA
