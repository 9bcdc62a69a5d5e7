"""backward: the tape is replayed, last operation first, and gradients arrive at the leaves.

The nodes that C depends on are visited in reverse topological order, so that dC/dy is complete, summed over all uses
of y, before it is passed on:

    dC/da = sum over all operations y that used a of  dC/dy * dy/da          (the chain rule)

Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323 (1986);
Baydin et al., "Automatic differentiation in machine learning: a survey", JMLR 18 (2018), section 3.2.
"""

cimport numpy as cnp
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE

import cython
import numpy as np

from ._native import empty


@cython.freelist(64)
cdef class Arrival:
    """What has come back to a node.

    uses   how many of the operations that use its results have not been replayed yet
    dys    dC/dy of its result, a list if it has several; None where nothing has arrived
    sums   which of them are sums, so that more can be added in place
    """

    cdef Node node
    cdef int uses
    cdef object dys
    cdef set sums

    cdef add(self, int index, object dx):
        before = (<list>self.dys)[index] if self.node.several else self.dys
        if isinstance(dx, Summand):
            if before is not None and self.sums is not None and index in self.sums:
                dx.add_to(before)
                return
            dx = dx.array()
            self.is_sum(index)
            if before is not None:
                before, dx = dx, before
        if before is not None:
            # Not into what came from an operation: it may have handed the same array to several inputs.
            dx = sum_of(before, dx, self.sums is not None and index in self.sums)
            self.is_sum(index)
        if self.node.several:
            (<list>self.dys)[index] = dx
        else:
            self.dys = dx

    cdef is_sum(self, int index):
        if self.sums is None:
            self.sums = set()
        self.sums.add(index)


cdef Arrival expect(dict arrivals, Node node):
    cdef Arrival arrival = Arrival.__new__(Arrival)
    if node.gradient is None:
        raise RuntimeError(
            f"backward: the record of {node.name} was freed by an earlier backward(); "
            "call that one with retain_graph=True to go through it again"
        )
    arrival.node = node
    arrival.uses = 0
    arrival.dys = [None] * node.outputs if node.several else None
    arrivals[node] = arrival
    return arrival


cdef dict count_uses(Node root):
    """An Arrival for each node that root depends on."""
    cdef dict arrivals = {}
    cdef Arrival arrival
    cdef list stack = [root]
    cdef Node node
    expect(arrivals, root)
    while stack:
        node = <Node>stack.pop()
        for before in node.inputs:
            if type(before) is Node:
                found = arrivals.get(before)
                if found is None:
                    arrival = expect(arrivals, <Node>before)
                    stack.append(before)
                else:
                    arrival = <Arrival>found
                arrival.uses += 1
    return arrivals


def backward(TensorBase tensor, object gradient=None, bint retain_graph=False):
    """Computes dC/dw into w.grad for every leaf w that `tensor` (= C) depends on. See Tensor.backward."""
    cdef Node node
    cdef Arrival arrival, earlier
    cdef list ready
    cdef dict arrivals, waiting = {}
    cdef int i
    if not tensor._requires_grad:
        raise RuntimeError("backward: this tensor needs no gradient (requires_grad is False) and nothing was recorded")
    dy = first_gradient(tensor, gradient)
    if tensor.grad_fn is None:
        accumulate_leaf(tensor, dy, True)
        return
    arrivals = count_uses(tensor.grad_fn)
    arrival = <Arrival>arrivals[tensor.grad_fn]
    arrival.add(tensor._index, dy)
    ready = [arrival]
    while ready:
        arrival = <Arrival>ready.pop()
        node, dys = arrival.node, arrival.dys
        arrival.dys = None
        if node.hooks:
            dys = run_node_hooks(node, dys)
        grads = call_gradient(node, dys)
        for i in range(<int>PyTuple_GET_SIZE(node.inputs)):
            before = <object>PyTuple_GET_ITEM(node.inputs, i)
            if before is None:
                continue
            dx = <object>PyTuple_GET_ITEM(grads, i)
            if type(before) is Node:
                earlier = <Arrival>arrivals[before]
                if dx is not None:
                    earlier.add(0 if node.indices is None else <int><object>PyTuple_GET_ITEM(node.indices, i), dx)
                earlier.uses -= 1
                if earlier.uses == 0:
                    ready.append(earlier)
            elif dx is not None:
                if isinstance(dx, TensorBase):  # see sparse.py
                    dx.arrive(before)
                elif isinstance(dx, Summand):
                    wait_for_more(waiting, <TensorBase>before, <Summand>dx)
                else:
                    accumulate_leaf(<TensorBase>before, dx, is_fresh(dx, dys, grads))
        if not retain_graph:
            node.gradient = None
            node.operands = None
            node.saved = ()
            node.inputs = ()
            node.hooks = None  # they may hold the tensor, and with it this node
    add_all_to_leaves(waiting)


cdef object first_gradient(TensorBase tensor, object gradient):
    """dC/dC: 1, or what the caller gives: copied where it is to be a leaf's gradient."""
    cdef cnp.ndarray dy
    if gradient is None:
        if cnp.PyArray_SIZE(tensor._data) != 1:
            raise RuntimeError(
                f"backward: without a gradient argument the tensor must hold one number, it has shape {shape_of(tensor._data)}"
            )
        dy = new_like(tensor._data)
        cnp.PyArray_SETITEM(dy, <char*>cnp.PyArray_DATA(dy), 1.0)
        return dy
    given = <object>(<TensorBase>gradient)._data if isinstance(gradient, TensorBase) else np.asarray(gradient)
    if given.shape != shape_of(tensor._data):
        raise ValueError(f"backward: gradient has shape {given.shape} but the tensor has {shape_of(tensor._data)}")
    return given.astype(tensor._data.dtype, copy=tensor.grad_fn is None)


cdef tuple call_gradient(Node node, object dys):
    cdef Version version
    cdef bint alive = dys is not None, fits
    cdef int i
    for name, version, count in node.saved:
        if version.count != count:
            raise RuntimeError(
                f"backward: {node.name} needs its {name}, but it was changed in place after it was used "
                f"(version {version.count}, expected {count}); change a copy instead"
            )
    if node.several:
        alive = False
        for dy in <list>dys:
            alive = alive or dy is not None
    if not alive:
        return (None,) * len(node.inputs)
    if pydl_noting:
        dys = [without_gaps(dy) for dy in <list>dys] if node.several else without_gaps(dys)
    if node.operands is not None:
        grads = node.gradient(dys, node.needs, <object>PyTuple_GET_ITEM(node.operands, 0),
                              <object>PyTuple_GET_ITEM(node.operands, 1))
    else:
        grads = node.gradient(tuple(<list>dys) if node.several else dys, node.needs)
    if type(grads) is not tuple:
        grads = (grads,)
    if len(<tuple>grads) != len(node.inputs):
        raise RuntimeError(f"{node.name}: its gradient gave {len(grads)} arrays for {len(node.inputs)} inputs")
    for i in range(<int>PyTuple_GET_SIZE(grads)):
        dx = <object>PyTuple_GET_ITEM(grads, i)
        if dx is None or <object>PyTuple_GET_ITEM(node.inputs, i) is None:
            continue
        if isinstance(dx, TensorBase):
            if type(<object>PyTuple_GET_ITEM(node.inputs, i)) is Node:
                raise RuntimeError(
                    f"{node.name}: a sparse gradient is for a table that is a parameter, this one was computed from others"
                )
            continue
        if not isinstance(dx, Summand) and not cnp.PyArray_Check(dx):  # numpy makes numbers of some results
            grads = (*grads[:i], np.asarray(dx), *grads[i + 1 :])
            dx = <object>PyTuple_GET_ITEM(grads, i)
        if isinstance(dx, Summand):
            fits = (<Summand>dx).shape == node.shapes[i]
        elif node.shapes is None:
            fits = cnp.PyArray_SAMESHAPE(<cnp.ndarray>dx, <cnp.ndarray>PyTuple_GET_ITEM(node.operands, i))
        else:
            fits = has_shape(<cnp.ndarray>dx, <tuple><object>PyTuple_GET_ITEM(node.shapes, i))
        if not fits:
            shape = node.operands[i].shape if node.shapes is None else node.shapes[i]
            raise RuntimeError(f"{node.name}: the gradient for input {i} has shape {dx.shape}, the input {shape}")
    return <tuple>grads


cdef object without_gaps(object dy):
    """dy, copied by the kernel where numpy would need a copy to give it another shape: replays do not know of that."""
    return dy if dy is None or cnp.PyArray_IS_C_CONTIGUOUS(dy) else copy_of(dy)


cdef object run_node_hooks(Node node, object dys):
    if not node.several:
        return dys if dys is None else run_hooks(node.hooks, 0, dys)
    return [None if dys[i] is None else run_hooks(node.hooks, i, dys[i]) for i in range(node.outputs)]


cdef object run_hooks(list hooks, int index, object dy):
    cdef TensorBase given
    for position, function in list(hooks):
        if position != index:
            continue
        given = wrap(dy)
        replaced = function(given)
        if replaced is not None:
            array = <object>(<TensorBase>replaced)._data if isinstance(replaced, TensorBase) else replaced
            if not cnp.PyArray_Check(array):
                raise TypeError(f"hook: it must return a tensor, an array or None, not {type(replaced).__name__}")
            if array.shape != dy.shape:
                raise RuntimeError(f"hook: the gradient has shape {dy.shape}, the hook returned {array.shape}")
            dy = array.astype(dy.dtype, copy=False)
    return dy
