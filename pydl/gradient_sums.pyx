"""How gradients add up: kernels sum them, and the first one of a leaf moves in without a copy where it can."""

cimport numpy as cnp
from cpython.object cimport PyObject

import numpy as np

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject* object)

cdef object addition = None
cdef object copying = None


def set_kernels(add, copy):
    """Sets the kernel (a, b, y) that sums gradients: y = a + b, where y may be a; and (x, y) that copies one: y = x."""
    global addition, copying
    addition, copying = add, copy


cdef enum:
    MOST_DIMENSIONS = 8  # of an array that a kernel is given


cdef accumulate_leaf(TensorBase leaf, cnp.ndarray dy, bint fresh):
    """leaf.grad += dy. The first gradient of a backward pass moves in without a copy if nobody else holds it."""
    cdef TensorBase grad = leaf._grad
    if leaf._hooks:
        dy = run_hooks(leaf._hooks, 0, dy)
        fresh = False
        grad = leaf._grad
    if not cnp.PyArray_SAMESHAPE(dy, leaf._data):
        raise RuntimeError(
            f"backward: a leaf has the shape {shape_of(leaf._data)} since its data was replaced, its gradient {shape_of(dy)}"
        )
    if grad is None:
        leaf._grad = wrap(dy if fresh else copy_of(dy))
    else:
        if not cnp.PyArray_SAMESHAPE(grad._data, dy) and (<object>grad).is_sparse:
            grad = leaf._grad = <TensorBase>grad.to_dense()
        if not cnp.PyArray_SAMESHAPE(grad._data, dy) or cnp.PyArray_TYPE(grad._data) != cnp.PyArray_TYPE(dy):
            raise RuntimeError(
                f"backward: a leaf has a gradient {grad._data.dtype} {shape_of(grad._data)} from before its data was "
                f"replaced, and gets one {dy.dtype} {shape_of(dy)}; set grad to None first"
            )
        if can_add(grad._data, dy) and cnp.PyArray_ISWRITEABLE(grad._data):
            addition(grad._data, dy, grad._data)
        else:
            np.add(grad._data, dy, out=grad._data)
        grad.version.count += 1


cdef bint is_fresh(cnp.ndarray dx, object dys, tuple grads):
    """Whether nobody else holds dx: it is not what came in, and was returned only once."""
    cdef int times = 0
    cdef PyObject* base = <PyObject*>cnp.PyArray_BASE(dx)
    # As the kernels of optimizers need it; and a number that was expanded to one element cannot be written to.
    if not (cnp.PyArray_IS_C_CONTIGUOUS(dx) and cnp.PyArray_ISWRITEABLE(dx)):
        return False
    if base is not NULL and cnp.PyArray_Check(<object>base) and not is_only_view(dx, base):
        return is_all_of(dx, base, dys)
    if type(dys) is list:
        for dy in <list>dys:
            if dy is dx:
                return False
    elif dys is dx:
        return False
    for other in grads:
        times += other is dx
    return times == 1


cdef bint is_only_view(cnp.ndarray dx, PyObject* base):
    """Whether the view is all of an array that nobody holds but it: a result in another shape."""
    cdef PyObject* owner = <PyObject*>cnp.PyArray_BASE(<cnp.ndarray>base)
    return (
        Py_REFCNT(base) == 1
        and cnp.PyArray_NBYTES(dx) == cnp.PyArray_NBYTES(<cnp.ndarray>base)
        and (owner is NULL or not cnp.PyArray_Check(<object>owner))
    )


cdef bint is_all_of(cnp.ndarray dx, PyObject* base, object dys):
    """Whether the view is all of an array that nobody holds but it and, or through it, what came in."""
    if type(dys) is list or cnp.PyArray_NBYTES(dx) != cnp.PyArray_NBYTES(<cnp.ndarray>base):
        return False
    if base is <PyObject*>dys:
        return Py_REFCNT(base) == 2  # the view and the caller's variable
    return base is <PyObject*>cnp.PyArray_BASE(<cnp.ndarray>dys) and Py_REFCNT(base) == 2 and Py_REFCNT(<PyObject*>dys) == 1


cdef object sum_of(cnp.ndarray a, cnp.ndarray b, bint in_place):
    if not can_add(a, b):
        return np.asarray(np.add(a, b))  # asarray, because the sum of arrays without dimensions is a number to numpy
    y = a if in_place else new_like(a)
    addition(a, b, y)
    return y


cdef bint can_add(cnp.ndarray a, cnp.ndarray b):
    """Whether the kernel takes them: arrays of one floating dtype."""
    cdef int kind = cnp.PyArray_TYPE(a)
    return (
        addition is not None
        and (kind == cnp.NPY_FLOAT32 or kind == cnp.NPY_FLOAT64)
        and cnp.PyArray_TYPE(b) == kind
        and cnp.PyArray_ISBEHAVED_RO(a)
        and cnp.PyArray_ISBEHAVED_RO(b)
    )


cdef object copy_of(cnp.ndarray array):
    """A copy in row-major order, by the kernel where it can: that way recordings know of it."""
    cdef Py_ssize_t size = cnp.PyArray_ITEMSIZE(array)
    cdef bint moved = (cnp.PyArray_ISINTEGER(array) or cnp.PyArray_ISFLOAT(array)) and (size == 4 or size == 8)
    copy = new_like(array)
    if moved and copying is not None and cnp.PyArray_ISBEHAVED_RO(array) and cnp.PyArray_NDIM(array) <= MOST_DIMENSIONS:
        copying(array, copy)
    else:
        cnp.PyArray_CopyInto(<cnp.ndarray>copy, array)
    return copy
