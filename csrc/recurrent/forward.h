// A recurrent layer, forward: all steps, in one direction or in both.
//
// Rows of the batch are independent of each other, and so are the directions: each thread takes some rows of
// some direction through all of time without waiting for another one. Only where there are fewer rows than
// threads do these meet after every step.
#pragma once

#include "recurrent/forward_few.h"
#include "recurrent/forward_tiles.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Units>
void forward_rows(const ForwardLayer<T, Units>& layer) {
    for_rows_or_units<T>(layer, Units::gates * layer.H * (layer.D + layer.H),
                         [&](Direction direction, const OwnRows& own, int64_t parts)
                             __attribute__((noinline)) {
                                 if (layer.B <= few_rows)
                                     ForwardFewRows<T, Units>(layer, direction, own).run(parts);
                                 else
                                     forward_tiles(layer, direction, own, parts);
                             });
}

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
    forward_rows(ForwardLayer<T, Units>(pass));
}

}  // namespace pydl::PYDL_ISA
