// A recurrent layer, backward: the gradients by the state, step by step from the last to the first. Those by
// the sums in the gates are kept for all steps; recurrent_gradients.h makes the gradients by x and by the
// weights of them.
#pragma once

#include "recurrent_panels.h"
#include "recurrent_rows.h"

namespace pydl::PYDL_ISA {

// Sizes as in ForwardPass; S = sums.
template <typename T>
struct BackwardPass {
    const Optional<Array<const T, 3>>& dh;    // (T, B, N * H)
    const Optional<Array<const T, 3>>& dh_n;  // (N, B, H)
    const Optional<Array<const T, 3>>* dc_n;  // (N, B, H)
    const Array<const T, 3>& x;
    const Array<const T, 3>& h0;
    const Array<const T, 3>* c0;
    const ArrayList<const T>& w_ih;
    const ArrayList<const T>& w_hh;
    const Batch& batch;
    bool reverse;
    const T* kept;
    const T* c;
    const T* h;
    T* dsums;  // (N, T, B, S * H)
    T* dh0;    // (N, B, H)
    T* dc0;    // (N, B, H)
};

template <typename T, typename Units>
class BackwardRows {
  public:
    explicit BackwardRows(const BackwardPass<T>& pass)
        : pass_(pass),
          N_(pass.h0.shape[0]),
          T_(pass.x.shape[0]),
          B_(pass.x.shape[1]),
          H_(pass.h0.shape[2]),
          groups_(panels_for<T>(H_)),
          w_hh_(Units::gates * H_, N_ * groups_) {
        const int64_t grain = 1 + 32768 / (Units::gates * H_ * tile_columns<T> + 1);
        parallel_for(N_ * groups_, grain, [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; p++) {
                const int64_t u = p % groups_ * tile_columns<T>;
                w_hh_.pack(p, 0, Units::gates * H_, pass.w_hh.data(p / groups_) + u, 1, H_, H_ - u);
            }
        });
    }

    void run() const {
        const Deal deal(pass_.batch);
        const int64_t N = N_, B = B_, H = H_;
        const Rows h0(pass_.h0.data, N, B, H, pass_.h0.stride);
        const Rows c0(Units::has_cell ? pass_.c0->data : nullptr, N, B, Units::has_cell ? H : 0,
                      Units::has_cell ? pass_.c0->stride : pass_.h0.stride);
        const Rows dh(pass_.dh ? pass_.dh->data : nullptr, T_, B, pass_.dh ? N * H : 0, pass_.dh->stride);
        for_rows(N, pass_.batch, pass_.reverse, Units::gates * H * H,
                 [&](Direction direction, int64_t first, int64_t count) {
                     const OwnRows own(pass_.batch, deal(first), count);
                     steps(direction, own, h0, c0, dh);
                 });
    }

  private:
    // An array of rows to be read one by one: where it lies if its rows are runs in memory, else copied.
    class Rows {
      public:
        Rows(const T* data, int64_t L, int64_t M, int64_t length, const int64_t* stride)
            : data_(data),
              outer_(stride[0]),
              inner_(stride[1]),
              copy_(stride[2] == 1 || length <= 1 ? 0 : L * M * length) {
            if (stride[2] == 1 || length <= 1) return;
            for (int64_t l = 0; l < L; l++)
                for (int64_t m = 0; m < M; m++)
                    for (int64_t k = 0; k < length; k++)
                        copy_[(l * M + m) * length + k] = data[l * outer_ + m * inner_ + k * stride[2]];
            data_ = copy_.data();
            outer_ = M * length;
            inner_ = length;
        }
        const T* operator()(int64_t l, int64_t m) const { return data_ + l * outer_ + m * inner_; }

      private:
        const T* data_;
        int64_t outer_, inner_;
        Scratch<T> copy_;
    };

    // Gradients by the sums of row b in step t.
    void units(Direction direction, int64_t t, int64_t b, const Rows& h0, const Rows& c0, const Rows& dy,
               T* dh, T* dc) const {
        const int64_t n = direction.number, before = direction.before(t, pass_.batch.length(b));
        const int64_t at = (n * T_ + t) * B_ + b, at_before = (n * T_ + before) * B_ + b;
        const T* const h = pass_.h + n * H_;
        UnitBackward<T> row;
        row.kept = Units::kept > 0 ? pass_.kept + at * Units::kept * H_ : nullptr;
        if (Units::has_cell) {
            row.before = before < 0 ? c0(n, b) : pass_.c + at_before * H_;
            row.after = pass_.c + at * H_;
        } else {
            row.before = before < 0 ? h0(n, b) : h + (before * B_ + b) * N_ * H_;
            row.after = h + (t * B_ + b) * N_ * H_;
        }
        row.dy = pass_.dh ? dy(t, b) + n * H_ : nullptr;
        row.dh = dh;
        row.dc = dc;
        row.dsums = pass_.dsums + at * Units::sums * H_;
        row.stride = H_;
        backward_units<T, Units>(H_, row);
    }

    void steps(Direction direction, const OwnRows& own, const Rows& h0, const Rows& c0,
               const Rows& dy) const {
        constexpr int64_t NR = tile_columns<T>;
        const int64_t n = direction.number, rows = own.count();
        const int64_t pitch = groups_ * NR + width<T>, row_size = Units::sums * H_;
        const Scratch<T> dh(rows * pitch), dc(Units::has_cell ? rows * pitch : 0);
        const Parts tiles(rows, tile_rows<T>);
        const bool few = B_ <= few_rows;
        const Scratch<T> panels(few ? 0 : rows * Units::gates * H_), strip(tiles.size * row_size);
        const auto dsums_at = [&](int64_t t, int64_t b) {
            return pass_.dsums + ((n * T_ + t) * B_ + b) * row_size;
        };
        for (int64_t i = 0; i < rows; i++) {
            for (int64_t u = 0; u < H_; u++)
                dh[i * pitch + u] = pass_.dh_n ? (*pass_.dh_n)(n, own[i], u) : T(0);
            if (Units::has_cell)
                for (int64_t u = 0; u < H_; u++)
                    dc[i * pitch + u] = *pass_.dc_n ? (**pass_.dc_n)(n, own[i], u) : T(0);
            for (int64_t t = pass_.batch.length(own[i]); t < T_; t++)
                fill_run(dsums_at(t, own[i]), T(0), row_size);
        }

        for (int64_t s = T_ - 1; s >= 0; s--) {
            const int64_t t = direction.time(s, T_), alive = own.alive(t);
            for (int64_t i = 0; i < alive; i++)
                units(direction, t, own[i], h0, c0, dy, dh.data() + i * pitch, dc.data() + i * pitch);
            if (few) {
                for (int64_t i = 0; i < alive; i++)
                    copy_run(strip.data() + i * row_size, dsums_at(t, own[i]), row_size);
                for (const GateRun& run : Units::of_h)
                    if (alive > 0)
                        multiply_few_rows<T>(alive, groups_, run.count * H_, strip.data() + run.sum * H_,
                                             row_size, w_hh_(n * groups_) + run.gate * H_ * NR, w_hh_.size(),
                                             dh.data(), pitch, Units::dh_carries || run.gate > 0);
                continue;
            }
            const int64_t live_tiles = (alive + tiles.size - 1) / tiles.size;
            for (int64_t tile = 0; tile < live_tiles; tile++) {
                const int64_t i0 = tiles.begin(tile), m = tiles.length(tile, alive);
                for (const GateRun& run : Units::of_h)
                    pack_addresses<T>(
                        panels.data() + (i0 * Units::gates + m * run.gate) * H_, m, run.count * H_,
                        [&](int64_t i) { return dsums_at(t, own[i0 + i]) + run.sum * H_; }, 1, strip.data());
            }
            for (int64_t group = 0; group < groups_; group++) {
                const int64_t left = H_ - group * NR, columns = left < NR ? whole_vectors<T>(left) : NR;
                for (int64_t tile = 0; tile < live_tiles; tile++) {
                    const int64_t i0 = tiles.begin(tile), m = tiles.length(tile, alive);
                    tile_function<T>(int(m), columns)(
                        Units::gates * H_, panels.data() + i0 * Units::gates * H_, w_hh_(n * groups_ + group),
                        NR, dh.data() + i0 * pitch + group * NR, pitch, columns, Units::dh_carries);
                }
            }
        }
        for (int64_t i = 0; i < rows; i++) {
            copy_run(pass_.dh0 + (n * B_ + own[i]) * H_, dh.data() + i * pitch, H_);
            if (Units::has_cell) copy_run(pass_.dc0 + (n * B_ + own[i]) * H_, dc.data() + i * pitch, H_);
        }
    }

    const BackwardPass<T>& pass_;
    int64_t N_, T_, B_, H_, groups_;
    RecurrentWeights<T> w_hh_;
};

}  // namespace pydl::PYDL_ISA
