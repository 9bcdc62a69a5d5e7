// Gathering image patches into a panel: for each step of the product the same few vectors are copied, each
// time from another place.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// One vector: to which lane, from where relative to the step's place, and how many of its numbers are wanted.
struct VectorCopy {
    int64_t lane, source, left;
};

// Gathers `depth` steps of a panel: each is the same copies, from another place. A copy may write beyond its
// run; what is too much is overwritten by the next copy or step. With Exact it reads nothing beyond it.
template <bool Exact, int Count, typename T>
void copy_fixed_steps(T* to, int64_t pitch, const T* const* from, int64_t depth, const VectorCopy* copies) {
    VectorCopy copy[Count];
    for (int i = 0; i < Count; i++) copy[i] = copies[i];
    for (int64_t k = 0; k < depth; k++, to += pitch)
#pragma GCC unroll 8
        for (int i = 0; i < Count; i++) {
            const T* at = from[k] + copy[i].source;
            store(to + copy[i].lane, Exact ? load_partial(at, copy[i].left) : load(at));
        }
}

template <bool Exact, typename T>
void copy_steps(T* to, int64_t pitch, const T* const* from, int64_t depth, const VectorCopy* copies,
                int64_t count) {
    switch (count) {
        case 1:
            return copy_fixed_steps<Exact, 1>(to, pitch, from, depth, copies);
        case 2:
            return copy_fixed_steps<Exact, 2>(to, pitch, from, depth, copies);
        case 3:
            return copy_fixed_steps<Exact, 3>(to, pitch, from, depth, copies);
        case 4:
            return copy_fixed_steps<Exact, 4>(to, pitch, from, depth, copies);
        case 5:
            return copy_fixed_steps<Exact, 5>(to, pitch, from, depth, copies);
        case 6:
            return copy_fixed_steps<Exact, 6>(to, pitch, from, depth, copies);
    }
    for (int64_t k = 0; k < depth; k++, to += pitch)
        for (int64_t i = 0; i < count; i++) {
            const T* at = from[k] + copies[i].source;
            store(to + copies[i].lane, Exact ? load_partial(at, copies[i].left) : load(at));
        }
}

}  // namespace pydl::PYDL_ISA
