// Rows added to those of a table that numbers name, of which some may be named more than once.
#pragma once
#include "elementwise/row_copies.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

// table[numbers[m]] += rows[m] for all m but those with numbers[m] = skipped, in the order of m. The numbers
// were checked.
template <typename T>
void add_rows(const Array<const T, 2>& rows, const Array<const int64_t, 1>& numbers, const Array<T, 2>& table,
              int64_t skipped = -1) {
    constexpr int64_t kBlock = 512, kStrip = 64 / sizeof(T);  // columns that two threads must not share
    const int64_t M = rows.shape[0], D = rows.shape[1], K = table.shape[0];
    const auto add = [&](int64_t first_row, int64_t last_row, int64_t first,
                         int64_t count) __attribute__((noinline)) {
        const bool all = last_row - first_row == K && skipped < 0;
        // Which rows are this thread's nobody foresees: they are listed without a branch.
        uint16_t list[kBlock];
        for (int64_t begin = 0; begin < M; begin += kBlock) {
            const int64_t block = M - begin < kBlock ? M - begin : kBlock;
            const int64_t* number = numbers.data + begin * numbers.stride[0];
            int64_t listed = block;
            if (!all) {
                listed = 0;
                for (int64_t m = 0; m < block; ++m) {
                    const int64_t k = number[m * numbers.stride[0]];
                    list[listed] = uint16_t(m);
                    listed += (k >= first_row) & (k < last_row) & (k != skipped);
                }
            }
            for (int64_t i = 0; i < listed; ++i) {
                const int64_t m = all ? i : list[i];
                const T* from = rows.data + (begin + m) * rows.stride[0] + first * rows.stride[1];
                T* to =
                    table.data + number[m * numbers.stride[0]] * table.stride[0] + first * table.stride[1];
                if (count == 1)
                    *to += *from;
                else
                    add_row(from, rows.stride[1], to, table.stride[1], count);
            }
        }
    };
    // Each thread adds its own columns of all rows: numbers are used so unevenly that a share of the table's
    // rows would not be a share of the work. Rows too short for that are divided nevertheless.
    if (M * D <= kElementwiseGrain)
        add(0, K, 0, D);
    else if (D >= 2 * kStrip)
        parallel_for(D, kStrip, [&](int64_t begin, int64_t end) { add(0, K, begin, end - begin); });
    else
        parallel_for(K, 1, [&](int64_t begin, int64_t end) { add(begin, end, 0, D); });
}

}  // namespace pydl::PYDL_ISA
