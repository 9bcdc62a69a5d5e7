// The table of kernels: what the runtime and the kernels tell each other, as plain data.
//
// Kernels are compiled once per instruction set, the runtime once for the baseline. This header is the only
// one both sides include, so it holds no code: a function defined here could be emitted with AVX-512
// instructions by one translation unit and then be picked by the linker for all of them.
#pragma once
#include <cstdint>

namespace pydl {

constexpr int kMaxRank = 8;      // most dimensions an array argument may have
constexpr int kMaxIntegers = 6;  // most numbers in a tuple argument

enum class Kind : uint8_t { array, list, integer, real, boolean, integers };
// number: any of 1, 2, 4 or 8 bytes, of as many in all arguments of a call.
enum class DType : uint8_t { float32, float64, int64, uint8, element, number };

// What a kernel says of one of its parameters.
struct Parameter {
    Kind kind;
    DType dtype;    // of an array or of the arrays of a list; `element`: the kernel's template parameter
    bool writes;    // the kernel writes into the array
    bool optional;  // Python may pass None
    int8_t rank;    // of an array, -1 for any; the length of a tuple
};

struct ArrayValue {
    void* data;
    int32_t rank;
    int32_t bytes;  // of an element
    int64_t shape[kMaxRank];
    int64_t stride[kMaxRank];  // in elements
};

// One argument of one call, as the binding hands it over.
struct Value {
    const ArrayValue* arrays;  // one for an array (null: None was passed), count of them for a list
    int64_t count;
    int64_t integers[kMaxIntegers];
    double real;
};

struct Kernel {
    const char* signature;  // "relu_forward(x, y)"; one pointer, for each costs a relocation
    char isa[8];            // and so this is none
    int32_t count;
    const Parameter* parameters;
    const char* (*float32)(const Value*);  // returns null, or why it failed
    const char* (*float64)(const Value*);  // null where the instruction set below has it
};

}  // namespace pydl

// Each kernel's entry lies in one linker section, which the runtime reads as an array; hence an alignment
// that leaves no gaps. Registration is thus constant data: a constructor that ran at load time would be
// compiled for the kernel's instruction set and crash on a machine without it.
#ifdef __APPLE__
#define PYDL_TABLE_ENTRY __attribute__((section("__DATA,pydl_kernels"), used, aligned(8)))
#else
#define PYDL_TABLE_ENTRY __attribute__((section("pydl_kernels"), used, aligned(8)))
#endif
