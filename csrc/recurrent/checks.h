// That the arrays of a recurrent layer fit each other. Called before any of them is read.
#pragma once

#include "recurrent/recurrent.h"

namespace pydl::PYDL_ISA {

template <typename T>
void check_weights(int64_t N, int64_t gates, int64_t D, int64_t H, const ArrayList<const T>& w_ih,
                   const ArrayList<const T>& w_hh, const char* message) {
    require((N == 1 || N == 2) && w_ih.count == N && w_hh.count == N && all_have_shape(w_ih, gates * H, D) &&
                all_have_shape(w_hh, gates * H, H),
            message);
}

template <typename T>
bool biases_fit(int64_t N, int64_t rows, const ArrayList<T>& b) {
    return b.count == 0 || (b.count == N && all_have_shape(b, rows));
}

template <typename T>
bool gradients_fit(int64_t N, int64_t m, int64_t n, const ArrayList<T>& dw) {
    return dw.count == 0 || (dw.count == N && all_have_shape(dw, m, n));
}

}  // namespace pydl::PYDL_ISA
