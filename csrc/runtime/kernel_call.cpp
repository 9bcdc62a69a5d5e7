#include "kernel_call.h"

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL pydl_numpy
#define NO_IMPORT_ARRAY
#include <numpy/arrayobject.h>

namespace py = pybind11;

namespace pydl {
namespace {

constexpr int64_t kMaxElements = (int64_t{1} << 48) - 1;  // products of sizes stay far from overflow

const char* dtype_name(DType dtype) {
    switch (dtype) {
        case DType::float32:
            return "float32";
        case DType::float64:
            return "float64";
        case DType::int64:
            return "int64";
        case DType::number:
            return "a number of 1, 2, 4 or 8 bytes, and of as many as the others";
        default:
            return "uint8";
    }
}

// bytes: those of numbers before it in the same call, or 0.
bool has_dtype(PyArrayObject* array, DType dtype, int32_t bytes) {
    const int type = PyArray_TYPE(array);
    switch (dtype) {
        case DType::float32:
            return type == NPY_FLOAT32;
        case DType::float64:
            return type == NPY_FLOAT64;
        // int64 is `long` on some platforms and `long long` on others; both kinds pass.
        case DType::int64:
            return PyArray_ITEMSIZE(array) == 8 && PyTypeNum_ISSIGNED(type) && PyTypeNum_ISINTEGER(type);
        case DType::number: {
            const int64_t own = PyArray_ITEMSIZE(array);
            return (PyTypeNum_ISBOOL(type) || PyTypeNum_ISNUMBER(type)) && own <= 8 &&
                   (own & (own - 1)) == 0 && (bytes == 0 || own == bytes);
        }
        default:
            return type == NPY_UINT8 || type == NPY_BOOL;
    }
}

}  // namespace

ArrayDescription describe_array(PyObject* object) {
    if (!PyArray_Check(object)) return {nullptr, 0, 0, false};
    auto array = reinterpret_cast<PyArrayObject*>(object);
    return {static_cast<char*>(PyArray_DATA(array)), int64_t(PyArray_NBYTES(array)), PyArray_TYPE(array),
            PyArray_IS_C_CONTIGUOUS(array) && PyArray_ISALIGNED(array) && PyArray_ISNOTSWAPPED(array)};
}

char* Call::address(int argument) const {
    if (argument < 0 || argument >= kernel_.count || values_[argument].arrays != &arrays_[argument])
        throw py::value_error(name() + ": an argument to be moved is no array");
    return static_cast<char*>(arrays_[argument].data);
}

void Call::check_integer(int argument) const {
    if (argument < 0 || argument >= kernel_.count || kernel_.parameters[argument].kind != Kind::integer)
        throw py::value_error(name() + ": an argument to be set is no whole number");
}

std::pair<int64_t, int64_t> Call::extent(int argument) const {
    address(argument);
    const ArrayValue& array = arrays_[argument];
    const int64_t item = array.bytes;
    int64_t first = 0, last = item;
    for (int d = 0; d < array.rank; ++d) {
        if (array.shape[d] == 0) return {0, 0};
        const int64_t reach = (array.shape[d] - 1) * array.stride[d] * item;
        (reach < 0 ? first : last) += reach;
    }
    return {first, last};
}

void Call::choose(PyObject* const* arguments) {
    PyObject* argument = arguments[self_->chooser];
    if (PyList_Check(argument) && PyList_GET_SIZE(argument) > 0) argument = PyList_GET_ITEM(argument, 0);
    const bool is_float64 =
        PyArray_Check(argument) && PyArray_TYPE(reinterpret_cast<PyArrayObject*>(argument)) == NPY_FLOAT64;
    element_ = is_float64 ? DType::float64 : DType::float32;
    run_ = is_float64 ? kernel_.float64 : kernel_.float32;
}

void Call::unpack(PyObject* const* arguments) {
    choose(arguments);
    for (index_ = 0; index_ < kernel_.count; ++index_) {
        PyObject* argument = arguments[index_];
        const Parameter& parameter = kernel_.parameters[index_];
        switch (parameter.kind) {
            case Kind::array:
            case Kind::list:
                break;
            case Kind::integers:
                unpack_integers(argument, parameter);
                break;
            case Kind::real:
                unpack_real(argument);
                break;
            default:
                values_[index_].integers[0] = integer(argument);
        }
    }
    for (index_ = 0; index_ < kernel_.count; ++index_) {
        const Parameter& parameter = kernel_.parameters[index_];
        if (parameter.kind == Kind::array) unpack_array(arguments[index_], parameter);
        if (parameter.kind == Kind::list) unpack_list(arguments[index_], parameter);
    }
}

std::string Call::sentence(const std::string& had, const std::string& needs) const {
    const char* argument = PyUnicode_AsUTF8(PyTuple_GET_ITEM(self_->argument_names, index_));
    return name() + ": " + argument + " is " + had + " but must be " + needs;
}

void Call::refuse(const std::string& had, const std::string& needs) const {
    throw py::type_error(sentence(had, needs));
}

void Call::view(PyObject* argument, const Parameter& parameter, ArrayValue& out) {
    if (!PyArray_Check(argument)) refuse(Py_TYPE(argument)->tp_name, "a numpy array");
    auto array = reinterpret_cast<PyArrayObject*>(argument);
    const DType dtype = dtype_of(parameter);
    if (!has_dtype(array, dtype, bytes_))
        refuse("of dtype " +
                   py::str(py::handle(reinterpret_cast<PyObject*>(PyArray_DESCR(array)))).cast<std::string>(),
               dtype_name(dtype));
    if (!PyArray_ISNOTSWAPPED(array)) refuse("of foreign byte order", "of native byte order");
    if (!PyArray_ISALIGNED(array)) refuse("not aligned", "aligned to its element size");
    if (parameter.writes && !PyArray_ISWRITEABLE(array)) refuse("read-only", "writable");
    const int rank = PyArray_NDIM(array);
    if (parameter.kind == Kind::array && parameter.rank >= 0 && rank != parameter.rank)
        refuse(std::to_string(rank) + "-dimensional", std::to_string(parameter.rank) + "-dimensional");
    if (rank > kMaxRank)
        refuse(std::to_string(rank) + "-dimensional", "at most " + std::to_string(kMaxRank) + "-dimensional");
    if (parameter.kind == Kind::list && !PyArray_IS_C_CONTIGUOUS(array))
        refuse("not contiguous", "C-contiguous");
    const int64_t item = PyArray_ITEMSIZE(array);
    if (dtype == DType::number) bytes_ = int32_t(item);
    out.data = PyArray_DATA(array);
    out.rank = rank;
    out.bytes = int32_t(item);
    int64_t extent = 1;  // the number of elements, or what it would be without the zeros among the sizes
    for (int d = 0; d < rank; ++d) {
        const int64_t bytes = PyArray_STRIDE(array, d);
        if (bytes % item != 0) refuse("strided by part of an element", "strided by whole elements");
        out.shape[d] = PyArray_DIM(array, d);
        out.stride[d] = bytes / item;
        if (out.shape[d] > 1 && __builtin_mul_overflow(extent, out.shape[d], &extent))
            extent = kMaxElements + 1;
        if (extent > kMaxElements) refuse("larger than any memory", "of fewer than 2^48 elements");
    }
    elements_ += extent;
    // A stride that is never taken may be any number. Kernels multiply with it, so it has to be a small
    // one.
    const bool empty = PyArray_SIZE(array) == 0;
    for (int d = 0; d < rank; ++d)
        if ((empty || out.shape[d] == 1) && (out.stride[d] > kMaxElements || out.stride[d] < -kMaxElements))
            out.stride[d] = 1;
}

void Call::unpack_array(PyObject* argument, const Parameter& parameter) {
    Value& value = values_[index_];
    value.arrays = nullptr;
    if (parameter.optional && argument == Py_None) return;
    view(argument, parameter, arrays_[index_]);
    value.arrays = &arrays_[index_];
}

void Call::unpack_list(PyObject* argument, const Parameter& parameter) {
    if (!PyList_Check(argument)) refuse(Py_TYPE(argument)->tp_name, "a list of numpy arrays");
    if (!lists_) lists_ = std::make_unique<Lists>();
    // The items are kept: another thread may take them out of the list while the kernel runs.
    py::object& items = lists_->items[lists_used_];
    items = py::reinterpret_steal<py::object>(PyList_AsTuple(argument));
    if (!items) throw py::error_already_set();
    const Py_ssize_t count = PyTuple_GET_SIZE(items.ptr());
    std::vector<ArrayValue>& arrays = lists_->arrays[lists_used_++];
    arrays.resize(count);
    for (Py_ssize_t i = 0; i < count; ++i) view(PyTuple_GET_ITEM(items.ptr(), i), parameter, arrays[i]);
    values_[index_].arrays = arrays.data();
    values_[index_].count = count;
}

void Call::unpack_integers(PyObject* argument, const Parameter& parameter) {
    if (!PyTuple_Check(argument) || PyTuple_GET_SIZE(argument) != parameter.rank)
        refuse(py::repr(argument).cast<std::string>(),
               "a tuple of " + std::to_string(parameter.rank) + " integers");
    for (int k = 0; k < parameter.rank; ++k)
        values_[index_].integers[k] = integer(PyTuple_GET_ITEM(argument, k));
}

void Call::unpack_real(PyObject* argument) {
    values_[index_].real = PyFloat_AsDouble(argument);
    if (values_[index_].real == -1.0 && PyErr_Occurred()) refuse_number(argument, "a number");
}

int64_t Call::integer(PyObject* argument) {
    const int64_t value = PyLong_AsLongLong(argument);
    if (value == -1 && PyErr_Occurred()) refuse_number(argument, "an integer of 64 bits");
    return value;
}

// With what Python has to say, if it is more than that the type or the size is wrong.
void Call::refuse_number(PyObject* argument, const char* needs) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        PyErr_SetString(PyExc_OverflowError, sentence("out of range", needs).c_str());
    }
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw py::error_already_set();
    PyErr_Clear();
    refuse(Py_TYPE(argument)->tp_name, needs);
}

}  // namespace pydl
