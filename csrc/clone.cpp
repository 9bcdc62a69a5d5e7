// clone: y = x, whatever the strides, and integers as floats and back. See pydl/ops/clone.py.
#include "elementwise/copy.h"
#include "kernel.h"
#include "simd/doubles.h"
#include "simd/integers.h"

namespace pydl::PYDL_ISA {

inline void clone_forward(NdNumbers<const char> x, NdNumbers<char> y) {
    const char* mismatch = "clone_forward: x must have the shape of y";
    require(x.rank == y.rank && broadcasts_to(y, x), mismatch);
    elementwise_copy(mismatch, y, x);
}
PYDL_KERNEL_OF_NUMBERS(clone_forward, "x, y")

// y[i] = x[i] in another type: by doubles, a vector of them at a time, where those are exact.
template <typename X, typename Y, typename F>
PYDL_INLINE void convert(const Array<const X, 1>& x, const Array<Y, 1>& y, const F& by_doubles) {
    require(x.shape[0] == y.shape[0] && x.contiguous() && y.contiguous(),
            "convert: x and y must be as long, and without gaps");
    parallel_for(y.shape[0], kElementwiseGrain, [&](int64_t begin, int64_t end) {
        constexpr int64_t W = width<double>;
        for (int64_t i = begin; i < end; i += W)
            if (i + W > end || !by_doubles(x.data + i, y.data + i))
                for (int64_t k = i; k < i + W && k < end; ++k) y.data[k] = Y(x.data[k]);
    });
}

template <typename T>
void from_integers(Array<const int64_t, 1> x, Array<T, 1> y) {
    convert(x, y, [](const int64_t* from, T* to) PYDL_INLINE_LAMBDA {
        const vec<int64_t> v = load(from);
        if (any(beyond_exact(v) != 0)) return false;
        store_doubles(to, to_doubles(v), width<double>);
        return true;
    });
}
PYDL_KERNEL(from_integers, "x, y")

// Rounded towards 0.
template <typename T>
void to_integers(Array<const T, 1> x, Array<int64_t, 1> y) {
    convert(x, y, [](const T* from, int64_t* to) PYDL_INLINE_LAMBDA {
        const vec<double> v = read_double(from);
        if (!all(abs(v) < double(kMostExact))) return false;
        store(to, to_integers(without_fraction(v)));
        return true;
    });
}
PYDL_KERNEL(to_integers, "x, y")

}  // namespace pydl::PYDL_ISA
