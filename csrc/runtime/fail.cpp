#include "fail.h"

#include <setjmp.h>

#include <new>
#include <stdexcept>

#include "pocket.h"

namespace pydl {
namespace {

// Where run_to_end was called, and what the thread held then.
struct Way {
    jmp_buf start;
    const char* failure;
    Temporary* held;
    int threads;
    Way* outer;
};
thread_local Way* innermost = nullptr;

}  // namespace

const char no_memory[] = "no memory";

int* threads_of_kernel() noexcept {
    return innermost ? &innermost->threads : nullptr;
}

const char* run_to_end(void (*f)(const void*), const void* argument, int threads) noexcept {
    Way way;
    way.failure = nullptr;
    way.held = last_temporary();
    way.threads = threads;
    way.outer = innermost;
    innermost = &way;
    if (_setjmp(way.start) == 0)  // not setjmp, which on some systems asks for the mask of signals, too
        f(argument);
    innermost = way.outer;
    return way.failure;
}

void fail(const char* message) noexcept {
    Way& way = *innermost;
    way.failure = message;
    free_temporaries_after(way.held);
    longjmp(way.start, 1);
}

void throw_failure(const char* message) {
    if (message == no_memory) throw std::bad_alloc();
    throw std::invalid_argument(message);
}

}  // namespace pydl
