// What may be done to a finished tile of a product while it is still in the first-level cache.
//
// An epilogue is called as epilogue(tile, stride, row, column, rows, columns) once for every part of C, from
// any thread; the parts cover C without overlap.
#pragma once

#include "simd/simd.h"

namespace pydl::PYDL_ISA {

// What the sums of a tile begin with, for column j of C at from + j * step; null if that is nothing.
template <typename T>
struct Start {
    const T* from;
    int64_t stride;  // from one row to the next
    int64_t step;
};

struct NoEpilogue {
    static constexpr bool has_bias = false;
    NoEpilogue transposed() const { return {}; }
    template <typename T>
    void operator()(T*, int64_t, int64_t, int64_t, int64_t, int64_t) const {}
};

// In the order of ACTIVATIONS in pydl/ops/linear.py.
enum class Activation : int64_t { none, relu, sigmoid, tanh };

// c = activation(c + row_bias[i] + column_bias[j]); either bias may be null.
template <typename T>
struct BiasActivation {
    const T* row_bias;
    int64_t row_bias_stride;
    const T* column_bias;
    int64_t column_bias_stride;
    Activation activation = Activation::none;
    static constexpr bool has_bias = true;

    // Whether sums can begin with the bias, which leaves only the activation for the end.
    bool begins() const {
        return row_bias != nullptr ? column_bias == nullptr
                                   : column_bias != nullptr && column_bias_stride == 1;
    }
    // For `rows` rows from `row` on; `room` is for as many rows of `pitch` columns.
    Start<T> start(int64_t row, int64_t rows, T* room, int64_t pitch) const {
        if (row_bias == nullptr) return {column_bias, 0, 1};
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < pitch; j += width<T>)
                store(room + i * pitch + j, broadcast<T>(row_bias[(row + i) * row_bias_stride]));
        return {room, pitch, 0};
    }
    BiasActivation without_bias() const { return {nullptr, 0, nullptr, 0, activation}; }
    // For C's transpose.
    BiasActivation transposed() const {
        return {column_bias, column_bias_stride, row_bias, row_bias_stride, activation};
    }

    void operator()(T* tile, int64_t stride, int64_t row, int64_t column, int64_t rows,
                    int64_t columns) const {
        if (columns < width<T> && stride == columns && rows >= width<T> && row_bias == nullptr &&
            (column_bias != nullptr || activation != Activation::none))
            return finish_short_rows(tile, column, rows, columns);
        switch (activation) {
            case Activation::none:
                if (row_bias || column_bias)
                    apply(tile, stride, row, column, rows, columns, [](vec<T> v) { return v; });
                break;
            case Activation::relu:
                apply(tile, stride, row, column, rows, columns,
                      [](vec<T> v) { return select(v <= T(0), vec<T>{}, v); });
                break;
            case Activation::sigmoid:
                apply(tile, stride, row, column, rows, columns, [](vec<T> v) { return sigmoid(v); });
                break;
            case Activation::tanh:
                apply(tile, stride, row, column, rows, columns, [](vec<T> v) { return tanh(v); });
                break;
        }
    }

  private:
    // Rows shorter than a vector, without gaps: a vector's width of them is one row of whole vectors.
    [[gnu::noinline]] void finish_short_rows(T* tile, int64_t column, int64_t rows, int64_t columns) const {
        constexpr int64_t W = width<T>;
        alignas(64) T repeated[W * W];
        if (column_bias != nullptr)
            for (int64_t i = 0; i < W; i++)
                for (int64_t j = 0; j < columns; j++)
                    repeated[i * columns + j] = column_bias[(column + j) * column_bias_stride];
        const int64_t whole = rows / W;
        const BiasActivation long_rows{nullptr, 0, column_bias != nullptr ? repeated : nullptr, 1,
                                       activation};
        long_rows(tile, W * columns, 0, 0, whole, W * columns);
        (*this)(tile + whole * W * columns, columns, 0, column, rows - whole * W, columns);
    }

    template <typename F>
    void apply(T* tile, int64_t stride, int64_t row, int64_t column, int64_t rows, int64_t columns,
               F f) const {
        for (int64_t j = 0; j < columns; j += width<T>) {
            const int64_t lanes = columns - j;
            vec<T> of_columns{};
            if (column_bias && column_bias_stride == 1)
                of_columns = load_partial(column_bias + column + j, lanes);
            if (column_bias && column_bias_stride != 1)
                for (int l = 0; l < width<T> && l < lanes; l++)
                    of_columns[l] = column_bias[(column + j + l) * column_bias_stride];
            for (int64_t i = 0; i < rows; i++) {
                T* at = tile + i * stride + j;
                const T of_row = row_bias ? row_bias[(row + i) * row_bias_stride] : T(0);
                store_partial(at, f(load_partial(at, lanes) + (of_columns + of_row)), lanes);
            }
        }
    }
};

}  // namespace pydl::PYDL_ISA
