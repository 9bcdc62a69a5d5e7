// A padded batch of sequences: which rows take part in a step, and rows of memory.
#pragma once

#include "lstm.h"

namespace pydl::PYDL_ISA {

using Lengths = Optional<Array<const int64_t, 1>>;

inline bool valid_lengths(const Lengths& lengths, int64_t steps, int64_t rows) {
    if (!lengths) return true;
    if (lengths->shape[0] != rows) return false;
    for (int64_t b = 0; b < rows; b++)
        if ((*lengths)(b) < 0 || (*lengths)(b) > steps) return false;
    return true;
}

inline bool is_active(const Lengths& lengths, int64_t t, int64_t b) {
    return !lengths || t < (*lengths)(b);
}

// Whether t is the step that sequence b begins with; the outermost step is one in any case, even if another
// thread changes the lengths meanwhile, so that nothing before it is ever read.
inline bool is_first(const Lengths& lengths, int64_t steps, bool reverse, int64_t t, int64_t b) {
    if (!reverse) return t == 0;
    return t + 1 == steps || (lengths && t + 1 == (*lengths)(b));
}

// Lists those of the rows [begin, end) whose sequence contains step t.
inline int64_t active_rows(const Lengths& lengths, int64_t t, int64_t begin, int64_t end, int64_t* rows) {
    int64_t count = 0;
    for (int64_t b = begin; b < end; b++)
        if (is_active(lengths, t, b)) rows[count++] = b;
    return count;
}

// Rows below which a second thread costs more than it brings.
inline int64_t sequence_grain(int64_t steps, int64_t H) {
    constexpr int64_t thread_work = 200000;  // multiply-adds
    return 1 + thread_work / (steps * 4 * H * (H + 8) + 1);
}

template <typename T>
void copy_run(T* to, const T* from, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] = from[i];
}
template <typename T>
void fill_run(T* to, T value, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] = value;
}
// A row of results: zero where it is padding.
template <typename T>
void write_row(T* to, const T* from, int64_t count, bool lives) {
    if (lives)
        copy_run(to, from, count);
    else
        fill_run(to, T(0), count);
}

}  // namespace pydl::PYDL_ISA
