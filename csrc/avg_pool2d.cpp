// avg_pool2d: y[n,c,p,q] = (sum over i, j of x[n, c, p*s - pad + i, q*s - pad + j]) / divisor(p, q).
// See pydl/ops/avg_pool2d.py.
//
// A row of windows is summed down its columns first, then along the row for `width` windows at once. Backward
// mirrors it: dy / divisor is summed down the windows that hold a row of dx, then spread along the row.
#include "kernel.h"
#include "pooling.h"

namespace pydl::PYDL_ISA {

// What the elements of window o count for the divisor along one axis.
inline int64_t counted(const PoolAxis& axis, int64_t o, bool count_include_pad) {
    if (!count_include_pad) return axis.last(o) - axis.first(o);
    const int64_t room = axis.size + axis.padding - axis.start(o);
    return room < axis.kernel ? room : axis.kernel;
}

// divisor(p, q) = down(p) * along[q].
template <typename T>
struct Divisors {
    Divisors(const PoolAxis& rows, const PoolAxis& columns, bool count_include_pad, int64_t override)
        : rows_(rows),
          include_(count_include_pad),
          override_(override),
          along_(round_up(columns.out, width<T>)) {
        for (int64_t q = 0; q < columns.out; ++q)
            along_[q] = T(override > 0 ? 1 : counted(columns, q, count_include_pad));
        for (int64_t q = columns.out; q < round_up(columns.out, width<T>); ++q) along_[q] = T(1);
    }
    T down(int64_t p) const { return T(override_ > 0 ? override_ : counted(rows_, p, include_)); }
    PYDL_INLINE vec<T> along(int64_t q) const { return load(along_.data() + q); }

  private:
    const PoolAxis& rows_;
    bool include_;
    int64_t override_;
    Scratch<T> along_;
};

template <typename T>
void avg_pool2d_forward(Array<const T, 4> x, Array<T, 4> y, Ints<2> kernel, Ints<2> stride, Ints<2> padding,
                        bool count_include_pad, int64_t divisor_override) {
    require(x.shape[0] == y.shape[0] && x.shape[1] == y.shape[1],
            "avg_pool2d_forward: x and y must have the same N and C");
    require(y.contiguous(), "avg_pool2d_forward: y must be contiguous");
    const PoolAxis rows = pool_axis(x.shape[2], y.shape[2], kernel[0], stride[0], padding[0], 1);
    const PoolAxis columns = pool_axis(x.shape[3], y.shape[3], kernel[1], stride[1], padding[1], 1);
    if (y.size() == 0) return;
    const int64_t C = x.shape[1], W = columns.size, OH = rows.out, OW = columns.out, KW = columns.kernel;
    const Divisors<T> divisors(rows, columns, count_include_pad, divisor_override);

    const int64_t length = round_up(OW, width<T>) + columns.place(KW - 1);
    Scratch<int64_t> offset(KW);
    for (int64_t j = 0; j < KW; ++j) offset[j] = columns.phase(j) * length + columns.place(j);
    const int64_t room = length * columns.stride - columns.padding;
    const int64_t used = W < room ? W : room;

    parallel_for(x.shape[0] * C * OH, row_grain(W * rows.kernel + OW * KW), [&](int64_t begin, int64_t end) {
        Scratch<T> sums(used), phases(columns.stride * length);
        for (int64_t k = 0; k < columns.stride * length; ++k) phases[k] = T(0);  // and padding stays 0
        for (int64_t item = begin; item < end; ++item) {
            const int64_t plane = item / OH, p = item % OH, first = rows.first(p), last = rows.last(p);
            const T* corner =
                x.data + plane / C * x.stride[0] + plane % C * x.stride[1] + rows.start(p) * x.stride[2];
            for (int64_t w = 0; w < used; w += width<T>) {
                const int64_t n = used - w;
                vec<T> sum{};
                for (int64_t i = first; i < last; ++i)
                    sum += load_strided(corner + i * x.stride[2] + w * x.stride[3], x.stride[3],
                                        n < width<T> ? n : width<T>);
                store_partial(sums.data() + w, sum, n);
            }
            split_row<T>(sums.data(), 1, used, columns.padding, columns.stride, phases.data(), length);
            const vec<T> down = broadcast<T>(divisors.down(p));
            for (int64_t q = 0; q < OW; q += width<T>) {
                vec<T> sum{};
                for (int64_t j = 0; j < KW; ++j) sum += load(phases.data() + offset[j] + q);
                store_partial(y.data + item * OW + q, sum / (down * divisors.along(q)), OW - q);
            }
        }
    });
}
PYDL_KERNEL(avg_pool2d_forward, "x, y, kernel, stride, padding, count_include_pad, divisor_override")

template <typename T>
void avg_pool2d_backward(Array<const T, 4> dy, Array<T, 4> dx, Ints<2> kernel, Ints<2> stride,
                         Ints<2> padding, bool count_include_pad, int64_t divisor_override) {
    require(dx.shape[0] == dy.shape[0] && dx.shape[1] == dy.shape[1],
            "avg_pool2d_backward: dx and dy must have the same N and C");
    require(dx.contiguous(), "avg_pool2d_backward: dx must be contiguous");
    const PoolAxis rows = pool_axis(dx.shape[2], dy.shape[2], kernel[0], stride[0], padding[0], 1);
    const PoolAxis columns = pool_axis(dx.shape[3], dy.shape[3], kernel[1], stride[1], padding[1], 1);
    if (dx.size() == 0) return;
    const int64_t C = dx.shape[1], H = rows.size, OW = columns.out, KW = columns.kernel;
    const Divisors<T> divisors(rows, columns, count_include_pad, divisor_override);

    // The windows' gradients, with zeros on both sides, so that places before the first window read nothing.
    const int64_t reach = columns.place(KW - 1);
    const int64_t length = round_up((columns.size + columns.padding - 1) / columns.stride + 1, width<T>);
    const int64_t wide = reach + (length > OW ? length : OW) + width<T>;

    parallel_for(
        dx.shape[0] * C * H, row_grain(OW * rows.kernel + columns.size * KW),
        [&](int64_t begin, int64_t end) {
            Scratch<T> sums(wide), phases(columns.stride * length);
            for (int64_t k = 0; k < wide; ++k) sums[k] = T(0);
            for (int64_t item = begin; item < end; ++item) {
                const int64_t plane = item / H, bottom = item % H + rows.padding;  // the row, padding counted
                int64_t top = bottom - rows.kernel + 1;
                top = top <= 0 ? 0 : (top + rows.stride - 1) / rows.stride;
                const T* g = dy.data + plane / C * dy.stride[0] + plane % C * dy.stride[1];
                for (int64_t q = 0; q < OW; q += width<T>) {
                    const int64_t n = OW - q < width<T> ? OW - q : width<T>;
                    vec<T> sum{};
                    for (int64_t p = top; p < rows.out && p * rows.stride <= bottom; ++p)
                        sum += load_strided(g + p * dy.stride[2] + q * dy.stride[3], dy.stride[3], n) /
                               (broadcast<T>(divisors.down(p)) * divisors.along(q));
                    store_partial(sums.data() + reach + q, sum, n);
                }
                for (int64_t phase = 0; phase < columns.stride; ++phase)
                    for (int64_t q = 0; q < length; q += width<T>) {
                        vec<T> sum{};
                        // Column q * stride + phase is element phase of window q, phase + stride of window q
                        // - 1, ...
                        for (int64_t j = phase, back = 0; j < KW; j += columns.stride, ++back)
                            sum += load(sums.data() + reach + q - back);
                        store(phases.data() + phase * length + q, sum);
                    }
                merge_row(phases.data(), length, columns.size, columns.padding, columns.stride,
                          dx.data + item * columns.size);
            }
        });
}
PYDL_KERNEL(avg_pool2d_backward, "dy, dx, kernel, stride, padding, count_include_pad, divisor_override")

}  // namespace pydl::PYDL_ISA
