#include "native_kernel.h"

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL pydl_numpy
#define NO_IMPORT_ARRAY
#include <numpy/arrayobject.h>
#include <structmember.h>

#include <new>
#include <stdexcept>
#include <string>

namespace py = pybind11;

namespace pydl {
namespace {

constexpr int kMaxArguments = 24;

// Written against the C API instead of py::class_: a call through tp_vectorcall costs a tenth of a
// microsecond, and small networks make thousands of calls a second.
struct NativeKernel {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    const Kernel* float32;
    const Kernel* float64;
    int chooser;  // the first argument whose dtype chooses between the two
    PyObject* argument_names;
};

const char* dtype_name(DType dtype) {
    switch (dtype) {
        case DType::float32:
            return "float32";
        case DType::float64:
            return "float64";
        case DType::int64:
            return "int64";
        default:
            return "uint8";
    }
}

bool has_dtype(PyArrayObject* array, DType dtype) {
    const int type = PyArray_TYPE(array);
    switch (dtype) {
        case DType::float32:
            return type == NPY_FLOAT32;
        case DType::float64:
            return type == NPY_FLOAT64;
        // int64 is `long` on some platforms and `long long` on others; both kinds pass.
        case DType::int64:
            return PyArray_ITEMSIZE(array) == 8 && PyTypeNum_ISSIGNED(type) && PyTypeNum_ISINTEGER(type);
        default:
            return type == NPY_UINT8 || type == NPY_BOOL;
    }
}

// One call in progress: where the arguments are unpacked, and whose name an error carries.
class Call {
  public:
    Call(NativeKernel* self, const Kernel* kernel) : self_(self), kernel_(kernel) {}

    // Numbers first: making them may run code of the caller's (__index__, __float__), which must not find
    // addresses already taken from arrays that it can still change.
    void unpack(PyObject* const* arguments) {
        for (index_ = 0; index_ < kernel_->count; ++index_) {
            PyObject* argument = arguments[index_];
            const Parameter& parameter = kernel_->parameters[index_];
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
        for (index_ = 0; index_ < kernel_->count; ++index_) {
            const Parameter& parameter = kernel_->parameters[index_];
            if (parameter.kind == Kind::array) unpack_array(arguments[index_], parameter);
            if (parameter.kind == Kind::list) unpack_list(arguments[index_], parameter);
        }
    }

    void run() {
        py::gil_scoped_release release;
        kernel_->call(values_);
    }

  private:
    std::string sentence(const std::string& had, const std::string& needs) const {
        const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(self_->argument_names, index_));
        return std::string(kernel_->name) + ": " + name + " is " + had + " but must be " + needs;
    }

    [[noreturn]] void refuse(const std::string& had, const std::string& needs) const {
        throw py::type_error(sentence(had, needs));
    }

    void view(PyObject* argument, const Parameter& parameter, ArrayValue& out) {
        if (!PyArray_Check(argument)) refuse(Py_TYPE(argument)->tp_name, "a numpy array");
        auto array = reinterpret_cast<PyArrayObject*>(argument);
        if (!has_dtype(array, parameter.dtype))
            refuse("of dtype " + py::str(py::handle(reinterpret_cast<PyObject*>(PyArray_DESCR(array))))
                                     .cast<std::string>(),
                   dtype_name(parameter.dtype));
        if (!PyArray_ISNOTSWAPPED(array)) refuse("of foreign byte order", "of native byte order");
        if (!PyArray_ISALIGNED(array)) refuse("not aligned", "aligned to its element size");
        if (parameter.writes && !PyArray_ISWRITEABLE(array)) refuse("read-only", "writable");
        const int rank = PyArray_NDIM(array);
        if (parameter.kind == Kind::array && parameter.rank >= 0 && rank != parameter.rank)
            refuse(std::to_string(rank) + "-dimensional", std::to_string(parameter.rank) + "-dimensional");
        if (rank > kMaxRank)
            refuse(std::to_string(rank) + "-dimensional",
                   "at most " + std::to_string(kMaxRank) + "-dimensional");
        if (parameter.kind == Kind::list && !PyArray_IS_C_CONTIGUOUS(array))
            refuse("not contiguous", "C-contiguous");
        const int64_t item = PyArray_ITEMSIZE(array);
        out.data = PyArray_DATA(array);
        out.rank = rank;
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
        // A stride that is never taken may be any number. Kernels multiply with it, so it has to be a small
        // one.
        const bool empty = PyArray_SIZE(array) == 0;
        for (int d = 0; d < rank; ++d)
            if ((empty || out.shape[d] == 1) &&
                (out.stride[d] > kMaxElements || out.stride[d] < -kMaxElements))
                out.stride[d] = 1;
    }

    void unpack_array(PyObject* argument, const Parameter& parameter) {
        Value& value = values_[index_];
        value.arrays = nullptr;
        if (parameter.optional && argument == Py_None) return;
        view(argument, parameter, arrays_[index_]);
        value.arrays = &arrays_[index_];
    }

    void unpack_list(PyObject* argument, const Parameter& parameter) {
        if (!PyList_Check(argument)) refuse(Py_TYPE(argument)->tp_name, "a list of numpy arrays");
        // The items are kept: another thread may take them out of the list while the kernel runs.
        py::object& items = items_[lists_used_];
        items = py::reinterpret_steal<py::object>(PyList_AsTuple(argument));
        if (!items) throw py::error_already_set();
        const Py_ssize_t count = PyTuple_GET_SIZE(items.ptr());
        std::vector<ArrayValue>& arrays = lists_[lists_used_++];
        arrays.resize(count);
        for (Py_ssize_t i = 0; i < count; ++i) view(PyTuple_GET_ITEM(items.ptr(), i), parameter, arrays[i]);
        values_[index_].arrays = arrays.data();
        values_[index_].count = count;
    }

    void unpack_integers(PyObject* argument, const Parameter& parameter) {
        if (!PyTuple_Check(argument) || PyTuple_GET_SIZE(argument) != parameter.rank)
            refuse(py::repr(argument).cast<std::string>(),
                   "a tuple of " + std::to_string(parameter.rank) + " integers");
        for (int k = 0; k < parameter.rank; ++k)
            values_[index_].integers[k] = integer(PyTuple_GET_ITEM(argument, k));
    }

    void unpack_real(PyObject* argument) {
        values_[index_].real = PyFloat_AsDouble(argument);
        if (values_[index_].real == -1.0 && PyErr_Occurred()) refuse_number(argument, "a number");
    }

    int64_t integer(PyObject* argument) {
        const int64_t value = PyLong_AsLongLong(argument);
        if (value == -1 && PyErr_Occurred()) refuse_number(argument, "an integer of 64 bits");
        return value;
    }

    // With what Python has to say, if it is more than that the type or the size is wrong.
    [[noreturn]] void refuse_number(PyObject* argument, const char* needs) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
            PyErr_Clear();
            PyErr_SetString(PyExc_OverflowError, sentence("out of range", needs).c_str());
        }
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw py::error_already_set();
        PyErr_Clear();
        refuse(Py_TYPE(argument)->tp_name, needs);
    }

    static constexpr int kMaxLists = 6;
    static constexpr int64_t kMaxElements =
        (int64_t{1} << 48) - 1;  // products of sizes stay far from overflow

    NativeKernel* self_;
    const Kernel* kernel_;
    int index_ = 0;
    int lists_used_ = 0;
    Value values_[kMaxArguments];
    ArrayValue arrays_[kMaxArguments];
    std::vector<ArrayValue> lists_[kMaxLists];
    py::object items_[kMaxLists];
};

const Kernel* choose(NativeKernel* self, PyObject* const* arguments) {
    PyObject* argument = arguments[self->chooser];
    if (PyList_Check(argument) && PyList_GET_SIZE(argument) > 0) argument = PyList_GET_ITEM(argument, 0);
    if (self->float64 && PyArray_Check(argument) &&
        PyArray_TYPE(reinterpret_cast<PyArrayObject*>(argument)) == NPY_FLOAT64)
        return self->float64;
    return self->float32;
}

PyObject* call(PyObject* object, PyObject* const* arguments, size_t flags, PyObject* keywords) {
    auto self = reinterpret_cast<NativeKernel*>(object);
    const Py_ssize_t given = PyVectorcall_NARGS(flags);
    if ((keywords && PyTuple_GET_SIZE(keywords) > 0) || given != self->float32->count) {
        PyErr_Format(PyExc_TypeError, "%s takes %d positional arguments (%s), got %zd", self->float32->name,
                     self->float32->count, self->float32->arguments, given);
        return nullptr;
    }
    try {
        Call call(self, choose(self, arguments));
        call.unpack(arguments);
        call.run();
        Py_RETURN_NONE;
    } catch (py::error_already_set& error) {
        error.restore();
    } catch (const py::type_error& error) {
        PyErr_SetString(PyExc_TypeError, error.what());
    } catch (const std::invalid_argument& error) {
        PyErr_SetString(PyExc_ValueError, error.what());
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    } catch (const std::exception& error) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
    }
    return nullptr;
}

PyObject* get_name(PyObject* self, void*) {
    return PyUnicode_FromString(reinterpret_cast<NativeKernel*>(self)->float32->name);
}

PyObject* get_isa(PyObject* self, void*) {
    return PyUnicode_FromString(reinterpret_cast<NativeKernel*>(self)->float32->isa);
}

PyObject* get_arguments(PyObject* self, void*) {
    PyObject* names = reinterpret_cast<NativeKernel*>(self)->argument_names;
    Py_INCREF(names);
    return names;
}

PyObject* represent(PyObject* object) {
    const Kernel* kernel = reinterpret_cast<NativeKernel*>(object)->float32;
    return PyUnicode_FromFormat("<native kernel %s(%s), %s>", kernel->name, kernel->arguments, kernel->isa);
}

void deallocate(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    Py_XDECREF(reinterpret_cast<NativeKernel*>(object)->argument_names);
    type->tp_free(object);
    Py_DECREF(type);
}

PyGetSetDef attributes[] = {{"__name__", get_name, nullptr, "the kernel's name", nullptr},
                            {"isa", get_isa, nullptr, "the instruction set it was compiled for", nullptr},
                            {"arguments", get_arguments, nullptr, "the names of its arguments", nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(NativeKernel, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                       {Py_tp_getset, attributes},
                       {Py_tp_members, members},
                       {Py_tp_repr, reinterpret_cast<void*>(represent)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
                       {0, nullptr}};

PyType_Spec specification = {
    "pydl._native.NativeKernel", sizeof(NativeKernel), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

PyTypeObject* native_kernel_type = nullptr;

}  // namespace

void add_native_kernel_type(py::module_& module) {
    native_kernel_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&specification));
    if (!native_kernel_type) throw py::error_already_set();
    module.attr("NativeKernel") = py::handle(reinterpret_cast<PyObject*>(native_kernel_type));
}

py::object make_native_kernel(const std::vector<const Kernel*>& instantiations) {
    auto self = PyObject_New(NativeKernel, native_kernel_type);
    if (!self) throw py::error_already_set();
    self->vectorcall = call;
    self->float32 = self->float64 = nullptr;
    self->argument_names = nullptr;
    auto object = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(self));
    for (const Kernel* kernel : instantiations)
        (kernel->dtype == DType::float64 ? self->float64 : self->float32) = kernel;
    const Kernel* kernel = self->float32;
    if (kernel->count > kMaxArguments)
        throw std::runtime_error(std::string(kernel->name) + " has too many arguments");
    self->chooser = 0;
    const auto chooses = [](const Parameter& p) { return p.parametric && !p.optional; };
    while (self->chooser < kernel->count - 1 && !chooses(kernel->parameters[self->chooser])) ++self->chooser;
    py::str names(kernel->arguments);
    py::tuple split(names.attr("split")(", "));
    if (static_cast<int>(split.size()) != kernel->count)
        throw std::runtime_error(std::string(kernel->name) + " names " + std::to_string(split.size()) +
                                 " arguments but has " + std::to_string(kernel->count));
    self->argument_names = split.release().ptr();
    return object;
}

}  // namespace pydl
