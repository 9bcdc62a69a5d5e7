"""The call of a kernel on arrays, which goes to native code or to the reference.

It comes through Python's vectorcall protocol, as the call of an operation does (operation.pyx): the arguments arrive in
an array and go on in an array, and no tuple is built on the way. For a small network a call costs as much as the
arithmetic.

Source: PEP 590, "Vectorcall: a fast calling protocol for CPython".
"""

from cpython.object cimport PyObject

cdef extern from *:
    """
    typedef PyObject* (*pydl_call)(PyObject*, PyObject**, size_t, PyObject*);

    // Python lets a class written in C be called so; Cython has no word for it. A method descriptor gets its
    // instance as the first argument instead of being wrapped as a bound method first.
    static void pydl_call_through(PyObject* object, Py_ssize_t offset, bool is_method) {
        PyTypeObject* type = (PyTypeObject*)object;
        type->tp_vectorcall_offset = offset;
        type->tp_call = PyVectorcall_Call;
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL | (is_method ? Py_TPFLAGS_METHOD_DESCRIPTOR : 0);
        PyType_Modified(type);
    }
    static PyObject* pydl_vectorcall(PyObject* callee, PyObject** arguments, size_t count, PyObject* keywords) {
        return PyObject_Vectorcall(callee, arguments, count, keywords);
    }
    """
    ctypedef object (*pydl_call)(PyObject*, PyObject**, size_t, PyObject*)
    void pydl_call_through(PyObject* type, Py_ssize_t offset, bint is_method)
    object pydl_vectorcall(PyObject* callee, PyObject** arguments, size_t count, PyObject* keywords)
    Py_ssize_t PyVectorcall_NARGS(size_t flags)
    object PyVectorcall_Call(object callee, tuple arguments, dict keywords)

cdef bint native_chosen = True


def choose_native(bint native):
    """Whether calls of kernels go to native code, where there is some, or to the reference."""
    global native_chosen
    native_chosen = native


cdef class KernelCall:
    """What is called as a kernel: hands its arguments to `native`, or to run_reference() of its subclass."""

    cdef pydl_call vectorcall
    cdef public object native

    def __cinit__(self):
        self.vectorcall = call_kernel

    def __call__(self, *arguments):
        return PyVectorcall_Call(self, arguments, None)


cdef object call_kernel(PyObject* callee, PyObject** arguments, size_t flags, PyObject* keywords):
    cdef KernelCall self = <KernelCall>callee
    if native_chosen and self.native is not None:
        return pydl_vectorcall(<PyObject*>self.native, arguments, flags, keywords)
    reference = self.run_reference
    return pydl_vectorcall(<PyObject*>reference, arguments, PyVectorcall_NARGS(flags), keywords)


cdef KernelCall a_kernel = KernelCall.__new__(KernelCall)
cdef Py_ssize_t kernel_offset = <char*>&a_kernel.vectorcall - <char*><PyObject*>a_kernel
pydl_call_through(<PyObject*>KernelCall, kernel_offset, False)


def called_directly(type kernel_class):
    """Class decorator: a subclass of KernelCall is called the same way, which Python before 3.12 lets none inherit."""
    pydl_call_through(<PyObject*>kernel_class, kernel_offset, False)
    return kernel_class
