// C (+)= A B as four named loops around the tiles of gemm/tile.h, and the same with C shared among threads.
//
//   for each stripe of C's columns                 its part of B fits the second- or third-level cache
//     for each block of k                          a panel of B fits the first-level cache
//       for each stripe of C's rows                its part of A fits the second-level cache
//         for each panel of B and each of A        one tile
// An A that has to be packed is packed once, with the first two loops exchanged, if it is not too large.
//
// Each thread computes its own part of C from beginning to end and packs what it needs for itself. What two
// threads both need is packed twice; in exchange there is one parallel region for a product, nobody waits for
// panels, and panels are in the cache of the core that reads them.
//
// An element is one chain of multiply-adds over each block of k, and the sums of the blocks are added in
// order. Blocks depend on the whole product's sizes only, so the way C is cut, and with it the number of
// threads, changes no bit.
#pragma once

#include "gemm/epilogue.h"
#include "gemm/pack.h"
#include "gemm/panels.h"
#include "gemm/sizes.h"
#include "gemm/tile.h"
#include "parallel.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

template <typename T>
bool rows_collide(Matrix<const T> x) {
    return x.rows > 4 && x.row_stride * int64_t(sizeof(T)) % 4096 == 0;
}

// A part of C in one thread. What runs once for many tiles is not inlined, for the size of all its callers.
template <typename T, typename Epilogue>
class GemmPart {
  public:
    [[gnu::noinline]] GemmPart(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, bool accumulate,
                               int64_t row, int64_t column, const Epilogue& epilogue,
                               int64_t depth = GemmBlocks<T>::sum_depth, int64_t given = 0)
        : a_(a),
          b_(b),
          c_(c),
          c_stride_(c_stride),
          accumulate_(accumulate),
          row_(row),
          column_(column),
          epilogue_(epilogue),
          given_(given),
          shape_(shape_for(a, given > 0 ? 0 : a.rows, given > 0 ? given : b.columns)),
          panel_columns_(shape_.vectors * width<T>),
          rows_(a.rows, shape_.rows),
          blocks_(a.columns, depth),
          by_panels_(given == 0 && is_near(a, b) && is_better_packed(b) && !rows_collide(b)),
          stripes_(b.columns,
                   by_panels_                      ? panel_columns_
                   : given > 0 && rows_.count == 1 ? 1
                                                   : GemmBlocks<T>::stripe_elements / (blocks_.size + 1),
                   panel_columns_),
          pack_a_(
              a.column_stride != 1 &&
              (a.row_stride != 1 || (b.columns > (rows_collide(a.transposed()) ? 2 : 8) * panel_columns_ &&
                                     a.rows * a.columns > 16384))),
          pack_b_(given == 0 && (b.column_stride != 1 || (!has_partial_loads && b.columns % width<T> != 0) ||
                                 (rows_.count > 1 && depth > GemmBlocks<T>::shallow && !by_panels_ &&
                                  is_better_packed(b)))),
          keep_a_(pack_a_ && stripes_.count > 1 && a.rows * blocks_.size <= GemmBlocks<T>::kept_elements) {}

    [[gnu::noinline]] void run() const {
        const int64_t in_b = pack_b_ ? (stripes_.size / panel_columns_ + 1) * panel_size(blocks_.size) : 0;
        const int64_t in_a = pack_a_ ? (keep_a_ ? a_.rows : rows_.size) * blocks_.size : 0;
        const Panels<T> panels(in_b + in_a);
        // An A that is packed once for all stripes is packed block by block.
        const int64_t inner = keep_a_ ? stripes_.count : blocks_.count;
        for (int64_t t = 0; t < stripes_.count * blocks_.count; t++)
            for (int64_t p = 0; p < rows_.count; p++)
                row_of_tiles(keep_a_ ? t % inner : t / inner, keep_a_ ? t / inner : t % inner, p,
                             panels.data(), panels.data() + in_b);
    }

    // To the next of many products, whose factors and result lie so many elements further.
    void advance(const int64_t (&step)[3]) { a_.data += step[0], b_.data += step[1], c_ += step[2]; }

  private:
    // Where the rows of A meet in one place of the first-level cache, as rows of 1024 numbers do, tiles have
    // no more of them than it has room for (8 to 12 lines).
    static TileShape shape_for(Matrix<const T> a, int64_t rows, int64_t columns) {
        TileShape shape = tile_shape<T>(rows, columns);
        if (shape.rows > 9 && a.column_stride == 1 && rows_collide(a)) shape.rows = 9;
        return shape;
    }

    // A row-major B is packed where its panels are used often and its lines would not stay in the cache, or
    // are not lines: in rows that begin anywhere, most vectors lie across two. With vectors as long as lines
    // that costs too much, else little.
    bool is_better_packed(Matrix<const T> b) const {
        if (rows_collide(b)) return true;
        if (rows_.count <= 4 || b.rows * b.columns * int64_t(sizeof(T)) <= 65536) return false;
        constexpr int64_t line = 64 / sizeof(T);
        return width<T> < line || rows_.count > 32 || b.row_stride % line != 0 ||
               reinterpret_cast<uintptr_t>(b.data) % 64 != 0;
    }

    // Whether panels of B are read well where they lie: whole lines, near; A lies in the second-level cache.
    bool is_near(Matrix<const T> a, Matrix<const T> b) const {
        return width<T> * sizeof(T) == 64 && a.column_stride == 1 && b.column_stride == 1 &&
               a.rows * a.columns * int64_t(sizeof(T)) <= 128 << 10 &&
               blocks_.size * panel_columns_ * int64_t(sizeof(T)) <= 32 << 10;
    }

    // Tells the caches that these rows will soon be read: each is too short for them to notice by themselves.
    static void ask_for(const T* rows, int64_t count, int64_t length, int64_t stride) {
        constexpr int64_t line = 64 / sizeof(T);
        for (int64_t i = 0; i < count; i++, rows += stride)
            for (int64_t j = 0; j < length; j += line) prefetch(rows + j);
    }

    // All panels of a stripe of a row-major B, row by row, since memory is read fastest along its lines.
    void pack_rows(const T* b, int64_t columns, int64_t depth, T* packed) const {
        for (int64_t k = 0; k < depth; k++, b += b_.row_stride) {
            T* step = packed + k * panel_columns_;
            int64_t j = 0;
            for (; j + panel_columns_ <= columns; j += panel_columns_, step += panel_size(depth))
                for (int64_t v = 0; v < panel_columns_; v += width<T>) store(step + v, load(b + j + v));
            if (j == columns) continue;
            step += k * (whole_vectors<T>(columns - j) - panel_columns_);
            for (; j < columns; j += width<T>, step += width<T>)
                store(step, load_partial(b + j, columns - j));
        }
    }

    // A line more than what is in it: rows of many panels would meet in a few places of the cache otherwise.
    int64_t panel_size(int64_t depth) const { return panel_columns_ * depth + 64 / int64_t(sizeof(T)); }

    // The tiles of one panel of A in one stripe. Panels of B are packed when they are first needed.
    [[gnu::noinline]] void row_of_tiles(int64_t s, int64_t block, int64_t p, T* packed_b, T* packed_a) const {
        const int64_t k = blocks_.begin(block), depth = blocks_.length(block, a_.columns);
        const int64_t i = rows_.begin(p), rows = rows_.rows(p);
        const int64_t end = stripes_.begin(s) + stripes_.length(s, b_.columns);
        const bool add = accumulate_ || block > 0, last = block == blocks_.count - 1;

        const T* a = &a_(i, k);
        const bool apart = a_.column_stride == 1 && !pack_a_;
        int64_t a_stride = apart ? a_.row_stride : a_.column_stride;
        if (pack_a_) {
            if (keep_a_) packed_a += i * depth;
            if (!keep_a_ || s == 0)
                pack_panel(packed_a, rows, rows, a, a_.row_stride, a_.column_stride, depth);
            a = packed_a, a_stride = rows;
        }
        alignas(64) T room[Epilogue::has_bias ? vector_registers * width<T> : 1];
        Start<T> start{nullptr, 0, 0};
        if constexpr (Epilogue::has_bias)
            if (!add && epilogue_.begins()) start = epilogue_.start(row_ + i, rows, room, panel_columns_);
        int64_t columns, found_for = 0;
        GemmTile<T> compute = nullptr;
        const bool far = depth >= 64 && a_.rows * c_stride_ * int64_t(sizeof(T)) > 4 << 20;
        if (far && apart && p + 1 < rows_.count)
            ask_for(a + rows * a_stride, rows_.rows(p + 1), depth, a_stride);
        const bool along_rows = pack_b_ && b_.column_stride == 1;
        if (p == 0 && along_rows)
            pack_rows(&b_(k, stripes_.begin(s)), end - stripes_.begin(s), depth, packed_b);
        T* panel = packed_b;
        for (int64_t j = stripes_.begin(s); j < end; j += columns, panel += panel_size(depth)) {
            columns = end - j < panel_columns_ ? end - j : panel_columns_;
            const int64_t within = given_ > 0 ? j % given_ : 0;
            if (given_ > 0 && given_ - within < columns) columns = given_ - within;
            const int64_t whole = whole_vectors<T>(columns);
            const T* b = &b_(k, j - within) + within;
            int64_t b_stride = b_.row_stride;
            if (pack_b_) {
                if (p == 0 && !along_rows)
                    pack_panel(panel, whole, columns, b, b_.column_stride, b_.row_stride, depth);
                b = panel, b_stride = whole;
            }
            T* tile = c_ + i * c_stride_ + j;
            if (far && add) ask_for(tile, rows, columns, c_stride_);
            if (columns != found_for) {
                compute = gemm_tile<T>(apart, int(rows), columns);
                found_for = columns;
            }
            const T* begins = add                     ? tile
                              : start.from == nullptr ? nullptr
                                                      : start.from + (column_ + j) * start.step;
            compute(depth, a, a_stride, b, b_stride, tile, c_stride_, columns, begins,
                    add ? c_stride_ : start.stride);
            if (last) finish(tile, i, j, rows, columns);
        }
    }

    void finish(T* tile, int64_t i, int64_t j, int64_t rows, int64_t columns) const {
        if constexpr (Epilogue::has_bias)
            if (!accumulate_ && epilogue_.begins())
                return epilogue_.without_bias()(tile, c_stride_, row_ + i, column_ + j, rows, columns);
        epilogue_(tile, c_stride_, row_ + i, column_ + j, rows, columns);
    }

    Matrix<const T> a_, b_;
    T* c_;
    const int64_t c_stride_;
    const bool accumulate_;
    const int64_t row_, column_;
    const Epilogue& epilogue_;
    const int64_t given_;  // columns of a panel of a B that came packed, else 0
    const TileShape shape_;
    const int64_t panel_columns_;
    const RowPanels rows_;
    const Parts blocks_;
    const bool by_panels_;  // all of A meets one panel of B after another
    const Parts stripes_;
    const bool pack_a_, pack_b_, keep_a_;
};

// The product for a C of unit column stride. given: see gemm_packed() in gemm/gemm.h; 0 for a B that lies in
// rows.
template <typename T, typename Epilogue>
void gemm_blocked(Matrix<const T> a, Matrix<const T> b, T* c, int64_t c_stride, bool accumulate,
                  const Epilogue& epilogue, int64_t given = 0) {
    const int64_t M = a.rows, N = b.columns, K = a.columns, depth = block_depth(a, b, given);
    if (thread_parts<T>(M, N, K) < 2)
        return GemmPart<T, Epilogue>(a, b, c, c_stride, accumulate, 0, 0, epilogue, depth, given).run();
    const Grid grid = thread_grid<T>(M, N, K);
    const Parts rows(M, (M - 1) / grid.rows + 1),
        columns(N, (N - 1) / grid.columns + 1, given > 0 ? given : width<T>);
    parallel_for(rows.count * columns.count, 1, [&](int64_t begin, int64_t end) {
        const auto part = [&](int64_t i, int64_t m, int64_t j, int64_t n) {
            GemmPart<T, Epilogue>(a.part(i, 0, m, K), b.part(0, j, K, n), c + i * c_stride + j, c_stride,
                                  accumulate, i, j, epilogue, depth, given)
                .run();
        };
        if (end - begin == rows.count * columns.count) return part(0, M, 0, N);
        for (int64_t p = begin; p < end; p++) {
            const int64_t i = p / columns.count, j = p % columns.count;
            part(rows.begin(i), rows.length(i, M), columns.begin(j), columns.length(j, N));
        }
    });
}

}  // namespace pydl::PYDL_ISA
