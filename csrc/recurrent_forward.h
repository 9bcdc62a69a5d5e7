// A recurrent layer, forward: all steps, in one direction or in both.
//
// Rows of the batch are independent of each other, and so are the directions: each thread takes some rows of
// some direction through all of time without waiting for another one.
#pragma once

#include "recurrent_panels.h"
#include "recurrent_rows.h"

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
    T* kept;  // (N, T, B, kept * H)
    T* c;     // (N, T, B, H)
    T* h;     // (T, B, N * H)
    T* h_n;   // (N, B, H)
    T* c_n;   // (N, B, H)
};

template <typename T, typename Units>
class ForwardRows {
  public:
    explicit ForwardRows(const ForwardPass<T>& pass)
        : pass_(pass),
          N_(pass.h0.shape[0]),
          T_(pass.x.shape[0]),
          B_(pass.x.shape[1]),
          D_(pass.x.shape[2]),
          H_(pass.h0.shape[2]),
          groups_(panels_for<T>(H_)),
          w_ih_(D_, N_ * Units::gates * groups_),
          w_hh_(H_, N_ * Units::gates * groups_) {
        const int64_t grain = 1 + 32768 / ((D_ + H_) * tile_columns<T> + 1);
        parallel_for(N_ * Units::gates * groups_, grain, [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; p++) {
                const int64_t n = p / (Units::gates * groups_), gate = p / groups_ % Units::gates;
                const int64_t u = p % groups_ * tile_columns<T>;
                w_ih_.pack(p, 0, D_, pass.w_ih.data(n) + (gate * H_ + u) * D_, D_, 1, H_ - u);
                w_hh_.pack(p, 0, H_, pass.w_hh.data(n) + (gate * H_ + u) * H_, H_, 1, H_ - u);
            }
        });
    }

    void run() const {
        const Deal deal(pass_.batch);
        for_rows(N_, pass_.batch, pass_.reverse, Units::gates * H_ * (D_ + H_),
                 [&](Direction direction, int64_t first, int64_t count) {
                     const OwnRows own(pass_.batch, deal(first), count);
                     const State state(*this, direction, own);
                     if (B_ <= few_rows)
                         steps_of_few_rows(direction, own, state);
                     else
                         steps_of_tiles(direction, own, state);
                     state.finish(*this, direction, own);
                 });
    }

  private:
    // h, and c of an LSTM, of every own row.
    struct State {
        int64_t pitch;
        Scratch<T> h, c;

        State(const ForwardRows& layer, Direction direction, const OwnRows& own)
            : pitch(layer.groups_ * tile_columns<T> + width<T>),  // a cache line more than a power of two
              h(own.count() * pitch),
              c(Units::has_cell ? own.count() * pitch : 0) {
            const int64_t n = direction.number;
            for (int64_t i = 0; i < own.count(); i++) {
                for (int64_t u = 0; u < layer.H_; u++) h[i * pitch + u] = layer.pass_.h0(n, own[i], u);
                if (Units::has_cell)
                    for (int64_t u = 0; u < layer.H_; u++) c[i * pitch + u] = (*layer.pass_.c0)(n, own[i], u);
                layer.clear_padding(direction, own[i]);
            }
        }
        void finish(const ForwardRows& layer, Direction direction, const OwnRows& own) const {
            const int64_t H = layer.H_;
            for (int64_t i = 0; i < own.count(); i++) {
                const int64_t row = direction.number * layer.B_ + own[i];
                copy_run(layer.pass_.h_n + row * H, h.data() + i * pitch, H);
                if (Units::has_cell) copy_run(layer.pass_.c_n + row * H, c.data() + i * pitch, H);
            }
        }
    };

    int64_t place(Direction direction, int64_t t, int64_t b) const {
        return (direction.number * T_ + t) * B_ + b;
    }
    T* h_at(Direction direction, int64_t t, int64_t b) const {
        return pass_.h + ((t * B_ + b) * N_ + direction.number) * H_;
    }
    const T* x_at(int64_t t, int64_t b) const {
        return pass_.x.data + t * pass_.x.stride[0] + b * pass_.x.stride[1];
    }

    void clear_padding(Direction direction, int64_t b) const {
        for (int64_t t = pass_.batch.length(b); t < T_; t++) {
            fill_run(h_at(direction, t, b), T(0), H_);
            if (pass_.c) fill_run(pass_.c + place(direction, t, b) * H_, T(0), H_);
            if (pass_.kept)
                fill_run(pass_.kept + place(direction, t, b) * Units::kept * H_, T(0), Units::kept * H_);
        }
    }

    // Units [begin, end) of own rows [i0, i0 + rows) in step t. sums: those of unit `begin` of the first row,
    // the next row's row_stride further.
    void units(Direction direction, int64_t t, const OwnRows& own, const State& state, int64_t i0,
               int64_t rows, int64_t begin, int64_t end, T* sums, int64_t row_stride,
               int64_t sum_stride) const {
        const int64_t place = (direction.number * T_ + t) * B_, pitch = state.pitch;
        T *const h_out = h_at(direction, t, 0), *const c_out = pass_.c ? pass_.c + place * H_ : nullptr;
        T* const kept = pass_.kept ? pass_.kept + place * Units::kept * H_ : nullptr;
        const T* const bias = pass_.bias + direction.number * Units::sums * H_;
        const auto row = [&](int64_t r) PYDL_INLINE_LAMBDA {
            const int64_t b = own[i0 + r];
            return UnitForward<T>{sums + r * row_stride,
                                  sum_stride,
                                  bias,
                                  H_,
                                  state.h.data() + (i0 + r) * pitch,
                                  state.c.data() + (i0 + r) * pitch,
                                  kept ? kept + b * Units::kept * H_ : nullptr,
                                  h_out + b * N_ * H_,
                                  c_out ? c_out + b * H_ : nullptr};
        };
        for (int64_t r = 0; r < rows; r++) forward_units<T, Units, Part::first>(begin, end, row(r));
        for (int64_t r = 0; r < rows; r++) forward_units<T, Units, Part::second>(begin, end, row(r));
    }

    // Many rows: a step goes through the weights once, and what belongs to the same units and rows leaves
    // the first-level cache together.
    void steps_of_tiles(Direction direction, const OwnRows& own, const State& state) const {
        constexpr int64_t NR = tile_columns<T>, sum_size = tile_rows<T> * NR;
        const Parts tiles(own.count(), tile_rows<T>);
        const Scratch<T> x_panels(own.count() * D_), h_panels(own.count() * H_), strip(tiles.size * D_);
        const Scratch<T> sums(Units::sums * sum_size);
        const int64_t first_panel = direction.number * Units::gates * groups_;
        for (int64_t s = 0; s < T_; s++) {
            const int64_t t = direction.time(s, T_), alive = own.alive(t);
            const int64_t live_tiles = (alive + tiles.size - 1) / tiles.size;
            for (int64_t tile = 0; tile < live_tiles; tile++) {
                const int64_t i0 = tiles.begin(tile), rows = tiles.length(tile, alive);
                pack_addresses<T>(
                    x_panels.data() + i0 * D_, rows, D_, [&](int64_t i) { return x_at(t, own[i0 + i]); },
                    pass_.x.stride[2], strip.data());
                pack_panel(h_panels.data() + i0 * H_, rows, rows, state.h.data() + i0 * state.pitch,
                           state.pitch, int64_t(1), H_);
            }
            for (int64_t group = 0; group < groups_; group++) {
                const int64_t u = group * NR, end = H_ - u < NR ? H_ : u + NR;
                const int64_t columns = whole_vectors<T>(end - u);
                for (int64_t tile = 0; tile < live_tiles; tile++) {
                    const int64_t i0 = tiles.begin(tile), rows = tiles.length(tile, alive);
                    const TileFunction<T> multiply = tile_function<T>(int(rows), columns);
                    for (int gate = 0; gate < Units::gates; gate++)
                        multiply(D_, x_panels.data() + i0 * D_, w_ih_(first_panel + gate * groups_ + group),
                                 NR, sums.data() + gate * sum_size, NR, columns, false);
                    for (const GateRun& run : Units::of_h)
                        for (int g = 0; g < run.count; g++)
                            multiply(H_, h_panels.data() + i0 * H_,
                                     w_hh_(first_panel + (run.gate + g) * groups_ + group), NR,
                                     sums.data() + (run.sum + g) * sum_size, NR, columns,
                                     run.sum == run.gate);
                    units(direction, t, own, state, i0, rows, u, end, sums.data(), NR, sum_size);
                }
            }
        }
    }

    // Few rows: reading the weights is the work. W_ih x of many steps is computed at once.
    void steps_of_few_rows(Direction direction, const OwnRows& own, const State& state) const {
        constexpr int64_t NR = tile_columns<T>, run_bytes = 128 << 10;
        const int64_t rows = own.count(), sum_stride = groups_ * NR, row_size = Units::sums * sum_stride;
        const int64_t fitting = run_bytes / (rows * row_size * int64_t(sizeof(T)));
        const int64_t least = (tile_rows<T> + rows - 1) / rows;
        const Parts runs(T_, fitting > least ? fitting : least);
        const Parts tiles(runs.size * rows, tile_rows<T>);
        const Scratch<T> x_panels(runs.size * rows * D_), strip(tiles.size * D_);
        const Scratch<T> sums(runs.size * rows * row_size);
        const int64_t first_panel = direction.number * Units::gates * groups_;
        for (int64_t run = 0; run < runs.count && T_ > 0; run++) {
            const int64_t s0 = runs.begin(run), all = runs.length(run, T_) * rows;
            const int64_t live_tiles = (all + tiles.size - 1) / tiles.size;
            for (int64_t tile = 0; tile < live_tiles; tile++) {
                const int64_t i0 = tiles.begin(tile);
                pack_addresses<T>(
                    x_panels.data() + i0 * D_, tiles.length(tile, all), D_,
                    [&](int64_t i) {
                        return x_at(direction.time(s0 + (i0 + i) / rows, T_), own[(i0 + i) % rows]);
                    },
                    pass_.x.stride[2], strip.data());
            }
            for (int64_t panel = 0; panel < Units::gates * groups_; panel++)
                for (int64_t tile = 0; tile < live_tiles; tile++) {
                    const int64_t i0 = tiles.begin(tile);
                    tile_function<T>(int(tiles.length(tile, all)), NR)(
                        D_, x_panels.data() + i0 * D_, w_ih_(first_panel + panel), NR,
                        sums.data() + i0 * row_size + panel * NR, row_size, NR, false);
                }
            for (int64_t s = s0; s < s0 + runs.length(run, T_); s++) {
                const int64_t t = direction.time(s, T_), alive = own.alive(t);
                T* const now = sums.data() + (s - s0) * rows * row_size;
                if (alive == 0) continue;
                for (const GateRun& gates : Units::of_h)
                    multiply_few_rows<T>(alive, gates.count * groups_, H_, state.h.data(), state.pitch,
                                         w_hh_(first_panel + gates.gate * groups_), w_hh_.size(),
                                         now + gates.sum * sum_stride, row_size, gates.sum == gates.gate);
                units(direction, t, own, state, 0, alive, 0, H_, now, row_size, sum_stride);
            }
        }
    }

    const ForwardPass<T>& pass_;
    int64_t N_, T_, B_, D_, H_, groups_;
    RecurrentWeights<T> w_ih_, w_hh_;
};

// A direction's biases as they are added to the sums: those of x, of h, or both together.
template <typename T, typename Units>
void sum_biases(const T* b_ih, const T* b_hh, int64_t H, T* bias) {
    fill_run(bias, T(0), Units::sums * H);
    if (b_ih) copy_run(bias, b_ih, Units::gates * H);
    if (!b_hh) return;
    for (const GateRun& run : Units::of_h)
        for (int64_t j = 0; j < run.count * H; j++) bias[run.sum * H + j] += b_hh[run.gate * H + j];
}

template <typename T, typename Units>
void recurrent_forward(ForwardPass<T> pass, const ArrayList<const T>& b_ih, const ArrayList<const T>& b_hh) {
    const int64_t N = pass.h0.shape[0], H = pass.h0.shape[2];
    if (pass.h0.size() == 0) return;
    const Scratch<T> bias(N * Units::sums * H);
    for (int64_t n = 0; n < N; n++)
        sum_biases<T, Units>(b_ih.count ? b_ih.data(n) : nullptr, b_hh.count ? b_hh.data(n) : nullptr, H,
                             bias.data() + n * Units::sums * H);
    pass.bias = bias.data();
    ForwardRows<T, Units>(pass).run();
}

}  // namespace pydl::PYDL_ISA
