#include "arrays.h"

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL pydl_numpy
#define NO_IMPORT_ARRAY
#include <numpy/arrayobject.h>

#include <exception>

#include "arena.h"

namespace pydl {
namespace {

constexpr int kMaxDimensions = 32;  // what every numpy since 1.x can hold

void free_capsule(PyObject* capsule) {
    arena_free(PyCapsule_GetPointer(capsule, nullptr));
}

// An array in memory from the arena, which goes back to it; takes the reference to the descriptor. Without
// strides it lies row by row.
PyObject* array_in_arena(PyArray_Descr* descriptor, int rank, const npy_intp* shape, const npy_intp* strides,
                         size_t bytes) {
    void* data = nullptr;
    try {
        data = arena_allocate(bytes);
    } catch (const std::exception&) {
        Py_DECREF(descriptor);
        PyErr_Format(PyExc_MemoryError, "empty: %zu bytes could not be allocated", bytes);
        return nullptr;
    }
    PyObject* owner = PyCapsule_New(data, nullptr, free_capsule);
    if (!owner) {
        arena_free(data);
        Py_DECREF(descriptor);
        return nullptr;
    }
    PyObject* array = PyArray_NewFromDescr(&PyArray_Type, descriptor, rank, shape, strides, data,
                                           NPY_ARRAY_CARRAY, nullptr);
    if (!array) {
        Py_DECREF(owner);
        return nullptr;
    }
    if (PyArray_SetBaseObject(reinterpret_cast<PyArrayObject*>(array), owner) < 0) {
        Py_DECREF(array);
        return nullptr;
    }
    return array;
}

// The same row by row; borrows the reference to the descriptor. What Cython calls, past Python's objects for
// a shape and an argument.
PyObject* new_array(PyArray_Descr* descriptor, int rank, const npy_intp* shape) {
    size_t bytes = PyDataType_ELSIZE(descriptor);
    bool zero = false, overflow = false;
    for (int d = 0; d < rank; ++d) {
        zero |= shape[d] == 0;
        // The limit leaves room for signed arithmetic on byte offsets.
        overflow |=
            __builtin_mul_overflow(bytes, static_cast<size_t>(shape[d]), &bytes) || bytes > (size_t{1} << 62);
    }
    if (zero) {
        bytes = 0;
    } else if (overflow) {
        PyErr_SetString(PyExc_ValueError, "empty: the product of the shape is too large");
        return nullptr;
    }
    Py_INCREF(descriptor);
    return array_in_arena(descriptor, rank, shape, nullptr, bytes);
}

// empty(shape, dtype): an uninitialised, 64-byte aligned array whose memory comes from the arena and goes
// back to it. A plain C function, because every operation calls it once.
PyObject* empty(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
    if (count != 2 || !PyTuple_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "empty(shape, dtype): shape must be a tuple");
        return nullptr;
    }
    const Py_ssize_t rank = PyTuple_GET_SIZE(arguments[0]);
    if (rank > kMaxDimensions) {
        PyErr_Format(PyExc_ValueError, "empty: %zd dimensions, at most %d are possible", rank,
                     kMaxDimensions);
        return nullptr;
    }
    PyArray_Descr* descriptor = nullptr;
    if (!PyArray_DescrConverter(arguments[1], &descriptor)) return nullptr;
    if (!PyTypeNum_ISNUMBER(descriptor->type_num)) {
        PyErr_SetString(PyExc_TypeError, "empty: dtype must be a plain number type");
        Py_DECREF(descriptor);
        return nullptr;
    }
    npy_intp shape[kMaxDimensions];
    PyObject* array = nullptr;
    Py_ssize_t d = 0;
    for (; d < rank; ++d) {
        shape[d] = PyNumber_AsSsize_t(PyTuple_GET_ITEM(arguments[0], d), nullptr);  // at most the largest
        if (shape[d] >= 0) continue;
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "empty: dimension %zd is negative (%zd)", d, shape[d]);
        break;
    }
    if (d == rank) array = new_array(descriptor, static_cast<int>(rank), shape);
    Py_DECREF(descriptor);
    return array;
}

// The strides of an array of this shape and dtype whose dimensions follow one another in memory as those of
// `array` do; false where they would not fill memory without gaps, or row by row is what `array` has.
bool order_of(PyArrayObject* array, npy_intp* strides) {
    if (PyArray_IS_C_CONTIGUOUS(array)) return false;
    const int rank = PyArray_NDIM(array);
    bool taken[kMaxDimensions] = {};
    npy_intp expected = PyArray_ITEMSIZE(array);
    for (int n = 0; n < rank; ++n) {
        int d = rank - 1;
        while (d >= 0 && (taken[d] || (PyArray_STRIDE(array, d) != expected && PyArray_DIM(array, d) != 1)))
            --d;
        if (d < 0) return false;
        taken[d] = true;
        strides[d] = expected;
        expected *= PyArray_DIM(array, d);
    }
    return true;
}

// empty_like(array): the same for its shape and dtype. Its elements lie in the order of those of `array`, if
// that has no gaps, so that both are read and written from the first to the last.
PyObject* empty_like(PyObject*, PyObject* given) {
    if (!PyArray_Check(given) || PyArray_NDIM(reinterpret_cast<PyArrayObject*>(given)) > kMaxDimensions) {
        PyErr_SetString(PyExc_TypeError, "empty_like(array): must be a numpy array of up to 32 dimensions");
        return nullptr;
    }
    auto array = reinterpret_cast<PyArrayObject*>(given);
    npy_intp strides[kMaxDimensions];
    const bool in_order = PyArray_SIZE(array) > 0 && order_of(array, strides);
    PyArray_Descr* descriptor = PyArray_DESCR(array);
    Py_INCREF(descriptor);
    return array_in_arena(descriptor, PyArray_NDIM(array), PyArray_DIMS(array), in_order ? strides : nullptr,
                          size_t(PyArray_NBYTES(array)));
}

PyMethodDef functions[] = {{"empty", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(empty)),
                            METH_FASTCALL, "empty(shape, dtype) -> uninitialised array from the arena"},
                           {"empty_like", empty_like, METH_O, "empty_like(array) -> the same, in its order"},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool add_array_functions(PyObject* module) {
    if (PyModule_AddFunctions(module, functions) < 0) return false;
    PyObject* capsule = PyCapsule_New(reinterpret_cast<void*>(&new_array), "pydl._native.new_array", nullptr);
    if (capsule && PyModule_AddObject(module, "new_array", capsule) == 0) return true;
    Py_XDECREF(capsule);
    return false;
}

}  // namespace pydl
