// Depthwise 3x3 convolutions of narrow images, whose rows fit a few vectors, with as much padding as
// dilation: rows are read where they lie, once each, and moved in registers for the taps to the left and to
// the right. The zeros that come in at the ends are those of the padding; a row above or below the image is
// one of zeros. With dilation, every second, third, ... row belongs to an image of its own.
//
//     row      a b c d
//     tap 0    . a b c        stride 2    row      a b c d e f g h
//     tap 1    a b c d                    tap 0    . b d f
//     tap 2    b c d .                    tap 1    a c e g
//                                         tap 2    b d f h
#pragma once

#include "conv2d/frame.h"
#include "conv2d/planes_ahead.h"
#include "gemm/microkernel.h"
#include "simd/permute.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {

// The pixels of a row under each of three taps, for NV vectors of neighbouring outputs.
template <typename T, int Stride, int NV>
class TapRows {
    static constexpr int W = width<T>, count = Stride * NV;

  public:
    PYDL_INLINE TapRows(int64_t columns, int64_t dilation)
        : last_(0, columns - (count - 1) * W),
          before_(0, columns - (count - 2) * W),
          before_first_(in_register(iota<int_of<T>>() + int_of<T>(W - dilation))),
          behind_first_(in_register(iota<int_of<T>>() + int_of<T>(dilation))),
          left_(W - dilation),
          right_(dilation) {}
    static bool suits(int64_t columns, int64_t outputs) {
        return outputs >= (NV - 1) * W && outputs <= NV * W && columns > (count - 2) * W &&
               columns <= count * W;
    }
    PYDL_INLINE void load(const T* row, vec<T> (&tap)[3][NV]) const {
        vec<T> given[count];
#pragma GCC unroll 8
        for (int k = 0; k < count; k++)
            given[k] = k == count - 1   ? last_.load(row + k * W)
                       : k == count - 2 ? before_.load(row + k * W)
                                        : pydl::PYDL_ISA::load(row + k * W);
        ask_ahead<count>(row);
        if constexpr (Stride == 1 && NV == 1 && picks_lanes) {
            tap[0][0] = lanes_at(vec<T>{}, given[0], before_first_);
            tap[1][0] = given[0];
            tap[2][0] = lanes_at(given[0], vec<T>{}, behind_first_);
        } else if constexpr (Stride == 1 && picks_lanes) {
            vec<T> left{}, right = right_.turned(given[0]);
#pragma GCC unroll 4
            for (int k = 0; k < NV; k++) {
                const vec<T> own = left_.turned(given[k]),
                             next = k + 1 < NV ? right_.turned(given[k + 1]) : vec<T>{};
                tap[0][k] = left_.joined(left, own);
                tap[1][k] = given[k];
                tap[2][k] = right_.joined(right, next);
                left = own, right = next;
            }
        } else {
            vec<T> odd{};  // or, of stride 1, whatever is the tap to the left of the next
#pragma GCC unroll 4
            for (int k = 0; k < NV; k++) {
                if constexpr (Stride == 1) {
                    tap[0][k] = lanes_from<W - 1, T>(odd, given[k]);
                    tap[2][k] = lanes_from<1, T>(given[k], k + 1 < NV ? given[k + 1] : vec<T>{});
                    tap[1][k] = odd = given[k];
                } else {
                    tap[1][k] = even_lanes(given[2 * k], given[2 * k + 1]);
                    tap[2][k] = odd_lanes(given[2 * k], given[2 * k + 1]);
                    tap[0][k] = lanes_from<W - 1, T>(odd, tap[2][k]);
                    odd = tap[2][k];
                }
            }
        }
    }

  private:
    LaneRange<T> last_, before_;
    const mask<T> before_first_, behind_first_;  // of a single vector
    const LaneShift left_, right_;               // of several
};

// The outputs of a plane, w: a filter, read as w[u, v].
template <typename T>
struct RowsPlane {
    const T* w;
    int64_t down, along;
    T bias;
    int64_t source, outputs;  // columns of the image and of y
    T* y;
    int64_t y_pitch;
    int64_t dilation;  // along the rows
};

// `count` rows of outputs, of which the rows listed are read, each once: a sum is begun with the first of its
// rows and stored with the last.
template <typename T, int Stride, int NV>
void outputs_of_plane(const RowsPlane<T>& plane, const T* const* row, int64_t count) {
    constexpr int64_t W = width<T>;
    const int64_t y_pitch = plane.y_pitch, left = plane.outputs - (NV - 1) * W;
    const TapRows<T, Stride, NV> taps(plane.source, plane.dilation);
    const vec<T> bias = broadcast<T>(plane.bias);
    vec<T> weight[3][3], tap[3][NV], sum[2][NV];
#pragma GCC unroll 9
    for (int k = 0; k < 9; k++)
        weight[k / 3][k % 3] = in_register(broadcast<T>(plane.w[k % 3 * plane.down + k / 3 * plane.along]));
    // The products with taps (u, ..) are added to what `from` begins with.
    const auto add = [&](int u, vec<T>(&to)[NV], const vec<T>(&from)[NV]) PYDL_INLINE_LAMBDA {
#pragma GCC unroll 4
        for (int n = 0; n < NV; n++)
            // Of a single vector, each product would wait for the one before: sums meet in an addition alone.
            if (Stride == 1 && NV == 1)
                to[n] = fma(weight[2][u], tap[2][n], fma(weight[1][u], tap[1][n], weight[0][u] * tap[0][n])) +
                        from[n];
            else
                to[n] = fma(weight[2][u], tap[2][n],
                            fma(weight[1][u], tap[1][n], fma(weight[0][u], tap[0][n], from[n])));
    };
    vec<T> start[NV];
#pragma GCC unroll 4
    for (int n = 0; n < NV; n++) start[n] = bias;
    taps.load(*row++, tap);
    add(0, sum[0], start);
    if (Stride == 1) {
        taps.load(*row++, tap);
        add(1, sum[0], sum[0]), add(0, sum[1], start);
    }
    T* y = plane.y;
    for (int64_t i = 0; i < count; i++, y += y_pitch) {
        if (Stride == 2) taps.load(*row++, tap), add(1, sum[0], sum[0]);
        taps.load(*row++, tap);
        add(2, sum[0], sum[0]);
#pragma GCC unroll 4
        for (int n = 0; n + 1 < NV; n++) store(y + n * W, sum[0][n]);
        store_partial(y + (NV - 1) * W, sum[0][NV - 1], left);
        ask_ahead<NV>(y);
        if (Stride == 1)
            add(1, sum[0], sum[1]), add(0, sum[1], start);
        else
            add(0, sum[0], start);
    }
}

// ---- the gradient with respect to the weight ----

template <typename T>
struct RowSlopes {
    const T* dy;
    int64_t pitch, source, outputs;  // source, outputs: columns of the image and of dy
    int64_t dilation;
};

// sum[v * 3 + u] += the products of `count` rows of dy with the rows of the image that tap (u, v) reads for
// them, and sum[9] += dy. A row of the image is loaded once for all rows of dy that it belongs to.
template <typename T, int Stride, int NV>
void slopes_of_plane(const RowSlopes<T>& plane, const T* const* row, int64_t count, vec<T>* sum) {
    constexpr int64_t W = width<T>;
    const int64_t left = plane.outputs - (NV - 1) * W;
    const TapRows<T, Stride, NV> taps(plane.source, plane.dilation);
    const LaneRange<T> last(0, left);
    // Both sides are cut off: behind the last output an image may hold infinities, which times 0 are not 0.
    const mask<T> exists = iota<int_of<T>>() < int_of<T>(left);
    vec<T> acc[3][3], total = sum[9], tap[3][NV], slope[3][NV];
#pragma GCC unroll 9
    for (int k = 0; k < 9; k++) acc[k / 3][k % 3] = sum[k];
    const auto load_row = [&](const T* from) PYDL_INLINE_LAMBDA {
        taps.load(from, tap);
#pragma GCC unroll 3
        for (int v = 0; v < 3; v++)
            tap[v][NV - 1] = bit_cast<vec<T>>(bit_cast<mask<T>>(tap[v][NV - 1]) & exists);
    };
    const auto add = [&](auto u, auto age) PYDL_INLINE_LAMBDA {
#pragma GCC unroll 16
        for (int k = 0; k < 3 * NV; k++)
            acc[k / NV][u] = fma(slope[age][k % NV], tap[k / NV][k % NV], acc[k / NV][u]);
    };
    constexpr std::integral_constant<int, 0> _0;
    constexpr std::integral_constant<int, 1> _1;
    constexpr std::integral_constant<int, 2> _2;
    // With stride 1 the last rows of the image belong to rows of dy alone that came before.
    const T* dy = plane.dy;
    for (int64_t i = 0; i < count + 3 - Stride; i++, dy += plane.pitch) {
#pragma GCC unroll 4
        for (int n = 0; n < NV; n++) slope[2][n] = slope[1][n], slope[1][n] = slope[0][n];
        load_row(row[i * Stride]);
        if (i < count) {
#pragma GCC unroll 4
            for (int n = 0; n < NV; n++) {
                slope[0][n] = in_register(n == NV - 1 ? last.load(dy + n * W) : load(dy + n * W));
                ask_ahead(dy + n * W);
                total += slope[0][n];
            }
            add(_0, _0);
        }
        if (Stride == 2 && i > 0) add(_2, _1);
        if (Stride == 1 && i > 0 && i <= count) add(_1, _1);
        if (Stride == 1 && i > 1) add(_2, _2);
        if (Stride == 2 && i < count) load_row(row[i * Stride + 1]), add(_1, _0);
    }
#pragma GCC unroll 9
    for (int k = 0; k < 9; k++) sum[k] = acc[k / 3][k % 3];
    sum[9] = total;
}

template <typename T>
using SlopesOfPlane = void (*)(const RowSlopes<T>&, const T* const* row, int64_t count, vec<T>* sum);

template <typename T>
using OutputsOfPlane = void (*)(const RowsPlane<T>&, const T* const* rows, int64_t count);
template <int Stride, int NV>
struct RowKind {
    static constexpr int stride = Stride, vectors = NV;
};

inline bool is_usual(const Axis& axis) {
    return axis.taps == 3 && axis.dilation == 1 && axis.origin == -1;
}

// choose(the kind of rows) where they are narrow, and ones like these; otherwise null.
template <typename T, typename Choose>
auto choose_rows(const Axis& rows, const Axis& columns, const Choose& choose)
    -> decltype(choose(RowKind<1, 1>{})) {
    if constexpr (many_registers && sizeof(T) == 4) {
        const auto suits = [](const Axis& axis) {
            return is_usual(axis) || (picks_lanes && axis.taps == 3 && axis.stride == 1 &&
                                      axis.origin == -axis.dilation && axis.dilation <= width<T>);
        };
        if (!suits(rows) || !suits(columns) || rows.stride != columns.stride) return nullptr;
        const int64_t source = columns.source, outputs = columns.outputs;
        if (rows.stride == 1) {
            if (TapRows<T, 1, 1>::suits(source, outputs)) return choose(RowKind<1, 1>{});
            if (TapRows<T, 1, 2>::suits(source, outputs)) return choose(RowKind<1, 2>{});
            if (TapRows<T, 1, 3>::suits(source, outputs)) return choose(RowKind<1, 3>{});
            if (TapRows<T, 1, 4>::suits(source, outputs)) return choose(RowKind<1, 4>{});
        } else if (rows.stride == 2) {
            if (TapRows<T, 2, 1>::suits(source, outputs)) return choose(RowKind<2, 1>{});
            if (TapRows<T, 2, 2>::suits(source, outputs)) return choose(RowKind<2, 2>{});
            if (TapRows<T, 2, 4>::suits(source, outputs)) return choose(RowKind<2, 4>{});
        }
    }
    return nullptr;
}
template <typename T>
OutputsOfPlane<T> choose_outputs(const Axis& rows, const Axis& columns) {
    return choose_rows<T>(rows, columns, [](auto kind) -> OutputsOfPlane<T> {
        return outputs_of_plane<T, decltype(kind)::stride, decltype(kind)::vectors>;
    });
}
template <typename T>
SlopesOfPlane<T> choose_slopes(const Axis& rows, const Axis& columns) {
    return choose_rows<T>(rows, columns, [](auto kind) -> SlopesOfPlane<T> {
        return slopes_of_plane<T, decltype(kind)::stride, decltype(kind)::vectors>;
    });
}

// Every `step`-th row from `first` on, those that lie in an image of `height` rows, and zeros instead of the
// others.
template <typename T>
[[gnu::noinline]] void list_rows(const T** row, int64_t count, const T* image, int64_t pitch, int64_t first,
                                 int64_t height, const T* zeros, int64_t step = 1) {
    const int64_t end = first + count * step, last = end < height ? end : height, apart = step * pitch;
    int64_t h = first;
    image += h * pitch;
    for (; h < end && h < 0; h += step, image += apart) *row++ = zeros;
    for (; h < last; h += step, image += apart) *row++ = image;
    for (; h < end; h += step) *row++ = zeros;
}

}  // namespace pydl::PYDL_ISA
