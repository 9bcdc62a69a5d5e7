// Gradients of depthwise convolutions with strides that conv2d_depthwise_stride.cpp and
// conv2d_depthwise_weight.cpp have no kernels for: see conv2d/depthwise_repeated.h. The weight gradients of
// small maps are those of conv2d/depthwise_paired_slopes.h.
#include "conv2d/depthwise_repeated.h"

#include "conv2d/depthwise.h"
#include "conv2d/depthwise_lane_gradient.h"
#include "conv2d/depthwise_paired_slopes.h"
#include "conv2d/depthwise_rows.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {

static bool suits(const Axis& rows, const Axis& columns) {
    return columns.stride >= 2 && columns.stride <= 4 && columns.dilation == 1 && columns.taps >= 1 &&
           columns.taps <= 64 && columns.origin >= -64 && rows.taps <= 64 && rows.stride <= 64 &&
           rows.dilation <= 64 && rows.origin >= -64 * rows.dilation && rows.source > 0 &&
           columns.source > 0 && rows.outputs > 0 && columns.outputs > 0;
}

template <typename T>
static bool has_strided_gradient(const Conv2dShape& s, const Array<T, 4>& dx) {
    return s.groups > 1 && s.C == s.groups && s.O == s.groups && dx.stride[3] == 1 && s.columns.stride > 2 &&
           suits(s.rows, s.columns);
}

template <typename T>
void strided_gradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                      int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s) {
    const TapRuns runs(s.columns);
    const int64_t P = period<T>(s.columns.stride);
    const auto repeat = s.columns.stride == 3 ? repeat_row<T, 3> : repeat_row<T, 4>;
    const auto write = s.columns.stride == 3 ? strided_pixels<T, 3> : strided_pixels<T, 1>;
    // Behind a row are the zeros in front of the next one.
    const int64_t lead = whole_vectors<T>(s.V), row = whole_vectors<T>(s.J) * s.columns.stride,
                  read = s.W - s.columns.origin + 4 * width<T>, pitch = lead + (row > read ? row : read);
    const Scratch<StridedShare> shares(s.H * s.U);
    const Scratch<int64_t> begin_of(s.H + 1);
    int64_t count = 0;
    for (int64_t h = 0; h < s.H; h++) {
        begin_of[h] = count;
        for (int64_t u = 0; u < s.U; u++) {
            const int64_t from = h - s.rows.origin - u * s.rows.dilation;
            if (from >= 0 && from % s.rows.stride == 0 && from / s.rows.stride < s.I)
                shares[count++] = {from / s.rows.stride * pitch, u * runs.count * P};
        }
    }
    begin_of[s.H] = count;
    const auto run = [&](int64_t begin, int64_t end) {
        const Scratch<vec<T>> weights(s.U * runs.count * P);
        const Scratch<T> slopes(s.I * pitch + lead);
        for (int64_t k = 0; k < s.I * pitch + lead; k++) slopes[k] = T(0);
        for (int64_t task = begin; task < end; task++) {
            const int64_t c = task / s.N, n = task % s.N;
            if (task == begin || n == 0)
                repeat_weights(weights.data(), &w(c, 0, 0, 0), w.stride[2], w.stride[3], s.U, s.columns);
            const T* from = &dy(n, c, 0, 0);
            for (int64_t i = 0; i < s.I; i++, from += dy.stride[2]) {
                T* const repeated = slopes.data() + lead + i * pitch;
                repeat(repeated, from, dy.stride[3], s.J);
                for (int64_t q = 0; q < runs.missing(); q++)
                    for (int64_t j = q; j < row; j += s.columns.stride) repeated[j] = T(0);
            }
            const T start = bias != nullptr ? bias[c * bias_stride] : T(0);
            T* to = &dx(n, c, 0, 0);
            for (int64_t h = 0; h < s.H; h++, to += dx.stride[2])
                write(runs, shares.data() + begin_of[h], shares.data() + begin_of[h + 1], weights.data(),
                      start, slopes.data() + lead - s.columns.origin, to, s.W);
        }
    };
    parallel_for(
        s.N * s.C,
        1 + GemmBlocks<T>::thread_work / (s.H * s.W * (4 + s.U * s.V / s.columns.stride / s.rows.stride)),
        run);
}

template <typename T>
bool strided_depthwise_gradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                                int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s) {
    if constexpr (sizeof(T) == 4 && has_special_kernels) {
        if (s.rows.stride == 1 && s.columns.stride == 1) return false;
        if (gradient_by_lanes(dy, w, bias, bias_stride, dx, s)) return true;
        if (has_strided_gradient(s, dx)) {
            strided_gradient(dy, w, bias, bias_stride, dx, s);
            return true;
        }
    }
    return false;
}

template <typename T>
bool has_strided_weights(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s) {
    return sizeof(T) == 4 && has_special_kernels && s.groups > 1 && s.C == s.groups && s.N > 0 &&
           s.columns.taps >= s.columns.stride && s.O / s.groups <= 2 && dy.stride[3] == 1 &&
           x.stride[3] == 1 && dy.slices == 1 && x.slices == 1 && x.taps == 1 && suits(s.rows, s.columns);
}

template <typename T>
void strided_weights(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                     const Array<T, 4>& dw, T* db, int64_t db_stride) {
    constexpr int64_t W = width<T>;
    const int64_t stride = s.columns.stride, Q = sums_of_run(stride);
    const auto add = stride == 2   ? strided_slopes<T, 2>
                     : stride == 3 ? strided_slopes<T, 3>
                                   : strided_slopes<T, 4>;
    const StridedColumns<T> blocks(s.columns);
    const TapRuns& runs = blocks.runs;
    const int64_t M = s.O / s.groups, listed = (s.I - 1) * s.rows.stride + (s.U - 1) * s.rows.dilation + 1,
                  own = s.U * runs.count * Q + 1;
    const Parts parts(s.N, (s.N * s.groups - 1) / 16 + 1);
    const Scratch<vec<T>> sums(s.O * parts.count * own);
    parallel_for(
        s.groups * parts.count,
        1 + GemmBlocks<T>::thread_work / (parts.size * s.I * s.J * (s.U * s.V + 4) * M),
        [&](int64_t begin, int64_t end) {
            const Scratch<T> zeros(s.W);
            for (int64_t k = 0; k < s.W; k++) zeros[k] = T(0);
            const Scratch<const T*> row(listed);
            for (int64_t task = begin; task < end; task++) {
                const int64_t group = task / parts.count, part = task % parts.count;
                vec<T>* sum = sums.data() + task * M * own;
                for (int64_t k = 0; k < M * own; k++) sum[k] = vec<T>{};
                for (int64_t n = parts.begin(part); n < parts.begin(part) + parts.length(part, s.N); n++) {
                    list_rows(row.data(), listed, x.at(n, group), x.stride[2], s.rows.origin, s.H,
                              zeros.data());
                    for (int64_t m = 0; m < M; m++)
                        add(blocks, s.rows, dy.at(n, group * M + m), dy.stride[2], row.data(), sum + m * own);
                }
            }
        });
    for (int64_t o = 0; o < s.O; o++) {
        vec<T>* first = sums.data() + (o / M * parts.count * M + o % M) * own;
        for (int64_t part = 1; part < parts.count; part++)
            for (int64_t k = 0; k < own; k++) first[k] += first[part * M * own + k];
        for (int64_t u = 0; u < s.U; u++)
            for (int64_t v = 0; v < s.V; v++) {
                const int64_t run = runs.run_of(v), q = v - runs.offset(run);
                T lane[3 * W], sum = 0;
                for (int64_t k = 0; k < Q; k++) store(lane + k * W, first[(u * runs.count + run) * Q + k]);
                for (int64_t l = q; l < Q * W; l += stride) sum += lane[l];
                dw(o, 0, u, v) = sum;
            }
        if (db != nullptr) db[o * db_stride] = reduce_add(first[own - 1]);
    }
}

template <typename T>
void strided_depthwise_weights(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                               const Array<T, 4>& dw, T* db, int64_t db_stride) {
    if constexpr (sizeof(T) == 4 && has_special_kernels)
        if (!paired_weight_gradient(dy, x, s, dw, db, db_stride))
            strided_weights(dy, x, s, dw, db, db_stride);
}
template bool strided_depthwise_gradient(const Array<const float, 4>&, const Array<const float, 4>&,
                                         const float*, int64_t, const Array<float, 4>&, const Conv2dShape&);
template bool has_strided_weights(const Images<const float>&, const Images<const float>&, const Conv2dShape&);
template void strided_depthwise_weights(const Images<const float>&, const Images<const float>&,
                                        const Conv2dShape&, const Array<float, 4>&, float*, int64_t);
template bool strided_depthwise_gradient(const Array<const double, 4>&, const Array<const double, 4>&,
                                         const double*, int64_t, const Array<double, 4>&, const Conv2dShape&);
template bool has_strided_weights(const Images<const double>&, const Images<const double>&,
                                  const Conv2dShape&);
template void strided_depthwise_weights(const Images<const double>&, const Images<const double>&,
                                        const Conv2dShape&, const Array<double, 4>&, double*, int64_t);

}  // namespace pydl::PYDL_ISA
