// Memory for temporaries: what a thread gives back stays in its pocket for the next ones of the thread. So no
// thread waits for another's lock, and none finds its temporaries in the cache of another core.
#pragma once

#include <cstddef>

namespace pydl {

// As arena_allocate (arena.h).
void* pocket_allocate(size_t bytes);

// Gives back what pocket_allocate returned, in the same thread; null is allowed.
void pocket_free(void* pointer) noexcept;

// What all pockets hold; and gives it back to the arena.
size_t bytes_in_pockets() noexcept;
void empty_pockets() noexcept;

}  // namespace pydl
