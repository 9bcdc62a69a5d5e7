// A recurrent layer, backward: what belongs to all of its rows, and the state of some of them.
#pragma once

#include "recurrent/panels.h"
#include "recurrent/rows.h"

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
    const T* mask;  // (N, B, H), or null
    const T* kept;
    const T* c;
    const T* h;
    T* dsums;  // (N, live rows, S * H), rows so far apart as dsums_stride() says
    T* dh0;    // (N, B, H), or null if nobody needs it
    T* dc0;    // the same
    const LiveRows* live = nullptr;
};

// Rows of the gradients by the sums, in this distance, do not all fall into the same places of a cache.
template <typename T>
int64_t dsums_stride(int64_t row_size) {
    constexpr int64_t line = 64 / sizeof(T);
    return (row_size + line - 1) / line * line + line;
}

// An array of rows to be read one by one: where it lies if its rows are runs in memory, else copied.
template <typename T>
class RowsInPlace {
  public:
    RowsInPlace(const T* data, int64_t L, int64_t M, int64_t length, const int64_t* stride)
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

template <typename T, typename Units>
struct BackwardLayer {
    // The gradients by h, and by c of an LSTM, of a thread's rows; if h is masked on its way to the gates,
    // those by what they saw.
    struct State {
        int64_t pitch;
        bool masked;
        Scratch<T> dh, dc, dseen;

        State(const BackwardLayer& layer, Direction direction, const OwnRows& own)
            : pitch(layer.groups * layer.columns + width<T>),
              masked(layer.pass.mask),
              dh(own.count() * pitch),
              dc(Units::has_cell ? own.count() * pitch : 0),
              dseen(masked ? own.count() * pitch : 0) {
            const int64_t n = direction.number, H = layer.H;
            const BackwardPass<T>& pass = layer.pass;
            for (int64_t i = 0; i < own.count(); i++) {
                start(dh.data() + i * pitch, pass.dh_n, n, own[i], H);
                if (Units::has_cell) start(dc.data() + i * pitch, *pass.dc_n, n, own[i], H);
            }
        }
        static void start(T* to, const Optional<Array<const T, 3>>& given, int64_t n, int64_t b, int64_t H) {
            if (given) return copy_line(to, *given, n, b);
            fill_run(to, T(0), H);
        }
        // Where the products with W_hh go, and whether they are added to what is there.
        T* products() const { return masked ? dseen.data() : dh.data(); }
        bool carries() const { return Units::dh_carries && !masked; }
        // What reaches units [begin, end) of own row i through the mask.
        void pass_mask(const BackwardLayer& layer, Direction direction, const OwnRows& own, int64_t i,
                       int64_t begin, int64_t end) const {
            if (!masked) return;
            const T* const mask = layer.pass.mask + (direction.number * layer.B + own[i]) * layer.H;
            T *const to = dh.data() + i * pitch, *const from = dseen.data() + i * pitch;
            for (int64_t u = begin; u < end; u++)
                to[u] = (Units::dh_carries ? to[u] : T(0)) + mask[u] * from[u];
        }
        // Those by the first states are results.
        void finish(const BackwardLayer& layer, Direction direction, const OwnRows& own) const {
            for (int64_t i = 0; i < own.count(); i++) {
                const int64_t row = direction.number * layer.B + own[i];
                if (layer.pass.dh0) copy_run(layer.pass.dh0 + row * layer.H, dh.data() + i * pitch, layer.H);
                if (layer.pass.dc0) copy_run(layer.pass.dc0 + row * layer.H, dc.data() + i * pitch, layer.H);
            }
        }
    };

    explicit BackwardLayer(const BackwardPass<T>& p)
        : pass(p),
          N(p.h0.shape[0]),
          T_(p.x.shape[0]),
          B(p.x.shape[1]),
          H(p.h0.shape[2]),
          columns(recurrent_columns<T>(B, H)),
          groups(panels_for<T>(H, columns)),
          row_size(Units::sums * H),
          row_stride(dsums_stride<T>(row_size)),
          far(N * T_ * B * H * Units::kept * int64_t(sizeof(T)) > 2 << 20),
          weights(Units::gates * H, N * groups, columns),
          h0_(p.h0.data, N, B, H, p.h0.stride),
          c0_(Units::has_cell ? p.c0->data : nullptr, N, B, Units::has_cell ? H : 0,
              Units::has_cell ? p.c0->stride : p.h0.stride),
          dy_(p.dh ? p.dh->data : nullptr, T_, B, p.dh ? N * H : 0, p.dh->stride) {
        const int64_t grain = 1 + 32768 / (Units::gates * H * columns + 1);
        parallel_for(N * groups, grain, [&](int64_t begin, int64_t end) {
            for (int64_t panel = begin; panel < end; panel++) {
                const int64_t u = panel % groups * columns;
                weights.pack(panel, 0, Units::gates * H, p.w_hh.data(panel / groups) + u, 1, H, H - u);
            }
        });
    }

    T* dsums_at(Direction direction, int64_t t, int64_t b) const {
        return pass.dsums + (direction.number * pass.live->count() + (*pass.live)(t, b)) * row_stride;
    }
    const T* panel(Direction direction, int64_t group) const {
        return weights(direction.number * groups + group);
    }

    // Gradients by the sums of units [begin, end) of own row i in step t.
    void units(Direction direction, int64_t t, const OwnRows& own, const State& state, int64_t i,
               int64_t begin, int64_t end) const {
        const int64_t n = direction.number, b = own[i], before = direction.before(t, pass.batch.length(b));
        const int64_t at = (n * T_ + t) * B + b, at_before = (n * T_ + before) * B + b;
        const T* const h = pass.h + n * H;
        UnitBackward<T> row;
        row.kept = Units::kept > 0 ? pass.kept + at * Units::kept * H : nullptr;
        if (Units::has_cell) {
            row.before = before < 0 ? c0_(n, b) : pass.c + at_before * H;
            row.after = pass.c + at * H;
        } else {
            row.before = before < 0 ? h0_(n, b) : h + (before * B + b) * N * H;
            row.after = h + (t * B + b) * N * H;
        }
        row.dy = pass.dh ? dy_(t, b) + n * H : nullptr;
        row.dh = state.dh.data() + i * state.pitch;
        row.dc = state.dc.data() + i * state.pitch;
        row.dsums = dsums_at(direction, t, b);
        row.stride = H;
        backward_units<T, Units>(begin, end, row);
    }

    // What step t reads of own row i: rows are too short for the caches to notice by themselves.
    PYDL_INLINE void ask_for_row(Direction direction, int64_t t, const OwnRows& own, int64_t i) const {
        if (Units::kept == 0 || !far || i >= own.alive(t)) return;
        const int64_t n = direction.number, b = own[i], before = direction.before(t, pass.batch.length(b));
        const int64_t at = (n * T_ + t) * B + b;
        ask_for(pass.kept + at * Units::kept * H, Units::kept * H);
        if (Units::has_cell && before >= 0) ask_for(pass.c + ((n * T_ + before) * B + b) * H, H);
        if (pass.dh) ask_for(dy_(t, b) + n * H, H);
    }

    const BackwardPass<T>& pass;
    const int64_t N, T_, B, H, columns, groups, row_size, row_stride;
    const bool far;                     // whether what forward kept is more than the second-level cache
    const RecurrentWeights<T> weights;  // W_hh, of depth gates * H

  private:
    const RowsInPlace<T> h0_, c0_, dy_;
};

}  // namespace pydl::PYDL_ISA
