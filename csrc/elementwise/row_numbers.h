// Numbers that name rows: from 0 up to how many there are, which is seen to before the first is used.
#pragma once
#include "elementwise/elementwise.h"
#include "parallel.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {
namespace {

using Index = Array<const int64_t, 3>;

[[gnu::noinline]] bool are_inside(const int64_t* numbers, int64_t step, int64_t count, int64_t K) {
    vec<int64_t> outside{};
    bool wrong = false;
    int64_t i = 0;
    if (step == 1)
        for (; i + width<int64_t> <= count; i += width<int64_t>) {
            const vec<int64_t> each = load(numbers + i);
            outside |= (each < 0) | (each >= K);
        }
    for (; i < count; ++i) wrong |= uint64_t(numbers[i * step]) >= uint64_t(K);
    return !wrong && !any(outside);
}

// Refuses numbers outside of 0 .. K - 1, before any is used.
[[gnu::noinline]] void check_index(const Index& index, int64_t K, const char* message) {
    if (index.size() == 0) return;
    int64_t n[3];
    for (int d = 0; d < 3; ++d) n[d] = index.stride[d] == 0 ? 1 : index.shape[d];
    const int inner = n[2] > 1 ? 2 : 1, outer = 3 - inner;
    // Long lines are cut, so that there is work for all threads in one of them.
    const int64_t parts = (n[inner] - 1) / kElementwiseGrain + 1, count = (n[inner] - 1) / parts + 1;
    bool refused = false;
    parallel_for(n[0] * n[outer] * parts, kElementwiseGrain / count + 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t row = i / parts, first = i % parts * count, left = n[inner] - first;
            const int64_t* numbers = index.data + row / n[outer] * index.stride[0] +
                                     row % n[outer] * index.stride[outer] + first * index.stride[inner];
            if (!are_inside(numbers, index.stride[inner], left < count ? left : count, K))
                __atomic_store_n(&refused, true, __ATOMIC_RELAXED);
        }
    });
    require(!refused, message);
}

}  // namespace
}  // namespace pydl::PYDL_ISA
