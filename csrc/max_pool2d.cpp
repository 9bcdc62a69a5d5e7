// max_pool2d: y[n,c,p,q] = max over i, j of x[n, c, p*s - pad + i*d, q*s - pad + j*d]. See
// pydl/ops/max_pool2d.py.
//
// Forward looks at the elements of a window in row-major order for `width` windows at once and remembers
// which element won, in one byte a window: "window" = i * KW + j. Backward gives each thread its own rows of
// dx.
#include "kernel.h"
#include "pooling.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct ByteVec {
    typedef uint8_t type __attribute__((vector_size(width<T>)));
};

// n < Limit bytes, without a loop over single ones.
template <int Limit>
PYDL_INLINE void copy_bytes(uint8_t* to, const uint8_t* from, int64_t n) {
    if constexpr (Limit > 1) {
        constexpr int part = Limit / 2;
        if (n & part) {
            __builtin_memcpy(to, from, part);
            to += part, from += part;
        }
        copy_bytes<part>(to, from, n);
    }
}

// As many bytes as a vec<T> has lanes, widened to its lanes.
template <typename T>
PYDL_INLINE mask<T> load_bytes(const uint8_t* p, int64_t n) {
    typename ByteVec<T>::type bytes{};
    if (n >= width<T>)
        __builtin_memcpy(&bytes, p, width<T>);
    else
        copy_bytes<width<T>>(reinterpret_cast<uint8_t*>(&bytes), p, n);
    return __builtin_convertvector(bytes, mask<T>);
}

template <typename T>
PYDL_INLINE void store_bytes(uint8_t* p, mask<T> v, int64_t n) {
    const auto bytes = __builtin_convertvector(v, typename ByteVec<T>::type);
    if (n >= width<T>)
        __builtin_memcpy(p, &bytes, width<T>);
    else
        copy_bytes<width<T>>(p, reinterpret_cast<const uint8_t*>(&bytes), n);
}

// The best of the elements seen so far in each of `width` windows, and its number i * KW + j.
template <typename T>
struct Best {
    vec<T> value;
    mask<T> element;

    // The first of equal values stays; NaN beats every number.
    PYDL_INLINE void meet(vec<T> x, int64_t number) {
        const mask<T> wins = (x > value) | (x != x);
        value = select(wins, x, value);
        element = select(wins, broadcast<int_of<T>>(int_of<T>(number)), element);
    }
};

// What the kernels know of one call.
template <typename T>
struct MaxPool {
    PoolAxis rows, columns;
    int64_t N, C;

    int64_t planes() const { return N * C; }
};

template <typename T>
MaxPool<T> max_pool(const int64_t (&x)[4], const int64_t (&y)[4], Ints<2> kernel, Ints<2> stride,
                    Ints<2> padding, Ints<2> dilation) {
    require(x[0] == y[0] && x[1] == y[1], "max_pool2d: x and y must have the same N and C");
    MaxPool<T> pool = {pool_axis(x[2], y[2], kernel[0], stride[0], padding[0], dilation[0]),
                       pool_axis(x[3], y[3], kernel[1], stride[1], padding[1], dilation[1]), x[0], x[1]};
    require(pool.rows.kernel * pool.columns.kernel <= INT32_MAX, "max_pool2d: the kernel is too large");
    return pool;
}

inline bool is_halving(const PoolAxis& axis) {
    return axis.kernel == 2 && axis.stride == 2 && axis.dilation == 1 && axis.padding == 0 &&
           2 * axis.out <= axis.size;
}

template <typename T>
bool is_2x2(const MaxPool<T>& pool) {
    return is_halving(pool.rows) && is_halving(pool.columns);
}

// ---- forward ----

// Windows of 2x2 with stride 2 that need no padding: straight from the two rows.
template <typename T>
void max_pool_row_2x2(const T* upper, const T* lower, int64_t count, T* y, uint8_t* window) {
    constexpr int64_t W = width<T>;
    for (int64_t q = 0; q < count; q += W) {
        // The last vector is moved back to end with the row; what it computes again is the same.
        if (q + W > count && count >= W) q = count - W;
        const int64_t n = 2 * (count - q);
        const vec<T> a = load_partial(upper + 2 * q, n), b = load_partial(upper + 2 * q + W, n - W);
        const vec<T> c = load_partial(lower + 2 * q, n), d = load_partial(lower + 2 * q + W, n - W);
        Best<T> best = {even_lanes(a, b), mask<T>{}};
        best.meet(odd_lanes(a, b), 1);
        best.meet(even_lanes(c, d), 2);
        best.meet(odd_lanes(c, d), 3);
        store_partial(y + q, best.value, count - q);
        if (window) store_bytes<T>(window + q, best.element, count - q);
    }
}

// One row of windows of any kind. rows[i] are the split rows that window elements (i, *) read, offset[j] is
// where the elements (*, j) of the windows begin in them; KW is the kernel's width, or 0 where only `kw`
// knows.
template <int KW, typename T>
void max_pool_row(const T* const* rows, int64_t first, int64_t last, const int64_t* offset, int64_t kw,
                  const int_of<T>* start, int64_t count, T* y, int_of<T>* element) {
    if constexpr (KW > 0) kw = KW;
    for (int64_t q = 0; q < count; q += width<T>) {
        Best<T> best = {broadcast<T>(-__builtin_inff()),
                        load(start + q) + broadcast<int_of<T>>(int_of<T>(first * kw))};
        for (int64_t i = first; i < last; ++i) {
            const T* row = rows[i] + q;
#pragma GCC unroll 8
            for (int64_t j = 0; j < kw; ++j) best.meet(load(row + offset[j]), i * kw + j);
        }
        store_partial(y + q, best.value, count - q);
        store(element + q, best.element);
    }
}

template <typename T>
void max_pool2d_forward(Array<const T, 4> x, Array<T, 4> y, Optional<Array<uint8_t, 4>> window,
                        Optional<Array<int64_t, 4>> indices, Ints<2> kernel, Ints<2> stride, Ints<2> padding,
                        Ints<2> dilation) {
    const MaxPool<T> pool = max_pool<T>(x.shape, y.shape, kernel, stride, padding, dilation);
    const PoolAxis &rows = pool.rows, &columns = pool.columns;
    require(y.contiguous() && (!window || window->contiguous()) && (!indices || indices->contiguous()),
            "max_pool2d_forward: the results must be contiguous");
    for (int d = 0; d < 4; ++d)
        require((!window || window->shape[d] == y.shape[d]) && (!indices || indices->shape[d] == y.shape[d]),
                "max_pool2d_forward: window and indices must have the shape of y");
    require(!window || rows.kernel * columns.kernel <= 256,
            "max_pool2d_forward: window numbers the elements of a kernel of at most 256");
    if (y.size() == 0) return;
    const int64_t OH = rows.out, OW = columns.out, KH = rows.kernel, KW = columns.kernel;
    const auto plane_of = [&](int64_t plane) {
        return x.data + plane / pool.C * x.stride[0] + plane % pool.C * x.stride[1];
    };
    const int64_t items = pool.planes() * OH, grain = row_grain(OW * KH * KW);

    if (is_2x2(pool) && !indices && x.stride[3] == 1) {
        parallel_for(items, grain, [&](int64_t begin, int64_t end) {
            for (int64_t item = begin; item < end; ++item) {
                const T* upper = plane_of(item / OH) + item % OH * 2 * x.stride[2];
                max_pool_row_2x2(upper, upper + x.stride[2], OW, y.data + item * OW,
                                 window ? window->data + item * OW : nullptr);
            }
        });
        return;
    }

    const int64_t padded = round_up(OW, width<T>), length = padded + columns.place(KW - 1);
    Scratch<int64_t> offset(KW);
    for (int64_t j = 0; j < KW; ++j) offset[j] = columns.phase(j) * length + columns.place(j);
    // The element that wins where all are -inf: the first inside the input.
    Scratch<int_of<T>> start(padded);
    for (int64_t q = 0; q < padded; ++q) start[q] = int_of<T>(q < OW ? columns.first(q) : 0);
    const int64_t room = length * columns.stride - columns.padding;
    const int64_t used = columns.size < room ? columns.size : room;

    parallel_for(items, grain, [&](int64_t begin, int64_t end) {
        RowCache<T> cache(rows.span() < rows.size ? rows.span() : rows.size, columns.stride * length);
        cache.fill(-__builtin_inff());  // padding lies at the same places in all rows
        Scratch<const T*> window_rows(KH);
        Scratch<int_of<T>> element(padded);
        for (int64_t item = begin; item < end; ++item) {
            const int64_t p = item % OH, first = rows.first(p), last = rows.last(p);
            if (item == begin || p == 0) cache.forget();
            const T* plane = plane_of(item / OH);
            for (int64_t i = first; i < last; ++i) {
                const int64_t h = rows.start(p) + i * rows.dilation;
                window_rows[i] = cache.get(h, [&](T* row) {
                    split_row(plane + h * x.stride[2], x.stride[3], used, columns.padding, columns.stride,
                              row, length);
                });
            }
            const auto run = KW == 2 ? max_pool_row<2, T> : KW == 3 ? max_pool_row<3, T> : max_pool_row<0, T>;
            run(window_rows.data(), first, last, offset.data(), KW, start.data(), OW, y.data + item * OW,
                element.data());
            if (window)
                for (int64_t q = 0; q < OW; q += width<T>)
                    store_bytes<T>(window->data + item * OW + q, load(element.data() + q), OW - q);
            if (indices)
                for (int64_t q = 0; q < OW; ++q) {
                    const int64_t h = rows.start(p) + element[q] / KW * rows.dilation;
                    indices->data[item * OW + q] =
                        h * columns.size + columns.start(q) + element[q] % KW * columns.dilation;
                }
        }
    });
}
PYDL_KERNEL(max_pool2d_forward, "x, y, window, indices, kernel, stride, padding, dilation")

// ---- backward ----

// Two rows of dx under windows of 2x2 with stride 2: each element belongs to one window.
template <typename T>
void max_pool_backward_2x2(const T* dy, int64_t step, const uint8_t* window, int64_t count, T* upper,
                           T* lower) {
    constexpr int64_t W = width<T>;
    using I = int_of<T>;
    for (int64_t q = 0; q < count; q += W) {
        if (q + W > count && count >= W) q = count - W;
        const int64_t n = count - q;
        const vec<T> g = load_strided(dy + q * step, step, n < W ? n : W), zero{};
        const mask<T> element = load_bytes<T>(window + q, n);
        const vec<T> a = select(element == I(0), g, zero), b = select(element == I(1), g, zero);
        const vec<T> c = select(element == I(2), g, zero), d = select(element == I(3), g, zero);
        store_partial(upper + 2 * q, zip_low(a, b), 2 * n);
        store_partial(upper + 2 * q + W, zip_high(a, b), 2 * n - W);
        store_partial(lower + 2 * q, zip_low(c, d), 2 * n);
        store_partial(lower + 2 * q + W, zip_high(c, d), 2 * n - W);
    }
}

template <typename T>
void set_zero(T* p, int64_t count) {
    for (int64_t k = 0; k < count; ++k) p[k] = T(0);
}

// Windows of 2x2 with stride 2 and no padding: rows of dx come in pairs, and each element is written once.
template <typename T>
void backward_2x2(const MaxPool<T>& pool, Array<const T, 4> dy, Array<const uint8_t, 4> window,
                  Array<T, 4> dx) {
    const int64_t H = pool.rows.size, W = pool.columns.size, OH = pool.rows.out, OW = pool.columns.out;
    const int64_t pairs = (H + 1) / 2;
    parallel_for(pool.planes() * pairs, row_grain(2 * W), [&](int64_t begin, int64_t end) {
        for (int64_t item = begin; item < end; ++item) {
            const int64_t plane = item / pairs, p = item % pairs;
            T* upper = dx.data + (plane * H + 2 * p) * W;
            const bool has_windows = p < OH;
            if (has_windows)
                max_pool_backward_2x2(&dy(plane / pool.C, plane % pool.C, p, 0), dy.stride[3],
                                      window.data + (plane * OH + p) * OW, OW, upper, upper + W);
            const int64_t done = has_windows ? 2 * OW : 0;
            set_zero(upper + done, W - done);
            if (2 * p + 1 < H) set_zero(upper + W + done, W - done);
        }
    });
}

// Windows of any kind. A task is a band of rows of dx in one plane: it is set to zero, and then each window
// over the band adds its dy where its winner is in the band, in row-major order of the windows wherever bands
// end. add_row(plane, p, dy, out, top, bottom) does that for one row of windows.
template <typename T, typename F>
void backward_by_bands(const MaxPool<T>& pool, Array<const T, 4> dy, Array<T, 4> dx, const F& add_row) {
    const PoolAxis& rows = pool.rows;
    const int64_t H = rows.size, W = pool.columns.size;
    const int64_t band = row_grain(W) < H ? row_grain(W) : H, bands = (H + band - 1) / band;
    parallel_for(pool.planes() * bands, row_grain(band * W), [&](int64_t begin, int64_t end) {
        for (int64_t item = begin; item < end; ++item) {
            const int64_t plane = item / bands, top = item % bands * band;
            const int64_t bottom = top + band < H ? top + band : H;
            T* out = dx.data + plane * H * W;
            set_zero(out + top * W, (bottom - top) * W);
            const T* g = dy.data + plane / pool.C * dy.stride[0] + plane % pool.C * dy.stride[1];
            // From the first row of windows that ends below `top` to the last that starts above `bottom`.
            int64_t p = top + rows.padding - rows.span() + 1;
            p = p <= 0 ? 0 : (p + rows.stride - 1) / rows.stride;
            for (; p < rows.out && rows.start(p) < bottom; ++p)
                add_row(plane, p, g + p * dy.stride[2], out, top, bottom);
        }
    });
}

template <typename T>
void backward_by_indices(const MaxPool<T>& pool, Array<const T, 4> dy, Array<const int64_t, 4> indices,
                         Array<T, 4> dx) {
    const int64_t OH = pool.rows.out, OW = pool.columns.out, W = pool.columns.size;
    backward_by_bands(pool, dy, dx,
                      [&](int64_t plane, int64_t p, const T* g, T* out, int64_t top, int64_t bottom) {
                          const int64_t* index = indices.data + (plane * OH + p) * OW;
                          for (int64_t q = 0; q < OW; ++q) {
                              const int64_t at = index[q];
                              if (at >= top * W && at < bottom * W) out[at] += g[q * dy.stride[3]];
                          }
                      });
}

template <typename T>
void backward_by_window(const MaxPool<T>& pool, Array<const T, 4> dy, Array<const uint8_t, 4> window,
                        Array<T, 4> dx) {
    const PoolAxis &rows = pool.rows, &columns = pool.columns;
    const int64_t OH = rows.out, OW = columns.out, W = columns.size;
    require(rows.kernel * columns.kernel <= 256, "max_pool2d_backward: this kernel needs indices");
    // Where element k of a window lies from its corner; numbers that no element has stand for the corner.
    int64_t down[256] = {}, right[256] = {}, distance[256] = {};
    for (int64_t k = 0; k < rows.kernel * columns.kernel; ++k) {
        down[k] = k / columns.kernel * rows.dilation;
        right[k] = k % columns.kernel * columns.dilation;
        distance[k] = down[k] * W + right[k];
    }
    // Windows [inner, outer) need no padding on either side.
    int64_t inner = 0, outer = OW;
    while (inner < OW && columns.start(inner) < 0) ++inner;
    while (outer > inner && columns.start(outer - 1) + columns.span() > W) --outer;

    backward_by_bands(pool, dy, dx,
                      [&](int64_t plane, int64_t p, const T* g, T* out, int64_t top, int64_t bottom) {
                          const uint8_t* element = window.data + (plane * OH + p) * OW;
                          const auto add_checked = [&](int64_t begin, int64_t end) {
                              for (int64_t q = begin; q < end; ++q) {
                                  const int64_t h = rows.start(p) + down[element[q]],
                                                w = columns.start(q) + right[element[q]];
                                  if (h >= top && h < bottom && w >= 0 && w < W)
                                      out[h * W + w] += g[q * dy.stride[3]];
                              }
                          };
                          if (rows.start(p) < top || rows.start(p) + rows.span() > bottom)
                              return add_checked(0, OW);
                          add_checked(0, inner);
                          T* corner = out + rows.start(p) * W + columns.start(inner);
                          for (int64_t q = inner; q < outer; ++q, corner += columns.stride)
                              corner[distance[element[q]]] += g[q * dy.stride[3]];
                          add_checked(outer, OW);
                      });
}

template <typename T>
void max_pool2d_backward(Array<const T, 4> dy, Optional<Array<const uint8_t, 4>> window,
                         Optional<Array<const int64_t, 4>> indices, Array<T, 4> dx, Ints<2> kernel,
                         Ints<2> stride, Ints<2> padding, Ints<2> dilation) {
    const MaxPool<T> pool = max_pool<T>(dx.shape, dy.shape, kernel, stride, padding, dilation);
    require(bool(window) != bool(indices), "max_pool2d_backward: needs either window or indices");
    for (int d = 0; d < 4; ++d)
        require(window ? window->shape[d] == dy.shape[d] : indices->shape[d] == dy.shape[d],
                "max_pool2d_backward: window and indices must have the shape of dy");
    require(dx.contiguous() && (window ? window->contiguous() : indices->contiguous()),
            "max_pool2d_backward: dx, window and indices must be contiguous");
    if (dx.size() == 0) return;
    if (indices)
        backward_by_indices(pool, dy, *indices, dx);
    else if (is_2x2(pool))
        backward_2x2(pool, dy, *window, dx);
    else
        backward_by_window(pool, dy, *window, dx);
}
PYDL_KERNEL(max_pool2d_backward, "dy, window, indices, dx, kernel, stride, padding, dilation")

}  // namespace pydl::PYDL_ISA
