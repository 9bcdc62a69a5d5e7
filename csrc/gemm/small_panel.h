// Products that are one panel of columns and so small that planning them would take longer than the
// arithmetic.
#pragma once

#include "gemm/pack.h"
#include "gemm/panels.h"
#include "gemm/sizes.h"
#include "gemm/tile.h"

namespace pydl::PYDL_ISA {

// Whether all columns are one panel, and the product so small that it needs none of the planning for caches
// and threads, which would take longer than the arithmetic.
template <typename T>
bool is_small_panel(Matrix<const T> a, Matrix<const T> b) {
    const int64_t vectors = (b.columns + width<T> - 1) / width<T>;
    return vectors <= most_tile_vectors<T> && a.columns <= GemmBlocks<T>::sum_depth &&
           a.rows * vectors * a.columns * width<T> <= 65536 && (a.column_stride == 1 || a.row_stride == 1) &&
           (has_partial_loads || b.columns % width<T> == 0);
}

// Such products, of the sizes of a and b: what depends on these alone is found once.
template <typename T>
class SmallPanel {
  public:
    [[gnu::noinline]] SmallPanel(Matrix<const T> a, Matrix<const T> b)
        : depth_(a.columns),
          b_row_(b.row_stride),
          b_column_(b.column_stride),
          apart_(a.column_stride == 1),
          packs_(b.column_stride != 1),
          a_row_(a.row_stride),
          a_stride_(apart_ ? a.row_stride : a.column_stride),
          columns_(int(b.columns)),
          panel_(packs_ ? depth_ * vectors() * width<T> : 0) {
        // As RowPanels, in numbers that are divided faster.
        const int M = int(a.rows), most = most_tile_rows<T>(vectors());
        panels_ = M <= most ? 1 : (M - 1) / most + 1;
        rows_ = panels_ == 1 ? M : (M + panels_ - 1) / panels_;
        whole_ = panels_ - (panels_ * rows_ - M);
        tile_ = find(rows_);
        lower_ = whole_ < panels_ ? find(rows_ - 1) : nullptr;
    }

    void run(const T* a, const T* b, T* c, int64_t c_stride, bool accumulate) const {
        int64_t b_stride = b_row_;
        if (packs_) {
            b_stride = vectors() * width<T>;
            pack_panel(panel_.data(), b_stride, columns_, b, b_column_, b_row_, depth_);
            b = panel_.data();
        }
        for (int p = 0; p < panels_; p++) {
            const int rows = p < whole_ ? rows_ : rows_ - 1;
            (p < whole_ ? tile_ : lower_)(depth_, a, a_stride_, b, b_stride, c, c_stride, columns_,
                                          accumulate ? c : nullptr, c_stride);
            a += rows * a_row_;
            c += rows * c_stride;
        }
    }

  private:
    int vectors() const { return (columns_ + width<T> - 1) / width<T>; }
    GemmTile<T> find(int rows) const { return gemm_tile<T>(apart_, !packs_, rows, columns_); }

    const int64_t depth_, b_row_, b_column_;
    const bool apart_, packs_;
    const int64_t a_row_, a_stride_;
    const int columns_;
    const Panels<T> panel_;
    int panels_, rows_, whole_;
    GemmTile<T> tile_, lower_;
};

}  // namespace pydl::PYDL_ISA
