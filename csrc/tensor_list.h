// Loops over all elements of all tensors of a list: what an optimizer does in one call for a whole model.
//
//     update([=](vec<T>& w, vec<T>& g) { w = fma(-lr, g, w); }, w, g);
//
// The tensors are walked as if they lay one behind another, and that one long row is cut into grains, so a
// model of many small tensors shares its threads as evenly as one large tensor does.
#pragma once
#include "array.h"
#include "parallel.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

constexpr int64_t kTensorListGrain = 16384;  // elements below which a second thread costs more than it brings

// How many bytes ahead memory is asked for. The processor itself looks ahead only to the end of a page, and
// up to five arrays at once end their pages together. That costs processors without AVX-512 up to a third of
// their speed; those with it have other work to go on with, and asking only gets in the way of their own
// looking ahead.
constexpr int64_t kAhead = PYDL_VECTOR_BYTES == 64 ? 0 : 4096;

template <typename T>
int64_t total_size(const ArrayList<T>& list) {
    int64_t n = 0;
    for (int64_t k = 0; k < list.count; ++k) n += list.size(k);
    return n;
}

template <typename A, typename B>
bool matches(const ArrayList<A>& a, const ArrayList<B>& b) {
    if (a.count != b.count) return false;
    for (int64_t k = 0; k < a.count; ++k)
        if (a.size(k) != b.size(k)) return false;
    return true;
}

// A list that may be empty, which stands for a state that the chosen variant of the rule does not have. What
// f assigns to it is then lost.
template <typename T>
struct MaybeEmpty {
    const ArrayList<T>& list;
};

template <typename A, typename B>
bool matches_or_empty(const ArrayList<A>& a, const ArrayList<B>& b) {
    return b.count == 0 || matches(a, b);
}

// f(k, from, to) for the elements [from, to) of tensor k that fall into [begin, end) of the long row.
template <typename T, typename F>
void for_each_run(const ArrayList<T>& list, int64_t begin, int64_t end, const F& f) {
    int64_t start = 0;
    for (int64_t k = 0; k < list.count && start < end; ++k) {
        const int64_t size = list.size(k);
        const int64_t from = begin > start ? begin - start : 0;
        const int64_t to = end - start < size ? end - start : size;
        if (from < to) f(k, from, to);
        start += size;
    }
}

// One tensor of a list inside the loop: E is const T for what is only read.
template <typename T, typename E>
struct ListOperand {
    E* p;
    vec<T> value;

    ListOperand(const ArrayList<E>& list, int64_t k) : p(list.data(k)) {}
    PYDL_INLINE void fetch(int64_t i) const { prefetch(p + i); }
    PYDL_INLINE void load(int64_t i, int64_t n) { value = load_partial<T>(p + i, n); }
    PYDL_INLINE void store(int64_t i, int64_t n) const {
        if constexpr (!std::is_const_v<E>) store_partial<T>(p + i, value, n);
    }
};
template <typename T>
struct MaybeEmptyOperand {
    T* p;
    vec<T> value;

    MaybeEmptyOperand(const MaybeEmpty<T>& x, int64_t k) : p(x.list.count > 0 ? x.list.data(k) : nullptr) {}
    PYDL_INLINE void fetch(int64_t i) const {
        if (p) prefetch(p + i);
    }
    PYDL_INLINE void load(int64_t i, int64_t n) { value = p ? load_partial<T>(p + i, n) : vec<T>{}; }
    PYDL_INLINE void store(int64_t i, int64_t n) const {
        if (p) store_partial<T>(p + i, value, n);
    }
};
template <typename T, typename E>
ListOperand<T, E> operand_of(const ArrayList<E>& list, int64_t k) {
    return {list, k};
}
template <typename T>
MaybeEmptyOperand<T> operand_of(const MaybeEmpty<T>& list, int64_t k) {
    return {list, k};
}

template <typename F, typename... O>
PYDL_INLINE void update_vector(const F& f, int64_t i, int64_t n, O... operand) {
    (operand.load(i, n), ...);
    f(operand.value...);
    (operand.store(i, n), ...);
}

template <typename T, typename F, typename... O>
void update_run(const F f, int64_t from, int64_t to, O... operand) {
    int64_t i = from;
    for (; i + width<T> <= to; i += width<T>) {
        if (kAhead > 0) (operand.fetch(i + kAhead / int64_t(sizeof(T))), ...);
        update_vector(f, i, width<T>, operand...);
    }
    if (i < to) update_vector(f, i, to - i, operand...);
}

// f(w, x, ...) on vectors of matching elements of all lists; what f assigns to lists of non-const T is
// stored. The loop has its own f, whose numbers no store can change, so that they stay in registers.
template <typename T, typename F, typename... X>
void update(const F& f, const ArrayList<T>& w, const X&... x) {
    parallel_for(total_size(w), kTensorListGrain, [&](int64_t begin, int64_t end) {
        const F own = f;
        for_each_run(w, begin, end, [&](int64_t k, int64_t from, int64_t to) {
            update_run<T>(own, from, to, operand_of<T>(w, k), operand_of<T>(x, k)...);
        });
    });
}

}  // namespace pydl::PYDL_ISA
