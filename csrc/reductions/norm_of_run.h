// The 1-, 2- and largest norm of a run of numbers.
#pragma once
#include "parallel.h"
#include "tensor_list.h"

namespace pydl::PYDL_ISA {

enum class Norm { one, two, largest };

template <Norm norm, typename T>
PYDL_INLINE vec<T> accumulate(vec<T> total, vec<T> x) {
    if constexpr (norm == Norm::one) return total + abs(x);
    if constexpr (norm == Norm::two) return fma(x, x, total);
    return max(total, abs(x));
}

// Of n elements: the sum of |x| or of x * x, or the largest |x|.
template <Norm norm, typename T>
double norm_of_run(const T* x, int64_t n) {
    constexpr int kChains = 4;                           // hides the latency of the addition
    constexpr int64_t kBlock = 64 * kChains * width<T>;  // as many terms as T adds up without much rounding
    double sum = 0;
    for (; n > 0; x += kBlock, n -= kBlock) {
        const int64_t end = n < kBlock ? n : kBlock;
        vec<T> total[kChains] = {};
        int64_t i = 0;
        for (; i + kChains * width<T> <= end; i += kChains * width<T>)
#pragma GCC unroll 4
            for (int c = 0; c < kChains; ++c)
                total[c] = accumulate<norm, T>(total[c], load<T>(x + i + c * width<T>));
        for (; i < end; i += width<T>)
            total[0] = accumulate<norm, T>(total[0], load_partial<T>(x + i, end - i));
        if constexpr (norm == Norm::largest)
            sum = max(sum, double(reduce_max(max(max(total[0], total[1]), max(total[2], total[3])))));
        else
            sum += reduce_add((total[0] + total[1]) + (total[2] + total[3]));
    }
    return sum;
}

}  // namespace pydl::PYDL_ISA
