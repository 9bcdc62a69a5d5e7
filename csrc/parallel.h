// The parallel loop: the only file with OpenMP, and correct, if serial, when compiled without it.
//
// A loop over `count` independent items is cut into contiguous runs of whole grains, one run for a thread.
// The grain is chosen from the problem alone, so the arithmetic done for an item never depends on the number
// of threads.
#pragma once

#include "runtime/arena.h"
#include "runtime/threads.h"
#include "simd.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace pydl::PYDL_ISA {

// Not inlined, so that there is one copy of a loop for the calling thread alone and for a team: half the
// code.
template <typename F>
[[gnu::noinline]] void run_part(const F& f, int64_t begin, int64_t end) {
    f(begin, end);
}

// f(begin, end) for runs that together are [0, count) and start at multiples of grain. Everything runs in the
// calling thread if there is no more than one grain, one thread, or a parallel loop around this one. Inside,
// each thread treats denormals as the caller does. f may throw only for want of memory.
template <typename F>
inline void parallel_for(int64_t count, int64_t grain, const F& f) {
    if (count <= 0) return;
    if (grain < 1) grain = 1;
#if defined(_OPENMP)
    const int64_t grains = (count - 1) / grain + 1;
    if (grains > 1 && !omp_in_parallel()) {
        const int64_t available = num_threads();
        const int threads = int(available < grains ? available : grains);
        if (threads > 1) {
            const uint64_t caller = FlushDenormals::state();
            bool failed = false;
#pragma omp parallel num_threads(threads)
            {
                // The runtime may give fewer threads than asked for.
                const int64_t thread = omp_get_thread_num(), team = omp_get_num_threads();
                const uint64_t own = FlushDenormals::state();
                FlushDenormals::set_state(caller);
                const int64_t begin =
                    grains / team * thread + (thread < grains % team ? thread : grains % team);
                const int64_t end = begin + grains / team + (thread < grains % team ? 1 : 0);
                // An exception must not leave its thread.
                try {
                    if (begin < end) run_part(f, begin * grain, end * grain < count ? end * grain : count);
                } catch (...) {
#pragma omp atomic write
                    failed = true;
                }
                FlushDenormals::set_state(own);
            }
            if (failed) throw_out_of_memory();
            return;
        }
    }
#endif
    run_part(f, int64_t(0), count);
}

}  // namespace pydl::PYDL_ISA
