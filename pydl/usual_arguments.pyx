"""The usual arguments of operations, recognised fast: aligned float32 or float64 arrays, all of one dtype.

What is not usual is left to the checks in arguments.py and ops/broadcasting.py, which convert it or say what is wrong.
"""

cimport numpy as cnp
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE

from ._native import empty, empty_like

cdef enum:
    MOST_DIMENSIONS_OF_VIEWS = 64  # that any numpy can have


cdef inline int float_type(object value) noexcept:
    """numpy's number of the dtype, -1 for what is not usual."""
    cdef int kind
    if not cnp.PyArray_CheckExact(value):
        return -1
    kind = cnp.PyArray_TYPE(<cnp.ndarray>value)
    if kind != cnp.NPY_FLOAT32 and kind != cnp.NPY_FLOAT64:
        return -1
    return kind if cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>value) else -1


def is_usual_float(value, /):
    """Whether it is a usual array."""
    return float_type(value) >= 0


cpdef bint is_usual(value):
    """Whether it is an array of floats as above, or one of integers or truth values that is aligned and native."""
    return float_type(value) >= 0 or (
        cnp.PyArray_CheckExact(value)
        and cnp.PyArray_TYPE(value) <= cnp.NPY_ULONGLONG
        and cnp.PyArray_ISBEHAVED_RO(value)
    )


def are_usual_floats(list arrays, /):
    """Whether all are usual arrays of one dtype, or tensors of such, and there is one at least."""
    cdef int kind = -1
    for value in arrays:
        if isinstance(value, TensorBase):
            value = (<TensorBase>value)._data
        if kind < 0:
            kind = float_type(value)
            if kind < 0:
                return False
        elif float_type(value) != kind:
            return False
    return kind >= 0


def are_alike(list arrays, /):
    """Whether all are arrays of one dtype, of floats as above, integers or truth values, aligned and native, and there
    is one at least: if so 1, and 2 if the elements of each lie one behind another, row by row."""
    cdef int kind = -1, form = 2
    for array in arrays:
        if not cnp.PyArray_CheckExact(array) or not cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>array):
            return 0
        if kind < 0:
            kind = cnp.PyArray_TYPE(<cnp.ndarray>array)
        if cnp.PyArray_TYPE(<cnp.ndarray>array) != kind:
            return 0
        if not cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>array):
            form = 1
    return form if 0 <= kind <= cnp.NPY_DOUBLE else 0


def usual_floats(dict arrays, tuple optional, /):
    """The values as a list if they are usual arrays, or None where their name is in `optional`; None if not."""
    cdef int kind = -1
    for name, value in arrays.items():
        if value is None:
            if name not in optional:
                return None
        elif kind < 0:
            kind = float_type(value)
            if kind < 0:
                return None
        elif float_type(value) != kind:
            return None
    return list(arrays.values())


def fits_cell(int gates, tuple states, x, w_ih, w_hh, b_ih, b_hh, /):
    """Whether a recurrent cell of so many gates takes these usual arrays, or tensors of such, all of one dtype:
    x (B, D), w_ih (gates H, D), w_hh (gates H, H), b_ih and b_hh (gates H) or None, each state (B, H)."""
    cdef cnp.ndarray input = array_of(x), square = array_of(w_hh)
    cdef Py_ssize_t B, D, H, rows
    cdef int kind = float_type(input)
    if kind < 0 or cnp.PyArray_NDIM(input) != 2 or float_type(square) != kind or cnp.PyArray_NDIM(square) != 2:
        return False
    B, D, H = cnp.PyArray_DIM(input, 0), cnp.PyArray_DIM(input, 1), cnp.PyArray_DIM(square, 1)
    rows = gates * H
    for state in states:
        if not has_size(state, kind, B, H):
            return False
    return (
        cnp.PyArray_DIM(square, 0) == rows
        and has_size(w_ih, kind, rows, D)
        and (b_ih is None or has_size(b_ih, kind, rows, -1))
        and (b_hh is None or has_size(b_hh, kind, rows, -1))
    )


cdef inline cnp.ndarray array_of(object value):
    """The array of a tensor; else the value, which the caller asks whether it is an array."""
    return (<TensorBase>value)._data if isinstance(value, TensorBase) else <cnp.ndarray>value


cdef bint has_size(object value, int kind, Py_ssize_t rows, Py_ssize_t columns):
    """Whether it is a usual array, or a tensor of one, of that dtype and (rows, columns), or (rows) for -1 columns."""
    cdef cnp.ndarray array = array_of(value)
    return (
        float_type(array) == kind
        and cnp.PyArray_NDIM(array) == (1 if columns < 0 else 2)
        and cnp.PyArray_DIM(array, 0) == rows
        and (columns < 0 or cnp.PyArray_DIM(array, 1) == columns)
    )


def usual_operands(a, b, /):
    """What operands() in ops/broadcasting.py returns, for two usual arrays, or one and a Python number; else None."""
    cdef int of_a = float_type(a), of_b = float_type(b)
    if of_a < 0 and of_b >= 0 and is_number(a):
        of_a, a = of_b, number(a, b)
    elif of_b < 0 and of_a >= 0 and is_number(b):
        of_b, b = of_a, number(b, a)
    if of_a < 0 or of_a != of_b:
        return None
    dtype = a.dtype
    shape = shape_of(a)
    if has_shape(b, shape):
        form = (shape, dtype)
        return a, b, result_of(a, b), form, form
    other = shape_of(b)
    common = broadcast(shape, other)
    if common is None:
        return None
    # In the order of the operand that is not repeated, if there is one.
    y = empty_like(a) if common == shape else empty_like(b) if common == other else empty(common, dtype)
    return a, b, y, (shape, dtype), (other, dtype)


def usual_second(cnp.ndarray data not None, other, /):
    """other as the second array of a kernel that writes to data: it has the shape of data or of its last dimensions, or
    is a number; None for what is not usual, or lies partly in the memory of data."""
    cdef int kind = float_type(data), d, lead
    if kind < 0:
        return None
    if is_number(other):
        return number(other, data)
    cdef cnp.ndarray array = array_of(other)
    if float_type(array) != kind or (array is not data and overlap(array, data)):
        return None
    lead = cnp.PyArray_NDIM(data) - cnp.PyArray_NDIM(array)
    if lead < 0:
        return None
    for d in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_DIM(array, d) != cnp.PyArray_DIM(data, lead + d):
            return None
    return array


def usual_classes(value, tuple shape, long long classes, /):
    """Whether the value is an int64 array of that shape, without gaps or with one dimension, of numbers from 0 to
    classes - 1."""
    cdef const char* labels
    cdef Py_ssize_t i, step = sizeof(long long)
    cdef bint inside = True
    if (
        not cnp.PyArray_CheckExact(value)
        or cnp.PyArray_TYPE(value) != cnp.NPY_INT64
        or not cnp.PyArray_ISBEHAVED_RO(value)
        or not has_shape(value, shape)
    ):
        return False
    if not cnp.PyArray_IS_C_CONTIGUOUS(value):
        if cnp.PyArray_NDIM(value) != 1:
            return False
        step = cnp.PyArray_STRIDE(value, 0)
    labels = <const char*>cnp.PyArray_DATA(value)
    for i in range(cnp.PyArray_SIZE(value)):
        inside &= (<const unsigned long long*>(labels + i * step))[0] < <unsigned long long>classes
    return inside


cdef object usual_pair(object a, object b):
    """The array for what two usual arrays of one shape give element by element; else None."""
    cdef int kind = float_type(a)
    if kind < 0 or float_type(b) != kind or not cnp.PyArray_SAMESHAPE(<cnp.ndarray>a, <cnp.ndarray>b):
        return None
    return result_of(<cnp.ndarray>a, <cnp.ndarray>b)


cdef object result_of(cnp.ndarray a, cnp.ndarray b):
    """The array for what two usual arrays of one shape give element by element: in their order, if they share one."""
    cdef int d
    if not cnp.PyArray_IS_C_CONTIGUOUS(a):
        for d in range(cnp.PyArray_NDIM(a)):
            if cnp.PyArray_STRIDE(a, d) != cnp.PyArray_STRIDE(b, d):
                break
        else:
            return empty_like(a)
    return new_like(a)


cpdef bint is_number(object value):
    """Whether it is a Python float, or an integer that every float dtype has."""
    return type(value) is float or (type(value) is int and -(1 << 24) <= value <= (1 << 24))


cdef object number(object value, object like):
    """An array without dimensions, of the dtype of `like`."""
    cdef cnp.ndarray array = pydl_new_array(<object>cnp.PyArray_DESCR(<cnp.ndarray>like), 0, NULL)
    cnp.PyArray_SETITEM(array, <char*>cnp.PyArray_DATA(array), value)
    return array


cdef object broadcast(tuple a, tuple b):
    """The common shape; None if there is none."""
    cdef Py_ssize_t i, lead, size, other
    if PyTuple_GET_SIZE(a) < PyTuple_GET_SIZE(b):
        a, b = b, a
    lead = PyTuple_GET_SIZE(a) - PyTuple_GET_SIZE(b)
    cdef list shape = list(a)
    for i in range(PyTuple_GET_SIZE(b)):
        size, other = <object>PyTuple_GET_ITEM(a, lead + i), <object>PyTuple_GET_ITEM(b, i)
        if size == 1:
            shape[lead + i] = other
        elif other != 1 and other != size:
            return None
    return tuple(shape)


def has_form(array, tuple form, /):
    """Whether the array has the shape and dtype of the pair (shape, dtype)."""
    return has_shape(array, <tuple><object>PyTuple_GET_ITEM(form, 0)) and (
        array.dtype is <object>PyTuple_GET_ITEM(form, 1)
    )
