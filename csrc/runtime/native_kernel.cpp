#include "native_kernel.h"

#include "kernel_call.h"

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

PyObject* call(PyObject* object, PyObject* const* arguments, size_t flags, PyObject* keywords) {
    auto self = reinterpret_cast<NativeKernel*>(object);
    const Py_ssize_t given = PyVectorcall_NARGS(flags);
    if ((keywords && PyTuple_GET_SIZE(keywords) > 0) || given != self->kernel.count) {
        PyErr_Format(PyExc_TypeError, "%U takes %d positional arguments %s, got %zd", self->name,
                     self->kernel.count, self->kernel.signature + PyUnicode_GET_LENGTH(self->name), given);
        return nullptr;
    }
    try {
        Call call(self);
        call.unpack(arguments);
        if (call.is_short()) {
            call.run();
        } else {
            py::gil_scoped_release release;
            call.run();
        }
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
    PyObject* name = reinterpret_cast<NativeKernel*>(self)->name;
    Py_INCREF(name);
    return name;
}

PyObject* get_isa(PyObject* self, void*) {
    return PyUnicode_FromString(reinterpret_cast<NativeKernel*>(self)->kernel.isa);
}

PyObject* get_arguments(PyObject* self, void*) {
    PyObject* names = reinterpret_cast<NativeKernel*>(self)->argument_names;
    Py_INCREF(names);
    return names;
}

PyObject* represent(PyObject* object) {
    const Kernel& kernel = reinterpret_cast<NativeKernel*>(object)->kernel;
    return PyUnicode_FromFormat("<native kernel %s, %s>", kernel.signature, kernel.isa);
}

void deallocate(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    Py_XDECREF(reinterpret_cast<NativeKernel*>(object)->name);
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

bool is_native_kernel(py::handle object) {
    return Py_TYPE(object.ptr()) == native_kernel_type;
}

py::object make_native_kernel(const Kernel& kernel) {
    auto self = PyObject_New(NativeKernel, native_kernel_type);
    if (!self) throw py::error_already_set();
    self->vectorcall = call;
    self->kernel = kernel;
    self->name = self->argument_names = nullptr;
    auto object = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(self));
    if (kernel.count > kMaxArguments)
        throw std::runtime_error(std::string(kernel.signature) + " has too many arguments");
    self->chooser = 0;
    const auto chooses = [](const Parameter& p) { return p.dtype == DType::element && !p.optional; };
    while (self->chooser < kernel.count - 1 && !chooses(kernel.parameters[self->chooser])) ++self->chooser;
    const std::string signature = kernel.signature;
    const size_t open = signature.find('(');
    const py::str names(signature.substr(open + 1, signature.size() - open - 2));
    py::tuple split(names.attr("split")(", "));
    if (static_cast<int>(split.size()) != kernel.count)
        throw std::runtime_error(signature + " names " + std::to_string(split.size()) +
                                 " arguments but has " + std::to_string(kernel.count));
    self->name = py::str(signature.substr(0, open)).release().ptr();
    self->argument_names = split.release().ptr();
    return object;
}

}  // namespace pydl
