// What one LSTM unit does in one step, forward and backward, for all units of a row. See
// pydl/ops/lstm_cell.py.
#pragma once

#include "array.h"
#include "parallel.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

// The gates of `width` units from unit u on, of which Whole says that all exist.
template <typename T, bool Whole>
PYDL_INLINE void lstm_vector_gates(int64_t H, int64_t u, T* gates, const T* recurrent, int64_t gate_stride,
                                   const T* bias, T* c) {
    const int64_t lanes = Whole ? int64_t(width<T>) : H - u;
    const auto read = [&](const T* p) PYDL_INLINE_LAMBDA { return Whole ? load(p) : load_partial(p, lanes); };
    const auto write = [&](T* p, vec<T> v)
                           PYDL_INLINE_LAMBDA { Whole ? store(p, v) : store_partial(p, v, lanes); };
    const auto sum = [&](int64_t gate) PYDL_INLINE_LAMBDA {
        return (read(gates + gate * H + u) + read(bias + gate * H + u)) +
               load(recurrent + gate * gate_stride);
    };
    const vec<T> i = sigmoid(sum(0)), f = sigmoid(sum(1)), g = tanh(sum(2)), o = sigmoid(sum(3));
    write(c + u, fma(f, read(c + u), i * g));
    write(gates + u, i);
    write(gates + H + u, f);
    write(gates + 2 * H + u, g);
    write(gates + 3 * H + u, o);
}

// Units [begin, end) of one row, begin being a multiple of the vector width: their gates and c. gates: W_ih
// x, four gates of H numbers, replaced by their activations. recurrent: W_hh h for these units only, whole
// vectors: those of one unit's gates gate_stride apart, those of the next units group_stride further. bias:
// four gates of H numbers.
template <typename T>
PYDL_INLINE void lstm_row_gates(int64_t H, int64_t begin, int64_t end, T* gates, const T* recurrent,
                                int64_t group_stride, int64_t gate_stride, const T* bias, T* c) {
    int64_t u = begin;
    for (; u + width<T> <= end; u += width<T>, recurrent += group_stride)
        lstm_vector_gates<T, true>(H, u, gates, recurrent, gate_stride, bias, c);
    if (u < end) lstm_vector_gates<T, false>(H, u, gates, recurrent, gate_stride, bias, c);
}

// h = o tanh(c) for all units of one row. Apart from the gates, because a processor overlaps two short chains
// of dependent operations better than one long one.
template <typename T>
PYDL_INLINE void lstm_row_output(int64_t H, const T* gates, const T* c, T* h) {
    const T* const o = gates + 3 * H;
    int64_t u = 0;
    for (; u + width<T> <= H; u += width<T>) store(h + u, load(o + u) * tanh(load(c + u)));
    if (u < H) store_partial(h + u, load_partial(o + u, H - u) * tanh(load_partial(c + u, H - u)), H - u);
}

// All units of one row. dy (may be null) and dh are the gradients by h', dc the one by c', replaced by the
// one by c. dgates: the gradient by the sums that went into the gates.
template <typename T>
[[gnu::noinline]] void lstm_units_backward(int64_t H, const T* gates, const T* c, const T* c_next,
                                           const T* dy, const T* dh, T* dc, T* dgates) {
    for (int64_t u = 0; u < H; u += width<T>) {
        const int64_t lanes = H - u;
        const vec<T> i = load_partial(gates + u, lanes), f = load_partial(gates + H + u, lanes);
        const vec<T> g = load_partial(gates + 2 * H + u, lanes), o = load_partial(gates + 3 * H + u, lanes);
        vec<T> dout = load_partial(dh + u, lanes);
        if (dy) dout += load_partial(dy + u, lanes);
        const vec<T> squashed = tanh(load_partial(c_next + u, lanes));
        const vec<T> dcell =
            fma(dout * o, fma(-squashed, squashed, broadcast<T>(1)), load_partial(dc + u, lanes));
        store_partial(dgates + u, dcell * g * (i * (T(1) - i)), lanes);
        store_partial(dgates + H + u, dcell * load_partial(c + u, lanes) * (f * (T(1) - f)), lanes);
        store_partial(dgates + 2 * H + u, dcell * i * fma(-g, g, broadcast<T>(1)), lanes);
        store_partial(dgates + 3 * H + u, dout * squashed * (o * (T(1) - o)), lanes);
        store_partial(dc + u, dcell * f, lanes);
    }
}

// b_ih + b_hh, zero where there are none.
template <typename T>
void sum_biases(const Optional<Array<const T, 1>>& b_ih, const Optional<Array<const T, 1>>& b_hh,
                int64_t count, T* sum) {
    for (int64_t j = 0; j < count; j++) sum[j] = (b_ih ? (*b_ih)(j) : T(0)) + (b_hh ? (*b_hh)(j) : T(0));
}

template <typename T>
bool has_shape(const Array<T, 1>& a, int64_t n) {
    return a.shape[0] == n;
}
template <typename T>
bool has_shape(const Array<T, 2>& a, int64_t m, int64_t n) {
    return a.shape[0] == m && a.shape[1] == n;
}
template <typename T>
bool has_shape(const Array<T, 3>& a, int64_t l, int64_t m, int64_t n) {
    return a.shape[0] == l && a.shape[1] == m && a.shape[2] == n;
}
template <typename A, typename... N>
bool fits(const Optional<A>& a, N... shape) {
    return !a || has_shape(*a, shape...);
}

// An array of (rows, columns) to be read row after row: where it lies if its rows are runs in memory, else
// copied.
template <typename T>
class Rows {
  public:
    explicit Rows(const Array<const T, 2>& a)
        : Rows(a.data, 1, 0, a.shape[0], a.stride[0], a.shape[1], a.stride[1]) {}
    explicit Rows(const Array<const T, 3>& a)
        : Rows(a.data, a.shape[0], a.stride[0], a.shape[1], a.stride[1], a.shape[2], a.stride[2]) {}

    const T* operator()(int64_t i, int64_t j) const { return data_ + i * outer_ + j * inner_; }
    const T* operator()(int64_t j) const { return data_ + j * inner_; }

  private:
    Rows(const T* data, int64_t L, int64_t outer, int64_t M, int64_t inner, int64_t N, int64_t stride)
        : copy_(stride == 1 || N <= 1 ? 0 : L * M * N), data_(data), outer_(outer), inner_(inner) {
        if (stride == 1 || N <= 1) return;
        for (int64_t l = 0; l < L; l++)
            for (int64_t m = 0; m < M; m++)
                for (int64_t n = 0; n < N; n++)
                    copy_[(l * M + m) * N + n] = data[l * outer + m * inner + n * stride];
        data_ = copy_.data();
        outer_ = M * N;
        inner_ = N;
    }
    Scratch<T> copy_;
    const T* data_;
    int64_t outer_, inner_;
};

}  // namespace pydl::PYDL_ISA
