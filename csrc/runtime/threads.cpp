#include "threads.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "fail.h"

namespace pydl {
namespace {

int processors_allowed() {
#if defined(__linux__)
    // A fixed cpu_set_t holds 1024 processors; on larger machines the call fails and the fall-back counts
    // them.
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
#endif
    return std::max(1, int(std::thread::hardware_concurrency()));
}

// Processors' worth of time that one control group grants, rounded up; 0 if it sets no limit.
int quota_of_group(const std::string& folder) {
    std::string quota;
    double period = 0;
    if (std::ifstream file(folder + "/cpu.max"); file >> quota >> period) {
        if (quota == "max" || period <= 0) return 0;
        return int(std::ceil(std::atof(quota.c_str()) / period));
    }
    double microseconds = 0;
    std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
    std::ifstream period_file(folder + "/cpu.cfs_period_us");
    if (quota_file >> microseconds && period_file >> period && microseconds > 0 && period > 0)
        return int(std::ceil(microseconds / period));
    return 0;
}

int default_count() {
    int count = processors_allowed();
    if (const int quota = control_group_quota("/proc/self/cgroup", "/sys/fs/cgroup"); quota > 0)
        count = std::min(count, quota);
    if (const char* wanted = std::getenv("OMP_NUM_THREADS")) {
        // The variable may be a list, one number for each level of nesting; the first is ours.
        if (const int number = std::atoi(wanted); number > 0) count = std::min(count, number);
    }
    return count;
}

std::atomic<int> chosen{0};  // 0: not yet asked for
std::atomic<bool> forked{false};

[[maybe_unused]] const int fork_watch = pthread_atfork(nullptr, nullptr, [] { forked = true; });

int threads_now() {
    if (forked.load(std::memory_order_relaxed)) return 1;
    int count = chosen.load(std::memory_order_relaxed);
    if (count == 0) {
        int unset = 0;
        const int initial = default_count();
        count = chosen.compare_exchange_strong(unset, initial) ? initial : unset;
    }
    return count;
}

}  // namespace

int control_group_quota(const std::string& memberships, const std::string& root) {
    int least = 0;
    std::ifstream file(memberships);
    for (std::string line; std::getline(file, line);) {
        // number:controllers:/group; version 2 has no controllers and lies in the root itself.
        const size_t first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        if (controllers != ",," && controllers.find(",cpu,") == std::string::npos) continue;
        const std::string mounted = root + (controllers == ",," ? "" : "/cpu");
        // A group's limit is one of the groups in it, too.
        for (std::string group = line.substr(second + 1);; group.erase(group.rfind('/'))) {
            const int quota = quota_of_group(mounted + group);
            if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
            if (group.find('/') == std::string::npos) break;
        }
    }
    return least;
}

int num_threads() {
    int* const of_kernel = threads_of_kernel();
    if (of_kernel == nullptr) return threads_now();
    if (*of_kernel == 0) *of_kernel = threads_now();
    return *of_kernel;
}

void set_num_threads(int count) {
    if (count < 1)
        throw std::invalid_argument("set_num_threads: the count is " + std::to_string(count) +
                                    " but must be at least 1");
    forked = false;
    chosen = std::min(count, most_threads);
}

}  // namespace pydl
