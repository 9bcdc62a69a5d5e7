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

// Parts worth a thread each, for a step of so many multiply-adds. Has no influence on results.
inline int64_t team_parts(int64_t groups, int64_t work) {
    constexpr int64_t thread_work = 24000;
    int64_t parts = work / thread_work;
    if (parts > num_threads()) parts = num_threads();
    if (parts > groups) parts = groups;
    return parts < 1 ? 1 : parts;
}

// Whether threads had better share the units than the rows: where there are too few rows, or where the
// weights of all units are more than the cache of one core.
inline bool shares_units(int64_t rows, int64_t parts, int64_t weight_bytes) {
    constexpr int64_t cache_bytes = 1 << 20;
    return parts > 1 && (rows < num_threads() || weight_bytes > cache_bytes);
}

}  // namespace pydl::PYDL_ISA
