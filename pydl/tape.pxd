# cython: language_level=3
"""What the compiled modules know of each other. See tape.pyx."""


cdef class Version:
    cdef readonly long long count
    cdef readonly long long sharers


cdef class Node:
    cdef readonly str name
    cdef readonly tuple inputs
    cdef tuple indices
    cdef tuple shapes
    cdef tuple needs
    cdef object gradient
    cdef tuple saved
    cdef readonly int outputs
    cdef bint several
    cdef readonly list hooks


cdef class TensorBase:
    cdef object _data
    cdef TensorBase _grad
    cdef bint _requires_grad
    cdef readonly Node grad_fn
    cdef int _index
    cdef readonly Version version
    cdef public list _hooks
    cdef public bint _retains_grad
    cdef object __weakref__


cdef bint is_recording() noexcept
cdef TensorBase wrap(object array)
cdef tuple shape_of(object array)
cdef bint has_shape(object array, tuple shape) except -1
