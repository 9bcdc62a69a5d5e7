// A recurrent layer, forward, for few rows: reading the weights is the work. W_ih x of many steps is computed
// at once; threads share the units. One row reads its weights where they lie, if that is faster than to pack
// them.
#pragma once

#include "recurrent/forward_layer.h"
#include "recurrent/team.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Units>
class ForwardFewRows {
  public:
    ForwardFewRows(const ForwardLayer<T, Units>& layer, Direction direction, const OwnRows& own)
        : layer_(layer),
          direction_(direction),
          own_(own),
          state_(layer, direction, own),
          rows_(own.count()),
          sum_stride_(layer.groups * layer.columns),
          row_size_(Units::sums * sum_stride_),
          run_(run_of_steps()),
          x_panels_(in_place() ? 0 : layer.T_ * rows_ * layer.D + width<T>),
          sums_(run_ * rows_ * row_size_),
          w_hh_(layer.pass.w_hh.data(direction.number)),
          aligned_(copies() ? Units::gates * layer.H * layer.H : 0) {
        if (in_place()) {
            if (!copies()) return;
            copy_run(aligned_.data(), w_hh_, Units::gates * layer.H * layer.H);
            w_hh_ = aligned_.data();
            return;
        }
        const Scratch<T> strip(tile_rows<T> * layer.D);
        for (int64_t s = 0; s < layer.T_; s += run_) {
            const int64_t all = rows_of_run(s);
            for (int64_t i0 = 0; i0 < all; i0 += tile_rows<T>)
                pack_addresses<T>(
                    x_panels_.data() + (s * rows_ + i0) * layer.D, tile_length(all, i0), layer.D,
                    [&](int64_t i) {
                        return layer.x_at(direction.time(s + (i0 + i) / rows_, layer.T_),
                                          own[(i0 + i) % rows_]);
                    },
                    layer.pass.x.stride[2], strip.data());
        }
    }

    void run(int64_t parts) const {
        const int64_t T_ = layer_.T_, together = in_place() ? run_ : T_;
        for (int64_t first = 0; first < T_; first += together) {
            const int64_t steps = T_ - first < together ? T_ - first : together;
            if (in_place())
                products_with_gates<T>(
                    {layer_.x_at(direction_.time(first, T_), 0), steps, layer_.D,
                     direction_.backwards ? -layer_.pass.x.stride[0] : layer_.pass.x.stride[0],
                     layer_.pass.x.stride[2]},
                    layer_.pass.w_ih.data(direction_.number), Units::gates, layer_.H, sums_.data(),
                    sum_stride_, row_size_);
            StepTeam(parts, steps).run([&](int64_t part, int64_t s) {
                step(first + s, layer_.groups * part / parts, layer_.groups * (part + 1) / parts);
            });
        }
        state_.finish(layer_, direction_, own_, T_ % 2);
    }

  private:
    static constexpr int64_t NR = tile_columns<T>;

    // Steps whose sums fit the caches together, but enough for a register tile of their rows.
    int64_t run_of_steps() const {
        constexpr int64_t run_bytes = 128 << 10;
        const int64_t fitting = run_bytes / (rows_ * row_size_ * int64_t(sizeof(T)));
        const int64_t least = (tile_rows<T> + rows_ - 1) / rows_;
        const int64_t steps = fitting > least ? fitting : least;
        return steps < layer_.T_ ? steps : layer_.T_ < 1 ? 1 : layer_.T_;
    }
    int64_t rows_of_run(int64_t s) const { return (layer_.T_ - s < run_ ? layer_.T_ - s : run_) * rows_; }
    static int64_t tile_length(int64_t all, int64_t i0) {
        return all - i0 < tile_rows<T> ? all - i0 : tile_rows<T>;
    }

    bool in_place() const { return has_special_kernels && layer_.in_place; }

    // Whether many steps will read rows in place that are lines of the cache but do not begin with them, so
    // that every vector lies across two; unless the copy would drive other things from the second-level
    // cache.
    bool copies() const {
        constexpr int64_t many = 8, line = 64 / sizeof(T), most = 320 << 10;
        const int64_t H = layer_.H;
        return in_place() && layer_.T_ >= many && H % line == 0 &&
               reinterpret_cast<uintptr_t>(layer_.pass.w_hh.data(direction_.number)) % 64 != 0 &&
               Units::gates * H * H * int64_t(sizeof(T)) <= most;
    }

    // Groups [begin, end) of units.
    void step(int64_t s, int64_t begin, int64_t end) const {
        const int64_t t = direction_.time(s, layer_.T_), alive = own_.alive(t), H = layer_.H;
        if (s % run_ == 0 && !in_place()) products_of_x(s, begin, end);
        const T* const before = state_.h_place(s % 2);
        T* const after = state_.h_place((s + 1) % 2);
        T* const sums = sums_.data() + s % run_ * rows_ * row_size_;
        const int64_t L = layer_.columns, u = begin * L, u_end = end * L < H ? end * L : H;
        for (int64_t i = alive; i < rows_; i++) {  // waits for its sequence to begin, or for the end
            copy_run(after + i * state_.pitch + u, before + i * state_.pitch + u, u_end - u);
            state_.see(layer_, direction_, own_, after, i, u, u_end);
        }
        if (alive == 0) return;
        const int64_t written_by_others = end - begin < layer_.groups ? alive : 0;
        const T* const seen = rows_asked_for<T>(before + state_.seen, state_.pitch, written_by_others, H);
        for (const GateRun& run : Units::of_h) {
            if (in_place()) {
                dots_with_gates<T>(w_hh_ + run.gate * H * H, run.count, H, u, u_end, seen,
                                   sums + run.sum * sum_stride_, sum_stride_, s % 2 != 0,
                                   run.sum == run.gate);
                continue;
            }
            // The panels of all groups follow each other from gate to gate.
            const bool whole = end - begin == layer_.groups;
            const int64_t count = whole ? run.count * layer_.groups : end - begin;
            for (int gate = 0; gate < (whole ? 1 : run.count); gate++)
                multiply_few_rows<T>(
                    alive, count, H, seen, state_.pitch,
                    layer_.panel_of_h(direction_, run.gate + gate, begin), layer_.weights.size(),
                    sums + (run.sum + gate) * sum_stride_ + begin * NR, row_size_, run.sum == run.gate);
        }
        layer_.units(direction_, t, own_, state_, before, after, 0, alive, u, u_end, sums + u, row_size_,
                     sum_stride_);
    }

    void products_of_x(int64_t s, int64_t begin, int64_t end) const {
        const int64_t all = rows_of_run(s);
        for (int gate = 0; gate < Units::gates; gate++)
            for (int64_t group = begin; group < end; group++)
                for (int64_t i0 = 0; i0 < all; i0 += tile_rows<T>)
                    tile_function<T>(int(tile_length(all, i0)), NR)(
                        layer_.D, x_panels_.data() + (s * rows_ + i0) * layer_.D,
                        layer_.panel(direction_, gate, group), NR,
                        sums_.data() + i0 * row_size_ + gate * sum_stride_ + group * NR, row_size_, NR,
                        false);
    }

    const ForwardLayer<T, Units>& layer_;
    const Direction direction_;
    const OwnRows& own_;
    const typename ForwardLayer<T, Units>::State state_;
    const int64_t rows_, sum_stride_, row_size_, run_;
    const Scratch<T> x_panels_, sums_;
    const T* w_hh_;
    const Scratch<T> aligned_;
};

}  // namespace pydl::PYDL_ISA
