// kthvalue: the number at one place of each line's order, without the order. See pydl/ops/kthvalue.py.
//
// Of a short line, each number counts those before it, a vector at a time. Of a long one, the numbers are
// counted by their highest byte; those that share that of the wanted one are set aside and counted by the
// next.
#include "elementwise/elementwise.h"
#include "kernel.h"
#include "parallel.h"
#include "scratch.h"
#include "simd/bits.h"
#include "sorting/keys.h"

namespace pydl::PYDL_ISA {
namespace {

enum Form { kKth, kMedian, kNanMedian };  // as in pydl/ops/kthvalue.py

// The keys of a line, with a vector's room behind them; returns how many are of NaN.
template <typename T>
[[gnu::noinline]] int64_t rising_keys(const T* x, int64_t stride, int64_t count, int_of<T>* keys) {
    constexpr int64_t W = width<T>;
    int64_t nans = 0;
    for (int64_t i = 0; i < count; i += W) {
        const vec<T> v = load_strided(x + i * stride, stride, count - i < W ? count - i : W);
        const mask<T> key = rising_key<T>(bit_cast<mask<T>>(v), false);
        store(keys + i, key);
        const mask<T> missing = key == int_of<T>(nan_key<T> >> 1);
        if (any(missing)) nans += __builtin_popcount(lane_bits(missing));
    }
    return nans;
}

// The key at this place of the order: where less are before it, and with its equals more.
template <typename T>
[[gnu::noinline]] int_of<T> select_of_few(const int_of<T>* keys, int64_t count, int64_t place) {
    for (int64_t first = 0; first < count; first += width<T>) {
        const mask<T> own = load(keys + first);
        mask<T> less{}, equal{};  // what is true is -1
        for (int64_t i = 0; i < count; ++i) {
            less -= keys[i] < own;
            equal -= keys[i] == own;
        }
        // Behind the line lies anything, which either is one of its keys or has no equals.
        const mask<T> found = (less <= int_of<T>(place)) & (less + equal > int_of<T>(place));
        if (any(found)) return keys[first + first_lane(found)];
    }
    return keys[0];
}

// `spare` has room for as many keys and one more.
template <typename T>
[[gnu::noinline]] int_of<T> select_of_many(const int_of<T>* keys, int_of<T>* spare, int64_t count,
                                           int64_t place) {
    const int_of<T>* from = keys;
    Unsigned<T> found = 0;
    for (int shift = 8 * sizeof(T) - 8; shift >= 0; shift -= 8) {
        const auto digit = [=](int_of<T> key) { return unsigned_key<T>(key) >> shift & (kBuckets - 1); };
        uint32_t counts[kBuckets] = {};
        for (int64_t i = 0; i < count; ++i) ++counts[digit(from[i])];
        Unsigned<T> bucket = 0;
        for (; place >= counts[bucket]; ++bucket) place -= counts[bucket];
        found |= bucket << shift;
        if (counts[bucket] == count) continue;
        int64_t left = 0;
        for (int64_t i = 0; i < count; ++i) {
            const int_of<T> key = from[i];
            spare[left] = key;
            left += digit(key) == bucket;
        }
        if (left == 1) return spare[0];
        from = spare;
        count = left;
    }
    return int_of<T>(unsigned_key<T>(int_of<T>(found)));
}

template <typename T>
int64_t first_place(const int_of<T>* keys, int64_t count, int_of<T> key) {
    int64_t i = 0;
    for (; i < count; i += width<T>) {
        const mask<T> found = load(keys + i) == key;
        if (any(found)) return i + first_lane(found);
    }
    return 0;
}

}  // namespace

template <typename T>
void kthvalue_forward(Array<const T, 2> x, int64_t k, int64_t form, Array<T, 1> values,
                      Array<int64_t, 1> index) {
    const int64_t A = x.shape[0], K = x.shape[1];
    require(values.shape[0] == A && index.shape[0] == A && 0 <= k && k < K && K < int64_t(1) << 31,
            "kthvalue_forward: x is (A, K), values and index (A), and k from 0 to K - 1");
    parallel_for(A, 4096 / K + 1, [&](int64_t begin, int64_t end) {
        const Scratch<int_of<T>> memory(2 * (K + width<T>));
        int_of<T>* keys = memory.data();
        for (int64_t a = begin; a < end; ++a) {
            const T* line = x.data + a * x.stride[0];
            const int64_t nans = rising_keys(line, x.stride[1], K, keys), numbers = K - nans;
            int64_t place = k;
            if (form == kMedian && nans > 0) place = numbers;  // the first NaN
            if ((form == kMedian && nans == 0) || form == kNanMedian)
                place = numbers > 0 ? (numbers - 1) / 2 : 0;
            const int_of<T> key = K <= kShortLine<T> ? select_of_few<T>(keys, K, place)
                                                     : select_of_many<T>(keys, keys + K + width<T>, K, place);
            index(a) = first_place<T>(keys, K, key);
            values(a) = line[index(a) * x.stride[1]];
        }
    });
}
PYDL_KERNEL(kthvalue_forward, "x, k, form, values, index")

}  // namespace pydl::PYDL_ISA
