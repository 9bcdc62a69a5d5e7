// eq: whether a = b, a < b, either or neither. See pydl/ops/eq.py.
#include "elementwise/elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

enum : int64_t { kEqual = 1, kLess = 2, kOpposite = 4 };  // what `form` is a sum of, as in pydl/ops/eq.py

// N: what the vec<T> hold, T or integers of its size.
template <typename T, typename N>
struct Comparison {
    mask<T> equal, less, opposite;

    explicit Comparison(int64_t form)
        : equal(all_if(form & kEqual)), less(all_if(form & kLess)), opposite(all_if(form & kOpposite)) {}
    static mask<T> all_if(bool set) { return mask<T>{} - int_of<T>(set); }

    PYDL_INLINE mask<T> operator()(vec<T> a, vec<T> b) const {
        const auto x = bit_cast<vec<N>>(a), z = bit_cast<vec<N>>(b);
        return ((x == z) & equal) ^ ((x < z) & less) ^ opposite;
    }
};

template <typename T, typename N = T>
void compare(const NdNumbers<const char>& a, const NdNumbers<const char>& b, int64_t form,
             const NdArray<uint8_t>& y) {
    const auto numbers = [](const NdNumbers<const char>& x) {
        return NdArray<const T>{x, reinterpret_cast<const T*>(x.data)};
    };
    elementwise_of<T>("eq_forward: a and b must broadcast to y", Comparison<T, N>(form), y, numbers(a),
                      numbers(b));
}

}  // namespace

// Of float32, float64 or int64. No kernel of floats, in which the smallest ones would be equal to 0.
inline void eq_forward(NdNumbers<const char> a, NdNumbers<const char> b, bool integers, int64_t form,
                       NdArray<uint8_t> y) {
    require(a.bytes == 8 || (a.bytes == 4 && !integers),
            "eq_forward: a and b must be float32, float64 or int64");
    if (a.bytes == 4) return compare<float>(a, b, form, y);
    integers ? compare<double, int64_t>(a, b, form, y) : compare<double>(a, b, form, y);
}
PYDL_KERNEL_OF_NUMBERS(eq_forward, "a, b, integers, form, y")

}  // namespace pydl::PYDL_ISA
