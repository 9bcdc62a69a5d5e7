// The gradient with respect to the weight of a convolution whose groups have one or two features: see
// conv2d/depthwise.h.
//
//     dw[o, (c, u, v)] = sum over (n, i, j) of  dy[n, o, i, j] * x[n, c, i * stride + u, j * stride + v]
//
// The lanes are pixels of a row. Some columns of taps are added up at a time: a block of rows of dy stays in
// registers while the rows of x under it are loaded once each, for all the taps that meet them.
//
//   for each task: a group, a part of the batch's stripes of output rows      (in parallel)
//     for each stripe: copies the rows of x into a frame, then adds to the sums of all taps, lane by lane
//     adds up the lanes
//
// How the stripes are cut into parts depends on the sizes alone, and the parts are added in order.
#include "conv2d/depthwise.h"
#include "conv2d/depthwise_frame.h"
#include "conv2d/depthwise_lane_slopes.h"
#include "conv2d/depthwise_paired_slopes.h"
#include "conv2d/depthwise_rows.h"
#include "conv2d/depthwise_tile.h"
#include "conv2d/weight_dots.h"

namespace pydl::PYDL_ISA {

// What the sums of a stripe have in common.
template <typename T>
struct DepthwiseSlopes {
    const T* frame;
    const int64_t* tap;  // where tap (0, v) is in the frame
    int64_t pitch;       // from one row of x to the next
    int64_t step;        // to the row of x that belongs to the next row of dy
    const T* dy;
    int64_t dy_pitch, rows, columns;
};

// Some neighbouring groups of a part of the batch.
struct RunOfGroups {
    int64_t task, part, first, count;  // task: the number of the first one, of all groups of all parts
};

inline int64_t most_groups_of_run(int64_t sums) {
    return 1 + 1024 / sums;
}

// run(some of the tasks from `begin` to `end`), so that planes are read in the order in which they lie in
// memory: those of some groups, each with as many sums, of an image and then of the next one.
template <typename Run>
void for_runs_of_groups(int64_t begin, int64_t end, int64_t groups, int64_t sums, const Run& run) {
    const int64_t most = most_groups_of_run(sums);
    for (RunOfGroups some = {begin, 0, 0, 0}; some.task < end; some.task += some.count) {
        some.part = some.task / groups, some.first = some.task % groups;
        some.count = groups - some.first < most ? groups - some.first : most;
        if (some.count > end - some.task) some.count = end - some.task;
        run(some);
    }
}

template <typename T>
PYDL_INLINE vec<T> keep(vec<T> v, mask<T> lanes) {
    return bit_cast<vec<T>>(bit_cast<mask<T>>(v) & lanes);
}

// sum[v][u] += the products of R rows of dy, from `dy` on, with the rows of x under them, `n` lanes of each.
// Both sides are cut off: beyond the row's end a frame may hold infinities, which times 0 are not 0.
template <bool Whole, typename T, int U, int VB, int Stride, int R>
PYDL_INLINE void add_slopes(vec<T> (&sum)[VB][U], const DepthwiseSlopes<T>& s, const T* const (&x)[VB],
                            int64_t at, const T* dy, int64_t n, mask<T> lanes) {
    vec<T> slope[R];
#pragma GCC unroll 4
    for (int i = 0; i < R; i++)
        slope[i] = in_register(Whole ? load(dy + i * s.dy_pitch) : load_partial(dy + i * s.dy_pitch, n));
#pragma GCC unroll 16
    for (int h = 0; h < (R - 1) * Stride + U; h++, at += s.pitch)
#pragma GCC unroll 4
        for (int v = 0; v < VB; v++) {
            const vec<T> pixel = in_register(Whole ? load(x[v] + at) : keep<T>(load(x[v] + at), lanes));
#pragma GCC unroll 4
            for (int i = 0; i < R; i++)
                if (h - i * Stride >= 0 && h - i * Stride < U)
                    sum[v][h - i * Stride] = fma(slope[i], pixel, sum[v][h - i * Stride]);
        }
}

// The sums of VB columns of taps.
template <typename T, int U, int VB, int Stride>
void depthwise_slopes(const DepthwiseSlopes<T>& s, int64_t first_tap, vec<T>* acc) {
    constexpr int64_t W = width<T>;
    constexpr int R = 4;
    vec<T> sum[VB][U];
    const T* x[VB];
#pragma GCC unroll 4
    for (int v = 0; v < VB; v++) {
        x[v] = s.frame + s.tap[first_tap + v];
#pragma GCC unroll 8
        for (int u = 0; u < U; u++) sum[v][u] = acc[v * U + u];
    }
    const T* dy = s.dy;
    int64_t i = 0, at = 0;
    const auto run = [&](auto block) PYDL_INLINE_LAMBDA {
        constexpr int rows = decltype(block)::value;
        int64_t j = 0;
        for (; j + W <= s.columns; j += W)
            add_slopes<true, T, U, VB, Stride, rows>(sum, s, x, at + j, dy + j, W, mask<T>{});
        if (j < s.columns) {
            const int64_t n = s.columns - j;
            add_slopes<false, T, U, VB, Stride, rows>(sum, s, x, at + j, dy + j, n,
                                                      iota<int_of<T>>() < int_of<T>(n));
        }
        i += rows, at += rows * s.step, dy += rows * s.dy_pitch;
    };
    while (i + R <= s.rows) run(std::integral_constant<int, R>{});
    while (i < s.rows) run(std::integral_constant<int, 1>{});
#pragma GCC unroll 4
    for (int v = 0; v < VB; v++)
#pragma GCC unroll 8
        for (int u = 0; u < U; u++) acc[v * U + u] = sum[v][u];
}

// Columns of taps whose sums there are registers for. More than two of long ones take as long.
// In float64, a kernel for two columns of three taps would seldom be worth its size.
template <int U>
inline constexpr int slope_columns = U == 1                     ? 4
                                     : U <= 3                   ? 3
                                     : U <= 5 || many_registers ? 2
                                                                : 1;

template <typename T, int U, int VB, int Stride>
void all_slopes(const DepthwiseSlopes<T>& s, int64_t taps, vec<T>* acc, int64_t v = 0) {
    for (; v + VB <= taps; v += VB) depthwise_slopes<T, U, VB, Stride>(s, v, acc + v * U);
    if constexpr (VB > 1)
        if (v < taps) all_slopes<T, U, sizeof(T) == 4 || U == 1 ? VB - 1 : 1, Stride>(s, taps, acc, v);
}
template <typename T>
using AllSlopes = void (*)(const DepthwiseSlopes<T>&, int64_t taps, vec<T>* acc, int64_t v);
template <typename T>
AllSlopes<T> slopes_function(int64_t taps, int64_t stride) {
    if (taps == 1) return all_slopes<T, 1, slope_columns<1>, 1>;
    if constexpr (has_filter_parts<T>)
        if (taps == 2) return all_slopes<T, 2, slope_columns<2>, 1>;
    if (taps == 3)
        return stride == 1 ? all_slopes<T, 3, slope_columns<3>, 1> : all_slopes<T, 3, slope_columns<3>, 2>;
    if (taps == 5)
        return stride == 1 ? all_slopes<T, 5, slope_columns<5>, 1> : all_slopes<T, 5, slope_columns<5>, 2>;
    return stride == 1 ? all_slopes<T, 7, slope_columns<7>, 1> : all_slopes<T, 7, slope_columns<7>, 2>;
}

// Whether the sums of all parts of filters with such rows of taps (conv2d/tap_parts.h) have kernels.
template <typename T>
bool has_slopes_kernels(const Axis& rows, bool is_depthwise) {
    if (rows.taps == 1) return rows.stride <= 64;
    if (rows.dilation == 1 ? rows.stride > 2 : rows.stride > 1 || rows.dilation > 64) return false;
    if (rows.taps == 3 || rows.taps == 5 || rows.taps == 7) return true;
    const bool has_twos = rows.taps <= 4;
    return has_filter_parts<T> && is_depthwise && rows.taps <= 64 && (rows.stride == 1 || !has_twos);
}

template <typename T>
bool has_depthwise_weights(const Conv2dShape& s) {
    const DepthwiseAxes axes(s);
    const Axis& rows = axes.rows;
    if (s.O / s.groups > 2 || s.C / s.groups > 8 || s.C < 1 || rows.origin < -64 * rows.dilation)
        return false;
    return suits_lane_slopes<T>(s) ||
           (has_slopes_kernels<T>(rows, s.C == s.groups) && suits_row_frame(axes.columns));
}

// Whether its rows are better read where they lie.
template <typename T>
bool row_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                         const Array<T, 4>& dw, T* db, int64_t db_stride) {
    const SlopesOfPlane<T> kernel = choose_slopes<T>(s.rows, s.columns);
    if (kernel == nullptr || s.C != s.groups || x.stride[3] != 1 || dy.stride[3] != 1) return false;
    const int64_t features = s.O / s.groups, D = s.rows.dilation;
    const Parts parts(s.N, (s.N * s.groups - 1) / 16 + 1);
    const Scratch<vec<T>> sums(s.O * parts.count * 10);
    parallel_for(
        s.groups * parts.count, 1 + GemmBlocks<T>::thread_work / (parts.size * s.I * s.J * 13 * features),
        [&](int64_t begin, int64_t end) {
            const Scratch<T> zeros(s.W);
            for (int64_t k = 0; k < s.W; k++) zeros[k] = T(0);
            const Scratch<const T*> row((s.I - 1) * s.rows.stride + 3);
            for_runs_of_groups(begin, end, s.groups, 10 * features, [&](const RunOfGroups& run) {
                vec<T>* sums_of = sums.data() + run.task * features * 10;
                for (int64_t k = 0; k < run.count * features * 10; k++) sums_of[k] = vec<T>{};
                for (int64_t n = parts.begin(run.part), past = n + parts.length(run.part, s.N); n < past; n++)
                    for (int64_t g = 0; g < run.count; g++)
                        for (int64_t first = 0; first < D && first < s.I; first++) {
                            const int64_t count = (s.I - first - 1) / D + 1;
                            list_rows(row.data(), (count - 1) * s.rows.stride + 3, x.at(n, run.first + g),
                                      x.stride[2], s.rows.origin + first, s.H, zeros.data(), D);
                            for (int64_t m = 0; m < features; m++)
                                kernel({dy.at(n, (run.first + g) * features + m) + first * dy.stride[2],
                                        D * dy.stride[2], s.W, s.J, s.columns.dilation},
                                       row.data(), count, sums_of + (g * features + m) * 10);
                        }
            });
        });
    for (int64_t o = 0; o < s.O; o++) {
        const vec<T>* first = sums.data() + o * 10;
        for (int64_t k = 0; k < 10; k++) {
            vec<T> total = first[k];
            for (int64_t part = 1; part < parts.count; part++) total += first[part * s.O * 10 + k];
            if (k < 9)
                dw(o, 0, k % 3, k / 3) = reduce_add(total);
            else if (db != nullptr)
                db[o * db_stride] = reduce_add(total);
        }
    }
    return true;
}

template <typename T>
void depthwise_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                               const Array<T, 4>& dw, T* db, int64_t db_stride) {
    if (paired_weight_gradient(dy, x, s, dw, db, db_stride)) return;
    // As in conv2d_depthwise.cpp.
    const bool is_narrow = (s.N == 1 ? 1 : 2) * s.J <= width<T>;
    if (!(is_narrow && suits_lane_slopes<T>(s)) && row_weight_gradient(dy, x, s, dw, db, db_stride)) return;
    if (suits_lane_slopes<T>(s)) return lane_weight_gradient(dy, x, s, dw, db, db_stride);
    const DepthwiseAxes axes(s);
    const Axis &rows = axes.rows, &columns = axes.columns;
    const int across = axes.turned ? 2 : 3, down = axes.turned ? 3 : 2;
    const int64_t I = rows.outputs, J = columns.outputs, U = rows.taps, V = columns.taps;
    const int64_t channels = s.C / s.groups, features = s.O / s.groups;
    // Dilated rows are seen as in conv2d_depthwise.cpp.
    const int64_t dilation = U == 1 ? 1 : rows.dilation, reach = (U - 1) * rows.dilation + 1;
    const RowTaps row_taps(columns);
    const Parts stripes(
        I, depthwise_stripe<T>(RowFrame<T>(row_taps, 1, 1).pitch(), channels, reach, rows.stride));
    const RowFrame<T> layout(row_taps, (stripes.size - 1) * rows.stride + reach, channels);
    const Scratch<int64_t> tap(V);
    for (int64_t v = 0; v < V; v++) tap[v] = layout.place(columns.origin + v * columns.dilation);
    const Parts parts(s.N * stripes.count, (s.N * stripes.count * s.groups - 1) / 16 + 1);
    const int64_t sums = channels * U * V + 1, own = features * sums;  // behind the weights the bias
    const Scratch<T> partial(s.groups * parts.count * own);
    const bool in_place = dy.stride[across] == 1;

    // Adds a stripe of a group.
    const auto add_up = [&](int64_t group, int64_t strip, T* frame, T* copy, vec<T>* acc) {
        const int64_t n = strip / stripes.count, stripe = strip % stripes.count;
        const int64_t top = stripes.begin(stripe), count = stripes.length(stripe, I);
        for (int64_t c = 0; c < channels; c++)
            layout.fill(frame + c * layout.channel(), x.at(n, group * channels + c), x.stride[down],
                        x.stride[across], rows.source, top * rows.stride + rows.origin,
                        (count - 1) * rows.stride + reach);
        for (int64_t m = 0; m < features; m++) {
            const T* from = dy.at(n, group * features + m) + top * dy.stride[down];
            if (!in_place)
                for (int64_t i = 0; i < count; i++)
                    copy_padded<T>(copy + i * J, J, from + i * dy.stride[down], dy.stride[across], J, 0, 1);
            DepthwiseSlopes<T> plane = {frame,
                                        tap.data(),
                                        (U > 1 ? dilation : rows.stride) * layout.pitch(),
                                        dilation * rows.stride * layout.pitch(),
                                        in_place ? from : copy,
                                        in_place ? dy.stride[down] : J,
                                        count,
                                        J};
            vec<T>* sum = acc + m * sums;
            sum[sums - 1] = add_rows<T>(sum[sums - 1], plane.dy, plane.dy_pitch, count, J);
            for (int64_t c = 0; c < channels; c++)
                for (int64_t r = 0; r < dilation && r < count; r++) {
                    DepthwiseSlopes<T> part = plane;
                    part.frame += c * layout.channel() + r * layout.pitch();
                    part.dy += r * plane.dy_pitch, part.dy_pitch *= dilation;
                    part.rows = (count - r - 1) / dilation + 1;
                    for (int64_t u = 0, taps; u < U; u += taps) {
                        taps = first_part_of_taps(U - u);
                        slopes_function<T>(taps, rows.stride)(part, V, sum + (c * U + u) * V, 0);
                        part.frame += taps * plane.pitch;
                    }
                }
        }
    };
    const int64_t work = parts.size * stripes.size * J * (channels * U * V + 4) * features;
    parallel_for(
        s.groups * parts.count, 1 + GemmBlocks<T>::thread_work / (work + 1), [&](int64_t begin, int64_t end) {
            const Scratch<T> frame(layout.size()), copy(in_place ? 0 : stripes.size * J);
            const Scratch<vec<T>> acc(own * most_groups_of_run(own));
            layout.clear(frame.data());
            for_runs_of_groups(begin, end, s.groups, own, [&](const RunOfGroups& run) {
                for (int64_t k = 0; k < run.count * own; k++) acc[k] = vec<T>{};
                const int64_t first = parts.begin(run.part),
                              past = first + parts.length(run.part, s.N * stripes.count);
                for (int64_t strip = first; strip < past; strip++)
                    for (int64_t g = 0; g < run.count; g++)
                        add_up(run.first + g, strip, frame.data(), copy.data(), acc.data() + g * own);
                for (int64_t k = 0; k < run.count * own; k++)
                    partial[run.task * own + k] = reduce_add(acc[k]);
            });
        });
    for (int64_t o = 0; o < s.O; o++) {
        const T* first = partial.data() + o * sums;
        const auto total = [&](int64_t k) {
            T sum = first[k];
            for (int64_t part = 1; part < parts.count; part++) sum += first[part * s.groups * own + k];
            return sum;
        };
        for (int64_t c = 0; c < channels; c++)
            for (int64_t first = 0, taps; first < U; first += taps) {
                taps = first_part_of_taps(U - first);
                for (int64_t k = 0; k < taps * V; k++) {
                    const int64_t u = first + k % taps, v = k / taps;
                    (axes.turned ? dw(o, c, v, u) : dw(o, c, u, v)) = total((c * U + first) * V + k);
                }
            }
        if (db != nullptr) db[o * db_stride] = total(sums - 1);
    }
}
template bool has_depthwise_weights<float>(const Conv2dShape&);
template bool has_depthwise_weights<double>(const Conv2dShape&);
template void depthwise_weight_gradient(const Images<const float>&, const Images<const float>&,
                                        const Conv2dShape&, const Array<float, 4>&, float*, int64_t);
template void depthwise_weight_gradient(const Images<const double>&, const Images<const double>&,
                                        const Conv2dShape&, const Array<double, 4>&, double*, int64_t);

}  // namespace pydl::PYDL_ISA
