// Memory for outputs and temporaries: aligned, and kept after use, because asking the operating system for
// fresh pages costs more than many kernels that fill them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pydl {

// At least `bytes` bytes (0 is allowed), aligned to 64, contents undefined. Safe to call from any thread.
// Throws std::bad_alloc if the size overflows or the system has no memory.
void* arena_allocate(size_t bytes);

// Gives back what arena_allocate returned (null is allowed).
void arena_free(void* pointer) noexcept;

// How many bytes there are where arena_allocate has pointed to.
size_t arena_bytes(const void* pointer) noexcept;

// Returns the cached large blocks to the operating system.
void arena_trim() noexcept;

struct ArenaStatistics {
    size_t bytes_in_use;  // in blocks handed out, rounded up to their size class
    size_t bytes_cached;  // in free blocks waiting for reuse
    size_t peak_bytes_in_use;
    size_t system_requests;  // calls to the operating system for memory so far
};
ArenaStatistics arena_statistics();

}  // namespace pydl
