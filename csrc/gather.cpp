// gather: y[a, m, b] = x[a, index[a, m, b], b], the other way round, and with sums. See pydl/ops/gather.py.
//
// Where index is the same for all b (its stride is 0), as for index_select, whole rows are copied or added.
// What is moved is not looked at: the loops know of it only how many bytes it has.
#include "elementwise/add_rows.h"
#include "elementwise/row_copies.h"
#include "elementwise/row_numbers.h"
#include "kernel.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kColumns = 256;  // of one task, where there is no other way to share the work
constexpr int64_t kNearNumbers = 1024;

// Whether all numbers are looked at before the first is used: where they are used several times, or in pieces
// of rows, between which memory is not read in its order.
bool is_checked_first(const Index& index) {
    if (index.shape[2] > kColumns) return true;
    for (int d = 0; d < 3; ++d)
        if (index.shape[d] > 1 && index.stride[d] == 0) return true;
    return false;
}

// Numbers of one line and those of another: far[numbers[i]] and near[i], all strides in bytes. `drift`: what
// is added to the place in the far one with every i. There may be several such lines, `lines` of them: a call
// for each would take longer than a few numbers.
struct Line {
    char* far;
    char* near;
    const int64_t* numbers;
    int64_t far_stride, near_stride, number_stride, drift, count;
    int64_t lines = 1, next_far = 0, next_near = 0, next_numbers = 0;

    void advance(int64_t n) {
        far += n * next_far;
        near += n * next_near;
        numbers += n * next_numbers;
    }
    bool inside(int64_t K) const {
        if (number_stride == 1 && next_numbers == count) return are_inside(numbers, 1, lines * count, K);
        bool all = true;
        for (int64_t i = 0; i < lines; ++i)
            all &= are_inside(numbers + i * next_numbers, number_stride, count, K);
        return all;
    }
};

// move(far, near) for single elements of type U. The line is a copy, as what is written might be a part of
// it.
template <typename U, typename Move>
PYDL_INLINE void for_each_in_line(Line l, const Move& move) {
    const bool plain =
        l.number_stride == 1 && l.drift == 0 && l.near_stride == sizeof(U) && l.far_stride == sizeof(U);
    for (; l.lines > 0; --l.lines, l.advance(1)) {
        if (plain) {
            U* far = reinterpret_cast<U*>(l.far);
            U* near = reinterpret_cast<U*>(l.near);
#pragma GCC unroll 4
            for (int64_t i = 0; i < l.count; ++i) move(far[l.numbers[i]], near[i]);
            continue;
        }
#pragma GCC unroll 2
        for (int64_t i = 0; i < l.count; ++i)
            move(*reinterpret_cast<U*>(l.far + l.numbers[i * l.number_stride] * l.far_stride + i * l.drift),
                 *reinterpret_cast<U*>(l.near + i * l.near_stride));
    }
}
template <typename U>
[[gnu::noinline]] void gather_line(const Line& l) {
    for_each_in_line<U>(l, [](U& far, U& near) PYDL_INLINE_LAMBDA { near = far; });
}
template <typename U>
[[gnu::noinline]] void scatter_line(const Line& l) {
    for_each_in_line<U>(l, [](U& far, U& near) PYDL_INLINE_LAMBDA { far = near; });
}
template <typename T>
[[gnu::noinline]] void add_line(const Line& l) {
    for_each_in_line<T>(l, [](T& far, T& near) PYDL_INLINE_LAMBDA { far += near; });
}

// Rows of `bytes` without gaps in place of the single elements.
void gather_rows(const Line& l, int64_t bytes) {
    copy_rows(l.far, l.far_stride, l.numbers, l.number_stride, l.near, l.near_stride, l.count, bytes);
}
[[gnu::noinline]] void scatter_rows(const Line& line, int64_t bytes) {
    const Line l = line;
    for (int64_t i = 0; i < l.count; ++i)
        copy_bytes(l.near + i * l.near_stride, l.far + l.numbers[i * l.number_stride] * l.far_stride, bytes);
}
template <typename T>
[[gnu::noinline]] void add_rows_of_line(const Line& l, int64_t bytes) {
    for (int64_t i = 0; i < l.count; ++i)
        add_row(reinterpret_cast<const T*>(l.near + i * l.near_stride), 1,
                reinterpret_cast<T*>(l.far + l.numbers[i * l.number_stride] * l.far_stride), 1,
                bytes / int64_t(sizeof(T)));
}

struct Work {
    void (*line)(const Line&);
    void (*rows)(const Line&, int64_t bytes);
    bool shared;  // whether places along the index may be of different threads, as they write to near ones
};

// Far (A, K, B) and near (A, M, B): whether there is anything to do, if they fit.
[[gnu::noinline]] bool check_shapes(const Array<const char, 3>& far, const Index& index,
                                    const Array<const char, 3>& near, const char* message) {
    for (int d = 0; d < 3; ++d)
        require(index.shape[d] == near.shape[d] && (d == 1 || far.shape[d] == index.shape[d]), message);
    if (index.size() == 0) return false;
    if (is_checked_first(index)) check_index(index, far.shape[1], message);
    return true;
}

// Each (a, b) belongs to one thread, unless the work may be shared.
void for_all(const Array<const char, 3>& far, const Index& index, const Array<const char, 3>& near,
             int64_t bytes, const Work& work, const char* message) {
    if (!check_shapes(far, index, near, message)) return;
    int64_t A = index.shape[0], M = index.shape[1];
    const int64_t B = index.shape[2];
    // One of every line, the right class, say: a line with a drift.
    const bool across = B == 1 && M == 1;
    if (across) M = A, A = 1;
    const int along = across ? 0 : 1;
    const bool repeated = B > 1 && index.stride[2] == 0;
    const bool are_rows = repeated && far.stride[2] == 1 && near.stride[2] == 1;
    const int64_t most = work.shared ? kElementwiseGrain : kColumns;
    const int64_t columns = B < most ? B : most, strips = (B - 1) / columns + 1;
    const int64_t share = kElementwiseGrain / columns;
    const int64_t places = (work.shared || across) && share < M ? share : M, parts = (M - 1) / places + 1;
    const int64_t grain = kElementwiseGrain / (places * columns) + 1;
    const bool unchecked =
        !is_checked_first(index);  // so that each line is, when it is about to be read anyway
    bool refused = false;
    parallel_for(A * strips * parts, grain, [&](int64_t begin, int64_t end) {
        // Some lines at a time, whose numbers stay in the first cache between the looks at them.
        const auto move = [&](Line line) {
            const int64_t some = kNearNumbers / line.count + 1;
            for (int64_t left = line.lines; left > 0; left -= line.lines, line.advance(line.lines)) {
                line.lines = left < some ? left : some;
                if (unchecked && !line.inside(far.shape[1]))
                    __atomic_store_n(&refused, true, __ATOMIC_RELAXED);
                else
                    work.line(line);
            }
        };
        int64_t part = begin % parts, strip = begin / parts % strips, a = begin / parts / strips;
        for (int64_t task = begin, tasks; task < end; task += tasks) {
            tasks = 1;
            const int64_t first = strip * columns, m = part * places;
            const int64_t count = B - first < columns ? B - first : columns;
            Line line = {
                const_cast<char*>(far.data) +
                    (a * far.stride[0] + first * far.stride[2] + (across ? m * far.stride[0] : 0)) * bytes,
                const_cast<char*>(near.data) +
                    (a * near.stride[0] + m * near.stride[along] + first * near.stride[2]) * bytes,
                index.data + a * index.stride[0] + m * index.stride[along] + first * index.stride[2],
                far.stride[1] * bytes,
                near.stride[along] * bytes,
                index.stride[along],
                across ? far.stride[0] * bytes : 0,
                M - m < places ? M - m : places};
            if (++part == parts) part = 0, ++strip;  // a division would take as long as a short line
            if (strip == strips) strip = 0, ++a;
            if (B == 1) {
                if (parts == 1) {  // each task is a line
                    line.lines = tasks = end - task;
                    line.next_far = far.stride[0] * bytes;
                    line.next_near = near.stride[0] * bytes;
                    line.next_numbers = index.stride[0];
                }
                move(line);
                continue;
            }
            if (are_rows) {
                work.rows(line, count * bytes);
                continue;
            }
            line.lines = line.count;
            line.next_near = near.stride[1] * bytes;
            line.next_numbers = index.stride[1];
            line.count = count;
            line.drift = far.stride[2] * bytes;
            line.near_stride = near.stride[2] * bytes;
            line.number_stride = index.stride[2];
            move(line);
        }
    });
    require(!refused, message);
}

// The same array without its type.
template <typename T>
Array<const char, 3> untyped(const Array<T, 3>& array) {
    Array<const char, 3> same;
    same.data = reinterpret_cast<const char*>(array.data);
    for (int d = 0; d < 3; ++d) {
        same.shape[d] = array.shape[d];
        same.stride[d] = array.stride[d];
    }
    return same;
}

}  // namespace

inline void gather_forward(Numbers<const char, 3> x, Array<const int64_t, 3> index, Numbers<char, 3> y) {
    const auto line = y.bytes == 1   ? gather_line<uint8_t>
                      : y.bytes == 2 ? gather_line<uint16_t>
                      : y.bytes == 4 ? gather_line<uint32_t>
                                     : gather_line<uint64_t>;
    for_all(x, index, untyped(y), y.bytes, {line, gather_rows, true},
            "gather_forward: x is (A, K, B), index and y (A, M, B), index from 0 to K - 1");
}
PYDL_KERNEL_OF_NUMBERS(gather_forward, "x, index, y")

// One number of x for each pair, in pieces whose pairs stay in the first cache between the looks at them.
template <typename U>
[[gnu::noinline]] bool pick(const Array<const U, 2>& x, const Array<const int64_t, 1>& row,
                            const Array<const int64_t, 1>& column, const Array<U, 1>& y, int64_t begin,
                            int64_t end) {
    for (int64_t first = begin; first < end; first += kNearNumbers) {
        const int64_t count = end - first < kNearNumbers ? end - first : kNearNumbers;
        const int64_t *const i = &row(first), *const j = &column(first);
        if (!are_inside(i, row.stride[0], count, x.shape[0]) ||
            !are_inside(j, column.stride[0], count, x.shape[1]))
            return false;
        U* const to = &y(first);
#pragma GCC unroll 4
        for (int64_t k = 0; k < count; ++k)
            to[k * y.stride[0]] = x(i[k * row.stride[0]], j[k * column.stride[0]]);
    }
    return true;
}

inline void pick_forward(Numbers<const char, 2> x, Array<const int64_t, 1> row,
                         Array<const int64_t, 1> column, Numbers<char, 1> y) {
    const char* message =
        "pick_forward: row and column have the size of y and lie inside of x, of 4 or 8 bytes";
    const int64_t M = y.shape[0];
    require(row.shape[0] == M && column.shape[0] == M && (y.bytes == 4 || y.bytes == 8), message);
    bool refused = false;
    parallel_for(M, kElementwiseGrain, [&](int64_t begin, int64_t end) {
        const auto typed = [&](auto zero) {
            using U = decltype(zero);
            return pick<U>(
                {reinterpret_cast<const U*>(x.data), {x.shape[0], x.shape[1]}, {x.stride[0], x.stride[1]}},
                row, column, {reinterpret_cast<U*>(y.data), {M}, {y.stride[0]}}, begin, end);
        };
        if (!(y.bytes == 4 ? typed(uint32_t()) : typed(uint64_t())))
            __atomic_store_n(&refused, true, __ATOMIC_RELAXED);
    });
    require(!refused, message);
}
PYDL_KERNEL_OF_NUMBERS(pick_forward, "x, row, column, y")

// Adds to dx.
template <typename T>
void gather_backward(Array<const T, 3> dy, Array<const int64_t, 3> index, Array<T, 3> dx) {
    const char* mismatch = "gather_backward: dx is (A, K, B), index and dy (A, M, B), index from 0 to K - 1";
    const bool are_rows = dy.shape[0] == 1 && dy.shape[2] > 1 && index.stride[2] == 0;
    if (are_rows && check_shapes(untyped(dx), index, untyped(dy), mismatch))
        return add_rows<T>({dy.data, {dy.shape[1], dy.shape[2]}, {dy.stride[1], dy.stride[2]}},
                           {index.data, {index.shape[1]}, {index.stride[1]}},
                           {dx.data, {dx.shape[1], dx.shape[2]}, {dx.stride[1], dx.stride[2]}});
    for_all(untyped(dx), index, untyped(dy), sizeof(T), {add_line<T>, add_rows_of_line<T>, false}, mismatch);
}
PYDL_KERNEL(gather_backward, "dy, index, dx")

// Writes over y; of several numbers for one place the last stays.
inline void scatter_forward(Numbers<const char, 3> src, Array<const int64_t, 3> index, Numbers<char, 3> y) {
    const auto line = y.bytes == 1   ? scatter_line<uint8_t>
                      : y.bytes == 2 ? scatter_line<uint16_t>
                      : y.bytes == 4 ? scatter_line<uint32_t>
                                     : scatter_line<uint64_t>;
    for_all(untyped(y), index, src, y.bytes, {line, scatter_rows, false},
            "scatter_forward: y is (A, K, B), index and src (A, M, B), index from 0 to K - 1");
}
PYDL_KERNEL_OF_NUMBERS(scatter_forward, "src, index, y")

// Adds whole numbers to y, modulo 2^64.
inline void scatter_add_integers(Array<const int64_t, 3> src, Array<const int64_t, 3> index,
                                 Array<int64_t, 3> y) {
    for_all(untyped(y), index, untyped(src), sizeof(int64_t),
            {add_line<uint64_t>, add_rows_of_line<uint64_t>, false},
            "scatter_add_integers: y is (A, K, B), index and src (A, M, B), index from 0 to K - 1");
}
PYDL_KERNEL_OF_NUMBERS(scatter_add_integers, "src, index, y")

}  // namespace pydl::PYDL_ISA
