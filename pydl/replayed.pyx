"""What a replay does every time, before and after the native call: see pydl/recording/replay.py.

A small network is computed in a few microseconds; in Python this took as long.
"""

from ._native import empty


def arrays_of_forms(tuple given, list forms, /):
    """The arrays of these tensors and arrays if they have these shapes and dtypes, and kernels are native; else None."""
    cdef list arrays = []
    cdef Py_ssize_t i
    if not native_chosen or len(given) != len(forms):
        return None
    for i in range(len(given)):
        array = <object>PyTuple_GET_ITEM(given, i)
        if isinstance(array, TensorBase):
            array = (<TensorBase>array)._data
        if not cnp.PyArray_CheckExact(array) or not has_form(array, <tuple>forms[i]):
            return None
        arrays.append(array)
    return arrays


def play(replay, list inputs, list made, tuple numbers, /):
    """The outputs, which have the shapes and dtypes `made`; None if an input does not lie as the one recorded did."""
    cdef list outputs = [empty(shape, dtype) for shape, dtype in made]
    return outputs if replay((*inputs, *outputs), numbers) < 0 else None
