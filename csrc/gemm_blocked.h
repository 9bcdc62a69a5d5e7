// C (+)= A B as five named loops around the tile of microkernel.h.
//
//   for each stripe of C's columns                  its part of B, packed, fits the last-level cache
//     for each block of k                           a panel of B fits the first-level cache
//       for each stripe of C's rows                 packs A and B (once for each stripe) into panels
//         for each group of row panels              a group of A panels fits the second-level cache; threads
//         share
//           for each panel of B                     the (group, panel) pairs, each pair being its own part of
//           C
//             for each panel of A in the group      one tile
//
// What a tile sums, and in which order, depends on the sizes only. See microkernel.h for the panels.
#pragma once

#include "gemm_epilogue.h"
#include "gemm_pack.h"
#include "microkernel.h"
#include "parallel.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

// Block sizes, for caches of 32-48 KiB, 512 KiB-2 MiB and some MiB.
template <typename T>
struct GemmBlocks {
    static constexpr int64_t depth = 256;  // of a block of k
    static constexpr int64_t group_bytes = many_registers ? 512 << 10 : 256 << 10;
    static constexpr int64_t group_rows = group_bytes / int64_t(sizeof(T)) / depth;
    static constexpr int64_t stripe_rows = (int64_t(2) << 20) / int64_t(sizeof(T)) / depth;
    static constexpr int64_t stripe_columns = (int64_t(4) << 20) / int64_t(sizeof(T)) / depth;
    static constexpr int64_t thread_work =
        400000;  // multiply-adds below which another thread costs more than it brings
    static constexpr int64_t tasks = 32;  // pairs wanted, so that threads share the work evenly
};

// The product with its factors given as packers: pack_a(panel, row, rows, k, depth), pack_b(panel, column,
// columns, k, depth), and their in_place(...) for panels that need no packing (null data where they do). C
// has unit column stride. epilogue(tile, c_stride, row, column, rows, columns).
template <typename T, typename PackA, typename PackB, typename Epilogue>
void gemm_blocked(int64_t M, int64_t N, int64_t K, const PackA& pack_a, const PackB& pack_b, T* c,
                  int64_t c_stride, bool accumulate, const Epilogue& epilogue) {
    if (M <= 0 || N <= 0) return;
    using Blocks = GemmBlocks<T>;
    constexpr int64_t NR = tile_columns<T>;
    const Parts blocks(K, Blocks::depth);
    const Parts column_stripes(N, Blocks::stripe_columns, NR);
    const Parts row_stripes(M, Blocks::stripe_rows, tile_rows<T>);
    const int64_t stripe_panels = (column_stripes.size + NR - 1) / NR;
    const Scratch<T> packed_a(row_stripes.size * blocks.size);
    const Scratch<T> packed_b(stripe_panels * NR * blocks.size);

    for (int64_t js = 0; js < column_stripes.count; js++) {
        const int64_t j0 = column_stripes.begin(js), stripe_n = column_stripes.length(js, N);
        for (int64_t block = 0; block < blocks.count; block++) {
            const int64_t k0 = blocks.begin(block), depth = blocks.length(block, K);
            const bool first = block == 0, last = block == blocks.count - 1;
            for (int64_t is = 0; is < row_stripes.count; is++) {
                const int64_t i0 = row_stripes.begin(is), stripe_m = row_stripes.length(is, M);
                const Parts rows(stripe_m, tile_rows<T>);
                const int64_t column_panels = (stripe_n + NR - 1) / NR;

                const auto columns_of = [&](int64_t panel) {
                    return stripe_n - panel * NR < NR ? stripe_n - panel * NR : NR;
                };
                const auto panel_of_b = [&](int64_t panel) -> Panel<T> {
                    const Panel<T> found = pack_b.in_place(j0 + panel * NR, columns_of(panel), k0, depth);
                    if (found.data != nullptr) return found;
                    return {packed_b.data() + panel * NR * depth, whole_vectors<T>(columns_of(panel))};
                };

                const auto panel_of_a = [&](int64_t p) -> Panel<T> {
                    const Panel<T> found =
                        pack_a.in_place(i0 + rows.begin(p), rows.length(p, stripe_m), k0, depth);
                    if (found.data != nullptr) return found;
                    return {packed_a.data() + rows.begin(p) * depth, 0};
                };

                const int64_t pack_grain = 1 + 65536 / (depth * NR + 1);
                const int64_t b_panels = is == 0 ? column_panels : 0;
                parallel_for(rows.count + b_panels, pack_grain, [&](int64_t begin, int64_t end) {
                    for (int64_t p = begin; p < end; p++) {
                        if (p < rows.count) {
                            T* own = packed_a.data() + rows.begin(p) * depth;
                            if (panel_of_a(p).data == own)
                                pack_a(own, i0 + rows.begin(p), rows.length(p, stripe_m), k0, depth);
                        } else {
                            const int64_t panel = p - rows.count;
                            T* own = packed_b.data() + panel * NR * depth;
                            if (panel_of_b(panel).data == own)
                                pack_b(own, j0 + panel * NR, columns_of(panel), k0, depth);
                        }
                    }
                });

                int64_t group = Blocks::group_rows / rows.size;
                const int64_t groups_wanted = Blocks::tasks / column_panels;
                if (groups_wanted > 0 && group * groups_wanted > rows.count)
                    group = (rows.count + groups_wanted - 1) / groups_wanted;
                const Parts groups(rows.count, group);
                const auto multiply_pair = [&](int64_t g, int64_t panel) {
                    const Panel<T> b = panel_of_b(panel);
                    const int64_t j = j0 + panel * NR, columns = columns_of(panel);
                    const int64_t p_end = groups.begin(g) + groups.length(g, rows.count);
                    for (int64_t p = groups.begin(g); p < p_end; p++) {
                        const Panel<T> a = panel_of_a(p);
                        const int64_t i = i0 + rows.begin(p);
                        const int m = int(rows.length(p, stripe_m));
                        T* tile = c + i * c_stride + j;
                        const bool add = accumulate || !first;
                        if (a.stride == 0)
                            tile_function<T>(m, columns)(depth, a.data, b.data, b.stride, tile, c_stride,
                                                         columns, add);
                        else
                            strided_tile_function<T>(m, columns)(depth, a.data, a.stride, b.data, b.stride,
                                                                 tile, c_stride, columns, add);
                        if (last) epilogue(tile, c_stride, i, j, int64_t(m), columns);
                    }
                };
                const int64_t pair_work = groups.size * rows.size * NR * (depth + 1);
                parallel_for(groups.count * column_panels, 1 + Blocks::thread_work / pair_work,
                             [&](int64_t begin, int64_t end) {
                                 for (int64_t pair = begin; pair < end; pair++)
                                     multiply_pair(pair / column_panels, pair % column_panels);
                             });
            }
        }
    }
}

}  // namespace pydl::PYDL_ISA
