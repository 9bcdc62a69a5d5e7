// Waiting for another thread: ready to go on at once for a while, then asleep.
#pragma once

#include <sched.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace pydl {

class Waiter {
  public:
    using Clock = std::chrono::steady_clock;

    // Returns when until() is true. What until() reads must be an atomic that the other thread writes before
    // it calls wake(), both with sequential consistency: then one of the two sees what the other has written.
    template <typename Condition>
    void wait(Clock::duration patience, const Condition& until) {
        if (spin(patience, until)) return;
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            asleep_.store(true);
            if (until()) break;
            condition_.wait(lock);
        }
        asleep_.store(false);
    }

    bool asleep() const { return asleep_.load(); }

    void wake() {
        if (!asleep()) return;
        {
            const std::lock_guard<std::mutex> guard(mutex_);
            asleep_.store(false);
        }
        condition_.notify_one();
    }

  private:
    template <typename Condition>
    static bool spin(Clock::duration patience, const Condition& until) {
        const Clock::time_point start = Clock::now();
        Clock::time_point now = start, before;
        do {
            for (int i = 0; i < 16; ++i) {
                if (until()) return true;
                pause();
            }
            // Whoever else wants this core gets it. Then this thread had better sleep, for it is woken on an
            // idle core if there is one.
            sched_yield();
            before = now;
            now = Clock::now();
        } while (now - start < patience && now - before < interruption);
        return until();
    }

    static constexpr std::chrono::microseconds interruption{20};

    // Leaves the core's resources to its other hardware thread for a moment.
    static void pause() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("isb" ::: "memory");
#endif
    }

    std::mutex mutex_;
    std::condition_variable condition_;
    std::atomic<bool> asleep_{false};
};

}  // namespace pydl
