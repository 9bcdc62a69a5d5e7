// How many threads a parallel loop may use.
#pragma once

namespace pydl {

// At least 1. Until it is set: OMP_NUM_THREADS if given, at most the processors this process may run on and
// the share of them its control group grants. Always 1 in a forked child, because the threads of the OpenMP
// pool do not live there and a loop that waits for them would never return.
int num_threads();

// Throws std::invalid_argument unless count >= 1.
void set_num_threads(int count);

}  // namespace pydl
