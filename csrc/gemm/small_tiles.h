// Products of a few tiles, so small that planning them would take longer than the arithmetic.
#pragma once

#include "gemm/pack.h"
#include "gemm/panels.h"
#include "gemm/sizes.h"
#include "gemm/tile.h"

namespace pydl::PYDL_ISA {

inline constexpr int64_t small_work = 98304;  // multiply-adds of whole vectors

// Whether the product is so small that it needs none of the planning for caches and threads.
template <typename T>
bool has_few_tiles(Matrix<const T> a, Matrix<const T> b) {
    const int64_t lanes = (b.columns + width<T> - 1) / width<T> * width<T>;
    return a.columns <= GemmBlocks<T>::sum_depth && a.rows * lanes * a.columns <= small_work &&
           (a.column_stride == 1 || a.row_stride == 1) && (has_partial_loads || b.columns % width<T> == 0);
}

// Such products, of the sizes of a and b: what depends on these alone is found once.
template <typename T>
class SmallTiles {
  public:
    [[gnu::noinline]] SmallTiles(Matrix<const T> a, Matrix<const T> b)
        : depth_(a.columns),
          b_row_(b.row_stride),
          b_column_(b.column_stride),
          apart_(a.column_stride == 1),
          packs_(b.column_stride != 1),
          a_row_(a.row_stride),
          a_stride_(apart_ ? a.row_stride : a.column_stride),
          columns_(int(b.columns)),
          shape_(find_shape(int(a.rows), columns_)),
          panel_(packs_ ? depth_ * shape_.vectors * width<T> : 0) {
        // As RowPanels, in numbers that are divided faster.
        const int M = int(a.rows), most = shape_.rows, lanes = shape_.vectors * width<T>;
        panels_ = M <= most ? 1 : (M - 1) / most + 1;
        rows_ = panels_ == 1 ? M : (M + panels_ - 1) / panels_;
        whole_ = panels_ - (panels_ * rows_ - M);
        last_ = columns_ <= lanes ? columns_ : columns_ - (columns_ - 1) / lanes * lanes;
        find(tiles_[0], last_);
        if (columns_ > lanes) find(tiles_[1], lanes);
    }

    void run(const T* a, const T* b, T* c, int64_t c_stride, bool accumulate) const {
        const int lanes = shape_.vectors * width<T>;
        for (int left = columns_; left > last_; left -= lanes) {
            panel(lanes, tiles_[1], a, b, c, c_stride, accumulate);
            b += lanes * b_column_;
            c += lanes;
        }
        panel(last_, tiles_[0], a, b, c, c_stride, accumulate);
    }

  private:
    // Of the panels of most and of one row less.
    struct Tiles {
        GemmTile<T> whole, lower;
    };

    static TileShape find_shape(int rows, int columns) {
        const int vectors = (columns + width<T> - 1) / width<T>;
        if (vectors <= most_tile_vectors<T>) return {most_tile_rows<T>(vectors), vectors};
        return tile_shape<T>(rows, columns);
    }

    void find(Tiles& tiles, int columns) const {
        tiles.whole = gemm_tile<T>(apart_, rows_, columns);
        if (whole_ < panels_) tiles.lower = gemm_tile<T>(apart_, rows_ - 1, columns);
    }

    // Some columns of C.
    PYDL_INLINE void panel(int columns, const Tiles& tiles, const T* a, const T* b, T* c, int64_t c_stride,
                           bool accumulate) const {
        int64_t b_stride = b_row_;
        if (packs_) {
            b_stride = (columns + width<T> - 1) / width<T> * width<T>;
            pack_panel(panel_.data(), b_stride, columns, b, b_column_, b_row_, depth_);
            b = panel_.data();
        }
        for (int p = 0; p < panels_; p++) {
            const int rows = p < whole_ ? rows_ : rows_ - 1;
            (p < whole_ ? tiles.whole : tiles.lower)(depth_, a, a_stride_, b, b_stride, c, c_stride, columns,
                                                     accumulate ? c : nullptr, c_stride);
            a += rows * a_row_;
            c += rows * c_stride;
        }
    }

    const int64_t depth_, b_row_, b_column_;
    const bool apart_, packs_;
    const int64_t a_row_, a_stride_;
    const int columns_;
    const TileShape shape_;
    const Panels<T> panel_;
    int panels_, rows_, whole_;
    int last_;  // columns of the last panel
    Tiles tiles_[2];
};

}  // namespace pydl::PYDL_ISA
