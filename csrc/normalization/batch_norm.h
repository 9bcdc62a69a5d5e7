// What batch_norm and group_norm share, forward and backward: the two ways through x (N, C, S).
//
// By channels: the numbers of a channel lie in N runs of S, and a vector holds numbers of one channel. By
// columns, where S is small: (n, c, s) is row n, column c S + s, and each lane of a vector is a column; a
// channel is S neighbouring columns. How the sums are cut into pieces depends on the shape alone, so results
// do not depend on the number of threads.
#pragma once
#include "normalization/moments.h"
#include "runtime/threads.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kChannelColumns = 64;  // columns of a task: a few cache lines of each row
constexpr int64_t kColumnRows = 64;      // rows summed in T before they are combined in double
constexpr int64_t kBlocksTogether = 8;   // tasks worked off as one, so that rows are read in long runs
constexpr int64_t kMostColumns = kBlocksTogether * kChannelColumns;
constexpr int64_t kRowsAtOnce = 8;       // rows that are added up in registers
constexpr int64_t kNumbersAhead = 4096;  // how far ahead of them memory is asked for
constexpr int64_t kLongRun = 16384;      // bytes of a channel of an image that are worth a visit

template <typename T>
Line<const T> segment(const Array<const T, 3>& x, int64_t n, int64_t c) {
    return {x.data + n * x.stride[0] + c * x.stride[1], x.stride[2]};
}
template <typename T>
Line<T> segment(const Array<T, 3>& x, int64_t n, int64_t c) {
    return {x.data + n * x.stride[0] + c * x.stride[1], x.stride[2]};
}

// The numbers of neighbouring channels of an image, each `spacing` from the one before.
template <typename X>
struct Lines {
    X* data;
    int64_t stride, spacing;

    Lines from(int64_t s) const { return {data + s * stride, stride, spacing}; }
    PYDL_INLINE Line<X> operator[](int64_t c) const { return {data + c * spacing, stride}; }
};
template <typename X>
Lines<X> lines(const Array<X, 3>& x, int64_t n, int64_t c) {
    return {x.data + n * x.stride[0] + c * x.stride[1], x.stride[2], x.stride[1]};
}
template <typename X>
Lines<X> lines(const Optional<Array<X, 3>>& x, int64_t n, int64_t c) {
    return x ? lines(*x, n, c) : Lines<X>{nullptr, 0, 0};
}

// Columns are for short runs of channels, in arrays whose rows have no gaps.
template <typename T, typename... X>
bool by_columns(const Array<T, 3>& first, const X&... more) {
    return first.shape[2] < 16 && first.contiguous() && (more.contiguous() && ...);
}

// How (N, C S) is cut: into blocks of whole channels, and pieces of whole blocks of rows.
struct ColumnTasks {
    int64_t N, C, S;
    int64_t channels;  // of a block
    int64_t blocks, pieces;

    ColumnTasks(int64_t N, int64_t C, int64_t S) : N(N), C(C), S(S) {
        channels = kChannelColumns / S < C ? kChannelColumns / S : C;
        blocks = (C - 1) / channels + 1;
        const int64_t wanted = (kMomentPieces - 1) / blocks + 1;
        const int64_t possible = N * channels * S / kMomentGrain, most = (N - 1) / kColumnRows + 1;
        pieces = wanted < possible ? wanted : possible;
        pieces = pieces < 1 ? 1 : pieces < most ? pieces : most;
    }

    int64_t work() const { return N * channels * S / pieces; }
    int64_t first_row(int64_t piece) const {
        const int64_t row = ((N - 1) / kColumnRows + 1) * piece / pieces * kColumnRows;
        return row < N ? row : N;
    }

    // f(piece, first row, rows, first column, columns) for all blocks of rows of at most kMostColumns
    // columns, in parallel; `arrays` are read.
    template <typename F>
    void for_blocks(int64_t arrays, const F& f) const {
        const int64_t rows = (N - 1) / kColumnRows + 1;
        parallel_for(
            blocks * pieces, kMomentGrain / (arrays * work() + 1) + 1, [&](int64_t begin, int64_t end) {
                for (int64_t next; begin < end; begin = next) {
                    const int64_t piece = begin / blocks, first = begin % blocks;
                    int64_t last = first + kBlocksTogether < blocks ? first + kBlocksTogether : blocks;
                    if (last > first + (end - begin)) last = first + (end - begin);
                    next = begin + (last - first);
                    const int64_t from = first * channels, to = last * channels < C ? last * channels : C;
                    for (int64_t r = rows * piece / pieces; r < rows * (piece + 1) / pieces; ++r) {
                        const int64_t n = r * kColumnRows, left = N - n;
                        f(piece, n, left < kColumnRows ? left : kColumnRows, from * S, (to - from) * S);
                    }
                }
            });
    }
};

// add(j, first row, rows) for the columns of each vector and all rows, a few rows at a time.
template <typename T, typename Add>
PYDL_INLINE void for_few_rows(int64_t rows, int64_t columns, const Add& add) {
    int64_t n = 0;
    for (; n + kRowsAtOnce <= rows; n += kRowsAtOnce)
        for (int64_t j = 0; j < columns; j += width<T>)
            add(j, n, std::integral_constant<int64_t, kRowsAtOnce>{});
    for (; n < rows; ++n)
        for (int64_t j = 0; j < columns; j += width<T>) add(j, n, std::integral_constant<int64_t, 1>{});
}

// f(n, c) for the N C rows of S numbers, in parallel.
template <typename F>
void for_each_segment(int64_t N, int64_t C, int64_t S, const F& f) {
    parallel_for(N * C, kMomentGrain / S + 1, [&](int64_t begin, int64_t end) {
        int64_t n = begin / C, c = begin % C;
        for (int64_t i = begin; i < end; ++i) {
            f(n, c);
            if (++c == C) {
                c = 0;
                ++n;
            }
        }
    });
}

// Work on C channels, each `pieces` pieces and then one pass over the channel: while its numbers are in the
// cache where there are channels enough for all threads, else piece by piece. Either way piece(c, p),
// finish(c) and pass(n, c) are the same functions, called once each.
template <typename Piece, typename Finish, typename Pass>
void by_channels(int64_t N, int64_t C, int64_t S, int64_t pieces, const Piece& piece, const Finish& finish,
                 const Pass& pass) {
    if (pieces == 1 || C >= 4 * num_threads()) {
        parallel_for(C, kMomentGrain / (N * S) + 1, [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) {
                for (int64_t p = 0; p < pieces; ++p) piece(c, p);
                finish(c);
                for (int64_t n = N; n-- > 0;) pass(n, c);  // what was read last is still in the cache
            }
        });
        return;
    }
    parallel_for(C * pieces, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) piece(i / pieces, i % pieces);
    });
    for (int64_t c = 0; c < C; ++c) finish(c);
    for_each_segment(N, C, S, pass);
}

// f(n, first, channels) for runs of whole channels of N images, in parallel.
template <typename F>
void for_each_run(int64_t N, int64_t C, int64_t S, const F& f) {
    parallel_for(N * C, kMomentGrain / S + 1, [&](int64_t begin, int64_t end) {
        while (begin < end) {
            const int64_t c = begin % C, left = end - begin, channels = left < C - c ? left : C - c;
            f(begin / C, c, channels);
            begin += channels;
        }
    });
}

// The same with piece(first, channels, p), finish(first, channels) and pass(n, first, channels). Where the
// runs of a channel are short, whole images are worked off one behind another, twice: runs far apart would
// compete for the caches' sets.
template <typename T, typename Piece, typename Finish, typename Pass>
void by_images(int64_t N, int64_t C, int64_t S, int64_t pieces, const Piece& piece, const Finish& finish,
               const Pass& pass) {
    if (S * int64_t(sizeof(T)) > kLongRun)
        return by_channels(
            N, C, S, pieces, [&](int64_t c, int64_t p) { piece(c, int64_t(1), p); },
            [&](int64_t c) { finish(c, int64_t(1)); }, [&](int64_t n, int64_t c) { pass(n, c, int64_t(1)); });
    for_each_run(pieces, C, N * S / pieces,
                 [&](int64_t p, int64_t first, int64_t channels) { piece(first, channels, p); });
    finish(0, C);
    for_each_run(N, C, S, pass);
}

// Sums over this many channels of a block grow image by image at once.
constexpr int64_t kSummedChannels = 32;

template <typename F>
PYDL_INLINE void for_summed_channels(int64_t first, int64_t channels, const F& f) {
    for (int64_t c = 0; c < channels; c += kSummedChannels)
        f(first + c, channels - c < kSummedChannels ? channels - c : kSummedChannels);
}

// f(first image, images, first channel, channels, first number, numbers) for the blocks of a piece of some
// channels. Where a channel of an image is several blocks, they come before those of the next channel: memory
// is read from front to back.
template <typename F>
PYDL_INLINE void for_channel_blocks(const MomentBlocks& blocks, int64_t piece, int64_t pieces, int64_t first,
                                    int64_t channels, const F& f) {
    blocks.for_stretches(piece, pieces, [&](int64_t n, int64_t images, int64_t s, int64_t end) {
        const int64_t some = end - s > kMomentBlock ? 1 : kSummedChannels;
        for (int64_t c = 0; c < channels; c += some)
            for (int64_t i = s; i < end; i += kMomentBlock)
                f(n, images, first + c, channels - c < some ? channels - c : some, i,
                  end - i < kMomentBlock ? end - i : kMomentBlock);
    });
}

// y = (x - center) * scale + shift for one channel. The part of the mean that T cannot hold is in the shift.
template <typename T>
struct Affine {
    T center, scale, shift;

    static Affine of(double mean, double rstd, T weight, T bias) {
        const double scale = rstd * double(weight);
        return {T(mean), T(scale), T(double(bias) - (mean - double(T(mean))) * scale)};
    }
};

// Between which numbers y is kept, as by relu and relu6. NaN is no bound.
template <typename T>
struct Bounds {
    T low, high;

    static Bounds none() { return {T(__builtin_nan("")), T(__builtin_nan(""))}; }
    bool any() const { return low == low || high == high; }
    PYDL_INLINE vec<T> keep(vec<T> v) const {
        v = select(v <= low, broadcast<T>(low), v);
        return select(v >= high, broadcast<T>(high), v);
    }
    // The gradient of keep() where it gave y. What it is where y is NaN, relu and hardtanh see differently.
    PYDL_INLINE vec<T> pass(vec<T> dy, vec<T> y) const {
        const T at_nan = high == high ? T(__builtin_nan("")) : T(1);
        return select(y <= low, vec<T>{}, select(y >= high, vec<T>{}, select(y == y, dy, dy * at_nan)));
    }
};

// y = keep(normalised x + add) for some channels. add may be null.
template <typename T>
[[gnu::noinline]] void apply_lines(const Affine<T>* affine, Bounds<T> bounds, int64_t channels, int64_t count,
                                   Lines<const T> x, Lines<const T> add, Lines<T> y) {
    for (int64_t c = 0; c < channels; ++c) {
        const Affine<T> a = affine[c];
        const auto normal = [a](vec<T> x) PYDL_INLINE_LAMBDA {
            return fma(x - a.center, broadcast<T>(a.scale), broadcast<T>(a.shift));
        };
        if (add.data != nullptr)
            map_line<T>([=](vec<T> x, vec<T> add) PYDL_INLINE_LAMBDA { return bounds.keep(normal(x) + add); },
                        count, y[c], x[c], add[c]);
        else if (bounds.any())
            map_line<T>([=](vec<T> x) PYDL_INLINE_LAMBDA { return bounds.keep(normal(x)); }, count, y[c],
                        x[c]);
        else
            map_line<T>(normal, count, y[c], x[c]);
    }
}

// to = pass(dy + more, y) for some channels. One of more and y may be null.
template <typename T>
[[gnu::noinline]] void pass_lines(Bounds<T> bounds, int64_t channels, int64_t count, Lines<const T> dy,
                                  Lines<const T> more, Lines<const T> y, Lines<T> to) {
    for (int64_t c = 0; c < channels; ++c) {
        if (more.data == nullptr)
            map_line<T>([=](vec<T> dy, vec<T> y) PYDL_INLINE_LAMBDA { return bounds.pass(dy, y); }, count,
                        to[c], dy[c], y[c]);
        else if (y.data == nullptr)
            map_line<T>([](vec<T> dy, vec<T> more) PYDL_INLINE_LAMBDA { return dy + more; }, count, to[c],
                        dy[c], more[c]);
        else
            map_line<T>([=](vec<T> dy, vec<T> more, vec<T> y)
                            PYDL_INLINE_LAMBDA { return bounds.pass(dy + more, y); },
                        count, to[c], dy[c], more[c], y[c]);
    }
}

// Sums over a channel: of dy, and of dy (x - mean).
struct GradientSums {
    double dy = 0, dot = 0;
};

// dx = a dy + b (x - mean) + c for one channel.
template <typename T>
struct Slope {
    T a, b, c;
};

// Adds `count` numbers of some channels to their sums.
template <typename T>
[[gnu::noinline]] void add_slopes(Sums<T, 2>* sums, const T* mean, int64_t channels, int64_t count,
                                  Lines<const T> dy, Lines<const T> x) {
    for (int64_t c = 0; c < channels; ++c) {
        const T center = mean[c];
        Sums<T, 2> more = sums[c];
        more.add([center](vec<T> dy, vec<T> x)
                     PYDL_INLINE_LAMBDA { return Terms<T, 2>{{dy, dy * (x - center)}}; },
                 count, dy[c], x[c]);
        sums[c] = more;
    }
}

// dx for some channels. With fixed statistics it does not depend on x, which may be infinite.
template <typename T>
[[gnu::noinline]] void slope_lines(const Slope<T>* slopes, const T* mean, bool training, int64_t channels,
                                   int64_t count, Lines<const T> dy, Lines<const T> x, Lines<T> dx) {
    for (int64_t c = 0; c < channels; ++c) {
        const Slope<T> of = slopes[c];
        const T center = mean[c];
        if (training)
            map_line<T>(
                [=](vec<T> dy, vec<T> x) PYDL_INLINE_LAMBDA {
                    return fma(dy, broadcast<T>(of.a),
                               fma(x - center, broadcast<T>(of.b), broadcast<T>(of.c)));
                },
                count, dx[c], dy[c], x[c]);
        else
            map_line<T>([=](vec<T> dy) PYDL_INLINE_LAMBDA { return dy * of.a; }, count, dx[c], dy[c]);
    }
}

}  // namespace pydl::PYDL_ISA
