#include "arena.h"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#include "pocket.h"

namespace pydl {
namespace {

// A block is a 64-byte header followed by the caller's memory. Sizes (header included) come in classes, eight
// to a doubling, so at most an eighth is lost to rounding. Small blocks are cut from slabs and never leave
// them; a large block is a mapping of its own and can be returned to the system.
constexpr size_t alignment = 64;
constexpr size_t huge_page = size_t(2) << 20;
constexpr size_t slab_bytes = huge_page;
constexpr size_t smallest = 128;
constexpr size_t small_limit = size_t(256) << 10;
constexpr int steps = 8;
constexpr int classes = 40 * steps;
// A large block may be so many classes larger than what is asked for. Without that, batches of sequences,
// whose sizes differ from step to step, would go on asking the system for memory.
constexpr int spare_steps = 4;
// What may be cached beyond the largest amount ever in use at once, so that a program whose sizes keep
// changing does not hold a copy of every size it has seen.
// So many of the blocks given back last are asked whose they were.
constexpr size_t own_wanted = 16;
constexpr size_t cache_slack = size_t(64) << 20;

struct alignas(alignment) Header {
    size_t bytes;   // of the block with its header, the size of its class
    size_t mapped;  // bytes of its own mapping, 0 for a block cut from a slab
    int size_class;
    uint64_t freed_at;     // for large blocks: a counter, to find the one unused longest
    const void* freed_by;  // the thread
};
static_assert(sizeof(Header) == alignment);

int class_of(size_t bytes) {
    if (bytes <= smallest) return 0;
    const size_t last = bytes - 1;
    const int log = 63 - __builtin_clzll(last);               // 2^log <= last
    const int step = int((last >> (log - 3)) & (steps - 1));  // its next three bits
    return (log - 7) * steps + step + 1;
}

size_t class_bytes(int size_class) {
    if (size_class == 0) return smallest;
    const int log = (size_class - 1) / steps + 7, step = (size_class - 1) % steps;
    const size_t bytes = (size_t(1) << log) + (size_t(step + 1) << (log - 3));
    return (bytes + alignment - 1) / alignment * alignment;
}

const void* this_thread() {
    thread_local char place;
    return &place;
}

class Arena {
  public:
    void* allocate(size_t bytes) {
        if (bytes > (size_t(1) << 46))
            throw std::bad_alloc();  // beyond any address space; also guards the sums below
        const int size_class = class_of(bytes + sizeof(Header));
        const std::lock_guard<std::mutex> guard(mutex_);
        Header* block = take_cached(size_class);
        if (block != nullptr) {
            statistics_.bytes_cached -= block->bytes;
        } else {
            const size_t size = class_bytes(size_class);
            block = size <= small_limit ? cut(size) : map(size);
            block->size_class = size_class;
            // Room for every block of the class to be free at once, so that freeing never allocates.
            auto& list = free_[size_class];
            if (++existing_[size_class] > list.capacity()) list.reserve(2 * existing_[size_class]);
        }
        statistics_.bytes_in_use += block->bytes;
        statistics_.peak_bytes_in_use = std::max(statistics_.peak_bytes_in_use, statistics_.bytes_in_use);
        return block + 1;
    }

    void free(void* pointer) noexcept {
        Header* block = static_cast<Header*>(pointer) - 1;
        const std::lock_guard<std::mutex> guard(mutex_);
        statistics_.bytes_in_use -= block->bytes;
        statistics_.bytes_cached += block->bytes;
        block->freed_at = ++clock_;
        block->freed_by = this_thread();
        free_[block->size_class].push_back(block);
        while (statistics_.bytes_cached > statistics_.peak_bytes_in_use + cache_slack && unmap_oldest()) {
        }
    }

    void trim() noexcept {
        const std::lock_guard<std::mutex> guard(mutex_);
        while (unmap_oldest()) {
        }
    }

    ArenaStatistics statistics() {
        const std::lock_guard<std::mutex> guard(mutex_);
        return statistics_;
    }

    std::mutex& mutex() { return mutex_; }

  private:
    // A free block for a size of this class, if there is one; of the last ones given back, one that this
    // thread has used, which may still be in its core's cache.
    Header* take_cached(int size_class) {
        const int last = size_class + (class_bytes(size_class) > small_limit ? spare_steps : 0);
        std::vector<Header*>* list = nullptr;
        size_t place = 0;
        for (int c = size_class; c <= last && c < classes; c++) {
            const size_t count = free_[c].size();
            for (size_t i = 0; i < std::min(count, own_wanted); i++)
                if (free_[c][count - 1 - i]->freed_by == this_thread()) return take(free_[c], count - 1 - i);
            if (list == nullptr && count > 0) list = &free_[c], place = count - 1;
        }
        return list != nullptr ? take(*list, place) : nullptr;
    }
    static Header* take(std::vector<Header*>& list, size_t place) {
        Header* block = list[place];
        list.erase(list.begin() + place);
        return block;
    }

    void* request(size_t bytes) {
        statistics_.system_requests++;
        void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return memory == MAP_FAILED ? nullptr : memory;
    }

    // A fresh mapping, on a huge-page boundary if it is large enough to gain from huge pages.
    Header* map(size_t bytes) {
        const size_t page = bytes >= huge_page ? huge_page : 4096;
        const size_t mapped = (bytes + page - 1) / page * page;
        const size_t spare = bytes >= huge_page ? huge_page : 0;
        char* memory = static_cast<char*>(request(mapped + spare));
        if (memory == nullptr) {
            while (unmap_oldest()) {
            }
            memory = static_cast<char*>(request(mapped + spare));
            if (memory == nullptr) throw std::bad_alloc();
        }
        if (spare > 0) {
            char* start = memory + (huge_page - reinterpret_cast<uintptr_t>(memory) % huge_page) % huge_page;
            if (start > memory) munmap(memory, start - memory);
            char* end = memory + mapped + spare;
            if (end > start + mapped) munmap(start + mapped, end - (start + mapped));
            memory = start;
#if defined(MADV_HUGEPAGE)
            madvise(memory, mapped, MADV_HUGEPAGE);
#endif
        }
        Header* block = reinterpret_cast<Header*>(memory);
        block->bytes = bytes;
        block->mapped = mapped;
        return block;
    }

    Header* cut(size_t bytes) {
        if (size_t(slab_end_ - slab_) < bytes) {
            // What is left of the old slab is given up: less than one small block in eight.
            slab_ = reinterpret_cast<char*>(map(slab_bytes));
            slab_end_ = slab_ + slab_bytes;
        }
        Header* block = reinterpret_cast<Header*>(slab_);
        slab_ += bytes;
        block->bytes = bytes;
        block->mapped = 0;
        return block;
    }

    // Returns the large free block that has been unused longest; false if there is none.
    bool unmap_oldest() noexcept {
        Header* oldest = nullptr;
        for (int c = class_of(small_limit + 1); c < classes; c++) {
            // Lists are last in, first out: the oldest of each is its first.
            if (!free_[c].empty() && (oldest == nullptr || free_[c].front()->freed_at < oldest->freed_at))
                oldest = free_[c].front();
        }
        if (oldest == nullptr) return false;
        auto& list = free_[oldest->size_class];
        list.erase(list.begin());
        existing_[oldest->size_class]--;
        statistics_.bytes_cached -= oldest->bytes;
        munmap(oldest, oldest->mapped);
        return true;
    }

    std::mutex mutex_;
    std::vector<Header*> free_[classes];
    size_t existing_[classes] = {};
    char* slab_ = nullptr;
    char* slab_end_ = nullptr;
    uint64_t clock_ = 0;
    ArenaStatistics statistics_ = {};
};

// Never destroyed: arrays may outlive every static object.
Arena& arena() {
    static Arena* instance = [] {
        Arena* created = new Arena;
        // A fork while another thread holds the lock would leave it locked for ever in the child.
        pthread_atfork([] { arena().mutex().lock(); }, [] { arena().mutex().unlock(); },
                       [] { arena().mutex().unlock(); });
        return created;
    }();
    return *instance;
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
// The sanitizer watches the bounds of what malloc returns; the arena's blocks lie side by side unseen.
void* arena_allocate(size_t bytes) {
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment, bytes) != 0) throw std::bad_alloc();
    return memory;
}

void arena_free(void* pointer) noexcept {
    std::free(pointer);
}
#else
void* arena_allocate(size_t bytes) {
    return arena().allocate(bytes);
}

void arena_free(void* pointer) noexcept {
    if (pointer != nullptr) arena().free(pointer);
}
#endif

size_t arena_bytes(const void* pointer) noexcept {
    return (static_cast<const Header*>(pointer) - 1)->bytes - sizeof(Header);
}

void arena_trim() noexcept {
    empty_pockets();
    arena().trim();
}

ArenaStatistics arena_statistics() {
    ArenaStatistics statistics = arena().statistics();
    const size_t kept = bytes_in_pockets();
    statistics.bytes_in_use -= kept, statistics.bytes_cached += kept;
    return statistics;
}

}  // namespace pydl
