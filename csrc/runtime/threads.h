// How many threads a parallel loop may use.
#pragma once

#include <string>

namespace pydl {

// More cannot be asked for: a team has a place for each.
constexpr int most_threads = 1024;

// At least 1, and the same from a kernel's first look to its end, in all its threads, because kernels plan
// with it, whatever another thread of Python sets meanwhile. Until it is set: OMP_NUM_THREADS if given, at
// most the processors this process may run on and the share of them its control group grants. 1 in a forked
// child, which is most often one of many that share the processors, until it is set there.
int num_threads();

// Throws std::invalid_argument unless count >= 1.
void set_num_threads(int count);

// Processors' worth of time that a process's control groups and those around them grant, rounded up; 0 if
// none sets a limit. memberships: its file in /proc; root: where the groups are mounted.
int control_group_quota(const std::string& memberships, const std::string& root);

}  // namespace pydl
