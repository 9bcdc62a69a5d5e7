"""The call of an operation on tensors, which is recorded where a gradient is needed.

As that of a kernel (kernel_call.pyx), it comes through Python's vectorcall protocol.
"""

cimport numpy as cnp
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM

from types import MethodType

cdef extern from *:
    """
    // Each thread has its own: others may run between the beginning of a call and the question.
    static thread_local bool pydl_wanted = true;
    """
    PyObject** PySequence_Fast_ITEMS(object sequence)
    bint pydl_wanted

cdef enum:
    MOST_TENSORS = 24
    MOST_ARGUMENTS = 96


def gradient_wanted():
    """Whether the operation that asks, before it calls another, will be asked for its gradient."""
    return pydl_wanted


cdef class Op:
    """A public function on tensors: unwraps them, runs the function on arrays, records the gradient.

    The function receives numpy arrays in place of Tensors and returns the result's array (not differentiable),
    or (result, gradient, saves): see op.py.
    """

    cdef pydl_call vectorcall
    cdef readonly object function
    cdef readonly str name
    cdef readonly tuple tensor_names
    cdef int positions[MOST_TENSORS]  # of tensor_names among the function's parameters
    cdef int count
    cdef object kernel, short_gradient  # see shorten()
    cdef tuple short_saves
    cdef bint multiplies, is_outer
    cdef int left_rank, right_rank  # of the factors; 0 for any
    cdef bint variadic     # the first argument is a sequence of tensors
    cdef bint view         # the result shares the first argument's memory
    cdef dict __dict__

    def __cinit__(self):
        self.vectorcall = call_op

    def __init__(self, function, tuple tensor_names, bint variadic=False, bint view=False):
        cdef int i
        self.function = function
        self.name = function.__name__
        self.tensor_names = tensor_names
        self.count = len(tensor_names)
        if self.count > MOST_TENSORS:
            raise ValueError(f"{self.name}: {self.count} tensor arguments, at most {MOST_TENSORS} are possible")
        parameters = function.__code__.co_varnames
        for i in range(self.count):
            self.positions[i] = parameters.index(tensor_names[i])
        self.variadic = variadic
        self.view = view

    def shorten(self, kernel, gradient, tuple saves=(), tuple factors=None):
        """Makes a short way past the function, for calls with two usual arrays, or one and a number, and nothing else.

        Arrays have one shape, or broadcast where no gradient is wanted, or, for an operation with factors, are
        vectors or (batches of) matrices that fit: of any numbers of dimensions for (), or of these two. With (1,) they
        are vectors, and all pairs of their numbers are wanted. kernel(a, b, y) computes the result; gradient(dy, needs,
        a, b) and saves are as if the function had returned them.
        """
        self.kernel, self.short_gradient, self.short_saves = kernel, gradient, saves
        self.multiplies = factors is not None
        if factors:
            self.is_outer = len(factors) == 1
            self.left_rank, self.right_rank = factors[0], factors[len(factors) - 1]

    def __get__(self, instance, owner):
        # Behaves as a method where it is made an attribute of Tensor.
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args, **kwargs):
        return PyVectorcall_Call(self, args, kwargs)

    def __repr__(self):
        return f"<operation {self.name}>"

    def __reduce__(self):
        return self.name  # by which pickle and copy find it in its module, as they find functions

    cdef object run(self, PyObject** arguments, size_t positional, PyObject* keywords, PyObject** tensors,
                    Py_ssize_t count, bint recording):
        """The function on unwrapped arguments, and its result as Tensors."""
        global pydl_wanted
        pydl_wanted = recording and is_recording()
        result = pydl_vectorcall(<PyObject*>self.function, arguments, positional, keywords)
        if type(result) is not tuple:
            return self.finish(result, tensors)
        outputs = self.finish((<tuple>result)[0], tensors)
        gradient = (<tuple>result)[1]
        if recording and gradient is not None and is_recording():
            self.record(outputs, tensors, count, gradient, (<tuple>result)[2], None)
        return outputs

    cdef object run_short(self, PyObject** arguments, PyObject** tensors, bint recording):
        """The result of two arrays; None if they have to go the usual way."""
        cdef PyObject* given[3]
        cdef TensorBase output
        a, b = <object>arguments[0], <object>arguments[1]
        if self.multiplies:
            if self.left_rank > 0 and not have_ranks(a, b, self.left_rank, self.right_rank):
                return None
            y = None if self.is_outer else usual_product(a, b)
            if y is None:
                return self.run_factors(a, b, tensors, recording)
        else:
            y = usual_pair(a, b)
            if y is None and is_number(b) and float_type(a) >= 0:
                b, y = number(b, a), empty_like(a)
            elif y is None and is_number(a) and float_type(b) >= 0:
                a, y = number(a, b), empty_like(b)
            elif y is None and not (recording and is_recording()):  # gradients of what is repeated are summed
                usual = usual_operands(a, b)
                y = None if usual is None else (<tuple>usual)[2]
        if y is None:
            return None
        given[0], given[1], given[2] = <PyObject*>a, <PyObject*>b, <PyObject*>y
        call_kernel(<PyObject*>self.kernel, given, 3, NULL)
        output = wrap(y)
        if recording and is_recording():
            self.record(output, tensors, 2, self.short_gradient, self.short_saves, (a, b))
        return output

    cdef object run_factors(self, object a, object b, PyObject** tensors, bint recording):
        """The same for vectors, or batches with different numbers of dimensions, which cost a little more."""
        cdef PyObject* given[3]
        cdef TensorBase output
        usual = usual_pairs(a, b) if self.is_outer else usual_factors(a, b)
        if usual is None:
            return None
        left, right, y, result = <tuple>usual
        given[0], given[1], given[2] = <PyObject*>left, <PyObject*>right, <PyObject*>y
        call_kernel(<PyObject*>self.kernel, given, 3, NULL)
        output = wrap(result)
        if recording and is_recording():
            self.record(output, tensors, 2, self.short_gradient, self.short_saves, (a, b))
        return output

    cdef object finish(self, object result, PyObject** tensors):
        if type(result) is list:
            return tuple([self.finish_one(array, tensors) if array is not None else None for array in result])
        return self.finish_one(result, tensors)

    cdef TensorBase finish_one(self, object array, PyObject** tensors):
        cdef TensorBase output = wrap(array), base
        if self.view and isinstance(<object>tensors[0], TensorBase):
            base = <TensorBase>tensors[0]
            if is_view(array, base._data):
                output.share_version(base)
        return output

    cdef record(self, object results, PyObject** tensors, Py_ssize_t count, object gradient, tuple saves,
                tuple operands):
        cdef Node node = Node.__new__(Node)
        cdef TensorBase tensor
        cdef tuple inputs = PyTuple_New(count), shapes = PyTuple_New(count) if operands is None else None, needs
        cdef unsigned long long needed = 0
        cdef bint first_results = True
        cdef int i
        for i in range(count):
            source, shape = None, None
            if isinstance(<object>tensors[i], TensorBase):
                tensor = <TensorBase>tensors[i]
                if tensor._requires_grad:
                    source = <object>tensor if tensor.grad_fn is None else <object>tensor.grad_fn
                    if shapes is not None:
                        shape = shape_of(tensor._data)
                    first_results = first_results and tensor._index == 0
                    if i < 64:
                        needed |= 1ULL << i
            put(inputs, i, source)
            if shapes is not None:
                put(shapes, i, shape)
        needs = needs_of(count, needed) if count <= 64 else tuple([source is not None for source in inputs])
        node.name = self.name
        node.inputs = inputs
        node.indices = None if first_results else indices_of(tensors, count)
        node.shapes = shapes
        node.needs = needs
        node.gradient = gradient
        node.operands = operands
        node.several = type(results) is tuple
        node.saved = self.versions(results, tensors, count, needs, saves) if PyTuple_GET_SIZE(saves) > 0 else ()
        if node.several:
            node.outputs = len(<tuple>results)
            for i in range(node.outputs):
                if (<tuple>results)[i] is not None:
                    join(node, i, <TensorBase>(<tuple>results)[i])
        else:
            node.outputs = 1
            join(node, 0, <TensorBase>results)

    cdef tuple versions(self, object results, PyObject** tensors, Py_ssize_t count, tuple needs, tuple saves):
        """(name, version, its count now) of what the gradient will read again."""
        cdef list saved = []
        cdef int i
        for name in saves:
            if type(name) is tuple:
                name, used_by = name
                if not needs[used_by]:
                    continue
            if name == "output":
                for item in results if type(results) is tuple else (results,):
                    if item is not None:
                        saved.append(version_of("output", <TensorBase>item))
                continue
            for i in range(count):
                if (self.variadic or name == <object>PyTuple_GET_ITEM(self.tensor_names, i)) and isinstance(
                    <object>tensors[i], TensorBase
                ):
                    saved.append(version_of(name, <TensorBase>tensors[i]))
        return tuple(saved)


cdef object call_op(PyObject* callee, PyObject** given, size_t flags, PyObject* keywords):
    cdef Op self = <Op>callee
    cdef Py_ssize_t positional = PyVectorcall_NARGS(flags), total = positional, at
    cdef PyObject* arguments[MOST_ARGUMENTS]
    cdef PyObject* tensors[MOST_TENSORS]
    cdef PyObject* held[MOST_TENSORS]  # arrays that are in use while other threads may replace those of their tensors
    cdef TensorBase tensor
    cdef bint recording = False
    cdef int i, used = 0
    if keywords is not NULL:
        total += PyTuple_GET_SIZE(<tuple>keywords)
    if total > MOST_ARGUMENTS:
        raise TypeError(f"{self.name}: {total} arguments, at most {MOST_ARGUMENTS} are possible")
    for at in range(total):
        arguments[at] = given[at]
    if self.variadic:
        return call_variadic(self, arguments, positional, keywords)
    try:
        for i in range(self.count):
            tensors[i] = <PyObject*>None
            at = self.positions[i]
            if at >= positional:
                at = keyword_position(keywords, positional, <object>PyTuple_GET_ITEM(self.tensor_names, i))
            if at >= 0 and isinstance(<object>given[at], TensorBase):
                tensor = <TensorBase>given[at]
                tensors[i] = given[at]
                recording |= tensor._requires_grad
                Py_INCREF(tensor._data)
                held[used] = arguments[at] = <PyObject*>tensor._data
                used += 1
        if self.kernel is not None and total == 2 and positional == 2:
            output = self.run_short(arguments, tensors, recording)
            if output is not None:
                return output
        return self.run(arguments, positional, keywords, tensors, self.count, recording)
    finally:
        for i in range(used):
            Py_DECREF(<object>held[i])


cdef object call_variadic(Op self, PyObject** arguments, Py_ssize_t positional, PyObject* keywords):
    """The call of an operation whose first argument is a sequence of tensors; it alone may be given by name too."""
    cdef Py_ssize_t first = 0
    cdef bint recording = False
    cdef list tensors, arrays = []
    if positional == 0:
        first = keyword_position(keywords, 0, <object>PyTuple_GET_ITEM(self.tensor_names, 0))
    given = <object>arguments[first] if first >= 0 else None
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"{self.name}: {self.tensor_names[0]} must be a list or tuple of tensors")
    tensors = list(given)
    for item in tensors:
        if isinstance(item, TensorBase):
            arrays.append((<TensorBase>item)._data)
            recording |= (<TensorBase>item)._requires_grad
        else:
            arrays.append(item)
    arguments[first] = <PyObject*>arrays
    return self.run(arguments, positional, keywords, PySequence_Fast_ITEMS(tensors), len(tensors), recording)


cdef Py_ssize_t keyword_position(PyObject* keywords, Py_ssize_t positional, object name):
    """Where among the arguments the one of this name stands; -1 if it was not given by name."""
    cdef Py_ssize_t k
    if keywords is not NULL:
        for k in range(PyTuple_GET_SIZE(<tuple>keywords)):
            keyword = <object>PyTuple_GET_ITEM(<tuple>keywords, k)
            if keyword is name or keyword == name:
                return positional + k
    return -1


cdef list usual_needs = [  # of up to four arguments: not every node needs a tuple of its own
    tuple([bool(needed >> i & 1) for i in range(count)]) for count in range(5) for needed in range(16)
]


cdef tuple needs_of(Py_ssize_t count, unsigned long long needed):
    """For each argument whether its bit is set."""
    if count <= 4:
        return <tuple>usual_needs[count * 16 + needed]
    return tuple([bool(needed >> i & 1) for i in range(count)])


cdef tuple indices_of(PyObject** tensors, Py_ssize_t count):
    """For each argument which of its operation's results it is."""
    cdef list indices = []
    cdef int i
    for i in range(count):
        indices.append((<TensorBase>tensors[i])._index if isinstance(<object>tensors[i], TensorBase) else 0)
    return tuple(indices)


cdef inline void put(tuple items, Py_ssize_t i, object item):
    Py_INCREF(item)
    PyTuple_SET_ITEM(items, i, item)


cdef inline tuple version_of(object name, TensorBase tensor):
    return (name, tensor.version, tensor.version.count)


cdef inline void join(Node node, int index, TensorBase output):
    """Says that the output is the node's; results of integers have no gradient."""
    if cnp.PyArray_ISFLOAT(output._data):
        output.grad_fn = node
        output._index = index
        output._requires_grad = True


cdef bint is_view(object array, object of):
    """Whether a view operation could return a view; where strides do not allow it, numpy makes a copy."""
    base = array.base
    return array is of or (base is not None and (base is of or base is of.base))


cdef Op an_op = Op.__new__(Op)
pydl_call_through(<PyObject*>Op, <char*>&an_op.vectorcall - <char*><PyObject*>an_op, True)
