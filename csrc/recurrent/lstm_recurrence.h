// The recurrent half of LSTMs with peepholes, layer normalisation, a projection or a mask: what belongs to
// all of its rows, and what its units do in a step. See pydl/ops/lstm_recurrence.py.
#pragma once

#include "recurrent/backward_layer.h"
#include "recurrent/gates.h"
#include "simd/lanes.h"

namespace pydl::PYDL_ISA {

// Weights and settings; null where there are none.
template <typename T>
struct RecurrenceOptions {
    const T *peephole, *w_hr, *gain_h, *gain_c, *shift_c, *mask;
    bool norm() const { return gain_h; }
    double eps;
};

// c = a W for rows that go through time together. W is packed once; columns of c beyond the last one of W
// may be written up to `pitch`.
template <typename T>
class RowProduct {
  public:
    static constexpr int64_t NR = tile_columns<T>;
    const int64_t pitch;

    // few: whether there are so few rows in all that reading W is the work.
    RowProduct(const T* w, int64_t depth, int64_t columns, int64_t column_stride, int64_t depth_stride,
               bool few)
        : pitch(panels_for<T>(columns) * NR), depth_(depth), few_(few), weights_(depth, pitch / NR, NR) {
        parallel_for(pitch / NR, 1 + 32768 / (depth * NR + 1), [&](int64_t begin, int64_t end) {
            for (int64_t panel = begin; panel < end; panel++)
                weights_.pack(panel, 0, depth, w + panel * NR * column_stride, column_stride, depth_stride,
                              columns - panel * NR);
        });
    }
    int64_t packed_size(int64_t rows) const { return rows * depth_ + width<T>; }

    void operator()(int64_t rows, const T* a, int64_t a_stride, T* packed, T* c) const {
        if (few_) {
            if (rows > 0)
                multiply_few_rows<T>(rows, pitch / NR, depth_, a, a_stride, weights_(0), weights_.size(), c,
                                     pitch, false);
            return;
        }
        const Parts tiles(rows, tile_rows<T>);
        for (int64_t i = 0; i < rows; i += tiles.size) {
            const int64_t count = rows - i < tiles.size ? rows - i : tiles.size;
            pack_panel(packed + i * depth_, count, count, a + i * a_stride, a_stride, int64_t(1), depth_);
        }
        for (int64_t panel = 0; panel < pitch / NR; panel++)
            for (int64_t i = 0; i < rows; i += tiles.size) {
                const int64_t count = rows - i < tiles.size ? rows - i : tiles.size;
                tile_function<T>(int(count), NR)(depth_, packed + i * depth_, weights_(panel), NR,
                                                 c + i * pitch + panel * NR, pitch, NR, false);
            }
    }

  private:
    const int64_t depth_;
    const bool few_;
    const RecurrentWeights<T> weights_;
};

// f(first lane, lanes) for vectors that together are [0, count).
template <typename T, typename F>
PYDL_INLINE void for_vectors(int64_t count, const F& f) {
    for (int64_t k = 0; k < count; k += width<T>) f(k, count - k);
}

// The sum of f(k, lanes), whose lanes beyond `count` are not counted.
template <typename T, typename F>
PYDL_INLINE T sum_vectors(int64_t count, const F& f) {
    vec<T> sum{};
    for_vectors<T>(count, [&](int64_t k, int64_t lanes) PYDL_INLINE_LAMBDA {
        const vec<T> term = f(k, lanes);
        sum += lanes >= width<T> ? term : select(iota<int_of<T>>() < int_of<T>(lanes), term, vec<T>{});
    });
    return reduce_add(sum);
}

template <typename T>
struct RowStatistics {
    T mean, rstd;
};

template <typename T>
[[gnu::noinline]] RowStatistics<T> row_statistics(const T* v, int64_t count, double eps) {
    const T mean = sum_vectors<T>(count, [&](int64_t k, int64_t n)
                                             PYDL_INLINE_LAMBDA { return load_partial(v + k, n); }) /
                   T(count);
    const T squares = sum_vectors<T>(count, [&](int64_t k, int64_t n) PYDL_INLINE_LAMBDA {
        const vec<T> d = load_partial(v + k, n) - mean;
        return d * d;
    });
    const vec<double> deviation = sqrt(broadcast<double>(double(squares) / double(count) + eps));
    return {mean, T(1 / deviation[0])};
}

// dv = rstd (e - mean of e - vhat mean of (e vhat)) with e = dy gain; dv may be dy.
template <typename T>
[[gnu::noinline]] void norm_backward(int64_t count, const T* dy, const T* gain, const T* vhat, T rstd,
                                     T* dv) {
    const auto e = [&](int64_t k, int64_t n)
                       PYDL_INLINE_LAMBDA { return load_partial(dy + k, n) * load_partial(gain + k, n); };
    const T mean = sum_vectors<T>(count, e) / T(count);
    const T dot =
        sum_vectors<T>(count, [&](int64_t k, int64_t n)
                                  PYDL_INLINE_LAMBDA { return e(k, n) * load_partial(vhat + k, n); }) /
        T(count);
    for_vectors<T>(count, [&](int64_t k, int64_t n) PYDL_INLINE_LAMBDA {
        store_partial(dv + k, (e(k, n) - mean - load_partial(vhat + k, n) * dot) * rstd, n);
    });
}

// A row in one step, forward: from `sums` and r = W_hh h, and c before it in `state`, to c, gates and
// y = o tanh(s). rhat and stats: null without normalisation.
template <typename T>
[[gnu::noinline]] void recurrence_forward_row(const RecurrenceOptions<T>& of, int64_t H, const T* sums,
                                              const T* r, T* state, T* gates, T* rhat, T* stats, T* c, T* y) {
    RowStatistics<T> norm{};
    if (of.norm()) {
        norm = row_statistics(r, 4 * H, of.eps);
        stats[0] = norm.rstd;
        for_vectors<T>(4 * H, [&](int64_t k, int64_t n) PYDL_INLINE_LAMBDA {
            store_partial(rhat + k, (load_partial(r + k, n) - norm.mean) * norm.rstd, n);
        });
    }
    for_vectors<T>(H, [&](int64_t u, int64_t n) PYDL_INLINE_LAMBDA {
        const auto a = [&](int gate) PYDL_INLINE_LAMBDA {
            const int64_t j = gate * H + u;
            const vec<T> sum = load_partial(sums + j, n);
            return of.norm() ? fma(load_partial(rhat + j, n), load_partial(of.gain_h + j, n), sum)
                             : sum + load_partial(r + j, n);
        };
        const auto peep = [&](int k, vec<T> cell, vec<T> sum) PYDL_INLINE_LAMBDA {
            return of.peephole ? fma(load_partial(of.peephole + k * H + u, n), cell, sum) : sum;
        };
        const vec<T> before = load_partial(state + u, n);
        const vec<T> i = gate_sigmoid<T>(peep(0, before, a(0))), f = gate_sigmoid<T>(peep(1, before, a(1)));
        const vec<T> g = gate_tanh<T>(a(2)), cell = fma(f, before, i * g);
        const vec<T> o = gate_sigmoid<T>(peep(2, cell, a(3)));
        store_partial(gates + u, i, n);
        store_partial(gates + H + u, f, n);
        store_partial(gates + 2 * H + u, g, n);
        store_partial(gates + 3 * H + u, o, n);
        store_partial(state + u, cell, n);
        store_partial(c + u, cell, n);
    });
    if (of.norm()) {
        norm = row_statistics(c, H, of.eps);
        stats[1] = norm.mean, stats[2] = norm.rstd;
    }
    for_vectors<T>(H, [&](int64_t u, int64_t n) PYDL_INLINE_LAMBDA {
        vec<T> s = load_partial(c + u, n);
        if (of.norm())
            s = fma((s - norm.mean) * norm.rstd, load_partial(of.gain_c + u, n),
                    load_partial(of.shift_c + u, n));
        store_partial(y + u, load_partial(gates + 3 * H + u, n) * gate_tanh<T>(s), n);
    });
}

template <typename T>
struct RecurrenceBackwardRow {
    const T *gates, *rhat, *stats, *c, *c_before;
    const T* dy;  // gradient by y
    T* dc;        // gradient by c after the step, replaced by that before it
    T *dsums, *dr;
    T *y, *chat, *ds;  // for the gradients by weights; y where it is wanted, the others with normalisation
};

template <typename T>
[[gnu::noinline]] void recurrence_backward_row(const RecurrenceOptions<T>& of, int64_t H,
                                               const RecurrenceBackwardRow<T>& row, T* through_s) {
    for_vectors<T>(H, [&](int64_t u, int64_t n) PYDL_INLINE_LAMBDA {
        vec<T> s = load_partial(row.c + u, n);
        if (of.norm()) {
            const vec<T> chat = (s - row.stats[1]) * row.stats[2];
            store_partial(row.chat + u, chat, n);
            s = fma(chat, load_partial(of.gain_c + u, n), load_partial(of.shift_c + u, n));
        }
        const vec<T> dy = load_partial(row.dy + u, n), o = load_partial(row.gates + 3 * H + u, n);
        const vec<T> squashed = gate_tanh<T>(s), y = o * squashed;
        const vec<T> ds = dy * o * fma(-squashed, squashed, broadcast<T>(1));
        if (row.y) store_partial(row.y + u, y, n);
        if (row.ds) store_partial(row.ds + u, ds, n);
        store_partial(through_s + u, ds, n);
        store_partial(row.dsums + 3 * H + u, dy * squashed * (o * (T(1) - o)), n);
    });
    if (of.norm()) norm_backward(H, through_s, of.gain_c, row.chat, row.stats[2], through_s);
    for_vectors<T>(H, [&](int64_t u, int64_t n) PYDL_INLINE_LAMBDA {
        const auto gate = [&](int k) PYDL_INLINE_LAMBDA { return load_partial(row.gates + k * H + u, n); };
        const auto peep = [&](int k, vec<T> da, vec<T> sum) PYDL_INLINE_LAMBDA {
            return of.peephole ? fma(load_partial(of.peephole + k * H + u, n), da, sum) : sum;
        };
        const vec<T> i = gate(0), f = gate(1), g = gate(2), before = load_partial(row.c_before + u, n);
        vec<T> dc = load_partial(row.dc + u, n) + load_partial(through_s + u, n);
        dc = peep(2, load_partial(row.dsums + 3 * H + u, n), dc);
        const vec<T> di = dc * g * (i * (T(1) - i)), df = dc * before * (f * (T(1) - f));
        store_partial(row.dsums + u, di, n);
        store_partial(row.dsums + H + u, df, n);
        store_partial(row.dsums + 2 * H + u, dc * i * fma(-g, g, broadcast<T>(1)), n);
        store_partial(row.dc + u, peep(0, di, peep(1, df, dc * f)), n);
    });
    if (of.norm())
        norm_backward(4 * H, row.dsums, of.gain_h, row.rhat, row.stats[0], row.dr);
    else
        copy_run(row.dr, row.dsums, 4 * H);
}

}  // namespace pydl::PYDL_ISA
