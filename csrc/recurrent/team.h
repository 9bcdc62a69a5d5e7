// Threads that go through time together, each with some units: for so few rows that these cannot keep the
// threads busy. All units of a step need all of the step before, so the threads meet after every step.
//
// The units are cut into parts. A part has its own thread, which takes it in every step, so that its weights
// stay in that thread's cache; but if that thread does not come, because it sleeps or another process has its
// core, then another one takes the part. So nobody waits for work that nobody has begun, and one thread alone
// gets through.
//
// What another core has written in the step before comes from there line by line, each as slowly as from
// memory: whoever reads it number by number asks for all its lines beforehand.
#pragma once

#include "parallel.h"
#include "recurrent/panels.h"
#include "recurrent/rows.h"
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
        run([](const void* f, int64_t part, int64_t s) { (*static_cast<const F*>(f))(part, s); }, &step);
    }

  private:
    static constexpr int64_t line = 16;  // numbers apart, so that no two threads write the same cache line
    static constexpr int64_t polls_between_yields = 256, polls_until_help = 16 * polls_between_yields;

    int64_t* begun(int64_t part) const { return progress_.data() + part * line; }
    int64_t* done(int64_t part) const { return progress_.data() + part * line + line / 2; }

    bool is_done(int64_t part, int64_t s) const { return __atomic_load_n(done(part), __ATOMIC_ACQUIRE) > s; }

    // A step, for those who do not know its type.
    using Step = void (*)(const void* f, int64_t part, int64_t s);

    [[gnu::noinline]] void run(Step step, const void* f) const {
        if (parts_ == 1) {
            for (int64_t s = 0; s < steps_; s++) step(f, 0, s);
            return;
        }
        parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
            for (int64_t s = 0; s < steps_; s++) {
                for (int64_t p = begin; p < end; p++) take(p, s, step, f);
                for (int64_t p = 0; p < parts_; p++)
                    for (int64_t patience = 0; !is_done(p, s); patience++) {
                        if (patience % polls_between_yields != polls_between_yields - 1) continue;
                        if (patience > polls_until_help) take(p, s, step, f);
                        yield();
                    }
            }
        });
    }

    void take(int64_t part, int64_t s, Step step, const void* f) const {
        int64_t expected = s;
        if (!__atomic_compare_exchange_n(begun(part), &expected, s + 1, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            return;
        step(f, part, s);
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

// Into how many parts threads share the units of a layer of N directions and B rows, whose units come in so
// many groups; 1 if they had better share the directions and rows. A step takes a thread the multiply-adds of
// its rows, some more to read the weights it uses, and, where units are shared, to wait for the others. work:
// multiply-adds of a row in a step. large: whether the weights of all units are more than the cache of one
// core. All rows have to fit a register tile, or weights would be read for each of several. Has no influence
// on results.
[[gnu::noinline]] inline int64_t shared_parts(int64_t N, int64_t B, int64_t tile_rows, int64_t groups,
                                              int64_t work, bool large) {
    constexpr double part_work = 16000, meeting = 40000, reading = 1.5;
    constexpr int64_t rows_enough = 4;
    const int64_t threads = num_threads();
    int64_t parts = int64_t(double(work) * double(B) / part_work);
    if (parts > threads) parts = threads;
    if (parts > groups) parts = groups;
    if (parts < 2) return 1;
    if (large) return parts;
    if (N * B >= rows_enough * threads || B > tile_rows) return 1;
    const double rows = double((N * B - 1) / threads + 1);
    const double share = double((groups - 1) / parts + 1) / double(groups);
    const double by_units = double(N) * ((double(B) + reading) * double(work) * share + meeting);
    return by_units < (rows + reading) * double(work) ? parts : 1;
}

// Where a part's units begin: with a whole vector.
template <typename T>
int64_t first_unit(int64_t H, int64_t part, int64_t parts) {
    const int64_t unit = (H + width<T> - 1) / width<T> * part / parts * width<T>;
    return unit < H ? unit : H;
}

// f(direction, rows, parts) for all rows of all directions of a layer: in parallel for some of them, or for
// all rows of one direction after the other, whose units threads share. work: multiply-adds of a row in a
// step.
template <typename T, typename Layer, typename F>
void for_rows_or_units(const Layer& layer, int64_t work, const F& f) {
    constexpr int64_t cache_bytes = 1 << 20;
    const Batch& batch = layer.pass.batch;
    const Deal deal(batch);
    const int64_t N = layer.N, B = layer.B;
    const bool few = B <= few_rows;
    const int64_t groups = few ? layer.groups : (layer.H + width<T> - 1) / width<T>;
    const int64_t rows = few ? few_rows : recurrent_tile_rows<T>(layer.columns);
    const bool large = few && work * int64_t(sizeof(T)) > cache_bytes;
    const int64_t parts = shared_parts(N, B, rows, groups, work, large);
    if (parts < 2)
        return for_rows(N, batch, layer.pass.reverse, work,
                        [&](Direction direction, int64_t first, int64_t count) {
                            f(direction, OwnRows(batch, deal(first), count), 1);
                        });
    const OwnRows own(batch, deal(0), B);
    for (int64_t n = 0; n < N; n++) f(Direction(n, layer.pass.reverse), own, parts);
}

}  // namespace pydl::PYDL_ISA
