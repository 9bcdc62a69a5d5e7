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
constexpr int most_parts = most_threads;

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
// touches nothing of the loop. Part 0 is the caller's, and no other thread asks for it.
//
// Between two cores a cache line takes as long as hundreds of multiplications. So what announces a loop is
// one line, and a part another, which says both that it is claimed and that it is done: to share a loop with
// one thread, three lines change cores.
class Team {
  public:
    void run(int threads, int64_t count, LoopPart run, const void* loop) {
        hold(threads);
        bool awake = true;
        for (int i = 1; i < threads; ++i) awake &= !members_[i].waiter.asleep();
        const int wanted = awake ? threads : std::min(threads * parts_if_asleep, most_parts);
        const int parts = int(std::min<int64_t>(count, wanted));
        run_ = run;
        loop_ = loop;
        count_ = count;
        threads_.store(threads, std::memory_order_relaxed);
        const uint64_t ticket =
            (ticket_.load(std::memory_order_relaxed) / parts_limit + 1) * parts_limit + parts;
        ticket_.store(ticket);
        if (!awake)
            for (int i = 1; i < threads; ++i) members_[i].waiter.wake();
        run_part(0, parts);
        work(0, ticket);
        int first = 1;  // of those that are not done
        const auto all_done = [&] {
            while (first < parts && parts_[first].done.load() == ticket) ++first;
            return first == parts;
        };
        if (!all_done()) caller_.wait(patience(), all_done);
    }

  private:
    static constexpr uint64_t parts_limit = 1 << 16;
    static_assert(most_parts < parts_limit);

    // What is written by different threads lies in different cache lines.
    struct alignas(128) Member {
        Waiter waiter;
    };
    struct alignas(128) Part {
        std::atomic<uint64_t> claim{0}, done{0};  // the last tickets
    };

    // Starts threads until there are as many as asked for, the caller among them.
    void hold(int threads) {
        if (threads <= held_) return;
        const int first = held_;
        held_ = threads;
        // Where none are to be had, the caller does what would have been their parts.
        try {
            std::thread([=] {
                if (are_to_be_had(threads - first)) keep(first, threads - first);
            }).detach();
        } catch (const std::system_error&) {
        }
    }

    // Whether the system has memory and numbers for so many threads more at once: OpenMP ends the process
    // where it cannot start one.
    static bool are_to_be_had(int count) {
        pthread_t threads[most_threads];
        pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;  // closed until all are there
        const auto pass = [](void* gate) -> void* {
            pthread_mutex_lock(static_cast<pthread_mutex_t*>(gate));
            pthread_mutex_unlock(static_cast<pthread_mutex_t*>(gate));
            return nullptr;
        };
        pthread_mutex_lock(&gate);
        int started = 0;
        while (started < count && pthread_create(&threads[started], nullptr, pass, &gate) == 0) ++started;
        pthread_mutex_unlock(&gate);
        for (int i = 0; i < started; ++i) pthread_join(threads[i], nullptr);
        return started == count;
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
            if (work(i, seen)) caller_.wake();
        }
    }

    // Runs the parts that are still free, those of thread i first. Whether there was one.
    bool work(int i, uint64_t ticket) {
        const int parts = int(ticket % parts_limit);
        const int start = int(int64_t(i) * parts / threads_.load(std::memory_order_relaxed)) % parts;
        bool any = false;
        for (int k = 0; k < parts; ++k) {
            const int part = start + k < parts ? start + k : start + k - parts;
            if (part == 0 || !claim(part, ticket)) continue;
            // The loop is not over before this part is, so its description is still there.
            run_part(part, parts);
            parts_[part].done.store(ticket);
            any = true;
        }
        return any;
    }

    bool claim(int part, uint64_t ticket) {
        std::atomic<uint64_t>& claim = parts_[part].claim;
        uint64_t last = claim.load(std::memory_order_relaxed);
        return last < ticket && claim.compare_exchange_strong(last, ticket);
    }

    void run_part(int part, int parts) {
        const int64_t size = count_ / parts, rest = count_ % parts;
        const int64_t begin = part * size + std::min<int64_t>(part, rest);
        run_(loop_, begin, begin + size + (part < rest));
    }

    int held_ = 1;
    alignas(128) std::atomic<uint64_t> ticket_{0};
    std::atomic<int> threads_{1};
    int64_t count_ = 0;
    LoopPart run_ = nullptr;
    const void* loop_ = nullptr;
    alignas(128) Waiter caller_;
    Part parts_[most_parts];
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
