#include "team.h"

#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <system_error>
#include <thread>

#include "threads.h"
#include "waiter.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace pydl {
namespace {

// A thread that has to be woken comes late: of smaller parts the others can do some for it meanwhile.
constexpr int parts_if_asleep = 4;
constexpr int most_parts = most_threads * parts_if_asleep;

// How long a thread without work keeps its core. About what it costs to be woken, so that waiting costs at
// most twice what it would have if one had known how long it lasts; and longer than Python needs between two
// operations.
Waiter::Clock::duration patience() {
    static const auto chosen = [] {
        const char* policy = std::getenv("OMP_WAIT_POLICY");
        const std::string wanted = policy ? policy : "";
        if (wanted == "passive" || wanted == "PASSIVE") return std::chrono::microseconds(0);
        if (wanted == "active" || wanted == "ACTIVE") return std::chrono::microseconds(10'000);
        return std::chrono::microseconds(100);
    }();
    return chosen;
}

// Whether this thread is running a part of a loop.
thread_local bool sharing = false;

// A loop is announced by its ticket, a number larger than the ones before with the count of its parts in the
// lowest bits. A part belongs to the thread that writes the ticket into the part's claim. Claims only grow;
// so a thread that comes too late, when the loop or even a later one is over, finds all parts claimed and
// touches nothing of the loop.
class Team {
  public:
    void run(int threads, int64_t count, LoopPart run, const void* loop) {
        hold(threads);
        bool awake = true;
        for (int i = 1; i < threads; ++i) awake &= !members_[i].waiter.asleep();
        const int parts = int(std::min<int64_t>(count, awake ? threads : threads * parts_if_asleep));
        run_ = run;
        loop_ = loop;
        count_ = count;
        threads_.store(threads, std::memory_order_relaxed);
        finished_.store(0, std::memory_order_relaxed);
        const uint64_t ticket =
            (ticket_.load(std::memory_order_relaxed) / parts_limit + 1) * parts_limit + parts;
        ticket_.store(ticket);
        if (!awake)
            for (int i = 1; i < threads; ++i) members_[i].waiter.wake();
        const int begun_by_others = parts - work(0, ticket);
        if (finished_.load() < begun_by_others)
            caller_.wait(patience(), [&] { return finished_.load() == begun_by_others; });
    }

  private:
    static constexpr uint64_t parts_limit = 1 << 16;
    static_assert(most_parts < parts_limit);

    struct alignas(128) Member {  // what is written by different threads lies in different cache lines
        Waiter waiter;
    };

    // Starts threads until there are as many as asked for, the caller among them.
    void hold(int threads) {
        if (threads <= held_) return;
        const int first = held_;
        held_ = threads;
        try {
            std::thread([=] { keep(first, threads - first); }).detach();
        } catch (const std::system_error&) {
            // None to be had. The caller does what would have been their parts.
        }
    }

    // The first thread of the region stands for the caller and only sleeps.
    void keep([[maybe_unused]] int first, [[maybe_unused]] int count) {
#if defined(_OPENMP)
#pragma omp parallel num_threads(count + 1)
        {
            const int i = omp_get_thread_num();
            if (i == 0)
                Waiter().wait({}, [] { return false; });
            else
                serve(first + i - 1);
        }
#endif
    }

    void serve(int i) {
        sharing = true;
        for (uint64_t seen = 0;;) {
            members_[i].waiter.wait(patience(), [&] { return ticket_.load() != seen; });
            seen = ticket_.load();
            if (const int done = work(i, seen); done > 0) {
                finished_.fetch_add(done);
                caller_.wake();
            }
        }
    }

    // Runs the parts that are still free, those of thread i first. Returns how many.
    int work(int i, uint64_t ticket) {
        const int parts = int(ticket % parts_limit);
        const int start = int(int64_t(i) * parts / threads_.load(std::memory_order_relaxed)) % parts;
        int done = 0;
        for (int k = 0; k < parts; ++k) {
            const int part = start + k < parts ? start + k : start + k - parts;
            if (!claim(part, ticket)) continue;
            // The loop is not over before this part is, so its description is still there.
            const int64_t size = count_ / parts, rest = count_ % parts;
            const int64_t begin = part * size + std::min<int64_t>(part, rest);
            run_(loop_, begin, begin + size + (part < rest));
            ++done;
        }
        return done;
    }

    bool claim(int part, uint64_t ticket) {
        uint64_t last = claims_[part].load(std::memory_order_relaxed);
        return last < ticket && claims_[part].compare_exchange_strong(last, ticket);
    }

    LoopPart run_ = nullptr;
    const void* loop_ = nullptr;
    int64_t count_ = 0;
    int held_ = 1;
    std::atomic<int> threads_{1};
    alignas(128) std::atomic<uint64_t> ticket_{0};
    alignas(128) std::atomic<int> finished_{0};
    Waiter caller_;
    alignas(128) std::atomic<uint64_t> claims_[most_parts] = {};
    Member members_[most_threads];
};

std::atomic<Team*> the_team{nullptr};  // never destroyed, because its threads outlive every static object
std::atomic<bool> taken{false};

// The threads do not live in a forked child, which gets a team of its own when it asks for one.
[[maybe_unused]] const int fork_watch = pthread_atfork(nullptr, nullptr, [] {
    the_team = nullptr;
    taken = false;
});

}  // namespace

bool run_in_team(int64_t count, LoopPart run, const void* loop) {
    const int threads = int(std::min<int64_t>(num_threads(), count));
    if (threads <= 1 || sharing || taken.exchange(true)) return false;
    Team* team = the_team.load();
    if (team == nullptr) the_team = team = new Team;
    sharing = true;
    team->run(threads, count, run, loop);
    sharing = false;
    taken = false;
    return true;
}

}  // namespace pydl
