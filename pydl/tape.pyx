# cython: language_level=3, boundscheck=False, wraparound=False
"""The tape: what was computed is recorded, then replayed backwards (reverse-mode differentiation).

An operation y = f(a, b) whose inputs need a gradient leaves a Node that knows how to turn dC/dy into
dC/da = dC/dy * dy/da and dC/db, and which nodes made a and b. backward(C) visits the nodes in reverse
topological order, so that dC/dy is complete, summed over all uses of y, before it is passed on:

    dC/da = sum over all operations y that used a of  dC/dy * dy/da          (the chain rule)

Written in Cython because this is the only Python-object code that runs for every operation of every step.

Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323 (1986);
Baydin et al., "Automatic differentiation in machine learning: a survey", JMLR 18 (2018), section 3.2.
"""

import threading
from types import MethodType

import cython
import numpy as np

cdef object ndarray = np.ndarray
cdef object local = threading.local()
cdef object make_tensor = None  # the class that operations return, set by tensor.py


cdef class Version:
    """Counts the in-place changes of one piece of memory; tensors that share memory share it.

    sharers: how many tensors those are.
    """

    cdef readonly long long count
    cdef readonly long long sharers


def is_grad_enabled():
    """Whether operations are being recorded in this thread."""
    return getattr(local, "recording", True)


def set_grad_enabled(bint recording):
    local.recording = recording


@cython.trashcan(True)
cdef class Node:
    """One recorded operation.

    inputs    for each tensor argument: the Node that made it, the Tensor itself if it is a leaf, or None
    gradient  (dy, needs) -> a gradient for each tensor argument; None once it was used and freed
    saved     (name, version, count) of the arrays that gradient still needs
    outputs   how many results the operation has
    several   whether they came as a list, so that gradient wants a tuple of dy
    """

    cdef readonly str name
    cdef readonly tuple inputs
    cdef tuple indices     # for an input that is a Node: which of its results it was
    cdef tuple shapes
    cdef object gradient
    cdef tuple saved
    cdef readonly int outputs
    cdef bint several
    cdef readonly list hooks   # (output index, function), run on the complete dC/dy

    def __repr__(self):
        return f"<{self.name} node>"


@cython.no_gc_clear  # __dealloc__ needs version; every cycle through a tensor also has a list, a node or a function
cdef class TensorBase:
    """The fields of a Tensor that the tape works on. See tensor.py for what people use."""

    cdef object _data
    cdef public object grad
    cdef bint _requires_grad
    cdef readonly Node grad_fn
    cdef int _index
    cdef readonly Version version
    cdef public list _hooks
    cdef public bint _retains_grad
    cdef object __weakref__

    def __cinit__(self):
        self._requires_grad = False
        self._index = 0
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
        if not isinstance(value, ndarray):
            raise TypeError(f"data must be a numpy array, not {type(value).__name__}")
        if self._data is not None:
            self.version.count += 1
        self._data = value

    @property
    def requires_grad(self):
        """Whether backward() computes a gradient for this tensor."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, bint value):
        if value and self._data.dtype.kind != "f":
            raise TypeError(f"requires_grad: only floating-point tensors have gradients, this one is {self._data.dtype}")
        if not value and self.grad_fn is not None:
            raise RuntimeError("requires_grad: only a leaf can stop needing a gradient; use detach()")
        self._requires_grad = value

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
    global make_tensor
    make_tensor = tensor


cdef TensorBase wrap(object array):
    cdef TensorBase tensor = make_tensor.__new__(make_tensor)
    tensor._data = array
    return tensor


def tensor_of(array):
    """A Tensor around an array, without copying or checking."""
    return wrap(array)


cdef class Op:
    """A public function on tensors: unwraps them, runs the function on arrays, records the gradient.

    The function receives numpy arrays in place of Tensors and returns the result's array (not differentiable),
    or (result, gradient, saves): see op.py.
    """

    cdef readonly object function
    cdef readonly str name
    cdef readonly tuple tensor_names
    cdef tuple positions   # of tensor_names among the function's parameters
    cdef int count
    cdef bint variadic     # the first argument is a sequence of tensors
    cdef bint view         # the result shares the first argument's memory
    cdef dict __dict__

    def __init__(self, function, tuple tensor_names, bint variadic=False, bint view=False):
        self.function = function
        self.name = function.__name__
        self.tensor_names = tensor_names
        parameters = function.__code__.co_varnames
        self.positions = tuple([parameters.index(name) for name in tensor_names])
        self.count = len(tensor_names)
        self.variadic = variadic
        self.view = view

    def __get__(self, instance, owner):
        # Behaves as a method where it is made an attribute of Tensor.
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args, **kwargs):
        cdef list arguments = list(args)
        cdef list tensors
        cdef bint recording = False
        cdef int i, position
        cdef TensorBase tensor
        if self.variadic:
            if not arguments and self.tensor_names[0] in kwargs:
                arguments.append(kwargs.pop(self.tensor_names[0]))
            if not arguments or not isinstance(arguments[0], (list, tuple)):
                raise TypeError(f"{self.name}: {self.tensor_names[0]} must be a list or tuple of tensors")
            tensors = list(arguments[0])
            arrays = []
            for item in tensors:
                if isinstance(item, TensorBase):
                    arrays.append((<TensorBase>item)._data)
                    recording |= (<TensorBase>item)._requires_grad
                else:
                    arrays.append(item)
            arguments[0] = arrays
        else:
            tensors = [None] * self.count
            for i in range(self.count):
                position = self.positions[i]
                if position >= len(arguments):
                    continue
                item = arguments[position]
                if isinstance(item, TensorBase):
                    tensors[i] = item
                    arguments[position] = (<TensorBase>item)._data
                    recording |= (<TensorBase>item)._requires_grad
            if kwargs:
                for i in range(self.count):
                    item = kwargs.get(self.tensor_names[i])
                    if isinstance(item, TensorBase):
                        tensors[i] = item
                        kwargs[self.tensor_names[i]] = (<TensorBase>item)._data
                        recording |= (<TensorBase>item)._requires_grad
        result = self.function(*arguments, **kwargs)
        if type(result) is not tuple:
            return self.finish(result, tensors)
        result, gradient, saves = result
        results = self.finish(result, tensors)
        if recording and gradient is not None and getattr(local, "recording", True):
            self.record(results, tensors, gradient, saves)
        return results

    cdef object finish(self, object result, list tensors):
        if type(result) is list:
            return tuple([self.finish_one(array, tensors) if array is not None else None for array in result])
        return self.finish_one(result, tensors)

    cdef TensorBase finish_one(self, object array, list tensors):
        cdef TensorBase output = wrap(array)
        if self.view and tensors[0] is not None and is_view(array, (<TensorBase>tensors[0])._data):
            output.share_version(<TensorBase>tensors[0])
        return output

    cdef record(self, object results, list tensors, object gradient, tuple saves):
        cdef Node node = Node.__new__(Node)
        cdef TensorBase tensor, output
        cdef list inputs = [], indices = [], shapes = [], saved = []
        cdef int i
        node.name = self.name
        for item in tensors:
            if not isinstance(item, TensorBase) or not (<TensorBase>item)._requires_grad:
                inputs.append(None)
                indices.append(0)
                shapes.append(None)
                continue
            tensor = <TensorBase>item
            inputs.append(tensor.grad_fn if tensor.grad_fn is not None else tensor)
            indices.append(tensor._index)
            shapes.append(tensor._data.shape)
        outputs = results if type(results) is tuple else (results,)
        for name in saves:
            if type(name) is tuple:
                name, used_by = name
                if inputs[used_by] is None:
                    continue
            if name == "output":
                for item in outputs:
                    if item is not None:
                        saved.append(("output", (<TensorBase>item).version, (<TensorBase>item).version.count))
            elif self.variadic:
                for item in tensors:
                    if isinstance(item, TensorBase):
                        saved.append((name, (<TensorBase>item).version, (<TensorBase>item).version.count))
            else:
                item = tensors[self.tensor_names.index(name)]
                if item is not None:
                    saved.append((name, (<TensorBase>item).version, (<TensorBase>item).version.count))
        node.inputs = tuple(inputs)
        node.indices = tuple(indices)
        node.shapes = tuple(shapes)
        node.gradient = gradient
        node.saved = tuple(saved)
        node.outputs = len(outputs)
        node.several = type(results) is tuple
        for i in range(node.outputs):
            if outputs[i] is None:
                continue
            output = <TensorBase>outputs[i]
            if output._data.dtype.kind == "f":
                output.grad_fn = node
                output._index = i
                output._requires_grad = True


cdef bint is_view(object array, object of):
    """Whether a view operation could return a view; where strides do not allow it, numpy makes a copy."""
    base = array.base
    return array is of or (base is not None and (base is of or base is of.base))


def register_hook(TensorBase tensor, function):
    """Runs function(gradient) when the gradient of `tensor` is complete; what it returns replaces the gradient."""
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


cdef object run_hooks(list hooks, int index, object dy):
    cdef TensorBase given
    for position, function in list(hooks):
        if position != index:
            continue
        given = wrap(dy)
        replaced = function(given)
        if replaced is not None:
            array = (<TensorBase>replaced)._data if isinstance(replaced, TensorBase) else replaced
            if not isinstance(array, ndarray):
                raise TypeError(f"hook: it must return a tensor, an array or None, not {type(replaced).__name__}")
            if array.shape != dy.shape:
                raise RuntimeError(f"hook: the gradient has shape {dy.shape}, the hook returned {array.shape}")
            dy = array.astype(dy.dtype, copy=False)
    return dy


cdef accumulate_leaf(TensorBase leaf, object dy, bint fresh):
    """leaf.grad += dy. The first gradient of a backward pass moves in without a copy if nobody else holds it."""
    cdef TensorBase grad
    if leaf._hooks:
        dy = run_hooks(leaf._hooks, 0, dy)
        fresh = False
    if leaf.grad is None:
        leaf.grad = wrap(dy if fresh else dy.copy())
    else:
        grad = <TensorBase>leaf.grad
        np.add(grad._data, dy, out=grad._data)
        grad.version.count += 1


cdef dict count_uses(Node root):
    """For each node that root depends on: how many recorded operations use its results."""
    cdef dict uses = {root: 0}
    cdef list stack = [root]
    cdef Node node
    while stack:
        node = <Node>stack.pop()
        if node.gradient is None:
            raise RuntimeError(
                f"backward: the record of {node.name} was freed by an earlier backward(); "
                "call that one with retain_graph=True to go through it again"
            )
        for before in node.inputs:
            if type(before) is Node:
                if before in uses:
                    uses[before] += 1
                else:
                    uses[before] = 1
                    stack.append(before)
    return uses


def backward(TensorBase tensor, object gradient=None, bint retain_graph=False):
    """Computes dC/dw into w.grad for every leaf w that `tensor` (= C) depends on. See Tensor.backward."""
    cdef Node node
    cdef TensorBase leaf
    cdef list ready, dys
    cdef dict uses, arrived
    cdef int i, position
    if not tensor._requires_grad:
        raise RuntimeError("backward: this tensor needs no gradient (requires_grad is False) and nothing was recorded")
    if gradient is None:
        if tensor._data.size != 1:
            raise RuntimeError(
                f"backward: without a gradient argument the tensor must hold one number, it has shape {tensor._data.shape}"
            )
        dy = np.ones(tensor._data.shape, tensor._data.dtype)
    else:
        dy = (<TensorBase>gradient)._data if isinstance(gradient, TensorBase) else np.asarray(gradient)
        if dy.shape != tensor._data.shape:
            raise ValueError(f"backward: gradient has shape {dy.shape} but the tensor has {tensor._data.shape}")
        dy = dy.astype(tensor._data.dtype)
    if tensor.grad_fn is None:
        accumulate_leaf(tensor, dy, True)
        return
    uses = count_uses(tensor.grad_fn)
    arrived = {tensor.grad_fn: [None] * tensor.grad_fn.outputs}
    arrived[tensor.grad_fn][tensor._index] = dy
    ready = [tensor.grad_fn]
    while ready:
        node = <Node>ready.pop()
        dys = arrived.pop(node)
        if node.hooks:
            for i in range(node.outputs):
                if dys[i] is not None:
                    dys[i] = run_hooks(node.hooks, i, dys[i])
        grads = call_gradient(node, dys)
        for position in range(len(node.inputs)):
            before = node.inputs[position]
            if before is None:
                continue
            dx = grads[position]
            if type(before) is Node:
                if before not in arrived:
                    arrived[before] = [None] * (<Node>before).outputs
                if dx is not None:
                    add_to(arrived[before], (<tuple>node.indices)[position], dx)
                uses[before] -= 1
                if uses[before] == 0:
                    ready.append(before)
            elif dx is not None:
                accumulate_leaf(<TensorBase>before, dx, is_fresh(dx, dys, grads))
        if not retain_graph:
            node.gradient = None
            node.saved = ()
            node.inputs = ()
            node.hooks = None  # they may hold the tensor, and with it this node


cdef add_to(list dys, int index, object dx):
    # Never in place: an operation may have handed the same array to several inputs.
    # asarray, because the sum of two arrays without dimensions is a number to numpy.
    dys[index] = dx if dys[index] is None else np.asarray(np.add(dys[index], dx))


cdef bint is_fresh(object dx, list dys, object grads):
    """Whether nobody else holds dx: it is no view, not what came in, and was returned only once."""
    cdef int times = 0
    if isinstance(dx.base, ndarray):
        return False
    for dy in dys:
        if dy is dx:
            return False
    for other in grads:
        times += other is dx
    return times == 1


cdef tuple call_gradient(Node node, list dys):
    cdef Version version
    cdef tuple needs
    cdef int i
    for name, version, count in node.saved:
        if version.count != count:
            raise RuntimeError(
                f"backward: {node.name} needs its {name}, but it was changed in place after it was used "
                f"(version {version.count}, expected {count}); change a copy instead"
            )
    needs = tuple([before is not None for before in node.inputs])
    alive = False
    for dy in dys:
        alive = alive or dy is not None
    if not alive:
        return (None,) * len(node.inputs)
    grads = node.gradient(tuple(dys) if node.several else dys[0], needs)
    if type(grads) is not tuple:
        grads = (grads,)
    if len(grads) != len(node.inputs):
        raise RuntimeError(f"{node.name}: its gradient gave {len(grads)} arrays for {len(node.inputs)} inputs")
    for i in range(len(grads)):
        if needs[i] and grads[i] is not None and (<object>grads[i]).shape != node.shapes[i]:
            raise RuntimeError(
                f"{node.name}: the gradient for input {i} has shape {grads[i].shape}, the input {node.shapes[i]}"
            )
    return grads
