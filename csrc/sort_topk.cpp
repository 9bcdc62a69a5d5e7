// topk: the first k of each line's order, and where they were. See pydl/ops/sort.py.
//
// Numbers become integers that sort the same way, the smallest first in the order wanted being the largest.
// The k best so far are a heap with the worst on top; a vector of numbers is compared with it at once, and of
// a long line most vectors hold none that is better. If k is much of the line, all of it is sorted, by one
// byte of the integers after another, from the lowest on: each pass keeps the order of equals. In short lines
// each number counts those that come before it.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "parallel.h"
#include "scratch.h"
#include "sorting/keys.h"

namespace pydl::PYDL_ISA {
namespace {

// Larger comes first; of equals the one found first. NaN is the largest number, and -0 equals 0.
template <typename T>
PYDL_INLINE mask<T> keys_of(vec<T> x, bool largest) {
    const vec<T> plain = x + T(0), nan = broadcast<T>(T(__builtin_nan("")));
    return to_key<T>(bit_cast<mask<T>>(select(x == x, plain, nan)), largest);
}

template <typename K>
struct Found {
    K key;
    int64_t index;
    PYDL_INLINE bool is_behind(const Found& other) const {
        return key < other.key || (key == other.key && index > other.index);
    }
};

// Puts `item` on top of a heap of n, the place of which is free, and lets it sink.
template <typename K>
void sink(Found<K>* heap, int64_t n, Found<K> item) {
    int64_t at = 0;
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child + 1].is_behind(heap[child])) ++child;
        if (!heap[child].is_behind(item)) break;
        heap[at] = heap[child];
    }
    heap[at] = item;
}

template <typename T>
void find_best(const T* x, int64_t stride, int64_t count, int64_t k, bool largest, Found<int_of<T>>* heap) {
    using Key = int_of<T>;
    constexpr int W = width<T>;
    int64_t held = 0;
    const auto take = [&](Key key, int64_t index) {
        const Found<Key> item{key, index};
        if (held == k) return sink(heap, k, item);
        int64_t at = held++;
        for (; at > 0 && item.is_behind(heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
        heap[at] = item;
    };
    for (int64_t i = 0; i < count; i += W) {
        const int64_t n = count - i < W ? count - i : W;
        const mask<T> keys = keys_of<T>(load_strided(x + i * stride, stride, n), largest);
        // Later equals stay outside, so only larger keys count.
        if (held == k && !any(keys > heap[0].key)) continue;
        alignas(PYDL_VECTOR_BYTES) Key lanes[W];
        store(lanes, keys);
        for (int64_t j = 0; j < n; ++j)
            if (held < k || lanes[j] > heap[0].key) take(lanes[j], i + j);
    }
}

template <typename T>
struct Item {
    Unsigned<T> key;
    int_of<T> index;
};

// The numbers of a line as keys, of which the smallest comes first; up to W more are written.
template <typename T>
[[gnu::noinline]] void find_keys(const T* x, int64_t stride, int64_t count, bool largest, int_of<T>* keys) {
    constexpr int64_t W = width<T>;
    for (int64_t i = 0; i < count; i += W) {
        const vec<T> v = load_strided(x + i * stride, stride, count - i < W ? count - i : W);
        store(keys + i, rising_key<T>(bit_cast<mask<T>>(v), largest));
    }
}

// The place of a number of a short line is how many come before it: those with smaller keys and equal ones
// that stand before it. There is no branch on a key, and a vector of numbers is counted for at once.
template <typename T>
[[gnu::noinline]] void sort_short_line(const T* x, int64_t stride, int64_t count, bool largest,
                                       Item<T>* sorted) {
    constexpr int64_t W = width<T>;
    alignas(64) int_of<T> keys[kShortLine<T> + W], places[W];
    find_keys(x, stride, count, largest, keys);
    for (int64_t first = 0; first < count; first += W) {
        const mask<T> own = load(keys + first);
        const int64_t last = first + W < count ? first + W : count;
        mask<T> place{};
        for (int64_t i = 0; i < first; ++i) place += (keys[i] > own) + 1;  // what is true is -1
        for (int64_t i = first; i < last; ++i)
            place -= (keys[i] < own) | ((keys[i] == own) & (iota<int_of<T>>() > int_of<T>(i - first)));
        for (int64_t i = last; i < count; ++i) place -= keys[i] < own;
        store(places, place);
        for (int64_t i = first; i < last; ++i)
            sorted[places[i - first]] = {unsigned_key<T>(keys[i]), int_of<T>(i)};
    }
}

// The items of a line in order: in one of the two arrays.
template <typename T>
const Item<T>* sort_line(const T* x, int64_t stride, int64_t count, bool largest, Item<T>* from,
                         Item<T>* to) {
    if (count <= kShortLine<T>) {
        sort_short_line(x, stride, count, largest, from);
        return from;
    }
    alignas(64) uint32_t counts[sizeof(T)][kBuckets] = {};
    for (int64_t i = 0; i < count; ++i) {
        const auto key = unsigned_key<T>(rising_key<T>(bit_cast<int_of<T>>(x[i * stride]), largest));
        from[i] = {key, int_of<T>(i)};
#pragma GCC unroll 8
        for (size_t byte = 0; byte < sizeof(T); ++byte) ++counts[byte][key >> 8 * byte & (kBuckets - 1)];
    }
    for (size_t byte = 0; byte < sizeof(T); ++byte) {
        uint32_t* places = counts[byte];
        if (places[from[0].key >> 8 * byte & (kBuckets - 1)] == count) continue;  // all have the same
        uint32_t next = 0;
        for (int b = 0; b < kBuckets; ++b) {
            const uint32_t here = places[b];
            places[b] = next;
            next += here;
        }
        for (int64_t i = 0; i < count; ++i) to[places[from[i].key >> 8 * byte & (kBuckets - 1)]++] = from[i];
        Item<T>* const sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

// The lines [begin, end) where a vector holds one: a number's place is counted as above.
template <typename T>
[[gnu::noinline]] void sort_few(const Array<const T, 3>& x, bool largest, const Array<T, 3>& values,
                                const Array<int64_t, 3>& index, int64_t begin, int64_t end) {
    const int64_t K = x.shape[1], B = x.shape[2], k = values.shape[1];
    int64_t a = begin / B, b = begin % B;
    for (int64_t line = begin; line < end; ++line, ++b) {
        if (b == B) ++a, b = 0;
        alignas(64) int_of<T> keys[width<T>], places[width<T>];
        const T* const from = &x(a, 0, b);
        T* const to = &values(a, 0, b);
        int64_t* const found = &index(a, 0, b);
        find_keys(from, x.stride[1], K, largest, keys);
        const mask<T> own = load(keys);
        mask<T> place{};
        for (int64_t i = 0; i < K; ++i)
            place -= (keys[i] < own) | ((keys[i] == own) & (iota<int_of<T>>() > int_of<T>(i)));
        store(places, place);
        for (int64_t i = 0; i < K; ++i) {
            if (places[i] >= k) continue;
            to[places[i] * values.stride[1]] = from[i * x.stride[1]];
            found[places[i] * index.stride[1]] = i;
        }
    }
}

}  // namespace

template <typename T>
void topk_forward(Array<const T, 3> x, bool largest, Array<T, 3> values, Array<int64_t, 3> index) {
    const int64_t A = x.shape[0], K = x.shape[1], B = x.shape[2], k = values.shape[1];
    require(values.shape[0] == A && values.shape[2] == B && index.shape[0] == A && index.shape[1] == k &&
                index.shape[2] == B && k <= K,
            "topk_forward: x is (A, K, B), values and index (A, k, B)");
    if (values.size() == 0) return;
    const bool is_few = K <= width<T>, sorts = !is_few && k > K / 8 && K < int64_t(1) << 31;
    parallel_for(A * B, 4096 / K + 1, [&](int64_t begin, int64_t end) {
        if (is_few) return sort_few(x, largest, values, index, begin, end);
        const Scratch<Item<T>> items(sorts ? 2 * K : 0);
        const Scratch<Found<int_of<T>>> heap(sorts ? 0 : k);
        for (int64_t i = begin; i < end; ++i) {
            const int64_t a = i / B, b = i % B, stride = x.stride[1];
            const T* line = x.data + a * x.stride[0] + b * x.stride[2];
            T* const number = &values(a, 0, b);
            int64_t* const place = &index(a, 0, b);
            const auto put = [&](int64_t n, int64_t found) {
                number[n * values.stride[1]] = line[found * stride];
                place[n * index.stride[1]] = found;
            };
            if (sorts) {
                const Item<T>* sorted = sort_line(line, stride, K, largest, items.data(), items.data() + K);
                for (int64_t n = 0; n < k; ++n) put(n, sorted[n].index);
                continue;
            }
            find_best(line, stride, K, k, largest, heap.data());
            for (int64_t n = k - 1; n >= 0; --n) {  // the worst comes last
                const int64_t worst = heap[0].index;
                sink(heap.data(), n, heap[n]);
                put(n, worst);
            }
        }
    });
}
PYDL_KERNEL(topk_forward, "x, largest, values, index")

// The most frequent number of each line, of several the smallest, and its last place: the longest run of
// equals in order. NaN is equal to none.
template <typename T>
void mode_forward(Array<const T, 2> x, Array<T, 1> values, Array<int64_t, 1> index) {
    const int64_t A = x.shape[0], K = x.shape[1];
    require(values.shape[0] == A && index.shape[0] == A && K > 0 && K < int64_t(1) << 31,
            "mode_forward: x is (A, K) with K > 0, values and index (A)");
    parallel_for(A, 4096 / K + 1, [&](int64_t begin, int64_t end) {
        const Scratch<Item<T>> items(2 * K);
        for (int64_t a = begin; a < end; ++a) {
            const T* line = x.data + a * x.stride[0];
            const Item<T>* sorted = sort_line(line, x.stride[1], K, false, items.data(), items.data() + K);
            int64_t run = 0, longest = 0, last = 0;
            for (int64_t n = 0; n < K; ++n) {
                const bool goes_on =
                    n > 0 && sorted[n].key == sorted[n - 1].key && sorted[n].key != nan_key<T>;
                run = goes_on ? run + 1 : 1;
                if (run > longest) longest = run, last = sorted[n].index;
            }
            values(a) = line[last * x.stride[1]];
            index(a) = last;
        }
    });
}
PYDL_KERNEL(mode_forward, "x, values, index")

}  // namespace pydl::PYDL_ISA
