// What batch_norm and group_norm share, forward and backward: the two ways through x (N, C, S).
//
// By channels: the numbers of a channel lie in N runs of S, and a vector holds numbers of one channel. By
// columns, where S is small: (n, c, s) is row n, column c S + s, and each lane of a vector is a column; a
// channel is S neighbouring columns. How the sums are cut into pieces depends on the shape alone, so results
// do not depend on the number of threads.
#pragma once
#include "moments.h"
#include "runtime/threads.h"
#include "scratch.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kChannelColumns = 64;  // columns of a task: a few cache lines of each row
constexpr int64_t kColumnRows = 64;      // rows summed in T before they are combined in double

template <typename T>
Line<const T> segment(const Array<const T, 3>& x, int64_t n, int64_t c) {
    return {x.data + n * x.stride[0] + c * x.stride[1], x.stride[2]};
}
template <typename T>
Line<T> segment(const Array<T, 3>& x, int64_t n, int64_t c) {
    return {x.data + n * x.stride[0] + c * x.stride[1], x.stride[2]};
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

    int64_t columns(int64_t block) const {
        const int64_t left = C - block * channels;
        return (left < channels ? left : channels) * S;
    }
    int64_t work() const { return N * channels * S / pieces; }

    // f(first row, rows) for each block of rows of a piece.
    template <typename F>
    PYDL_INLINE void for_rows(int64_t piece, F f) const {
        const int64_t all = (N - 1) / kColumnRows + 1;
        for (int64_t b = all * piece / pieces; b < all * (piece + 1) / pieces; ++b) {
            const int64_t n = b * kColumnRows, left = N - n;
            f(n, left < kColumnRows ? left : kColumnRows);
        }
    }
};

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

// y = (x - center) * scale + shift for one channel. The part of the mean that T cannot hold is in the shift.
template <typename T>
struct Affine {
    T center, scale, shift;

    static Affine of(double mean, double rstd, T weight, T bias) {
        const double scale = rstd * double(weight);
        return {T(mean), T(scale), T(double(bias) - (mean - double(T(mean))) * scale)};
    }
};

template <typename T>
[[gnu::noinline]] void apply(Affine<T> a, int64_t count, Line<const T> x, Line<T> y) {
    map_line<T>(
        [a](vec<T> x)
            PYDL_INLINE_LAMBDA { return fma(x - a.center, broadcast<T>(a.scale), broadcast<T>(a.shift)); },
        count, y, x);
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

template <typename T>
[[gnu::noinline]] GradientSums block_sums(T mean, int64_t count, int64_t segments, Line<const T> dy,
                                          int64_t dy_spacing, Line<const T> x, int64_t x_spacing) {
    Sums<T, 2> sums;
    for (int64_t s = 0; s < segments; ++s)
        sums.add([mean](vec<T> dy, vec<T> x)
                     PYDL_INLINE_LAMBDA { return Terms<T, 2>{{dy, dy * (x - mean)}}; },
                 count, Line<const T>{dy.data + s * dy_spacing, dy.stride},
                 Line<const T>{x.data + s * x_spacing, x.stride});
    return {sums.total(0), sums.total(1)};
}

// With fixed statistics dx does not depend on x, which may be infinite.
template <typename T>
[[gnu::noinline]] void slope_line(Slope<T> of, T mean, bool training, int64_t count, Line<const T> dy,
                                  Line<const T> x, Line<T> dx) {
    if (!training) return map_line<T>([=](vec<T> dy) PYDL_INLINE_LAMBDA { return dy * of.a; }, count, dx, dy);
    map_line<T>(
        [=](vec<T> dy, vec<T> x) PYDL_INLINE_LAMBDA {
            return fma(dy, broadcast<T>(of.a), fma(x - mean, broadcast<T>(of.b), broadcast<T>(of.c)));
        },
        count, dx, dy, x);
}

}  // namespace pydl::PYDL_ISA
