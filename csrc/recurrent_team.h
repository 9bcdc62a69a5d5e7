// Threads that go through time together, each with some units: for so few rows that these cannot keep the
// threads busy. All units of a step need all of the step before, so the threads meet after every step.
//
// The units are cut into parts. A part has its own thread, which takes it in every step, so that its weights
// stay in that thread's cache; but if that thread does not come, because it sleeps or another process has its
// core, then another one takes the part. So nobody waits for work that nobody has begun, and one thread alone
// gets through.
#pragma once

#include "parallel.h"
#include "runtime/threads.h"
#include "scratch.h"

#if __has_include(<sched.h>)
#include <sched.h>
#endif

namespace pydl::PYDL_ISA {

class StepTeam {
  public:
    StepTeam(int64_t parts, int64_t steps) : parts_(parts), steps_(steps), progress_(parts * line) {
        for (int64_t i = 0; i < parts * line; i++) progress_[i] = 0;
    }

    // step(part, s) for every part and s = 0 ... steps - 1, those of one s when all of the one before are
    // done.
    template <typename F>
    void run(const F& step) const {
        if (parts_ == 1) {
            for (int64_t s = 0; s < steps_; s++) step(int64_t(0), s);
            return;
        }
        parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
            for (int64_t s = 0; s < steps_; s++) {
                for (int64_t p = begin; p < end; p++) take(p, s, step);
                for (int64_t p = 0; p < parts_; p++)
                    for (int64_t patience = 0; !is_done(p, s); patience++) {
                        if (patience % polls_between_yields != polls_between_yields - 1) continue;
                        if (patience > polls_until_help) take(p, s, step);
                        yield();
                    }
            }
        });
    }

  private:
    static constexpr int64_t line = 16;  // numbers apart, so that no two threads write the same cache line
    static constexpr int64_t polls_between_yields = 256, polls_until_help = 16 * polls_between_yields;

    int64_t* begun(int64_t part) const { return progress_.data() + part * line; }
    int64_t* done(int64_t part) const { return progress_.data() + part * line + line / 2; }

    bool is_done(int64_t part, int64_t s) const { return __atomic_load_n(done(part), __ATOMIC_ACQUIRE) > s; }

    template <typename F>
    void take(int64_t part, int64_t s, const F& step) const {
        int64_t expected = s;
        if (!__atomic_compare_exchange_n(begun(part), &expected, s + 1, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            return;
        step(part, s);
        __atomic_store_n(done(part), s + 1, __ATOMIC_RELEASE);
    }

    // More threads than cores: whoever else wants this one gets it.
    static void yield() {
#if __has_include(<sched.h>)
        sched_yield();
#endif
    }

    int64_t parts_, steps_;
    Scratch<int64_t> progress_;
};

// Parts into which threads share the units of a layer of N directions, B rows and H units, each worth a
// thread; 1 if the threads had better share the directions and rows. Units are shared where a thread would
// have so few rows that it would read the weights of all units for little, or where these are more than the
// cache of one core. work: multiply-adds of a row in a step. Has no influence on results.
template <typename T>
int64_t shared_parts(int64_t N, int64_t B, int64_t H, int64_t work) {
    constexpr int64_t thread_work = 24000, rows_enough = 4, cache_bytes = 1 << 20;
    const int64_t threads = num_threads(), vectors = (H + width<T> - 1) / width<T>;
    const bool few = N < threads && N * B < rows_enough * threads;
    const bool large = B <= 3 && work * int64_t(sizeof(T)) > cache_bytes;
    if (!few && !large) return 1;
    int64_t parts = work * B / thread_work;
    if (parts > threads) parts = threads;
    if (parts > vectors) parts = vectors;
    return parts < 1 ? 1 : parts;
}

// Where a part's units begin: with a whole vector.
template <typename T>
int64_t first_unit(int64_t H, int64_t part, int64_t parts) {
    const int64_t unit = (H + width<T> - 1) / width<T> * part / parts * width<T>;
    return unit < H ? unit : H;
}

}  // namespace pydl::PYDL_ISA
