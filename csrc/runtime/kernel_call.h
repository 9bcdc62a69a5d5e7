// One call of a kernel: Python's arguments checked against the kernel's parameters and unpacked into plain
// values, ready to run.
#pragma once
#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fail.h"
#include "kernel_table.h"

namespace pydl {

constexpr int kMaxArguments = 24;

// Written against the C API instead of py::class_: a call through tp_vectorcall costs a tenth of a
// microsecond, and small networks make thousands of calls a second.
struct NativeKernel {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    Kernel kernel;
    int chooser;  // the first argument whose dtype chooses between float32 and float64
    PyObject* name;
    PyObject* argument_names;
};

// What there is to know of a numpy array that may take the place of another one.
struct ArrayDescription {
    char* data;
    int64_t bytes;
    int type;
    bool is_compact;  // C-contiguous, aligned, of native byte order and, as numpy says, an array at all
};
ArrayDescription describe_array(PyObject* object);

// At the end of a kernel: instructions of SSE, as numpy and Python have them, wait for each other while the
// upper halves of vector registers hold numbers, and take up to four times as long. Compilers see to it
// themselves, but not where they compile for size.
inline void clear_upper_halves() {
#if defined(__x86_64__)
    static const bool has_any = __builtin_cpu_supports("avx");
    if (has_any) asm volatile("vzeroupper");
#endif
}

// Where the arguments are unpacked, and whose name an error carries. Neither the arrays are kept alive nor
// the kernel's object, which run() does not need.
class Call {
  public:
    explicit Call(NativeKernel* self) : self_(self), kernel_(self->kernel) {}
    Call(const Call&) = delete;  // values_ points into arrays_
    Call& operator=(const Call&) = delete;

    // Numbers first: making them may run code of the caller's (__index__, __float__), which must not find
    // addresses already taken from arrays that it can still change.
    void unpack(PyObject* const* arguments);

    // Without the interpreter lock, as often as wanted.
    void run() {
        const char* failure = run_(values_);
        clear_upper_halves();
        if (failure != nullptr) throw_failure(failure);
    }

    // For calls that are run again on other memory: where an array argument lies, the bytes that its elements
    // reach from there, and the change of place. Refuses an argument that is no array.
    char* address(int argument) const;
    std::pair<int64_t, int64_t> extent(int argument) const;
    void place(int argument, char* data) { arrays_[argument].data = data; }

    // The same for a whole number. Refuses an argument that is none.
    void check_integer(int argument) const;
    void set_integer(int argument, int64_t value) { values_[argument].integers[0] = value; }

    // Whether the arrays are so small that the call is over before the lock could have changed hands.
    bool is_short() const { return elements_ < 8192; }

  private:
    void choose(PyObject* const* arguments);
    DType dtype_of(const Parameter& parameter) const {
        return parameter.dtype == DType::element ? element_ : parameter.dtype;
    }
    std::string name() const { return PyUnicode_AsUTF8(self_->name); }
    std::string sentence(const std::string& had, const std::string& needs) const;
    [[noreturn]] void refuse(const std::string& had, const std::string& needs) const;
    void view(PyObject* argument, const Parameter& parameter, ArrayValue& out);
    void unpack_array(PyObject* argument, const Parameter& parameter);
    void unpack_list(PyObject* argument, const Parameter& parameter);
    void unpack_integers(PyObject* argument, const Parameter& parameter);
    void unpack_real(PyObject* argument);
    int64_t integer(PyObject* argument);
    [[noreturn]] void refuse_number(PyObject* argument, const char* needs);

    static constexpr int kMaxLists = 6;

    NativeKernel* self_;
    const Kernel& kernel_;
    DType element_ = DType::float32;
    const char* (*run_)(const Value*) = nullptr;
    int index_ = 0;
    int lists_used_ = 0;
    int32_t bytes_ = 0;     // of the numbers of unknown type
    int64_t elements_ = 0;  // of all arrays together
    Value values_[kMaxArguments];
    ArrayValue arrays_[kMaxArguments];
    // Few kernels have lists: no call of another one prepares for them.
    struct Lists {
        std::vector<ArrayValue> arrays[kMaxLists];
        pybind11::object items[kMaxLists];
    };
    std::unique_ptr<Lists> lists_;
};

}  // namespace pydl
