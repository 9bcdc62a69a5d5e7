// The parallel loop.
//
// A loop over `count` independent items is cut into contiguous runs of whole grains, which threads share. The
// grain is chosen from the problem alone, so the arithmetic done for an item never depends on the number of
// threads.
#pragma once

#include "runtime/arena.h"
#include "runtime/team.h"
#include "simd.h"

namespace pydl::PYDL_ISA {

// Not inlined, so that there is one copy of a loop for the calling thread alone and for a team: half the
// code.
template <typename F>
[[gnu::noinline]] void run_part(const F& f, int64_t begin, int64_t end) {
    f(begin, end);
}

template <typename F>
struct ParallelLoop {
    const F& f;
    int64_t count, grain;
    uint64_t denormals;  // how the caller treats them
    mutable bool failed;

    static void run(const void* pointer, int64_t begin, int64_t end) {
        const auto loop = static_cast<const ParallelLoop*>(pointer);
        const uint64_t own = FlushDenormals::state();
        FlushDenormals::set_state(loop->denormals);
        // An exception must not leave its thread.
        try {
            end *= loop->grain;
            run_part(loop->f, begin * loop->grain, end < loop->count ? end : loop->count);
        } catch (...) {
            __atomic_store_n(&loop->failed, true, __ATOMIC_RELAXED);
        }
        FlushDenormals::set_state(own);
    }
};

// f(begin, end) for runs that together are [0, count) and start at multiples of grain. Everything runs in the
// calling thread if there is no more than one grain, one thread, or a parallel loop around this one. Inside,
// each thread treats denormals as the caller does. f may throw only for want of memory.
template <typename F>
inline void parallel_for(int64_t count, int64_t grain, const F& f) {
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    const int64_t grains = (count - 1) / grain + 1;
    if (grains > 1) {
        const ParallelLoop<F> loop{f, count, grain, FlushDenormals::state(), false};
        if (run_in_team(grains, ParallelLoop<F>::run, &loop)) {
            if (loop.failed) throw_out_of_memory();
            return;
        }
    }
    run_part(f, int64_t(0), count);
}

}  // namespace pydl::PYDL_ISA
