// Windows of 2x2 with stride 2 over planes of 2, 4, 8, ... columns that lie one behind another: rows are
// shorter than a vector, but all of them together are one long run, in which groups of lanes trade places.
//
//     x       upper row  a b c d   lower row  e f g h     the next two rows ...
//     pairs   even lanes: a c e g ...,  odd lanes: b d f h ...  (rows of G outputs, upper and lower in turn)
//     groups  upper: a c ...,  lower: e g ...
#pragma once
#include "pooling/pooling.h"

namespace pydl::PYDL_ISA {

template <int G, bool Odd, typename V, int... I>
PYDL_INLINE V pick_groups(V a, V b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (I / G * 2 * G + I % G + (Odd ? G : 0))...);
}
// Of the groups of G lanes in a, b: every second one, from the first or from the second on.
template <int G, bool Odd, typename V>
PYDL_INLINE V pick_groups(V a, V b) {
    return pick_groups<G, Odd>(a, b, std::make_integer_sequence<int, width<lane<V>>>{});
}

template <int G, int First, typename V, int... I>
PYDL_INLINE V zip_groups(V a, V b, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I);
    return __builtin_shufflevector(a, b, (First + I / G / 2 * G + I % G + (I / G % 2) * n)...);
}
// The inverse: groups of a and b in turn, the first or the second half of them.
template <int G, bool High, typename V>
PYDL_INLINE V zip_groups(V a, V b) {
    constexpr int n = width<lane<V>>;
    return zip_groups<G, High ? n / 2 : 0>(a, b, std::make_integer_sequence<int, n>{});
}

// The four elements of `width` windows.
template <typename T>
struct Quarters {
    vec<T> upper_left, upper_right, lower_left, lower_right;
};

// Up to `count` windows whose elements are the 4 * count numbers at x.
template <int G, typename T>
PYDL_INLINE Quarters<T> load_quarters(const T* x, int64_t count) {
    constexpr int W = width<T>;
    const vec<T> a = load_partial(x, 4 * count), b = load_partial(x + W, 4 * count - W);
    const vec<T> c = load_partial(x + 2 * W, 4 * count - 2 * W),
                 d = load_partial(x + 3 * W, 4 * count - 3 * W);
    const vec<T> left0 = even_lanes(a, b), left1 = even_lanes(c, d);
    const vec<T> right0 = odd_lanes(a, b), right1 = odd_lanes(c, d);
    return {pick_groups<G, false>(left0, left1), pick_groups<G, false>(right0, right1),
            pick_groups<G, true>(left0, left1), pick_groups<G, true>(right0, right1)};
}
template <int G, typename T>
PYDL_INLINE void store_quarters(T* x, const Quarters<T>& q, int64_t count) {
    constexpr int W = width<T>;
    const vec<T> left0 = zip_groups<G, false>(q.upper_left, q.lower_left);
    const vec<T> left1 = zip_groups<G, true>(q.upper_left, q.lower_left);
    const vec<T> right0 = zip_groups<G, false>(q.upper_right, q.lower_right);
    const vec<T> right1 = zip_groups<G, true>(q.upper_right, q.lower_right);
    store_partial(x, zip_low(left0, right0), 4 * count);
    store_partial(x + W, zip_high(left0, right0), 4 * count - W);
    store_partial(x + 2 * W, zip_low(left1, right1), 4 * count - 2 * W);
    store_partial(x + 3 * W, zip_high(left1, right1), 4 * count - 3 * W);
}

// Whether the planes are such, and x, which is x or dy, has no gaps.
template <typename T, typename X>
bool is_halving_run(const PoolWindows& w, const Array<X, 5>& x) {
    const int64_t G = w.columns.out;
    return has_special_kernels && w.is_2x2() && G >= 1 && G < width<T> && (G & (G - 1)) == 0 &&
           w.columns.size == 2 * G && w.rows.size == 2 * w.rows.out && x.contiguous();
}

// f(std::integral_constant<int, G>) for the G of the planes.
template <typename T, typename F>
void with_group(int64_t G, const F& f) {
    if constexpr (width<T> > 8)
        if (G == 8) return f(std::integral_constant<int, 8>{});
    if constexpr (width<T> > 4)
        if (G == 4) return f(std::integral_constant<int, 4>{});
    if constexpr (width<T> > 2)
        if (G == 2) return f(std::integral_constant<int, 2>{});
    f(std::integral_constant<int, 1>{});
}

}  // namespace pydl::PYDL_ISA
