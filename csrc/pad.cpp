// pad: a border of one number or of the tensor itself, and the way back. See pydl/ops/pad.py.
//
// Along the last dimension, what lies inside is moved as one run and only the border by its places, so that
// every row is written once. The way back gathers: each row of dx is the sum of a few rows of dy.
#include "kernel.h"
#include "parallel.h"
#include "row_copies.h"
#include "simd_past_caches.h"

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
    PYDL_INLINE void fill(char* to, int64_t bytes) const {
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

// The elements [first, last) of the padded rows from h up to, not with, end_row.
template <typename U>
[[gnu::noinline]] void pad_rows(const Sides& sides, const Filling& filling, const Plane& x, const Plane& y,
                                int64_t h, int64_t end_row, int64_t first, int64_t last, bool past_caches) {
    constexpr int64_t size = sizeof(U);
    const Side side = sides.width, height = sides.height;
    const int64_t begin = side.inside(first, last), end = side.end_of_inside(begin, last);
    const int64_t before = (begin - first) * size, inside = (end - begin) * size,
                  behind = (last - end) * size;
    for (; h < end_row; ++h) {
        const int64_t place = height.place(h);
        char* const to = y.data + h * y.row;
        if (place < 0) {
            filling.fill(to + first * size, (last - first) * size);
            continue;
        }
        const char* const row = x.data + place * x.row;
        const char* const from = row + (begin - side.front) * x.step;
        if (side.mode == constant) {
            filling.fill(to + first * size, before);
            filling.fill(to + end * size, behind);
        } else {
            for (int64_t i = first; i < begin; ++i)
                __builtin_memcpy(to + i * size, row + side.place(i) * x.step, size_t(size));
            for (int64_t i = end; i < last; ++i)
                __builtin_memcpy(to + i * size, row + side.place(i) * x.step, size_t(size));
        }
        if (x.step != size)
            copy_apart(reinterpret_cast<const U*>(from), x.step / size, reinterpret_cast<U*>(to) + begin, 1,
                       end - begin);
        else if (past_caches)
            store_past_caches(to + begin * size, from, inside);
        else
            copy_bytes(from, to + begin * size, inside);
    }
}

constexpr int64_t kPiece = 16384;  // elements of a row that are a task of their own

// f(a, d, h, rows, first, last) for all rows of (A, D, H, W), several of a plane at once, long ones in
// pieces.
template <typename F>
void for_all_rows(const int64_t (&shape)[4], const F& f) {
    const int64_t D = shape[1], H = shape[2], W = shape[3];
    if (shape[0] * D * H * W == 0) return;
    const int64_t pieces = (W - 1) / kPiece + 1;
    parallel_for(shape[0] * D * H * pieces, kPiece / W + 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin, rows; task < end; task += rows) {
            const int64_t row = task / pieces, first = task % pieces * kPiece, h = row % H;
            rows = pieces > 1 ? 1 : H - h < end - task ? H - h : end - task;
            f(row / H / D, row / H % D, h, rows, first, W - first < kPiece ? W : first + kPiece);
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

    template <typename F>
    void for_each(const F& f) const {
        for (int k = 0; k < 3; ++k)
            for (int64_t i = first[k]; i < last[k]; ++i) f(i);
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
    const auto pad = y.bytes == 1   ? pad_rows<uint8_t>
                     : y.bytes == 2 ? pad_rows<uint16_t>
                     : y.bytes == 4 ? pad_rows<uint32_t>
                                    : pad_rows<uint64_t>;
    require(y.stride[3] == 1 || y.size() == 0, "pad_forward: rows of y must have no gaps");
    const bool past_caches = y.shape[3] * y.bytes >= 4096 && y.size() * y.bytes >= kPastCaches;
    for_all_rows(y.shape, [&](int64_t a, int64_t d, int64_t h, int64_t rows, int64_t first, int64_t last) {
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
        pad(sides, filling, source, to, h, h + rows, first, last, past_caches);
        if (past_caches) finish_past_caches();
    });
}
PYDL_KERNEL_OF_NUMBERS(pad_forward, "x, value, front, mode, y")

// For borders that are made of the tensor.
template <typename T>
void pad_backward(Array<const T, 4> dy, Ints<3> front, int64_t mode, Array<T, 4> dx) {
    const Sides sides(dx, dy, front, mode,
                      "pad_backward: dx is (A, D, H, W), dy as large but for the borders");
    require(mode != constant, "pad_backward: a constant has no gradient");
    const Side& width = sides.width;
    const int64_t step = dx.stride[3], dy_step = dy.stride[3];
    const auto gather_row = [&](int64_t a, int64_t d, int64_t h, int64_t first, int64_t last) {
        T* to = dx.data + a * dx.stride[0] + d * dx.stride[1] + h * dx.stride[2];
        bool is_first = true;
        Origins(sides.depth, d).for_each([&](int64_t i) {
            Origins(sides.height, h).for_each([&](int64_t j) {
                const T* from = dy.data + a * dy.stride[0] + i * dy.stride[1] + j * dy.stride[2];
                const T* run = from + (width.front + first) * dy_step;
                if (is_first)
                    copy_row(run, dy_step, to + first * step, step, last - first);
                else
                    add_row(run, dy_step, to + first * step, step, last - first);
                is_first = false;
                const auto border = [&](int64_t k) {
                    const int64_t p = width.place(k);
                    if (p >= first && p < last) to[p * step] += from[k * dy_step];
                };
                for (int64_t k = 0; k < width.front; ++k) border(k);
                for (int64_t k = width.front + width.size; k < width.padded; ++k) border(k);
            });
        });
    };
    for_all_rows(dx.shape, [&](int64_t a, int64_t d, int64_t h, int64_t rows, int64_t first, int64_t last) {
        for (int64_t r = h; r < h + rows; ++r) gather_row(a, d, r, first, last);
    });
}
PYDL_KERNEL(pad_backward, "dy, front, mode, dx")

}  // namespace pydl::PYDL_ISA
