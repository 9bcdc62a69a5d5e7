// machine_peak: what the machine can do at best, for percentages. See pydl/bench/machine.py.
#include "kernel.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

// Independent chains of multiply-adds. Current cores start two a cycle and need four or five cycles for one,
// so ten chains keep them busy; with factor and term, twelve fit the 16 registers of AVX2.
constexpr int kChains = 12;

template <typename T>
void machine_peak_multiply_add(Array<T, 1> y, double factor, double term, int64_t rounds) {
    require(y.contiguous(), "machine_peak_multiply_add: y must be contiguous");
    const vec<T> a = broadcast<T>(T(factor)), b = broadcast<T>(T(term));
    constexpr int64_t tile = kChains * width<T>;
    parallel_for(y.size(), tile, [&](int64_t begin, int64_t end) {
        for (; begin < end; begin += tile) {
            vec<T> chain[kChains];
#pragma GCC unroll 12
            for (int k = 0; k < kChains; ++k)
                chain[k] = load_partial(y.data + begin + k * width<T>, end - begin - k * width<T>);
            for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
                for (int k = 0; k < kChains; ++k) chain[k] = fma(chain[k], a, b);
            }
#pragma GCC unroll 12
            for (int k = 0; k < kChains; ++k)
                store_partial(y.data + begin + k * width<T>, chain[k], end - begin - k * width<T>);
        }
    });
}
PYDL_KERNEL(machine_peak_multiply_add, "y, factor, term, rounds")

template <typename T>
void machine_peak_triad(Array<const T, 1> a, Array<const T, 1> b, Array<T, 1> y, double factor,
                        int64_t rounds) {
    require(a.shape[0] == y.shape[0] && b.shape[0] == y.shape[0],
            "machine_peak_triad: a and b must have the length of y");
    require(a.contiguous() && b.contiguous() && y.contiguous(),
            "machine_peak_triad: all arrays must be contiguous");
    if (rounds <= 0) return;
    const vec<T> s = broadcast<T>(T(factor));
    // A small grain: also arrays that fit a first-level cache are shared out, since many rounds pay for the
    // threads.
    parallel_for(y.size(), 16 * width<T>, [&](int64_t begin, int64_t end) {
        for (int64_t round = 0; round < rounds; ++round) {
            int64_t i = begin;
            for (; i + width<T> <= end; i += width<T>)
                store(y.data + i, fma(load(b.data + i), s, load(a.data + i)));
            for (; i < end; ++i) y.data[i] = fma(b.data[i], T(factor), a.data[i]);
            // Every round must reach memory: the compiler may not see that the next one writes the same
            // again.
            __atomic_signal_fence(__ATOMIC_SEQ_CST);
        }
    });
}
PYDL_KERNEL(machine_peak_triad, "a, b, y, factor, rounds")

}  // namespace pydl::PYDL_ISA
