// How a kernel becomes callable from Python: PYDL_KERNEL(name, "argument, names") below its definition.
//
//     template <typename T>
//     void relu_forward(NdArray<const T> x, NdArray<T> y) { ... }
//     PYDL_KERNEL(relu_forward, "x, y")
//
// registers relu_forward<float> and relu_forward<double>. The types of the parameters say all that the
// binding has to check (dtype, rank, writability), so a kernel needs no line of binding code.
#pragma once
#include <utility>

#include "array.h"
#include "runtime/fail.h"
#include "simd/simd.h"

namespace pydl::PYDL_ISA {

template <typename T>
constexpr DType dtype_of = std::is_floating_point_v<T>  ? DType::element
                           : std::is_same_v<T, int64_t> ? DType::int64
                                                        : DType::uint8;

// FromPython<P>: how a parameter of type P is described (parameter) and made from the value passed (make).
template <typename P>
struct FromPython;

template <typename T, int R>
struct FromPython<Array<T, R>> {
    using Element = std::remove_const_t<T>;
    static constexpr Parameter parameter = {Kind::array, dtype_of<Element>, !std::is_const_v<T>, false, R};
    static Array<T, R> make(const Value& value) {
        Array<T, R> array;
        array.data = static_cast<T*>(value.arrays->data);
        for (int d = 0; d < R; ++d) {
            array.shape[d] = value.arrays->shape[d];
            array.stride[d] = value.arrays->stride[d];
        }
        return array;
    }
};

template <typename C, int R>
struct FromPython<Numbers<C, R>> {
    static constexpr Parameter parameter = {Kind::array, DType::number, !std::is_const_v<C>, false, R};
    static Numbers<C, R> make(const Value& value) {
        return {FromPython<Array<C, R>>::make(value), value.arrays->bytes};
    }
};

template <typename T>
struct FromPython<NdArray<T>> {
    using Element = std::remove_const_t<T>;
    static constexpr Parameter parameter = {Kind::array, dtype_of<Element>, !std::is_const_v<T>, false, -1};
    static NdArray<T> make(const Value& value) {
        const ArrayValue& array = *value.arrays;
        return {{array.rank, array.shape, array.stride}, static_cast<T*>(array.data)};
    }
};

template <typename C>
struct FromPython<NdNumbers<C>> {
    static constexpr Parameter parameter = {Kind::array, DType::number, !std::is_const_v<C>, false, -1};
    static NdNumbers<C> make(const Value& value) {
        return {FromPython<NdArray<C>>::make(value), value.arrays->bytes};
    }
};

template <typename A>
struct FromPython<Optional<A>> {
    static constexpr Parameter parameter = {FromPython<A>::parameter.kind, FromPython<A>::parameter.dtype,
                                            FromPython<A>::parameter.writes, true,
                                            FromPython<A>::parameter.rank};
    static Optional<A> make(const Value& value) {
        if (value.arrays == nullptr) return {A{}, false};
        return {FromPython<A>::make(value), true};
    }
};

template <typename T>
struct FromPython<ArrayList<T>> {
    using Element = std::remove_const_t<T>;
    static constexpr Parameter parameter = {Kind::list, dtype_of<Element>, !std::is_const_v<T>, false, -1};
    static ArrayList<T> make(const Value& value) { return {value.arrays, value.count}; }
};

template <typename C>
struct FromPython<NumbersList<C>> {
    static constexpr Parameter parameter = {Kind::list, DType::number, !std::is_const_v<C>, false, -1};
    static NumbersList<C> make(const Value& value) { return {{value.arrays, value.count}}; }
};

template <>
struct FromPython<int64_t> {
    static constexpr Parameter parameter = {Kind::integer, DType::int64, false, false, 0};
    static int64_t make(const Value& value) { return value.integers[0]; }
};

template <>
struct FromPython<bool> {
    static constexpr Parameter parameter = {Kind::boolean, DType::uint8, false, false, 0};
    static bool make(const Value& value) { return value.integers[0] != 0; }
};

template <>
struct FromPython<double> {
    static constexpr Parameter parameter = {Kind::real, DType::float64, false, false, 0};
    static double make(const Value& value) { return value.real; }
};

template <int K>
struct FromPython<Ints<K>> {
    static_assert(K <= kMaxIntegers);
    static constexpr Parameter parameter = {Kind::integers, DType::int64, false, false, K};
    static Ints<K> make(const Value& value) {
        Ints<K> ints;
        for (int k = 0; k < K; ++k) ints.value[k] = value.integers[k];
        return ints;
    }
};

// Denormals are zero in float32; the state before is restored on return: it never leaks to numpy.
[[gnu::noinline]] inline const char* call_without_denormals(void (*kernel)(const void*),
                                                            const Value* values) {
    FlushDenormals guard;
    return run_to_end(kernel, values);
}

// Unpacks the values of a call into the kernel's own parameters. Null, or why it failed.
template <typename T, auto function>
struct Caller;

template <typename T, typename... P, void (*function)(P...)>
struct Caller<T, function> {
    static constexpr Parameter parameters[] = {FromPython<P>::parameter...};
    static constexpr int count = sizeof...(P);

    static const char* call(const Value* values) {
        if constexpr (std::is_same_v<T, float>)
            return call_without_denormals(unpack, values);
        else
            return run_to_end(unpack, values);
    }

    static void unpack(const void* values) {
        unpack(static_cast<const Value*>(values), std::make_index_sequence<sizeof...(P)>{});
    }

    template <size_t... I>
    static void unpack(const Value* values, std::index_sequence<I...>) {
        function(FromPython<P>::make(values[I])...);
    }
};

}  // namespace pydl::PYDL_ISA

#define PYDL_QUOTE_(x) #x
#define PYDL_QUOTE(x) PYDL_QUOTE_(x)

// Where setup.py compiles for float32 alone, the runtime takes float64 from the instruction set below.
#if defined(PYDL_FLOAT32_ALONE)
#define PYDL_FLOAT64_CALL(name) nullptr
#else
#define PYDL_FLOAT64_CALL(name) &Caller<double, &name<double>>::call
#endif

// The same for a kernel that is no template, because its Numbers may be of any type.
#define PYDL_KERNEL_OF_NUMBERS(name, arguments)                                                  \
    PYDL_TABLE_ENTRY static constexpr Kernel name##_entry = {                                    \
        #name "(" arguments ")",         PYDL_QUOTE(PYDL_ISA),       Caller<void, &name>::count, \
        Caller<void, &name>::parameters, &Caller<void, &name>::call, &Caller<void, &name>::call};

// Used once below a kernel's definition, inside namespace pydl::PYDL_ISA.
#define PYDL_KERNEL(name, arguments)                                                                  \
    PYDL_TABLE_ENTRY static constexpr Kernel name##_entry = {#name "(" arguments ")",                 \
                                                             PYDL_QUOTE(PYDL_ISA),                    \
                                                             Caller<float, &name<float>>::count,      \
                                                             Caller<float, &name<float>>::parameters, \
                                                             &Caller<float, &name<float>>::call,      \
                                                             PYDL_FLOAT64_CALL(name)};
