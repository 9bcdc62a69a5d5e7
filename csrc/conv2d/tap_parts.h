// The rows of a filter in parts of 7, 5 and 3 (of 1, 2 and 4 rows: 1 or 2): a kernel for each of these can
// keep the weights of one column in registers.
#pragma once

#include <cstdint>

namespace pydl::PYDL_ISA {

// How many of so many rows of taps belong to the first part. The others have to make up such parts, too.
inline int64_t first_part_of_taps(int64_t taps) {
    if (taps < 3 || taps == 4) return taps < 2 ? taps : 2;
    int64_t part = 7;
    for (; part > 3; part -= 2) {
        const int64_t left = taps - part;
        if (left >= 0 && left != 1 && left != 2 && left != 4) break;
    }
    return part;
}

}  // namespace pydl::PYDL_ISA
