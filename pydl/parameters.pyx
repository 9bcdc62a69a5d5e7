"""The walk over all parameters of a model that every step of an optimizer makes.

A model may have hundreds of parameters of a few numbers each. Looking at each of them in Python takes longer than
moving them does.
"""

cimport numpy as cnp

from ._native import empty



def batches(list params, dict state, str counted, set_aside, /):
    """(params, weights, gradients, states) for each batch of parameters that can move in one kernel call.

    Left out are parameters without a gradient. One batch has one dtype, and the states in it have the same number
    under the name `counted`, or all or none of them have an array there. Weights and gradients are contiguous, copies
    if need be. set_aside(param) is told of those whose gradient is not of their shape and dtype, which are left out.
    """
    cdef dict found = {}
    cdef TensorBase param
    cdef int kind, last_kind = -1
    cdef list own, weights, gradients, states
    last = None
    for each in params:
        param = <TensorBase?>each
        if param._grad is None:
            continue
        if not fits(param):
            set_aside(param)
            continue
        own_state = state.get(param)
        if own_state is None:
            own_state = state[param] = {}
        count = (<dict>own_state).get(counted)
        if cnp.PyArray_Check(count):
            count = True
        kind = cnp.PyArray_TYPE(param._data)
        if kind != last_kind or count != last:
            key = (kind, count)
            if key not in found:
                found[key] = ([], [], [], [])
            own, weights, gradients, states = found[key]
            last_kind, last = kind, count
        own.append(param)
        weights.append(contiguous(param._data))
        gradients.append(contiguous(param._grad._data))
        states.append(own_state)
    return found.values()


cdef bint fits(TensorBase param):
    """Whether the gradient has the parameter's shape and dtype."""
    gradient = param._grad._data
    return cnp.PyArray_TYPE(gradient) == cnp.PyArray_TYPE(param._data) and cnp.PyArray_SAMESHAPE(
        gradient, param._data
    )


cdef object contiguous(object array):
    # Not np.ascontiguousarray, which gives a 0-dimensional array a dimension.
    return array if cnp.PyArray_IS_C_CONTIGUOUS(array) else array.copy(order="C")


def moved(list params, list weights, /):
    """Says that the parameters have changed in place, and copies back the weights that are copies."""
    cdef TensorBase param
    cdef Py_ssize_t i
    for i in range(len(params)):
        param = <TensorBase?>params[i]
        if weights[i] is not param._data:
            param._data[...] = weights[i]
        param.version.count += 1


def state_arrays(list states, str name, list weights, double first=0.0, /):
    """The array `name` of every state; where there is none yet, one like the weight, filled with `first`."""
    cdef list arrays = []
    cdef Py_ssize_t i
    for i in range(len(states)):
        array = (<dict>states[i]).get(name)
        if array is None:
            array = empty(weights[i].shape, weights[i].dtype)
            array[...] = first
            (<dict>states[i])[name] = array
        arrays.append(array)
    return arrays


def count_step(list states, /):
    """Adds 1 to the number of steps that these states, which are equally old, have made, and returns it."""
    cdef object step = int((<dict>states[0]).get("step", 0)) + 1
    for state in states:
        (<dict>state)["step"] = step
    return step


def gradient_lists(str name, params, /):
    """The gradients of those parameters that have one, in contiguous memory, and their arrays: a list a dtype."""
    cdef list gradients = []
    cdef dict arrays = {}
    cdef TensorBase gradient
    cdef int kind, last_kind = -1
    cdef list own
    for param in params:
        if not isinstance(param, TensorBase):
            raise TypeError(f"{name}: parameters must be Tensors, not {type(param).__name__}")
        if (<TensorBase>param)._grad is None:
            continue
        gradient = (<TensorBase>param)._grad
        if not cnp.PyArray_IS_C_CONTIGUOUS(gradient._data):
            gradient.data = gradient._data.copy(order="C")
        kind = cnp.PyArray_TYPE(gradient._data)
        if kind != last_kind:
            own = arrays.setdefault(kind, [])
            last_kind = kind
        gradients.append(gradient)
        own.append(gradient._data)
    return gradients, list(arrays.values())


def are_unchanged(list tensors, list arrays, list counts, /):
    """Whether the tensors still have these arrays, and those with a count are of that version."""
    cdef Py_ssize_t i
    cdef TensorBase tensor
    for i in range(len(tensors)):
        tensor = <TensorBase>tensors[i]
        if tensor._data is not arrays[i]:
            return False
        if counts[i] is not None and tensor.version.count != <long long>counts[i]:
            return False
    return True


def changed(list tensors, /):
    """Says that the tensors have changed in place."""
    for tensor in tensors:
        (<TensorBase?>tensor).version.count += 1


def put_gradients(list tensors, list arrays, /):
    """Gives each tensor the gradient that lies in the array, or none."""
    cdef Py_ssize_t i
    for i in range(len(tensors)):
        (<TensorBase?>tensors[i])._grad = None if arrays[i] is None else wrap(arrays[i])


def are_set(list tensors, list needs, list modules, list modes, /):
    """Whether the tensors need gradients, and have no hooks, and the modules train as these lists say."""
    cdef Py_ssize_t i
    cdef TensorBase tensor
    for i in range(len(tensors)):
        tensor = <TensorBase?>tensors[i]
        if tensor._requires_grad is not needs[i] or tensor._hooks:
            return False
    for i in range(len(modules)):
        if modules[i].training is not modes[i]:
            return False
    return True
