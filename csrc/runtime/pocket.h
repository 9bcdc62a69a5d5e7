// Memory for the temporaries of kernels: what a thread gives back stays in its pocket for the next ones of
// the thread. So no thread waits for another's lock, and none finds its temporaries in the cache of another
// core.
#pragma once

#include <cstddef>

namespace pydl {

// A piece of memory that a function of this thread has taken. They are given back in reverse order, and each
// knows the one taken before it.
struct Temporary {
    void* memory;
    Temporary* before;
};

// Takes memory as arena_allocate does (arena.h), until pocket_free in the same thread. Only within
// run_to_end, which it ends if there is none (fail.h).
void pocket_allocate(Temporary& temporary, size_t bytes) noexcept;
void pocket_free(Temporary& temporary) noexcept;

// The one that this thread has taken last, or null; and gives back all that were taken after it.
Temporary* last_temporary() noexcept;
void free_temporaries_after(Temporary* kept) noexcept;

// What all pockets hold; and gives it back to the arena.
size_t bytes_in_pockets() noexcept;
void empty_pockets() noexcept;

}  // namespace pydl
