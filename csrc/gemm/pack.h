// Copying parts of a matrix into the panels of gemm/microkernel.h.
#pragma once

#include "simd/gather_blocks.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// Parts for a length: as few as the limit allows, all of nearly the same size, so that no short one is left
// over. Not inlined, for it is made in very many places.
struct Parts {
    int64_t count, size;  // all of `size` but the last, which may be shorter
    [[gnu::noinline]] Parts(int64_t length, int64_t limit, int64_t multiple = 1) {
        count = 1, size = length;
        if (length > limit) {
            count = (length - 1) / limit + 1;
            size = (length + count - 1) / count;
        }
        if (multiple > 1) size = (size + multiple - 1) / multiple * multiple;
        if (count > 1) count = (length - 1) / size + 1;
    }
    int64_t begin(int64_t part) const { return part * size; }
    int64_t length(int64_t part, int64_t whole) const {
        const int64_t left = whole - part * size;
        return left < size ? left : size;
    }
};

// Panels of rows, the last of which have one row less where it does not come out even: the tile of one or two
// rows that would be left over computes at half speed, because each sum waits for the one before.
struct RowPanels {
    int64_t count, size, whole;  // the first `whole` panels have `size` rows
    [[gnu::noinline]] RowPanels(int64_t rows, int64_t most)
        : count(rows > most ? (rows - 1) / most + 1 : 1),
          size((rows + count - 1) / count),
          whole(count - (count * size - rows)) {}
    int64_t begin(int64_t panel) const { return panel * size - (panel > whole ? panel - whole : 0); }
    int64_t rows(int64_t panel) const { return panel < whole ? size : size - 1; }
};

template <typename T>
inline int64_t whole_vectors(int64_t count) {
    return (count + width<T> - 1) / width<T> * width<T>;
}

// panel[k * pitch + i] = source[i * lane_stride + k * k_stride] for i < count, k < depth; zero for count <= i
// < pitch. The lanes are rows for a panel of A (pitch = count) and columns for a panel of B (pitch = whole
// vectors).
template <typename T, int vectors>
void pack_runs(T* panel, int64_t pitch, int64_t count, const T* source, int64_t k_stride, int64_t depth) {
    // `vectors` of them hold one step. Every store is a whole vector: what it writes beyond the step's end is
    // the next step's place, which is written afterwards, but not beyond the end of the panel.
    constexpr int64_t W = width<T>;
    const int64_t last = count - (vectors - 1) * W;  // lanes of the last vector, at most W
    const int64_t beyond =
        vectors * W - pitch;  // what a store writes of later steps: how many of them is that?
    const int64_t careful = beyond > 0 ? (beyond - 1) / pitch + 1 : 0;
    const int64_t whole = depth > careful ? depth - careful : 0;
    for (int64_t k = 0; k < whole; k++, source += k_stride, panel += pitch) {
        vec<T> run[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) run[v] = load_partial(source + v * W, v == vectors - 1 ? last : W);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) store(panel + v * W, run[v]);
    }
    for (int64_t k = whole; k < depth; k++, source += k_stride, panel += pitch) {
        vec<T> run[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) run[v] = load_partial(source + v * W, count - v * W);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) store_partial(panel + v * W, run[v], pitch - v * W);
    }
}

template <typename T>
void pack_copying(T* panel, int64_t pitch, int64_t count, const T* source, int64_t k_stride, int64_t depth) {
    // lane_stride 1: every step is a copy of one run.
    constexpr int64_t W = width<T>;
    const int64_t vectors = (count + W - 1) / W;
    if (depth > 0 && (pitch == count || pitch == vectors * W)) {
        if (vectors == 1) return pack_runs<T, 1>(panel, pitch, count, source, k_stride, depth);
        if (vectors == 2) return pack_runs<T, 2>(panel, pitch, count, source, k_stride, depth);
        if (vectors == 3) return pack_runs<T, 3>(panel, pitch, count, source, k_stride, depth);
    }
    for (int64_t k = 0; k < depth; k++)
        for (int64_t i = 0; i < pitch; i += W)
            store_partial(panel + k * pitch + i, load_partial(source + k * k_stride + i, count - i),
                          pitch - i);
}

// `width` lanes of a panel from rows(r), which gives where row r is and advances with it; `room` of them
// belong to the panel. Blocks of 16 bytes are read from each row and transposed in registers. Where a vector
// reaches beyond the panel's step, it is stored whole if that is the next steps' place and written later.
template <typename T, typename Rows, typename Finish>
void pack_transposing_lanes(T* to, int64_t pitch, int64_t room, Rows rows, int64_t depth, Finish finish) {
    constexpr int B = block_lanes<T>;
    const int64_t beyond = width<T> > pitch ? width<T> - pitch : 0;
    const int64_t careful = beyond > 0 ? (beyond - 1) / pitch + 1 : 0;
    int64_t whole = room >= width<T> || beyond > 0 ? depth - careful : 0;
    const bool few = depth < B;
    for (; depth > 0; depth -= B, whole -= B, to += B * pitch) {
        if (depth < B && !few) {  // the last block again, some steps further
            rows.advance(depth - B);
            to += (depth - B) * pitch;
            depth = B, whole = 0;
        }
        vec<T> part[B];
#pragma GCC unroll 4
        for (int c = 0; c < B; c++) {
            const auto at = [&](int b) PYDL_INLINE_LAMBDA { return rows(b * B + c); };
            part[c] = few ? load_blocks<T>(at, depth) : gather_blocks<T>(at, rows.blocks());
        }
        rows.advance(B);
        transpose_blocks<T>(part);
#pragma GCC unroll 4
        for (int c = 0; c < B; c++) part[c] = finish(part[c]);
        if (whole >= B) {
#pragma GCC unroll 4
            for (int c = 0; c < B; c++) store(to + c * pitch, part[c]);
        } else {
#pragma GCC unroll 4
            for (int c = 0; c < B; c++)
                if (c < depth) store_partial(to + c * pitch, part[c], room);
        }
    }
}

// Rows a stride apart. Three share a pointer, because an x86 address can say one and two strides.
template <typename T>
struct StridedLanes {
    const T* row[(width<T> + 2) / 3];
    int64_t stride;
    StridedLanes(const T* source, int64_t stride) : stride(stride) {
#pragma GCC unroll 6
        for (int r = 0; r < width<T>; r += 3) row[r / 3] = source + r * stride;
    }
    PYDL_INLINE const T* operator()(int r) const { return row[r / 3] + r % 3 * stride; }
    static constexpr int blocks() { return width<T> / block_lanes<T>; }
    PYDL_INLINE void advance(int64_t steps) {
#pragma GCC unroll 6
        for (int r = 0; r < width<T>; r += 3) row[r / 3] = forget(row[r / 3] + steps);
    }
};

// The same, of which only `count` exist: the first stands for the others.
template <typename T>
struct FewLanes {
    const T* row[width<T>];
    int64_t k = 0, count;
    FewLanes(const T* source, int64_t stride, int64_t count) : count(count) {
        for (int r = 0; r < width<T>; r++) row[r] = source + (r < count ? r : 0) * stride;
    }
    PYDL_INLINE const T* operator()(int r) const { return row[r] + k; }
    PYDL_INLINE int blocks() const { return int((count - 1) / block_lanes<T>) + 1; }
    PYDL_INLINE void advance(int64_t steps) { k += steps; }
};

template <typename T>
void pack_transposing(T* panel, int64_t pitch, int64_t count, const T* source, int64_t lane_stride,
                      int64_t depth) {
    constexpr int64_t W = width<T>;
    for (int64_t i = 0; i < pitch; i += W) {
        const T* from = source + i * lane_stride;
        T* to = panel + i;
        const int64_t left = count - i, room = pitch - i;
        if (left >= W) {
            pack_transposing_lanes(to, pitch, room, StridedLanes<T>(from, lane_stride), depth,
                                   [](vec<T> v) { return v; });
        } else if (left == 1 && room == 1) {
            for (int64_t k = 0; k < depth; k++) to[k * pitch] = from[k];
        } else if (left > 0) {
            const auto exists = iota<int_of<T>>() < int_of<T>(left);
            pack_transposing_lanes(to, pitch, room, FewLanes<T>(from, lane_stride, left), depth,
                                   [&](vec<T> v) { return select(exists, v, vec<T>{}); });
        }
    }
}

template <typename T>
void pack_panel(T* panel, int64_t pitch, int64_t count, const T* source, int64_t lane_stride,
                int64_t k_stride, int64_t depth) {
    if (lane_stride == 1) return pack_copying(panel, pitch, count, source, k_stride, depth);
    if (k_stride == 1) return pack_transposing(panel, pitch, count, source, lane_stride, depth);
    for (int64_t k = 0; k < depth; k++) {
        for (int64_t i = 0; i < count; i++) panel[k * pitch + i] = source[i * lane_stride + k * k_stride];
        for (int64_t i = count; i < pitch; i++) panel[k * pitch + i] = T(0);
    }
}

// A matrix somewhere in memory; strides in elements, of any sign, 0 for repetition.
template <typename T>
struct Matrix {
    T* data;
    int64_t rows, columns;
    int64_t row_stride, column_stride;

    T& operator()(int64_t i, int64_t j) const { return data[i * row_stride + j * column_stride]; }
    Matrix transposed() const { return {data, columns, rows, column_stride, row_stride}; }
    Matrix part(int64_t i, int64_t j, int64_t m, int64_t n) const {
        return {data + i * row_stride + j * column_stride, m, n, row_stride, column_stride};
    }
};

// A panel of B where it lies, `stride` elements from one step to the next.
template <typename T>
struct Panel {
    const T* data;
    int64_t stride;
};

}  // namespace pydl::PYDL_ISA
