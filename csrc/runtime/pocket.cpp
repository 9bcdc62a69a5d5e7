#include "pocket.h"

#include <pthread.h>

#include <mutex>
#include <new>

#include "arena.h"
#include "fail.h"

namespace pydl {
namespace {

// What is larger stays in the arena, so that it can become a result as well, near at hand as it is. The arena
// gives a thread one of its own if it can.
constexpr size_t largest = size_t(256) << 10, most_bytes = size_t(4) << 20;
constexpr int most_blocks = 32;

// Sizes are rounded up, so that those that differ a little share: to what fills a class of the arena, whose
// blocks have 64 bytes of their own, eight classes to a doubling.
size_t rounded(size_t bytes) {
    bytes += 64;
    if (bytes <= 1024) return 1024 - 64;
    const size_t step = (size_t(1) << (63 - __builtin_clzll(bytes - 1))) / 8;
    return (bytes + step - 1) / step * step - 64;
}

// The lock is for those who look into all pockets; the owner finds it open. The last block is the one given
// back last.
struct alignas(128) Pocket {
    std::mutex mutex;
    size_t bytes = 0;
    int count = 0;
    struct {
        size_t bytes;
        void* memory;
    } blocks[most_blocks];
    Pocket *next, *previous;

    void* take(size_t size) {
        for (int i = count - 1; i >= 0; --i)
            if (blocks[i].bytes == size) return remove(i);
        return nullptr;
    }
    void* remove(int place) {
        void* memory = blocks[place].memory;
        bytes -= blocks[place].bytes;
        --count;
        for (int i = place; i < count; ++i) blocks[i] = blocks[i + 1];
        return memory;
    }
};

// All pockets, in a ring.
struct Pockets {
    std::mutex mutex;
    Pocket first;
    Pockets() { first.next = first.previous = &first; }

    template <typename F>
    void each(const F& f) {
        for (Pocket* pocket = first.next; pocket != &first; pocket = pocket->next) f(*pocket);
    }
};

// Never destroyed, because threads may end later than every static object.
Pockets& pockets() {
    static Pockets* instance = [] {
        Pockets* created = new Pockets;
        const auto lock = [] {
            pockets().mutex.lock();
            pockets().each([](Pocket& pocket) { pocket.mutex.lock(); });
        };
        const auto unlock = [] {
            pockets().each([](Pocket& pocket) { pocket.mutex.unlock(); });
            pockets().mutex.unlock();
        };
        pthread_atfork(lock, unlock, unlock);
        return created;
    }();
    return *instance;
}

// The pocket of this thread, which it has as long as it lives.
struct Owner {
    Pocket* pocket;

    Owner() : pocket(new Pocket) {
        const std::lock_guard<std::mutex> guard(pockets().mutex);
        Pocket& first = pockets().first;
        pocket->next = &first, pocket->previous = first.previous;
        first.previous = first.previous->next = pocket;
    }
    ~Owner() {
        {
            const std::lock_guard<std::mutex> guard(pockets().mutex);
            pocket->next->previous = pocket->previous;
            pocket->previous->next = pocket->next;
        }
        while (pocket->count > 0) arena_free(pocket->remove(0));
        delete pocket;
    }
};
Pocket& own_pocket() {
    thread_local Owner owner;
    return *owner.pocket;
}

#if defined(__SANITIZE_ADDRESS__)
void* take(Pocket&, size_t bytes) {
    return arena_allocate(bytes);
}
void give_back(Pocket&, void* memory) noexcept {
    arena_free(memory);
}
#else
void* take(Pocket& own, size_t bytes) {
    const size_t size = rounded(bytes);
    if (size > largest) return arena_allocate(bytes);
    {
        const std::lock_guard<std::mutex> guard(own.mutex);
        if (void* memory = own.take(size)) return memory;
    }
    return arena_allocate(size);
}

void give_back(Pocket& own, void* memory) noexcept {
    const size_t size = arena_bytes(memory);
    if (size > largest) return arena_free(memory);
    own.mutex.lock();
    while (own.count == most_blocks || own.bytes + size > most_bytes) {
        void* oldest = own.remove(0);
        own.mutex.unlock();
        arena_free(oldest);
        own.mutex.lock();
    }
    own.blocks[own.count++] = {size, memory};
    own.bytes += size;
    own.mutex.unlock();
}
#endif

// The one that this thread's functions have taken last.
thread_local Temporary* last = nullptr;

// Memory, or null where there is none.
void* take(size_t bytes) noexcept {
    try {
        return take(own_pocket(), bytes);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

}  // namespace

void pocket_allocate(Temporary& temporary, size_t bytes) noexcept {
    temporary = {take(bytes), last};
    if (temporary.memory == nullptr) fail(no_memory);
    last = &temporary;
}

void pocket_free(Temporary& temporary) noexcept {
    last = temporary.before;
    give_back(own_pocket(), temporary.memory);
}

Temporary* last_temporary() noexcept {
    return last;
}

void free_temporaries_after(Temporary* kept) noexcept {
    while (last != kept) pocket_free(*last);
}

size_t bytes_in_pockets() noexcept {
    size_t bytes = 0;
    const std::lock_guard<std::mutex> guard(pockets().mutex);
    pockets().each([&](Pocket& pocket) {
        const std::lock_guard<std::mutex> own(pocket.mutex);
        bytes += pocket.bytes;
    });
    return bytes;
}

void empty_pockets() noexcept {
    const std::lock_guard<std::mutex> guard(pockets().mutex);
    pockets().each([](Pocket& pocket) {
        const std::lock_guard<std::mutex> own(pocket.mutex);
        while (pocket.count > 0) arena_free(pocket.remove(0));
    });
}

}  // namespace pydl
