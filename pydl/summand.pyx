"""Gradients that are terms of a sum: what a loop uses in each of its steps gets one of them from each step.

Where a gradient is mostly zeros, as that of x in x[t], or is soon to be added to others, as that of a recurrent cell's
weights, a gradient function may return a Summand in place of an array. It is computed into the sum, with no array of
its own, and together with others if it knows how.
"""

cimport numpy as cnp
from cpython.object cimport PyObject


cdef class Summand:
    """A gradient of the shape `shape` that is not computed yet. A subclass sets the shape and has three methods:

    array()      the gradient alone, in memory of its own, in row-major order
    add_to(sum)  sum += the gradient, for an array in row-major order
    join(other)  takes in the gradient that came next for the same leaf, so that both are computed at once; whether it did
    """

    cdef public tuple shape


cdef wait_for_more(dict waiting, TensorBase leaf, Summand dx):
    """Keeps the gradient of a leaf until another one comes that it cannot be computed with, or the end."""
    cdef object key = <size_t><PyObject*>leaf
    cdef tuple before = <tuple>waiting.get(key)
    if before is not None:
        if before[1].join(dx):
            return
        add_to_leaf(leaf, <Summand>before[1])
    waiting[key] = (leaf, dx)


cdef add_all_to_leaves(dict waiting):
    for leaf, dx in waiting.values():
        add_to_leaf(<TensorBase>leaf, <Summand>dx)


cdef add_to_leaf(TensorBase leaf, Summand dx):
    """leaf.grad += dx"""
    cdef TensorBase grad = leaf._grad
    if (
        grad is None
        or leaf._hooks
        or not has_shape(grad._data, dx.shape)
        or cnp.PyArray_TYPE(grad._data) != cnp.PyArray_TYPE(leaf._data)
        or not cnp.PyArray_IS_C_CONTIGUOUS(grad._data)
        or not cnp.PyArray_ISBEHAVED(grad._data)
    ):
        accumulate_leaf(leaf, dx.array(), True)
    else:
        dx.add_to(grad._data)
        grad.version.count += 1
