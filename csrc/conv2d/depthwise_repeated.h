// Gradients of depthwise convolutions whose stride along the rows is 2, 3 or 4. Images are read and written
// as they lie: the lanes of `Stride` vectors are the pixels under some taps of a vector of outputs, those of
// an output side by side. Slopes are repeated, and so are the weights of these taps, a run of them.
//
//     stride 2, 4 taps    slopes         a a b b c c d d    e e f f ...
//                         weights        0 1 0 1 0 1 0 1    the first run, for dx as it lies
//                                        2 3 2 3 2 3 2 3    the second, for dx 2 further on
//
// The gradient with respect to the weight is the sum of slopes times pixels of every `Stride`-th lane.
//
// A run has as many taps as the stride. Where they do not come out even, the last run begins earlier, and
// half of a weight is in each of the two that have it: a weight of 0 instead would make infinities NaN. Where
// there are fewer taps than that, the slopes under those that do not exist are 0, too.
#pragma once

#include "conv2d/frame.h"
#include "conv2d/weights.h"

namespace pydl::PYDL_ISA {

// The runs of taps of a row.
struct TapRuns {
    int64_t taps, stride, count;
    explicit TapRuns(const Axis& axis)
        : taps(axis.taps), stride(axis.stride), count((axis.taps - 1) / axis.stride + 1) {}
    int64_t missing() const { return taps < stride ? stride - taps : 0; }  // in front of the first tap
    // Inline, since sums stay in no registers over a call.
    PYDL_INLINE int64_t offset(int64_t run) const { return run + 1 < count ? run * stride : taps - stride; }
    // The run that a tap belongs to, the later of two.
    int64_t run_of(int64_t tap) const { return tap >= taps - stride ? count - 1 : tap / stride; }
};

// After so many vectors, what repeats begins with the same lane again.
template <typename T>
int64_t period(int64_t stride) {
    return width<T> % stride == 0 ? 1 : stride;
}

// The weights of a filter, read as w[u * down + v * along], as vectors [u][run][period], which begin with the
// one under column 0.
template <typename T>
void repeat_weights(vec<T>* to, const T* w, int64_t down, int64_t along, int64_t rows, const Axis& columns) {
    constexpr int64_t W = width<T>, most = 4;
    const TapRuns runs(columns);
    const int64_t S = columns.stride, P = period<T>(S);
    for (int64_t u = 0; u < rows; u++)
        for (int64_t b = 0; b < runs.count; b++) {
            T lane[most * W + most];
            const int64_t column = ((columns.origin + runs.offset(b)) % S + S) % S;  // of the first tap
            for (int64_t q = 0; q < S; q++) {
                const int64_t v = runs.offset(b) + q;
                const bool twice = v >= runs.taps - S && v < (runs.count - 1) * S;
                lane[(q + column) % S] = v < 0 ? T(0) : w[u * down + v * along] * (twice ? T(0.5) : T(1));
            }
            for (int64_t k = S; k < P * W; k++) lane[k] = lane[k - S];
            for (int64_t k = 0; k < P; k++) *to++ = load(lane + k * W);
        }
}

template <int Part, int Stride, typename V, int... I>
PYDL_INLINE V repeat_part(V v, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(v, v, ((Part * int(sizeof...(I)) + I) / Stride)...);
}
// Each lane of v Stride times.
template <typename T, int Stride>
PYDL_INLINE void repeat_lanes(vec<T> v, vec<T> (&to)[Stride]) {
    constexpr auto lanes = std::make_integer_sequence<int, width<T>>{};
    to[0] = repeat_part<0, Stride>(v, lanes);
    to[1] = repeat_part<1, Stride>(v, lanes);
    if constexpr (Stride > 2) to[2] = repeat_part<2, Stride>(v, lanes);
    if constexpr (Stride > 3) to[3] = repeat_part<3, Stride>(v, lanes);
}

// `count` numbers, which lie `apart`, each Stride times.
template <typename T, int Stride>
void repeat_row(T* to, const T* from, int64_t apart, int64_t count) {
    constexpr int64_t W = width<T>;
    for (int64_t j = 0; j < count; j += W, to += Stride * W) {
        vec<T> v, repeated[Stride];
        if (apart == 1) {
            v = load_partial(from + j, count - j);
        } else {
            T lane[W] = {};
            for (int64_t l = 0; l < W && j + l < count; l++) lane[l] = from[(j + l) * apart];
            v = load(lane);
        }
        repeat_lanes<T, Stride>(v, repeated);
#pragma GCC unroll 4
        for (int k = 0; k < Stride; k++) store(to + k * W, repeated[k]);
    }
}

// Vectors of outputs of a row, and which lanes of the vectors under each run of taps are pixels that belong
// to them.
template <typename T>
class StridedColumns {
    static constexpr int64_t W = width<T>;

  public:
    explicit StridedColumns(const Axis& axis)
        : runs(axis),
          blocks((axis.outputs - 1) / W + 1),
          axis_(axis),
          lanes_(blocks * runs.count * axis.stride) {
        LaneRange<T>* to = lanes_.data();
        for (int64_t k = 0; k < blocks; k++)
            for (int64_t b = 0; b < runs.count; b++)
                for (int64_t v = 0; v < axis.stride; v++) {
                    const int64_t place = source(k) + runs.offset(b) + v * W, inside = axis.source - place,
                                  read = length(k) * axis.stride - v * W;
                    *to++ = LaneRange<T>(-place, inside < read ? inside : read);
                }
    }
    int64_t length(int64_t block) const { return axis_.outputs - block * W; }
    // Of the first tap.
    int64_t source(int64_t block) const { return block * W * axis_.stride + axis_.origin; }
    const LaneRange<T>* lanes(int64_t block) const {
        return lanes_.data() + block * runs.count * axis_.stride;
    }

    const TapRuns runs;
    const int64_t blocks;

  private:
    Axis axis_;
    Scratch<LaneRange<T>> lanes_;
};

// Vectors of sums of a run: what repeats begins anew with the second, or the third.
inline int64_t sums_of_run(int64_t stride) {
    return stride == 3 ? 3 : 2;
}

// sum[(u * runs + run) * sums_of_run + k] += the products of repeated slopes with pixels, and the last of
// them += the slopes. Row u of taps of row i is x[i * rows.stride + u * rows.dilation].
template <typename T, int Stride>
void strided_slopes(const StridedColumns<T>& columns, const Axis& rows, const T* dy, int64_t dy_pitch,
                    const T* const* x, vec<T>* sum) {
    constexpr int64_t W = width<T>;
    constexpr int Q = Stride == 3 ? 3 : 2, some = 4;  // sums of a run, rows of taps
    const int64_t runs = columns.runs.count, U = rows.taps;
    for (int64_t block = 0; block < columns.blocks; block++)
        for (int64_t b = 0; b < runs; b++) {
            const LaneRange<T>* const lanes = columns.lanes(block) + b * Stride;
            const LaneRange<T> own(0, columns.length(block));
            const T* const slopes = dy + block * W;
            const int64_t place = columns.source(block) + columns.runs.offset(b);
            for (int64_t first = 0; first < U; first += some) {
                vec<T> acc[some][Q] = {}, total{};
                int64_t below[some];  // the last rows are taken again where there are fewer
#pragma GCC unroll 4
                for (int u = 0; u < some; u++) below[u] = (first + u < U ? first + u : U - 1) * rows.dilation;
                for (int64_t i = 0; i < rows.outputs; i++) {
                    const vec<T> slope = own.load(slopes + i * dy_pitch);
                    vec<T> repeated[Stride];
                    repeat_lanes<T, Stride>(slope, repeated);
                    total += slope;
#pragma GCC unroll 4
                    for (int u = 0; u < some; u++) {
                        const T* from = x[i * rows.stride + below[u]] + place;
#pragma GCC unroll 4
                        for (int k = 0; k < Stride; k++)
                            acc[u][k % Q] = fma(repeated[k], lanes[k].load(from + k * W), acc[u][k % Q]);
                    }
                }
#pragma GCC unroll 4
                for (int u = 0; u < some; u++) {
                    if (first + u >= U) continue;
#pragma GCC unroll 4
                    for (int k = 0; k < Q; k++) sum[((first + u) * runs + b) * Q + k] += acc[u][k];
                }
                if (first + b == 0) sum[U * runs * Q] += total;
            }
        }
}

// Row i of repeated slopes, times the weights of row u of taps.
struct StridedShare {
    int64_t slopes, weights;
};

// Of period P: a row of dx, of `count` columns from which the shares of its slopes are `place` on; weights
// begin with the lanes of column 0.
template <typename T, int P>
void strided_pixels(const TapRuns& runs, const StridedShare* share, const StridedShare* last,
                    const vec<T>* weights, T bias, const T* slopes, T* dx, int64_t count) {
    constexpr int64_t W = width<T>;
    constexpr int NV = P > 1 ? P : 4;
    for (int64_t c = 0; c < count; c += NV * W) {
        vec<T> acc[NV];
#pragma GCC unroll 4
        for (int n = 0; n < NV; n++) acc[n] = broadcast<T>(bias);
        for (const StridedShare* s = share; s != last; s++) {
            const vec<T>* w = weights + s->weights;
            for (int64_t b = 0; b < runs.count; b++, w += P) {
                const T* from = slopes + s->slopes + c - runs.offset(b);
#pragma GCC unroll 4
                for (int n = 0; n < NV; n++) acc[n] = fma(w[n % P], load(from + n * W), acc[n]);
            }
        }
#pragma GCC unroll 4
        for (int n = 0; n < NV; n++) store_partial(dx + c + n * W, acc[n], count - c - n * W);
    }
}

}  // namespace pydl::PYDL_ISA
