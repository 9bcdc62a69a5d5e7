// The product at the heart of every recurrent layer: a few rows of state times a square of weights, once for
// every step in time. The weights are packed once for the whole sequence, into the panels of
// gemm/microkernel.h, each of one register tile's columns:
//
//     panel 0: k=0 | column 0 .. N |     For W_ih and W_hh a column is a unit, and the panels of a gate
//     follow
//              k=1 | column 0 .. N |     those of the gate before it; lanes beyond the last unit are zero.
//     panel 1: k=0 | column N ..2N |
#pragma once

#include "gemm/microkernel.h"
#include "gemm/pack.h"
#include "gemm/tile.h"
#include "recurrent/recurrent.h"

namespace pydl::PYDL_ISA {

inline constexpr int64_t few_rows = 3;

template <typename T>
class RecurrentWeights {
  public:
    RecurrentWeights(int64_t depth, int64_t count, int64_t columns)
        : columns(columns), depth_(depth), data_(count * columns * depth) {}

    // Steps [k0, k0 + depth) of a panel; its columns lie lane_stride apart.
    void pack(int64_t panel, int64_t k0, int64_t depth, const T* source, int64_t lane_stride,
              int64_t k_stride, int64_t lanes) const {
        pack_panel(data_.data() + (panel * depth_ + k0) * columns, columns, lanes < columns ? lanes : columns,
                   source, lane_stride, k_stride, depth);
    }
    const T* operator()(int64_t panel) const { return data_.data() + panel * size(); }
    int64_t size() const { return depth_ * columns; }

    const int64_t columns;

  private:
    int64_t depth_;
    Scratch<T> data_;
};

template <typename T>
int64_t panels_for(int64_t units, int64_t columns = tile_columns<T>) {
    return (units + columns - 1) / columns;
}

// Columns of the panels for so many rows and units: tiles of many rows are widest, as those of gemm/gemm.h
// are.
template <typename T>
int64_t recurrent_columns(int64_t rows, int64_t units) {
    const int64_t vectors = (units + width<T> - 1) / width<T>;
    return rows <= few_rows || vectors % most_tile_vectors<T> == 1 ? tile_columns<T>
                                                                   : most_tile_vectors<T> * width<T>;
}
template <typename T>
int recurrent_tile_rows(int64_t columns) {
    return most_tile_rows<T>(int(columns / width<T>));
}

// Rows given by their addresses as a panel of A: panel[k * rows + i] = address(i)[k * stride]. strip: scratch
// of rows * depth. Behind the panel up to a vector's numbers may be written.
template <typename T, typename Address>
void pack_addresses(T* panel, int64_t rows, int64_t depth, const Address& address, int64_t stride, T* strip) {
    const T* const first = address(0);
    const int64_t step = rows > 1 ? address(1) - first : 0;
    bool even = true;
    for (int64_t i = 2; i < rows; i++) even = even && address(i) == first + i * step;
    if (even) return pack_panel(panel, rows, rows, first, step, stride, depth);
    for (int64_t i = 0; i < rows; i++) {
        const T* const from = address(i);
        for (int64_t k = 0; k < depth; k++) strip[i * depth + k] = from[k * stride];
    }
    pack_panel(panel, rows, rows, strip, depth, int64_t(1), depth);
}

// Rows that a register tile reads one number after the other, where they lie.
template <typename T>
struct TileRows {
    const T* data;
    int64_t stride;

    // c (+)= numbers [k0, k0 + depth) of these rows times a panel of `panel_columns`, of which `columns` are
    // computed: whole vectors.
    void multiply(int64_t rows, int64_t k0, int64_t depth, const T* panel, int64_t panel_columns, T* c,
                  int64_t c_stride, int64_t columns, bool accumulate) const {
        gemm_tile<T>(true, int(rows), columns)(depth, data + k0, stride, panel, panel_columns, c, c_stride,
                                               columns, accumulate ? c : nullptr, c_stride);
    }
};

// Rows given by their addresses. If they are no runs in memory, or not equally far apart, they are copied:
// copy has room for rows * depth.
template <typename T, typename Address>
TileRows<T> rows_at(int64_t rows, int64_t depth, const Address& address, int64_t k_stride, T* copy) {
    const T* const first = address(0);
    const int64_t stride = rows > 1 ? address(1) - first : 0;
    bool in_place = k_stride == 1 || depth <= 1;
    for (int64_t i = 2; i < rows; i++) in_place = in_place && address(i) == first + i * stride;
    if (in_place) return {first, stride};
    for (int64_t i = 0; i < rows; i++) {
        const T* const from = address(i);
        for (int64_t k = 0; k < depth; k++) copy[i * depth + k] = from[k * k_stride];
    }
    return {copy, depth};
}

// ---- the fewest rows: every weight is used once or twice ----

// Panels read side by side: a multiply-add takes some cycles until its result can be added to again, and
// enough others have to be under way meanwhile.
template <typename T>
constexpr int few_rows_panels(int rows) {
    const int accumulators = many_registers ? 24 : has_fma ? 12 : 8;
    const int panels = accumulators / (rows * tile_vectors<T>);
    return panels < 1 ? 1 : panels < 4 ? panels : 4;
}

template <typename T>
struct PanelColumns {
    const T* panels;
    int64_t size;
    PYDL_INLINE vec<T> operator()(int64_t k, int v) const {
        return load(panels + v / tile_vectors<T> * size +
                    (k * tile_vectors<T> + v % tile_vectors<T>)*width<T>);
    }
};

template <typename T, int MR, int NP>
void few_rows_tile(int64_t depth, const T* a, int64_t a_stride, const T* panels, int64_t size, T* c,
                   int64_t c_stride, bool accumulate) {
    constexpr int NV = NP * tile_vectors<T>;
    vec<T> acc[MR][NV] = {};
    outer_products<T, MR, NV>(acc, depth, StridedRows<T>{a, a_stride, 1}, PanelColumns<T>{panels, size});
    store_tile<T, MR, NV>(acc, c, c_stride, NV * width<T>, accumulate);
}

template <typename T, int MR, int NP>
void few_rows_product(int64_t rows, int64_t count, int64_t depth, const T* a, int64_t a_stride,
                      const T* panels, int64_t size, T* c, int64_t c_stride, bool accumulate) {
    if constexpr (MR < few_rows) {
        if (rows > MR)
            return few_rows_product<T, MR + 1, few_rows_panels<T>(MR + 1)>(
                rows, count, depth, a, a_stride, panels, size, c, c_stride, accumulate);
    }
    int64_t p = 0;
    for (; p + NP <= count; p += NP)
        few_rows_tile<T, MR, NP>(depth, a, a_stride, panels + p * size, size, c + p * tile_columns<T>,
                                 c_stride, accumulate);
    if constexpr (NP > 1) {
        if (p < count)
            few_rows_product<T, MR, NP / 2>(rows, count - p, depth, a, a_stride, panels + p * size, size,
                                            c + p * tile_columns<T>, c_stride, accumulate);
    }
}

// c (+)= a times `count` panels that follow each other, for at most few_rows rows. c has whole panels of
// columns.
template <typename T>
void multiply_few_rows(int64_t rows, int64_t count, int64_t depth, const T* a, int64_t a_stride,
                       const T* panels, int64_t size, T* c, int64_t c_stride, bool accumulate) {
    few_rows_product<T, 1, few_rows_panels<T>(1)>(rows, count, depth, a, a_stride, panels, size, c, c_stride,
                                                  accumulate);
}

}  // namespace pydl::PYDL_ISA
