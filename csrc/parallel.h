// The parallel loop.
//
// A loop over `count` independent items is cut into contiguous runs of whole grains, which threads share. The
// grain is chosen from the problem alone, so the arithmetic done for an item never depends on the number of
// threads.
#pragma once

#include "runtime/fail.h"
#include "runtime/team.h"
#include "runtime/threads.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// f(begin, end), for those who do not know the type of f.
using LoopBody = void (*)(const void* f, int64_t begin, int64_t end);

struct ParallelLoop {
    LoopBody body;
    const void* f;
    int64_t count, grain;
    int threads;                  // the caller's num_threads()
    uint64_t denormals;           // how the caller treats them
    mutable const char* failure;  // of the thread that failed last

    static void run(const void* pointer, int64_t begin, int64_t end) {
        const auto loop = static_cast<const ParallelLoop*>(pointer);
        const uint64_t own = FlushDenormals::state();
        FlushDenormals::set_state(loop->denormals);
        end *= loop->grain;
        const Part part{loop, begin * loop->grain, end < loop->count ? end : loop->count};
        if (const char* failure = run_to_end(Part::run, &part, loop->threads))
            __atomic_store_n(&loop->failure, failure, __ATOMIC_RELAXED);
        FlushDenormals::set_state(own);
    }

    struct Part {
        const ParallelLoop* loop;
        int64_t begin, end;

        static void run(const void* pointer) {
            const auto part = static_cast<const Part*>(pointer);
            part->loop->body(part->loop->f, part->begin, part->end);
        }
    };
};

// What parallel_for does, once for all loops.
[[gnu::noinline]] inline void run_loop(int64_t count, int64_t grain, LoopBody body, const void* f) {
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    const int64_t grains = (count - 1) / grain + 1;
    if (grains > 1) {
        const ParallelLoop loop{body, f, count, grain, num_threads(), FlushDenormals::state(), nullptr};
        if (run_in_team(grains, ParallelLoop::run, &loop)) {
            if (loop.failure) fail(loop.failure);
            return;
        }
    }
    body(f, 0, count);
}

// f(begin, end) for runs that together are [0, count) and start at multiples of grain. Everything runs in the
// calling thread if there is no more than one grain, one thread, or a parallel loop around this one. Inside,
// each thread treats denormals as the caller does and has its num_threads().
template <typename F>
inline void parallel_for(int64_t count, int64_t grain, const F& f) {
    const LoopBody body = [](const void* f, int64_t begin, int64_t end) {
        (*static_cast<const F*>(f))(begin, end);
    };
    run_loop(count, grain, body, &f);
}

}  // namespace pydl::PYDL_ISA
