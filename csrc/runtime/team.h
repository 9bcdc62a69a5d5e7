// The threads that share a parallel loop with the thread that calls it.
//
// OpenMP creates, numbers and places them, in one parallel region that lasts as long as the process. A loop
// opens no region of its own, because a region begins and ends only when all of its threads have come: one
// that sleeps takes some 50 microseconds to wake, one whose core another process has taken takes
// milliseconds. Here a loop is cut into parts, every thread takes the part that is its own, and whoever is
// done goes on with parts that nobody has taken yet. So the caller waits only for work that another thread
// has begun.
#pragma once

#include <cstdint>

namespace pydl {

// Runs the items [begin, end) of a loop. Must not throw.
using LoopPart = void (*)(const void* loop, int64_t begin, int64_t end);

// Runs the items [0, count) of a loop, cut into parts, in this thread and others, num_threads() in all;
// returns when all are done. Returns false, and nothing was run, where there is nobody to share with: one
// item, one thread, a loop inside of a loop, or another thread's loop in progress.
bool run_in_team(int64_t count, LoopPart run, const void* loop);

}  // namespace pydl
