// Arrays as kernels see them: a pointer, a shape and strides counted in elements (negative and 0 allowed).
#pragma once
#include <cstdint>
#include <type_traits>

#include "runtime/fail.h"
#include "runtime/kernel_table.h"

namespace pydl::PYDL_ISA {

// Called with the shapes of the arguments before any loop: no call from Python may leave an array's bounds.
inline void require(bool holds, const char* message) {
    if (!holds) fail(message);
}

// An array of fixed rank R. T is const for inputs.
template <typename T, int R>
struct Array {
    T* data;
    int64_t shape[R > 0 ? R : 1];
    int64_t stride[R > 0 ? R : 1];

    template <typename... Index>
    T& operator()(Index... index) const {
        static_assert(sizeof...(Index) == R, "one index a dimension");
        int64_t position[] = {static_cast<int64_t>(index)...};
        int64_t offset = 0;
        for (int d = 0; d < R; ++d) offset += position[d] * stride[d];
        return data[offset];
    }

    int64_t size() const {
        int64_t n = 1;
        for (int d = 0; d < R; ++d) n *= shape[d];
        return n;
    }

    // Whether the elements lie one behind another, row by row (a dimension of size 1 may have any stride).
    bool contiguous() const {
        int64_t expected = 1;
        for (int d = R - 1; d >= 0; --d) {
            if (shape[d] != 1 && stride[d] != expected) return size() == 0;
            expected *= shape[d];
        }
        return true;
    }
};

// How an array of any rank up to kMaxRank lies. The numbers are the caller's: a kernel is called with a few
// pointers and not with copies.
struct Extents {
    int rank;
    const int64_t* shape;
    const int64_t* stride;

    int64_t size() const {
        int64_t n = 1;
        for (int d = 0; d < rank; ++d) n *= shape[d];
        return n;
    }

    bool contiguous() const {
        int64_t expected = 1;
        for (int d = rank - 1; d >= 0; --d) {
            if (shape[d] != 1 && stride[d] != expected) return size() == 0;
            expected *= shape[d];
        }
        return true;
    }
};

// An array of any rank.
template <typename T>
struct NdArray : Extents {
    T* data;
};

// The same array for reading: what one step of a kernel wrote is the input of the next.
template <typename T>
NdArray<const T> read_only(const NdArray<T>& array) {
    return {array, array.data};
}

inline bool same_shape(const Extents& a, const Extents& b) {
    if (a.rank != b.rank) return false;
    for (int d = 0; d < a.rank; ++d)
        if (a.shape[d] != b.shape[d]) return false;
    return true;
}

// Arrays of numbers that are moved and not looked at, of fixed and of any rank. C is char, const for inputs.
template <typename C, int R>
struct Numbers : Array<C, R> {
    int64_t bytes;  // of a number
};
template <typename C>
struct NdNumbers : NdArray<C> {
    int64_t bytes;
};

// An array that Python may leave out by passing None.
template <typename A>
struct Optional {
    A value;
    bool present;

    explicit operator bool() const { return present; }
    const A& operator*() const { return value; }
    const A* operator->() const { return &value; }
};

// A Python list of C-contiguous arrays: the parameters of a model, say.
template <typename T>
struct ArrayList {
    const ArrayValue* arrays;
    int64_t count;

    T* data(int64_t i) const { return static_cast<T*>(arrays[i].data); }
    int64_t size(int64_t i) const {
        int64_t n = 1;
        for (int d = 0; d < arrays[i].rank; ++d) n *= arrays[i].shape[d];
        return n;
    }
};

// A list of such arrays whose numbers are moved and not looked at.
template <typename C>
struct NumbersList : ArrayList<C> {};

// A tuple of K integers: stride (h, w), say.
template <int K>
struct Ints {
    int64_t value[K];
    int64_t operator[](int k) const { return value[k]; }
};

}  // namespace pydl::PYDL_ISA
