// The product at the heart of every recurrent layer: a few rows of state times a square of weights, once for
// every step in time. The weights are packed once for the whole sequence; rows are independent of each other,
// so that a thread can take its rows through all of time and never waits for another one.
//
// Packed weights are panels of four vectors of columns:
//
//     panel 0: k=0 | v0 v1 v2 v3 |        An LSTM puts the gates i f g o of the same `width` units there, so
//     that
//              k=1 | v0 v1 v2 v3 |        all that a unit needs leaves the register tile together.
//              ...
//     panel 1: k=0 | v4 v5 v6 v7 |
//
// An element is one chain of fused multiply-adds over k, whatever the shape of the tile it is computed in:
// the result does not depend on which rows are computed together.
#pragma once

#include "gemm_pack.h"
#include "microkernel.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

inline constexpr int panel_vectors = 4;
inline constexpr int recurrent_rows = many_registers ? 7 : 3;  // of the largest tile: 7x4 or 3x4 vectors
inline constexpr int recurrent_accumulators = recurrent_rows * panel_vectors;
inline constexpr int recurrent_vectors = many_registers ? 16 : 8;  // most vectors of a tile of one row

// Vectors of columns that a tile of `rows` rows takes: few rows take several panels, because a multiply-add
// takes some cycles until its result can be added to again, and enough others have to be under way meanwhile.
constexpr int recurrent_tile_vectors(int rows) {
    const int panels = recurrent_accumulators / rows / panel_vectors * panel_vectors;
    return panels < recurrent_vectors ? panels : recurrent_vectors;
}

template <typename T>
struct PanelColumns {
    const T* panels;
    int64_t panel_size;
    PYDL_INLINE vec<T> operator()(int64_t k, int v) const {
        return load(panels + v / panel_vectors * panel_size +
                    (k * panel_vectors + v % panel_vectors) * width<T>);
    }
};

template <typename T>
using RecurrentTile = void (*)(int64_t depth, const T* state, int64_t stride, const int64_t* rows,
                               const T* panels, int64_t panel_size, T* sums);

template <typename T, int MR, int NV>
void recurrent_tile(int64_t depth, const T* state, int64_t stride, const int64_t* rows, const T* panels,
                    int64_t panel_size, T* sums) {
    if constexpr (NV <= recurrent_tile_vectors(MR)) {
        vec<T> acc[MR][NV] = {};
        PointerRows<T, MR> a;
        for (int i = 0; i < MR; i++) a.row[i] = state + rows[i] * stride;
        outer_products<T, MR, NV>(acc, depth, a, PanelColumns<T>{panels, panel_size});
        store_tile<T, MR, NV>(acc, sums, NV * width<T>, NV * width<T>, false);
    }
}

// Widths a tile may have: 1 to 3 vectors, or whole panels.
constexpr int tile_widths = panel_vectors - 1 + recurrent_vectors / panel_vectors;
constexpr int width_of_entry(int entry) {
    return entry < panel_vectors - 1 ? entry + 1 : (entry - panel_vectors + 2) * panel_vectors;
}

template <typename T, typename Shapes>
struct RecurrentTable;
template <typename T, int... I>
struct RecurrentTable<T, std::integer_sequence<int, I...>> {
    static constexpr RecurrentTile<T> entry[] = {
        recurrent_tile<T, I / tile_widths + 1, width_of_entry(I % tile_widths)>...};
};

template <typename T>
RecurrentTile<T> recurrent_tile_function(int64_t rows, int64_t vectors) {
    using Table = RecurrentTable<T, std::make_integer_sequence<int, recurrent_rows * tile_widths>>;
    const int64_t entry = vectors < panel_vectors ? vectors - 1 : panel_vectors - 2 + vectors / panel_vectors;
    return Table::entry[(rows - 1) * tile_widths + entry];
}

template <typename T>
class RecurrentWeights {
  public:
    // depth: length of the sums; vectors: vectors of columns.
    RecurrentWeights(int64_t depth, int64_t vectors)
        : depth_(depth),
          vectors_(vectors),
          panels_((vectors + panel_vectors - 1) / panel_vectors * panel_vectors * width<T> * depth) {}

    // Vector v holds columns that lie lane_stride apart; lanes beyond `lanes` are zero. strip: scratch of
    // depth * width.
    void pack(int64_t v, const T* source, int64_t lane_stride, int64_t k_stride, int64_t lanes,
              T* strip) const {
        constexpr int64_t W = width<T>;
        if (lanes > W) lanes = W;
        pack_panel(strip, W, lanes, source, lane_stride, k_stride, depth_);
        T* to = panels_.data() + (v / panel_vectors * depth_ * panel_vectors + v % panel_vectors) * W;
        for (int64_t k = 0; k < depth_; k++) store(to + k * panel_vectors * W, load(strip + k * W));
    }

    // Multiplies rows rows[0 .. count) of state (`stride` apart) by the weights. Tile by tile
    //     finish(rows of the tile, how many, first vector, vectors, sums)
    // receives the sums, row by row, `vectors` vectors each.
    template <typename F>
    void multiply(const T* state, int64_t stride, const int64_t* rows, int64_t count, const F& finish) const {
        if (count <= 0) return;
        alignas(64)
            T sums[(recurrent_accumulators > recurrent_vectors ? recurrent_accumulators : recurrent_vectors) *
                   width<T>];
        const Parts tiles(count, recurrent_rows);
        const int64_t most = recurrent_tile_vectors(int(tiles.size));
        const int64_t panel_size = depth_ * panel_vectors * width<T>;
        int64_t vectors;
        for (int64_t v = 0; v < vectors_; v += vectors) {
            vectors = vectors_ - v < most ? vectors_ - v : most;
            if (vectors > panel_vectors) vectors = vectors / panel_vectors * panel_vectors;
            const T* panels = panels_.data() + v / panel_vectors * panel_size;
            for (int64_t tile = 0; tile < tiles.count; tile++) {
                const int64_t own = tiles.length(tile, count);
                const int64_t* own_rows = rows + tiles.begin(tile);
                recurrent_tile_function<T>(own, vectors)(depth_, state, stride, own_rows, panels, panel_size,
                                                         sums);
                finish(own_rows, own, v, vectors, sums);
            }
        }
    }

  private:
    int64_t depth_, vectors_;
    Scratch<T> panels_;
};

}  // namespace pydl::PYDL_ISA
