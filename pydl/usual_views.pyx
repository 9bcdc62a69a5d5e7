"""Views of usual arrays, and what indices and reductions need of their shapes."""

cimport numpy as cnp
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE

from ._native import empty

REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}  # the words of losses as numbers for kernels: see csrc/loss.h
cdef dict reductions = REDUCTIONS


def plain_part(x, index, /):
    """x[index] as an array, for an index of whole numbers, slices, None and ... alone that fits; else None."""
    cdef bint whole = False
    if type(index) is tuple:
        for each in <tuple>index:
            if each is Ellipsis:
                whole = True
            elif type(each) is not int and type(each) is not slice and each is not None:
                return None
        if not whole:  # an array also where numpy would give a number
            index = <tuple>index + (Ellipsis,)
    elif type(index) is int or type(index) is slice or index is None:
        index = (index, Ellipsis)
    else:
        return None
    try:
        return x[index]
    except (IndexError, TypeError, ValueError, OverflowError):
        return None


def usual_numbers(index, cnp.ndarray x not None, Py_ssize_t dim, /):
    """index, an array or a tensor, as the kernels that move numbers along a dimension of x take it, if it holds int64
    without gaps and has one dimension, or the shape of x but for this dimension; else None. It is a copy where the
    gradient of the operation that asks will read it, and must not see later changes.
    """
    cdef int d, rank = cnp.PyArray_NDIM(x)
    if isinstance(index, TensorBase):
        index = (<TensorBase>index)._data
    if (
        not cnp.PyArray_CheckExact(index)
        or cnp.PyArray_TYPE(index) != cnp.NPY_INT64
        or not cnp.PyArray_ISCARRAY_RO(index)
        or cnp.PyArray_TYPE(x) > cnp.NPY_DOUBLE
        or not cnp.PyArray_ISBEHAVED_RO(x)
        or cnp.PyArray_SIZE(x) == 0
    ):
        return None
    if cnp.PyArray_NDIM(index) == rank:
        for d in range(rank):
            if d != dim and cnp.PyArray_DIM(index, d) != cnp.PyArray_DIM(x, d):
                return None
    elif cnp.PyArray_NDIM(index) != 1:
        return None
    return cnp.PyArray_NewCopy(index, cnp.NPY_CORDER) if pydl_wanted and not pydl_noting else index


def usual_rows(numbers, weight, /):
    """For usual numbers of rows of weight (V, D): the numbers with one dimension, as usual_numbers() returns them, an
    array (*, D) for the rows, and what gather_forward takes to write them; else None."""
    cdef cnp.npy_intp sizes[MOST_DIMENSIONS_OF_VIEWS]
    cdef cnp.npy_intp as_lines[3]
    cdef int d, rank
    if float_type(weight) < 0 or cnp.PyArray_NDIM(weight) != 2 or not cnp.PyArray_CheckExact(numbers):
        return None
    if not cnp.PyArray_IS_C_CONTIGUOUS(numbers):
        return None
    index = usual_numbers(flat(numbers), weight, 0)
    if index is None:
        return None
    rank = cnp.PyArray_NDIM(numbers)
    for d in range(rank):
        sizes[d] = cnp.PyArray_DIM(numbers, d)
    as_lines[0], as_lines[1] = 1, cnp.PyArray_SIZE(numbers)
    sizes[rank] = as_lines[2] = cnp.PyArray_DIM(weight, 1)
    y = pydl_new_array(<object>cnp.PyArray_DESCR(weight), rank + 1, sizes)
    return index, y, (along(weight, 0), for_all(index, 1, as_lines[2]), with_sizes(y, 3, as_lines))


def along(cnp.ndarray array not None, Py_ssize_t dim, /):
    """The array as (A, K, B) with K the size of `dim`: a view where the layout allows one."""
    cdef cnp.npy_intp sizes[3]
    cdef cnp.PyArray_Dims shape
    cdef Py_ssize_t d, rank = cnp.PyArray_NDIM(array)
    sizes[0] = sizes[2] = 1
    sizes[1] = cnp.PyArray_DIM(array, dim) if rank > 0 else 1
    for d in range(rank):
        if d != dim:
            sizes[0 if d < dim else 2] *= cnp.PyArray_DIM(array, d)
    shape.ptr, shape.len = sizes, 3
    if not (are_one(array, 0, dim) and are_one(array, dim + 1, rank)):
        array = copy_of(array)
    return cnp.PyArray_Newshape(array, &shape, cnp.NPY_CORDER)


def for_all(cnp.ndarray numbers not None, Py_ssize_t A, Py_ssize_t B, /):
    """A vector of int64 as (A, M, B), the same for all a and b."""
    cdef cnp.npy_intp sizes[3]
    cdef cnp.npy_intp strides[3]
    sizes[0], sizes[1], sizes[2] = A, cnp.PyArray_DIM(numbers, 0), B
    strides[0], strides[1], strides[2] = 0, cnp.PyArray_STRIDE(numbers, 0), 0
    return strided(numbers, 3, sizes, strides)


cdef bint overlap(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether the memory from an array's first element to its last has some of the other's: np.may_share_memory()."""
    cdef const char* first[2]
    cdef const char* end[2]
    if cnp.PyArray_SIZE(a) == 0 or cnp.PyArray_SIZE(b) == 0:
        return False
    find_memory(a, first, end)
    find_memory(b, first + 1, end + 1)
    return first[0] < end[1] and first[1] < end[0]


cdef void find_memory(cnp.ndarray array, const char** first, const char** end) noexcept:
    cdef Py_ssize_t reach
    cdef int d
    first[0] = <const char*>cnp.PyArray_DATA(array)
    end[0] = first[0] + cnp.PyArray_ITEMSIZE(array)
    for d in range(cnp.PyArray_NDIM(array)):
        reach = cnp.PyArray_STRIDE(array, d) * (cnp.PyArray_DIM(array, d) - 1)
        if reach < 0:
            first[0] += reach
        else:
            end[0] += reach


def flat(cnp.ndarray array not None, /):
    """The array with one dimension: itself, or a view where the layout allows one."""
    cdef cnp.npy_intp size = cnp.PyArray_SIZE(array)
    cdef cnp.PyArray_Dims shape
    if cnp.PyArray_NDIM(array) == 1:
        return array
    shape.ptr, shape.len = &size, 1
    if not are_one(array, 0, cnp.PyArray_NDIM(array)):
        array = copy_of(array)
    return cnp.PyArray_Newshape(array, &shape, cnp.NPY_CORDER)


def usual_class_loss(input, target, weight, ignore_index, reduction, /):
    """For a loss of classes: the number of the reduction, input, the same as (N, C, D), target as (N, D), an array for
    the loss, and the same with one dimension. None if target does not hold one label for each line of input (C,),
    (N, C) or (N, C, d1, ...), or weight, where there is one, a number for each class, or the settings are not plain.
    That the labels are classes of input is left to the native kernels, which look at them anyway.
    """
    cdef int kind = float_type(input), rank, axis, d
    cdef object reduced = reductions.get(reduction) if type(reduction) is str else None
    cdef cnp.npy_intp sizes[2]
    cdef Py_ssize_t classes
    if reduced is None or type(ignore_index) is not int or not -(1 << 31) <= ignore_index < 1 << 31:
        return None
    if not native_chosen or kind < 0 or cnp.PyArray_NDIM(input) == 0 or not is_usual(target):
        return None
    rank = cnp.PyArray_NDIM(input)
    axis = 1 if rank > 1 else 0
    classes = cnp.PyArray_DIM(input, axis)
    if cnp.PyArray_NDIM(target) != rank - 1 or not (weight is None or has_size(weight, kind, classes, -1)):
        return None
    sizes[0] = sizes[1] = 1
    for d in range(rank - 1):
        if cnp.PyArray_DIM(target, d) != cnp.PyArray_DIM(input, d if d < axis else d + 1):
            return None
        sizes[0 if d < axis else 1] *= cnp.PyArray_DIM(target, d)
    if classes == 0 or cnp.PyArray_TYPE(target) != cnp.NPY_INT64:
        return None
    if rank != 2 and not cnp.PyArray_IS_C_CONTIGUOUS(target):
        return None
    rank = 0 if reduced else cnp.PyArray_NDIM(target)
    y = pydl_new_array(<object>cnp.PyArray_DESCR(input), rank, cnp.PyArray_DIMS(target))
    return reduced, input, along(input, axis), with_sizes(target, 2, sizes), y, flat(y)


cdef bint are_one(cnp.ndarray array, Py_ssize_t begin, Py_ssize_t end):
    """Whether dimensions lie like one. If not, numpy would copy, of which recordings do not know: copy_of() does."""
    cdef Py_ssize_t d, step = 0, run = 0
    if cnp.PyArray_IS_C_CONTIGUOUS(array):
        return True
    for d in range(end - 1, begin - 1, -1):
        if cnp.PyArray_DIM(array, d) != 1:
            if run > 0 and cnp.PyArray_STRIDE(array, d) != step * run:
                return False
            step, run = cnp.PyArray_STRIDE(array, d), cnp.PyArray_DIM(array, d)
    return True


def empty_reduced(x, tuple ones, tuple shape, /):
    """An array for what a reduction makes of x, and the same array with dimensions of size 1 in place of the reduced."""
    y = empty(shape, <object>cnp.PyArray_DESCR(x))
    return y, y if ones is shape or PyTuple_GET_SIZE(ones) == PyTuple_GET_SIZE(shape) else with_shape(y, ones)


def repeated(cnp.ndarray array not None, tuple ones, tuple shape, /):
    """An array of the shape `ones` but for missing dimensions of size 1, as a view that repeats it to `shape`."""
    cdef cnp.ndarray lines = array if has_shape(array, ones) else with_shape(array, ones)
    cdef cnp.npy_intp sizes[MOST_DIMENSIONS_OF_VIEWS]
    cdef cnp.npy_intp strides[MOST_DIMENSIONS_OF_VIEWS]
    cdef int d, rank = cnp.PyArray_NDIM(lines)
    for d in range(rank):
        sizes[d] = <Py_ssize_t><object>PyTuple_GET_ITEM(shape, d)
        strides[d] = cnp.PyArray_STRIDE(lines, d) if cnp.PyArray_DIM(lines, d) == sizes[d] else 0
    return strided(lines, rank, sizes, strides)


cdef cnp.ndarray strided(cnp.ndarray array, int rank, cnp.npy_intp* sizes, cnp.npy_intp* strides):
    """A view of the array for reading, with other sizes and strides."""
    view = cnp.PyArray_New(
        np.ndarray, rank, sizes, cnp.PyArray_TYPE(array), strides, cnp.PyArray_DATA(array), 0, cnp.NPY_ARRAY_ALIGNED, None
    )
    Py_INCREF(array)
    cnp.PyArray_SetBaseObject(view, array)
    return view


def seen_as(cnp.ndarray array not None, tuple shape, /):
    """array.reshape(shape), with as many elements, if these lie one behind another; else None."""
    return with_shape(array, shape) if cnp.PyArray_IS_C_CONTIGUOUS(array) else None


cdef cnp.ndarray with_shape(cnp.ndarray array, tuple shape):
    """array.reshape(shape)"""
    cdef cnp.npy_intp sizes[MOST_DIMENSIONS_OF_VIEWS]
    cdef int d, rank = <int>PyTuple_GET_SIZE(shape)
    for d in range(rank):
        sizes[d] = <Py_ssize_t><object>PyTuple_GET_ITEM(shape, d)
    return with_sizes(array, rank, sizes)


cdef cnp.ndarray with_sizes(cnp.ndarray array, int rank, cnp.npy_intp* sizes):
    cdef cnp.PyArray_Dims wanted
    wanted.ptr, wanted.len = sizes, rank
    return cnp.PyArray_Newshape(array, &wanted, cnp.NPY_CORDER)
