// lstm, forward: all steps of one layer in one direction. See pydl/ops/lstm.py.
//
// W_ih x is one large product for many steps at once. What is left for the steps in turn, W_hh h and the
// gates, is independent from row to row of the batch: each thread takes some rows through time without
// waiting.
#include "gemm.h"
#include "kernel.h"
#include "lstm_sequence.h"
#include "recurrent.h"

namespace pydl::PYDL_ISA {

// W_hh in vectors of `width` units: i f g o of the first units, of the next, ...
template <typename T>
void pack_gates(const RecurrentWeights<T>& packed, const Array<const T, 2>& w_hh) {
    const int64_t H = w_hh.shape[1];
    const Scratch<T> strip(H * width<T>);
    int64_t v = 0;
    for (int64_t u = 0; u < H; u += width<T>)
        for (int64_t gate = 0; gate < 4; gate++)
            packed.pack(v++, &w_hh(gate * H + u, 0), w_hh.stride[0], w_hh.stride[1], H - u, strip.data());
}

// Steps [t0, t0 + steps) of x (T, B, D) as a matrix of steps * B rows: where they lie if their rows are
// evenly spaced, else copied.
template <typename T>
class SequenceRows {
  public:
    SequenceRows(const Array<const T, 3>& x, int64_t t0, int64_t steps)
        : even_(x.shape[1] == 1 || steps == 1 || x.stride[0] == x.shape[1] * x.stride[1]),
          copy_(even_ ? 0 : steps * x.shape[1] * x.shape[2]) {
        const int64_t B = x.shape[1], D = x.shape[2];
        const T* const first = x.data + t0 * x.stride[0];
        matrix_ = {first, steps * B, D, B == 1 ? x.stride[0] : x.stride[1], x.stride[2]};
        if (even_) return;
        matrix_ = {copy_.data(), steps * B, D, D, 1};
        parallel_for(steps * B, 1 + 32768 / (D + 1), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; row++) {
                const T* from = first + row / B * x.stride[0] + row % B * x.stride[1];
                for (int64_t d = 0; d < D; d++) copy_[row * D + d] = from[d * x.stride[2]];
            }
        });
    }
    const Matrix<const T>& matrix() const { return matrix_; }

  private:
    bool even_;
    Scratch<T> copy_;
    Matrix<const T> matrix_;
};

template <typename T>
void lstm_forward(Array<const T, 3> x, Array<const T, 2> h0, Array<const T, 2> c0, Array<const T, 2> w_ih,
                  Array<const T, 2> w_hh, Optional<Array<const T, 1>> b_ih, Optional<Array<const T, 1>> b_hh,
                  Lengths lengths, bool reverse, Optional<Array<T, 3>> gates, Optional<Array<T, 3>> c,
                  Array<T, 3> h, Array<T, 2> h_n, Array<T, 2> c_n) {
    const int64_t T_ = x.shape[0], B = x.shape[1], D = x.shape[2], H = w_hh.shape[1];
    require(has_shape(h0, B, H) && has_shape(c0, B, H), "lstm_forward: h0 and c0 must be (B, H)");
    require(has_shape(w_ih, 4 * H, D) && has_shape(w_hh, 4 * H, H),
            "lstm_forward: w_ih must be (4H, D) and w_hh (4H, H)");
    require(fits(b_ih, 4 * H) && fits(b_hh, 4 * H), "lstm_forward: b_ih and b_hh must be (4H)");
    require(valid_lengths(lengths, T_, B), "lstm_forward: lengths must be (B) and from 0 to T");
    require(fits(gates, T_, B, 4 * H) && fits(c, T_, B, H) && has_shape(h, T_, B, H) &&
                has_shape(h_n, B, H) && has_shape(c_n, B, H),
            "lstm_forward: gates must be (T, B, 4H), c and h (T, B, H), h_n and c_n (B, H)");
    require((!gates || gates->contiguous()) && (!c || c->contiguous()) && h.contiguous() &&
                h_n.contiguous() && c_n.contiguous(),
            "lstm_forward: results must be contiguous");
    if (h_n.size() == 0) return;

    const RecurrentWeights<T> weights(H, (H + width<T> - 1) / width<T> * 4);
    pack_gates(weights, w_hh);
    const Scratch<T> bias(4 * H);
    sum_biases(b_ih, b_hh, 4 * H, bias.data());

    // The state of every row: h before and after a step, and c. Rows are a cache line longer than a power of
    // two.
    const int64_t pitch = whole_vectors<T>(H) + width<T>;
    const Scratch<T> state(2 * B * pitch), cell(B * pitch);
    for (int64_t b = 0; b < B; b++)
        for (int64_t u = 0; u < H; u++) {
            state[b * pitch + u] = h0(b, u);
            cell[b * pitch + u] = c0(b, u);
        }

    // As many steps at once as keep W_ih x in the second-level caches, but enough rows for a fast product.
    constexpr int64_t chunk_bytes = 1 << 20, chunk_rows = 128;
    int64_t chunk = chunk_bytes / (B * 4 * H * int64_t(sizeof(T)) + 1);
    if (chunk * B < chunk_rows) chunk = (chunk_rows - 1) / (B + 1) + 1;
    const Parts chunks(T_, chunk);
    const Scratch<T> scratch(gates ? 0 : chunks.size * B * 4 * H);

    for (int64_t part = 0; part < chunks.count && T_ > 0; part++) {
        const int64_t s0 = chunks.begin(part), steps = chunks.length(part, T_);
        const int64_t t0 = reverse ? T_ - s0 - steps : s0;
        T* const input = gates ? gates->data + t0 * B * 4 * H : scratch.data();
        const SequenceRows<T> rows(x, t0, steps);
        gemm<T>(rows.matrix(),
                Matrix<const T>{w_ih.data, 4 * H, D, w_ih.stride[0], w_ih.stride[1]}.transposed(),
                {input, steps * B, 4 * H, 4 * H, 1});

        parallel_for(B, sequence_grain(steps, H), [&](int64_t begin, int64_t end) {
            const Scratch<int64_t> active(end - begin);
            for (int64_t s = s0; s < s0 + steps; s++) {
                const int64_t t = reverse ? T_ - 1 - s : s;
                T* const before = state.data() + s % 2 * B * pitch;
                T* const after = state.data() + (s + 1) % 2 * B * pitch;
                const int64_t count = active_rows(lengths, t, begin, end, active.data());
                T* const row = input + (t - t0) * B * 4 * H;
                weights.multiply(
                    before, pitch, active.data(), count,
                    [&](const int64_t* own, int64_t n, int64_t v, int64_t vectors, const T* sums) {
                        const int64_t first = v / 4 * width<T>, units = vectors / 4 * width<T>;
                        const int64_t last = first + units < H ? first + units : H;
                        for (int64_t r = 0; r < n; r++)
                            lstm_row_gates(H, first, last, row + own[r] * 4 * H,
                                           sums + r * vectors * width<T>, 4 * width<T>, int64_t(width<T>),
                                           bias.data(), cell.data() + own[r] * pitch);
                    });
                for (int64_t r = 0; r < count; r++) {
                    const int64_t b = active[r];
                    lstm_row_output(H, row + b * 4 * H, cell.data() + b * pitch, after + b * pitch);
                }
                for (int64_t b = begin; b < end; b++) {
                    const bool lives = is_active(lengths, t, b);
                    if (!lives) {  // the state waits: for its sequence to begin, or for the end
                        copy_run(after + b * pitch, before + b * pitch, H);
                        if (gates) fill_run(gates->data + (t * B + b) * 4 * H, T(0), 4 * H);
                    }
                    write_row(h.data + (t * B + b) * H, after + b * pitch, H, lives);
                    if (c) write_row(c->data + (t * B + b) * H, cell.data() + b * pitch, H, lives);
                }
            }
        });
    }
    for (int64_t b = 0; b < B; b++) {
        copy_run(h_n.data + b * H, state.data() + (T_ % 2 * B + b) * pitch, H);
        copy_run(c_n.data + b * H, cell.data() + b * pitch, H);
    }
}
PYDL_KERNEL(lstm_forward, "x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, gates, c, h, h_n, c_n")

}  // namespace pydl::PYDL_ISA
