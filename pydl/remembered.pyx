"""What a function made of shapes and settings that were seen before: the same few come in every step of a training.

    @remembered
    def check_convolution(op, input, weight, stride, ...): ...

A call whose arguments are all plain (whole numbers, flags, text, None, dtypes, tuples of whole numbers) is looked up;
any other goes to the function, which says what is wrong with it. Equal arguments of other types are not plain or not
equal here: neither 2.0 nor True passes for a stride that was seen as 2 or 1. Errors are not remembered.
"""

from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New

import numpy as np

cdef object dtype_class = np.dtype
cdef enum:
    MOST_FOUND = 4096


cdef inline bint is_plain(object value):
    """Whether values that are equal to it, and plain, are the same to every function."""
    cdef type kind = type(value)
    cdef Py_ssize_t i
    if kind is tuple:
        for i in range(PyTuple_GET_SIZE(<tuple>value)):
            if type(<object>PyTuple_GET_ITEM(<tuple>value, i)) is not int:
                return False
        return True
    return kind is int or kind is str or value is None or isinstance(value, dtype_class)


cdef object NO = object(), YES = object()  # stand for flags, since True == 1


cdef class Remembered:
    """A function with what it returned. See the top of this file."""

    cdef readonly object function
    cdef dict found
    cdef dict __dict__

    def __init__(self, function):
        self.function = function
        self.found = {}

    def __call__(self, *arguments):
        cdef tuple key = arguments
        cdef bint has_flags = False
        cdef Py_ssize_t i, count = PyTuple_GET_SIZE(arguments)
        for i in range(count):
            value = <object>PyTuple_GET_ITEM(arguments, i)
            if type(value) is bool:
                has_flags = True
            elif not is_plain(value):
                return self.function(*arguments)
        if has_flags:
            key = PyTuple_New(count)
            for i in range(count):
                value = <object>PyTuple_GET_ITEM(arguments, i)
                put(key, i, value if type(value) is not bool else YES if value else NO)
        answer = self.found.get(key)
        if answer is None:
            answer = self.function(*arguments)
            if len(self.found) >= MOST_FOUND:  # whoever has so many shapes meets few of them again
                self.found.clear()
            self.found[key] = answer
        return answer


def remembered(function):
    """Decorator: see the top of this file. The function must not return None or anything that can be changed."""
    made = Remembered(function)
    for name in ("__doc__", "__name__", "__qualname__", "__module__"):
        setattr(made, name, getattr(function, name))
    made.__wrapped__ = function
    return made
