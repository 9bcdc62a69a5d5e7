"""The tape: what was computed is recorded, so that it can be replayed backwards (reverse-mode differentiation).

An operation y = f(a, b) whose inputs need a gradient leaves a Node that knows how to turn dC/dy into
dC/da = dC/dy * dy/da and dC/db, and which nodes made a and b. Here is what a tensor and a node hold; operation.pyx
runs operations and records them, backward.pyx replays them.

Written in Cython, as those two, because this is the Python-object code that runs for every operation of every step.

Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323 (1986);
Baydin et al., "Automatic differentiation in machine learning: a survey", JMLR 18 (2018), section 3.2.
"""

cimport numpy as cnp
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM

import cython
import numpy as np

from . import _native

cdef extern from *:
    """
    // Each thread has its own: a kernel that one thread runs must not see the no_grad() of another one.
    static thread_local bool pydl_recording = true;
    // Whether the kernels that the thread runs are noted, to be run again on the numbers that are then there.
    static thread_local bool pydl_noting = false;
    """
    bint pydl_recording
    bint pydl_noting

cdef type tensor_type = None  # the class that operations return, set by tensor.py
cdef tuple no_arguments = ()


@cython.freelist(64)
cdef class Version:
    """Counts the in-place changes of one piece of memory; tensors that share memory share it.

    sharers: how many tensors those are.
    """

    cdef readonly long long count
    cdef readonly long long sharers


def is_grad_enabled():
    """Whether operations are being recorded in this thread."""
    return pydl_recording


cdef bint is_recording() noexcept:
    return pydl_recording


def set_grad_enabled(bint recording):
    global pydl_recording
    pydl_recording = recording


def is_recorded(TensorBase tensor, tuple values):
    """Whether a gradient is to know of it that these values change the tensor."""
    if pydl_recording and not tensor._requires_grad:
        for value in values:
            if isinstance(value, TensorBase) and (<TensorBase>value)._requires_grad:
                return True
        return False
    return pydl_recording


def set_noting(bint noting):
    global pydl_noting
    pydl_noting = noting


def is_noting():
    """Whether the kernels that this thread runs are noted."""
    return pydl_noting


def needs_copies():
    """Whether an operation copies what its gradient will read again and the caller may change before.

    Not while kernels are noted: replays read what is there, forwards and backwards within one call.
    """
    return pydl_recording and not pydl_noting


@cython.no_gc
@cython.freelist(4)
cdef class GradMode:
    """The part of no_grad and enable_grad that runs around every step of an inference."""

    cdef readonly bint recording
    cdef int depth
    cdef unsigned long long before  # a stack of bits, for one can be entered again inside itself

    def __cinit__(self, bint recording):
        self.recording = recording

    def __enter__(self):
        global pydl_recording
        if self.depth == 64:
            raise RecursionError("no_grad: one object was entered 64 times inside itself; make a new one")
        self.depth += 1
        self.before = self.before << 1 | pydl_recording
        pydl_recording = self.recording

    def __exit__(self, kind=None, error=None, trace=None):  # by name, for which Python builds no tuple
        global pydl_recording
        pydl_recording = self.before & 1
        self.before >>= 1
        self.depth -= 1

    def __call__(self, function):
        """The function, in which this mode holds."""
        from .tensor import in_mode
        return in_mode(self.recording, function)


@cython.trashcan(True)
cdef class Node:
    """One recorded operation.

    inputs    for each tensor argument: the Node that made it, the Tensor itself if it is a leaf, or None
    indices   for an input that is a Node: which of its results it was; None if they all were the first
    shapes    of the inputs that are not None; None if these are the operands
    needs     which ones those are
    gradient  (dy, needs) -> a gradient for each tensor argument; None once it was used and freed
    operands  two arrays that gradient gets after dy and needs, if it does
    saved     (name, version, count) of the arrays that gradient still needs
    outputs   how many results the operation has
    several   whether they came as a list, so that gradient wants a tuple of dy
    hooks     (output index, function), run on the complete dC/dy
    """

    cdef readonly str name
    cdef readonly tuple inputs
    cdef tuple indices
    cdef tuple shapes
    cdef tuple needs
    cdef object gradient
    cdef tuple operands
    cdef tuple saved
    cdef readonly int outputs
    cdef bint several
    cdef readonly list hooks

    def __repr__(self):
        return f"<{self.name} node>"


@cython.no_gc_clear  # __dealloc__ needs version; every cycle through a tensor also has a list, a node or a function
cdef class TensorBase:
    """The fields of a Tensor that the tape works on. See tensor.py for what people use."""

    cdef cnp.ndarray _data
    cdef TensorBase _grad
    cdef bint _requires_grad
    cdef readonly Node grad_fn
    cdef int _index
    cdef readonly Version version
    cdef public list _hooks
    cdef public bint _retains_grad
    cdef object __weakref__

    def __cinit__(self):
        self.version = Version.__new__(Version)
        self.version.sharers = 1

    def __dealloc__(self):
        self.version.sharers -= 1

    @property
    def data(self):
        """The numpy array. Assigning replaces it and counts as an in-place change."""
        return self._data

    @data.setter
    def data(self, value):
        if isinstance(value, TensorBase):
            value = (<TensorBase>value)._data
        if not cnp.PyArray_Check(value):
            raise TypeError(f"data must be a numpy array, not {type(value).__name__}")
        if self._requires_grad and value.dtype.kind != "f":
            raise TypeError(f"data: a tensor that needs a gradient holds floating-point numbers, not {value.dtype}")
        if self._data is not None:
            self.version.count += 1
        self._data = value

    @property
    def grad(self):
        """dC/d(this) after backward(), a Tensor or None."""
        return self._grad

    @grad.setter
    def grad(self, value):
        if value is None:
            self._grad = None
            return
        if cnp.PyArray_Check(value):
            value = wrap(value)
        if not isinstance(value, TensorBase):
            raise TypeError(f"grad: must be a Tensor or None, not {type(value).__name__}")
        given = (<TensorBase>value)._data
        if not cnp.PyArray_SAMESHAPE(given, self._data) and tuple(value.shape) != shape_of(self._data):
            raise ValueError(f"grad: has shape {value.shape} but the tensor has {shape_of(self._data)}")
        if given.dtype != self._data.dtype:
            raise TypeError(f"grad: is {given.dtype} but the tensor is {self._data.dtype}")
        self._grad = <TensorBase>value

    @property
    def requires_grad(self):
        """Whether backward() computes a gradient for this tensor."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value):
        if not isinstance(value, (bool, int, np.bool_)):
            raise TypeError(f"requires_grad: must be True or False, not {type(value).__name__}")
        if value and self._data.dtype.kind != "f":
            raise TypeError(f"requires_grad: only floating-point tensors have gradients, this one is {self._data.dtype}")
        if not value and self.grad_fn is not None:
            raise RuntimeError("requires_grad: only a leaf can stop needing a gradient; use detach()")
        self._requires_grad = bool(value)

    @property
    def shape(self):
        """The size of each dimension."""
        return shape_of(self._data)

    @property
    def dtype(self):
        """The numpy dtype of the elements."""
        return <object>cnp.PyArray_DESCR(self._data)

    @property
    def ndim(self):
        """The number of dimensions."""
        return cnp.PyArray_NDIM(self._data)

    @property
    def is_leaf(self):
        """Whether the tensor was made by the user and not by a recorded operation."""
        return self.grad_fn is None

    def bump_version(self):
        """Says that the data was changed in place, so that a backward pass that still needs it fails."""
        self.version.count += 1

    def share_version(self, TensorBase other):
        """Says that this tensor uses the memory of the other one."""
        other.version.sharers += 1
        self.version.sharers -= 1
        self.version = other.version

    def check_recorded_change(self, str operation):
        """Refuses an in-place change that is to be recorded where gradients could not know of it."""
        if self._requires_grad and self.grad_fn is None:
            raise RuntimeError(f"{operation}: a leaf that needs a gradient changes in place only under no_grad()")
        if self.version.sharers > 1:
            raise RuntimeError(
                f"{operation}: the tensor is a view of another one or has views, and their gradients would miss this "
                f"change; use a clone(), an operation that makes a new tensor, or no_grad()"
            )

    def adopt_history(self, TensorBase other):
        """Takes over how `other` was made: an in-place operation is an ordinary one whose result moves in here."""
        self.grad_fn = other.grad_fn
        self._index = other._index
        self._requires_grad = other._requires_grad


def set_tensor_type(type tensor):
    global tensor_type
    tensor_type = tensor


cdef TensorBase wrap(object array):
    cdef TensorBase tensor = <TensorBase>(<PyTypeObject*>tensor_type).tp_new(tensor_type, <PyObject*>no_arguments, NULL)
    tensor._data = array if cnp.PyArray_Check(array) else np.asarray(array)  # numpy makes numbers of some results
    return tensor


def tensor_of(array):
    """A Tensor around an array, without copying or checking."""
    return wrap(array)


cdef tuple shape_of(cnp.ndarray array):
    """array.shape, without asking numpy for an attribute."""
    cdef int rank = cnp.PyArray_NDIM(array), d
    cdef tuple shape = PyTuple_New(rank)
    cdef object size
    for d in range(rank):
        size = <Py_ssize_t>cnp.PyArray_DIM(array, d)
        Py_INCREF(size)
        PyTuple_SET_ITEM(shape, d, size)
    return shape


cdef bint has_shape(cnp.ndarray array, tuple shape) except -1:
    """array.shape == shape"""
    cdef int rank = cnp.PyArray_NDIM(array), d
    if PyTuple_GET_SIZE(shape) != rank:
        return False
    for d in range(rank):
        if <Py_ssize_t><object>PyTuple_GET_ITEM(shape, d) != cnp.PyArray_DIM(array, d):
            return False
    return True


cdef extern from *:
    """
    typedef PyObject* (*pydl_array_maker)(PyObject* dtype, int rank, const npy_intp* sizes);
    static pydl_array_maker pydl_new_array;
    static void pydl_take_new_array(PyObject* capsule) {
        pydl_new_array = (pydl_array_maker)PyCapsule_GetPointer(capsule, "pydl._native.new_array");
    }
    """
    object pydl_new_array(object dtype, int rank, const cnp.npy_intp* sizes)
    void pydl_take_new_array(object capsule)

pydl_take_new_array(_native.new_array)


cdef inline object new_like(cnp.ndarray array):
    """An array of its shape and dtype, row by row; what empty() makes, without Python's objects for the shape."""
    return pydl_new_array(<object>cnp.PyArray_DESCR(array), cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array))


def register_hook(TensorBase tensor, function):
    """Runs function(gradient) when the gradient of `tensor` is complete; what it returns replaces the gradient."""
    if not callable(function):
        raise TypeError(f"register_hook: hook must be a function of the gradient, not {type(function).__name__}")
    if not tensor._requires_grad:
        raise RuntimeError("register_hook: this tensor needs no gradient (requires_grad is False)")
    if tensor.grad_fn is None:
        if tensor._hooks is None:
            tensor._hooks = []
        hooks, entry = tensor._hooks, (0, function)
    else:
        if tensor.grad_fn.hooks is None:
            tensor.grad_fn.hooks = []
        hooks, entry = tensor.grad_fn.hooks, (tensor._index, function)
    hooks.append(entry)
    return HookHandle(hooks, entry)


class HookHandle:
    """What register_hook returns: remove() takes the hook away again."""

    def __init__(self, hooks, entry):
        self._hooks = hooks
        self._entry = entry

    def remove(self):
        if self._entry in self._hooks:
            self._hooks.remove(self._entry)
