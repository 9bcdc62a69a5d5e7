// pad: a border of one number or of the tensor itself, and the way back. See pydl/ops/pad.py.
//
// Along the last dimension, what lies inside is moved as one run and only the border by its places, so that
// every row is written once. The way back gathers: each row of dx is the sum of a few rows of dy.
#include "elementwise/row_copies.h"
#include "kernel.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {
namespace {

enum Mode : int64_t { constant, reflect, replicate, circular };

// One dimension: `size` elements, of which the first is the padded one's `front`th.
struct Side {
    int64_t mode, size, front, padded;

    // Which element the padded one is, or -1: a constant.
    PYDL_INLINE int64_t place(int64_t padded_one) const {
        const int64_t i = padded_one - front;
        if (uint64_t(i) < uint64_t(size)) return i;
        if (mode == reflect) return i < 0 ? -i : 2 * (size - 1) - i;
        if (mode == replicate) return i < 0 ? 0 : size - 1;
        if (mode == circular) return i < 0 ? i + size : i - size;
        return -1;
    }

    // What of [first, last) is no border.
    PYDL_INLINE int64_t inside(int64_t first, int64_t last) const {
        return front < first ? first : front > last ? last : front;
    }
    PYDL_INLINE int64_t end_of_inside(int64_t begin, int64_t last) const {
        return front + size < begin ? begin : front + size > last ? last : front + size;
    }

    bool fits() const {
        const int64_t behind = padded - front - size, most = int64_t(1) << 48;
        if (front > most || front < -most) return false;
        if (mode == constant) return true;
        if (size == 0) return padded == 0;
        const int64_t widest = mode == reflect ? size - 1 : mode == circular ? size : most;
        return front >= 0 && behind >= 0 && front <= widest && behind <= widest;
    }
};

// The padded dimensions, which are the last three of four.
struct Sides {
    Side depth, height, width;

    template <typename X, typename Y>
    Sides(const Array<X, 4>& x, const Array<Y, 4>& y, const Ints<3>& front, int64_t mode, const char* message)
        : depth{mode, x.shape[1], front[0], y.shape[1]},
          height{mode, x.shape[2], front[1], y.shape[2]},
          width{mode, x.shape[3], front[2], y.shape[3]} {
        require(x.shape[0] == y.shape[0] && mode >= constant && mode <= circular && depth.fits() &&
                    height.fits() && width.fits(),
                message);
    }
};

// A vector full of one number, of which any part that begins with a whole one is again so.
struct Filling {
    alignas(64) char numbers[PYDL_VECTOR_BYTES];

    Filling(const char* number, int64_t bytes) {
        for (int64_t i = 0; i < PYDL_VECTOR_BYTES; ++i) numbers[i] = number[i % bytes];
    }
    [[gnu::noinline]] void fill(char* to, int64_t bytes) const {
        constexpr int64_t W = PYDL_VECTOR_BYTES;
        if (bytes < W) return copy_bytes(numbers, to, bytes);
        for (int64_t i = 0; i + W < bytes; i += W) store(to + i, load(numbers));
        store(to + bytes - W, load(numbers));
    }
};

// Rows of numbers in a plane: where the first is, and the bytes from one to the next row and number.
struct Plane {
    char* data;
    int64_t row, step;
};

// Numbers `step` bytes apart, to where they lie one behind another: mostly one or two.
PYDL_INLINE void copy_run(const char* from, int64_t step, char* to, int64_t bytes, int64_t count) {
    for (; count > 0; --count, from += step, to += bytes) {
        if (bytes == 4)
            __builtin_memcpy(to, from, 4);
        else if (bytes == 8)
            __builtin_memcpy(to, from, 8);
        else if (bytes == 2)
            __builtin_memcpy(to, from, 2);
        else
            *to = *from;
    }
}

// The elements [first, last) of the padded rows from h up to, not with, end_row. x_end, y_end: where the
// memory ends that may be read, and be written by what also writes all that is behind these rows, later; null
// if unknown.
inline void pad_rows(const Sides& sides, const Filling& filling, const Plane& x, const Plane& y, int64_t h,
                     int64_t end_row, int64_t first, int64_t last, const char* x_end, const char* y_end) {
    constexpr int64_t W = PYDL_VECTOR_BYTES;
    const int64_t size = y.step;
    const Side side = sides.width, height = sides.height;
    const int64_t begin = side.inside(first, last), end = side.end_of_inside(begin, last);
    const bool is_short = side.mode == constant && x.step == size && first == 0 && last * size == y.row &&
                          (begin - first) * size <= W && (end - begin) * size <= W &&
                          (last - end) * size <= W;
    const int64_t border_step = side.mode == reflect ? -x.step : side.mode == replicate ? 0 : x.step;
    for (; h < end_row; ++h) {
        const int64_t place = height.place(h);
        char* const to = y.data + h * y.row;
        if (place < 0) {
            if (is_short && y.row <= W && to + W <= y_end)
                store(to, load(filling.numbers));
            else
                filling.fill(to + first * size, (last - first) * size);
            continue;
        }
        const char* const row = x.data + place * x.row;
        const char* const from = row + (begin - side.front) * x.step;
        if (is_short && from + W <= x_end && to + y.row + W <= y_end) {
            // Whole vectors: each writes over what was too much of the one before.
            store(to, load(filling.numbers));
            store(to + begin * size, load(from));
            store(to + end * size, load(filling.numbers));
            continue;
        }
        if (side.mode == constant) {
            filling.fill(to + first * size, (begin - first) * size);
            filling.fill(to + end * size, (last - end) * size);
        } else {
            copy_run(row + side.place(first) * x.step, border_step, to + first * size, size, begin - first);
            copy_run(row + side.place(end) * x.step, border_step, to + end * size, size, last - end);
        }
        if (x.step == size)
            copy_bytes(from, to + begin * size, (end - begin) * size);
        else
            copy_run(from, x.step, to + begin * size, size, end - begin);
    }
}

constexpr int64_t kPiece = 16384;  // elements of a row that are a task of their own

// f(a, d, h, rows, first, last, left) for all rows of (A, D, H, W), several of a plane at once, long ones in
// pieces; the thread goes on with the rows behind, with these `left` in number, or pieces.
template <typename F>
void for_all_rows(const int64_t (&shape)[4], const F& f) {
    const int64_t D = shape[1], H = shape[2], W = shape[3];
    if (shape[0] * D * H * W == 0) return;
    const int64_t pieces = (W - 1) / kPiece + 1;
    parallel_for(shape[0] * D * H * pieces, kPiece / W + 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin, rows; task < end; task += rows) {
            const int64_t row = task / pieces, first = task % pieces * kPiece, h = row % H;
            rows = pieces > 1 ? 1 : H - h < end - task ? H - h : end - task;
            f(row / H / D, row / H % D, h, rows, first, W - first < kPiece ? W : first + kPiece, end - task);
        }
    });
}

// The places in a padded dimension that are element p of the other one, as up to three runs.
struct Origins {
    int64_t first[3], last[3];

    Origins(const Side& s, int64_t p) : first{s.front + p}, last{s.front + p + 1} {
        if (s.mode == replicate) {
            last[1] = p == 0 ? s.front : 0;
            first[2] = s.front + s.size;
            last[2] = p == s.size - 1 ? s.padded : 0;
            return;
        }
        const int64_t before = s.mode == reflect ? s.front - p : s.front + p - s.size;
        const int64_t behind = s.mode == reflect ? s.front + 2 * (s.size - 1) - p : s.front + p + s.size;
        first[1] = before;
        last[1] = before + (before >= 0 && before < s.front);
        first[2] = behind;
        last[2] = behind + (behind >= s.front + s.size && behind < s.padded);
    }

    // The place after this one, run by run, the first after -1; -1 after the last.
    int64_t next(int64_t place) const {
        for (int k = 0; k < 3; ++k) {
            if (place < 0 && first[k] < last[k]) return first[k];
            if (place < first[k] || place >= last[k]) continue;
            if (place + 1 < last[k]) return place + 1;
            place = -1;
        }
        return -1;
    }
};

}  // namespace

// mode: 0 for `value` all around, 1 for what lies as far inside the edge, 2 for the edge, 3 for the other
// end.
inline void pad_forward(Numbers<const char, 4> x, Numbers<const char, 0> value, Ints<3> front, int64_t mode,
                        Numbers<char, 4> y) {
    const Sides sides(
        x, y, front, mode,
        "pad_forward: x is (A, D, H, W), y as large but for the borders, which must be made of x");
    const Filling filling(value.data, value.bytes);
    require(y.stride[3] == 1 || y.size() == 0, "pad_forward: rows of y must have no gaps");
    const char* const x_end = x.contiguous() ? x.data + x.size() * x.bytes : nullptr;
    const bool follows = y.contiguous();
    for_all_rows(y.shape, [&](int64_t a, int64_t d, int64_t h, int64_t rows, int64_t first, int64_t last,
                              int64_t left) {
        const int64_t from = sides.depth.place(d);
        const Plane to = {y.data + (a * y.stride[0] + d * y.stride[1]) * y.bytes, y.stride[2] * y.bytes,
                          y.bytes};
        if (from < 0) {
            for (int64_t r = h; r < h + rows; ++r)
                filling.fill(to.data + r * to.row + first * y.bytes, (last - first) * y.bytes);
            return;
        }
        const Plane source = {const_cast<char*>(x.data) + (a * x.stride[0] + from * x.stride[1]) * x.bytes,
                              x.stride[2] * x.bytes, x.stride[3] * x.bytes};
        pad_rows(sides, filling, source, to, h, h + rows, first, last, x_end,
                 follows ? to.data + (h + left) * to.row : nullptr);
    });
}
PYDL_KERNEL_OF_NUMBERS(pad_forward, "x, value, front, mode, y")

// Adds a row of dy to [first, last) of one of dx, which the first one writes.
template <typename T>
void gather_row(const Side& width, const char* dy, int64_t dy_step, char* dx, int64_t step, int64_t first,
                int64_t last, bool is_first) {
    const T* from = reinterpret_cast<const T*>(dy);
    T* to = reinterpret_cast<T*>(dx);
    const T* run = from + (width.front + first) * dy_step;
    if (is_first)
        copy_row(run, dy_step, to + first * step, step, last - first);
    else
        add_row(run, dy_step, to + first * step, step, last - first);
    for (int64_t k = 0; k < width.padded; ++k) {
        if (k == width.front) k += width.size;
        if (k >= width.padded) break;
        const int64_t p = width.place(k);
        if (p >= first && p < last) to[p * step] += from[k * dy_step];
    }
}

// For borders that are made of the tensor: the same for rows of any type.
[[gnu::noinline]] void gather_rows_of(const Array<const char, 4>& dy, const Sides& sides,
                                      const Array<char, 4>& dx, int64_t bytes,
                                      decltype(&gather_row<float>) gather) {
    for_all_rows(
        dx.shape, [&](int64_t a, int64_t d, int64_t h, int64_t rows, int64_t first, int64_t last, int64_t) {
            const Origins depth(sides.depth, d);
            for (int64_t r = h; r < h + rows; ++r) {
                const Origins height(sides.height, r);
                char* to = dx.data + (a * dx.stride[0] + d * dx.stride[1] + r * dx.stride[2]) * bytes;
                bool is_first = true;
                for (int64_t i = depth.next(-1); i >= 0; i = depth.next(i))
                    for (int64_t j = height.next(-1); j >= 0; j = height.next(j)) {
                        const int64_t at = a * dy.stride[0] + i * dy.stride[1] + j * dy.stride[2];
                        gather(sides.width, dy.data + at * bytes, dy.stride[3], to, dx.stride[3], first, last,
                               is_first);
                        is_first = false;
                    }
            }
        });
}

template <typename T>
void pad_backward(Array<const T, 4> dy, Ints<3> front, int64_t mode, Array<T, 4> dx) {
    const Sides sides(dx, dy, front, mode,
                      "pad_backward: dx is (A, D, H, W), dy as large but for the borders");
    require(mode != constant, "pad_backward: a constant has no gradient");
    Array<const char, 4> from;
    Array<char, 4> to;
    from.data = reinterpret_cast<const char*>(dy.data);
    to.data = reinterpret_cast<char*>(dx.data);
    for (int d = 0; d < 4; ++d) {
        from.shape[d] = dy.shape[d], from.stride[d] = dy.stride[d];
        to.shape[d] = dx.shape[d], to.stride[d] = dx.stride[d];
    }
    gather_rows_of(from, sides, to, sizeof(T), gather_row<T>);
}
PYDL_KERNEL(pad_backward, "dy, front, mode, dx")

}  // namespace pydl::PYDL_ISA
