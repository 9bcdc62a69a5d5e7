// softmax and its relatives along lines of many numbers, (A, K, B) along K, that are worked off piece by
// piece: first all pieces are looked at, then what was found is joined, then all are written. So a few lines
// are work for many threads, and a piece is in the second cache where it is read more than once.
//
// Lines of which only a few lie side by side would leave most lanes of a vector empty: `together` rows of B
// numbers, one behind another, are taken as one, and the lanes that belong to a line are joined in the end.
#pragma once
#include "normalization/softmax_strips.h"
#include "simd/halves.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kPieceNumbers = 16384;  // in a piece of the usual size
constexpr int64_t kPieceRows = 64;        // and at least: joining pieces takes two exponentials a lane
constexpr int64_t kMostPieces = 64;       // of a row
constexpr int64_t kPieceLanes = 512;
constexpr int64_t kWideLanes = 128;      // that rows of fewer are joined to
constexpr int64_t kNarrowNumbers = 512;  // of a matrix that is turned with others
constexpr int64_t kFewRows = 8;          // that are left of a few
constexpr int64_t kShortRows = 1024;     // numbers of rows of which a vector's width stay in the second cache

// Half vectors of rows that are sooner turned, where x and y are the only arrays.
constexpr int kTurnedRow = has_halves ? 7 : 12;

// What can be done in pieces, rows (then lines is 1) or strips. at: the strip of each array. stats has two
// rows: what look gives for each line is its sum and, where the sum is one of exp(x - largest), its largest
// number.
template <typename T>
struct PieceRule {
    void (*look)(int64_t lines, int64_t K, Strip<T> stats, const Strip<T>* at);
    void (*prepare)(int64_t lines, Strip<T> stats);  // makes what write needs of the sums of whole lines
    void (*write)(int64_t lines, int64_t K, Strip<T> stats, const Strip<T>* at);
    bool exponentials;  // whether sums are of exp(x - largest)
    bool scaled;        // whether look wrote them, so that write has to know what for
};

// A rule for for_each_strip and for for_each_line, of what stands in PieceRule, for rows and for strips;
// prepared(sum) is what write needs of the sum of a whole line.
template <typename T, typename Rule>
struct LinesInPieces : LineRule {
    static constexpr int kSums = 2;
    // float64 is not worth as much code.
    static constexpr bool kHasRows = Rule::kExponentials && sizeof(T) == 4;
    static constexpr PieceRule<T> rows() {
        return {Rule::look_at_row, prepare, Rule::write_row, Rule::kExponentials, Rule::kScaled};
    }
    static constexpr PieceRule<T> strips() {
        return {Rule::look_at_strip, prepare, Rule::write_strip, Rule::kExponentials, Rule::kScaled};
    }

    template <typename... X>
    void row(int64_t, int64_t K, X*... x) const {
        T own[2];
        const Strip<T> stats{own, 1}, at[] = {{const_cast<T*>(x), K}...};
        Rule::look_at_row(1, K, stats, at);
        own[0] = Rule::prepared(own[0]);
        Rule::write_row(1, K, stats, at);
    }
    // Of short rows as many are looked at before they are written as have their sums in one vector: what is
    // made of sums of exponentials would keep every row waiting.
    template <typename... X>
    void rows(int64_t lines, int64_t K, Strip<X>... x) const {
        constexpr int64_t W = width<T>;
        const int64_t most = K <= kShortRows ? W : 1;
        alignas(64) T own[2 * W] = {};
        for (int64_t first = 0, n; first < lines; first += n) {
            n = lines - first < most ? lines - first : most;
            for (int64_t i = 0; i < n; ++i) {
                const Strip<T> at[] = {{const_cast<T*>(x.row(first + i)), K}...};
                Rule::look_at_row(1, K, {own + i, W}, at);
            }
            prepare(n, {own, W});
            for (int64_t i = 0; i < n; ++i) {
                const Strip<T> at[] = {{const_cast<T*>(x.row(first + i)), K}...};
                Rule::write_row(1, K, {own + i, W}, at);
            }
        }
    }
    template <typename... X>
    void strip(int64_t, int64_t lines, int64_t K, Strip<T> stats, Strip<X>... x) const {
        const Strip<T> at[] = {{const_cast<T*>(x.data), x.stride}...};
        Rule::look_at_strip(lines, K, stats, at);
        prepare(lines, stats);
        Rule::write_strip(lines, K, stats, at);
    }

  private:
    static void prepare(int64_t lines, Strip<T> stats) {
        T* const sums = stats.row(0);
        for (int64_t j = 0; j < lines; j += width<T>) store(sums + j, Rule::prepared(load(sums + j)));
    }
};

// Joins groups of sums, those of one group one behind another, in the first group. No largest number is
// -infinite: inf - inf would be NaN.
template <typename T>
[[gnu::noinline]] void join_sums(int64_t groups, int64_t lines, Strip<T> stats) {
    T *const sum = stats.row(0), *const largest = stats.row(1);
    for (int64_t i = lines; i < groups * lines; i += lines)
        for_lines<T>(lines, [&](int64_t j, int64_t n) PYDL_INLINE_LAMBDA {
            const vec<T> a = load_partial(largest + j, n), b = load_partial(largest + i + j, n);
            const vec<T> most = max(a, b);
            store_partial(largest + j, most, n);
            store_partial(
                sum + j,
                load_partial(sum + j, n) * exp(a - most) + load_partial(sum + i + j, n) * exp(b - most), n);
        });
}

// How many rows are taken as one: few enough that some are left of a few.
inline int64_t rows_together(int64_t K, int64_t B) {
    if (B == 1 || B > kWideLanes / 2) return 1;
    return K * B < kFewRows * kWideLanes ? K / kFewRows : kWideLanes / B;
}

// K rows of B numbers of some arrays.
template <typename T>
[[gnu::noinline]] void work_in_pieces(const PieceRule<T>& rule, int64_t K, int64_t B, const Strip<T>* at,
                                      int arrays) {
    constexpr int64_t W = width<T>, kMostArrays = 3;
    const int64_t together = rows_together(K, B), lanes = together * B;
    const int64_t wide = K / together, rest = K % together;
    const int64_t strips = (lanes - 1) / kPieceLanes + 1, S = ((lanes - 1) / strips / W + 1) * W;
    const int64_t usual = B == 1 ? 2 * kPieceNumbers : kPieceNumbers / S,
                  least_rows = B == 1 ? K / kMostPieces : kPieceRows,
                  rows = usual > least_rows ? usual : least_rows;
    // One row of rest * B numbers is the last piece, if there is a rest.
    const int64_t whole = (wide - 1) / rows + 1, pieces = whole + (rest > 0);
    const Scratch<T> space((2 * pieces + 4) * (lanes + W));
    const Strip<T> all{space.data(), (pieces + 1) * lanes + W};  // row 0 of lanes: of whole lines
    const T least = rule.exponentials ? -kLargestNumber<T> : T(0);

    const auto for_each = [&](auto f) {
        parallel_for(pieces * strips, 1, [&](int64_t begin, int64_t end) {
            alignas(64) T own[2 * kPieceLanes];
            for (int64_t i = begin; i < end; ++i) {
                const int64_t p = i / strips, b = i % strips * S;
                const int64_t first = p < whole ? p * rows : wide;
                const int64_t count = p == whole ? 1 : wide - first < rows ? wide - first : rows;
                const int64_t left = (p < whole ? lanes : rest * B) - b;
                Strip<T> here[kMostArrays];
                for (int x = 0; x < arrays; ++x)
                    here[x] = {at[x].row(first * together) + b, at[x].stride * together};
                f((p + 1) * lanes + b, b, left < S ? left : S, count, Strip<T>{own, kPieceLanes}, here);
            }
        });
    };
    if (rest > 0)
        for (int64_t j = 0; j < lanes; ++j) {
            all.row(0)[pieces * lanes + j] = 0;
            all.row(1)[pieces * lanes + j] = least;
        }
    for_each([&](int64_t place, int64_t, int64_t n, int64_t count, Strip<T> own, const Strip<T>* here) {
        rule.look(n, count, own, here);
        for (int64_t j = 0; j < n; ++j) {
            all.row(0)[place + j] = own.row(0)[j];
            all.row(1)[place + j] = rule.exponentials ? own.row(1)[j] : least;
        }
    });
    for (int64_t j = 0; j < lanes; ++j) {
        all.row(0)[j] = 0;
        all.row(1)[j] = least;
    }
    join_sums(pieces + 1, lanes, all);
    join_sums(together, B, all);
    rule.prepare(B, all);
    for (int64_t j = B; j < lanes; ++j) {
        all.row(0)[j] = all.row(0)[j - B];
        all.row(1)[j] = all.row(1)[j - B];
    }
    for_each([&](int64_t place, int64_t b, int64_t n, int64_t count, Strip<T> own, const Strip<T>* here) {
        for (int64_t j = 0; j < n; j += W) {
            const vec<T> largest = load_partial(all.row(1) + b + j, n - j);
            vec<T> of_line = load_partial(all.row(0) + b + j, n - j);
            if (rule.scaled) of_line *= exp(load_partial(all.row(1) + place + j, n - j) - largest);
            store(own.row(0) + j, of_line);
            store(own.row(1) + j, largest);
        }
        rule.write(n, count, own, here);
    });
}

// Whether lines are rather looked at in pieces than in strips: where they are long, where there are too few
// of them, or where so few lie side by side that many lanes would be empty.
template <typename T>
bool are_long(int64_t A, int64_t K, int64_t B) {
    constexpr int64_t W = width<T>;
    if (B == 1) return K >= (A < kSoftmaxTasks ? 4 : 16) * kPieceNumbers;
    const int64_t whole = ((B - 1) / W + 1) * W;
    if (B <= kWideLanes / 2 && 8 * B <= 7 * whole && K >= 8 * kFewRows && K * B >= 2 * kWideLanes)
        return true;
    const int64_t S = lines_of_strip<T>(A, K, B);
    return K * S * int64_t(sizeof(T)) > 8 * kSoftmaxStrip ||
           (A * ((B - 1) / S + 1) < 4 && A * K * B >= 8 * kPieceNumbers);
}

// Whether so few lines lie side by side that those of many matrices rather share vectors.
template <typename T>
bool are_narrow(int64_t A, int64_t K, int64_t B) {
    constexpr int64_t W = width<T>;
    return B > 1 && K * B <= kNarrowNumbers && 4 * A * ((B - 1) / W + 1) >= 5 * B * ((A - 1) / W + 1);
}

// for_each_strip, or in pieces where lines are long, or with those of many matrices turned.
template <typename T, typename Rule, typename... X>
void for_each_line(const Rule& rule, const int64_t (&shape)[3], const Array<X, 3>&... arrays) {
    const int64_t A = shape[0], K = shape[1], B = shape[2];
    const bool dense = B > kWideLanes / 2
                           ? ((arrays.stride[2] == 1) && ...)
                           : ((arrays.stride[1] == B && (B == 1 || arrays.stride[2] == 1)) && ...);
    if constexpr (sizeof(T) == 4)  // float64 is not worth as much code
        if (dense && are_narrow<T>(A, K, B)) {
            constexpr auto each = std::make_integer_sequence<int, int(sizeof...(X))>{};
            return walk_matrices(line_work<T>(rule, each, arrays...), A, K, B);
        }
    if (!dense || !are_long<T>(A, K, B)) return for_each_strip<T>(rule, shape, arrays...);
    // Many matrices are shared as they are, of a few the pieces.
    parallel_for(A, A < kSoftmaxTasks ? A : kSoftmaxGrain / (K * B) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t a = begin; a < end; ++a) {
            const Strip<T> at[] = {{const_cast<T*>(arrays.data) + a * arrays.stride[0], arrays.stride[1]}...};
            work_in_pieces(B == 1 ? Rule::rows() : Rule::strips(), K, B, at, int(sizeof...(X)));
        }
    });
}

}  // namespace pydl::PYDL_ISA
