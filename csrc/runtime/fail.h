// How a kernel ends before its end: it refuses its arguments, which Python sees as a ValueError, or there is
// no memory for its temporaries, which is a MemoryError.
//
// Kernels are compiled without exceptions, because the tables that lead an exception out of thousands of
// functions were a twentieth of the wheel. A kernel that fails jumps out of all its functions at once, back
// to run_to_end, which gives back the temporaries that they held (pocket.h). On that way no destructor runs,
// so a kernel may hold nothing else that has to be undone.
#pragma once

namespace pydl {

// Runs f(argument). Null if it came to its end; else what fail() was given in it, in this thread. threads:
// the num_threads() of the kernel that f is a part of, 0 if it is a kernel (threads.h).
const char* run_to_end(void (*f)(const void*), const void* argument, int threads = 0) noexcept;

// The num_threads() of the kernel that this thread runs, 0 before it was asked for; null outside of kernels.
int* threads_of_kernel() noexcept;

// Ends the innermost run_to_end of this thread. The message is kept as a pointer.
[[noreturn]] void fail(const char* message) noexcept;

// The message of those that could not have memory.
extern const char no_memory[];

// Throws what a message stands for, outside of kernels.
[[noreturn]] void throw_failure(const char* message);

}  // namespace pydl
