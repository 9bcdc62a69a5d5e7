"""The usual arguments of operations, recognised fast: aligned float32 or float64 arrays, all of one dtype.

What is not usual is left to the checks in arguments.py and ops/broadcasting.py, which convert it or say what is wrong.
"""

cimport numpy as cnp
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE

from ._native import empty, empty_like

cdef enum:
    MOST_DIMENSIONS_OF_VIEWS = 64  # that any numpy can have


cdef inline int float_type(object value) noexcept:
    """numpy's number of the dtype, -1 for what is not usual."""
    cdef int kind
    if not cnp.PyArray_CheckExact(value):
        return -1
    kind = cnp.PyArray_TYPE(<cnp.ndarray>value)
    if kind != cnp.NPY_FLOAT32 and kind != cnp.NPY_FLOAT64:
        return -1
    return kind if cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>value) else -1


def is_usual_float(value):
    """Whether it is a usual array."""
    return float_type(value) >= 0


def is_usual(value):
    """Whether it is an array of floats as above, or one of integers or truth values that is aligned and native."""
    return float_type(value) >= 0 or (
        cnp.PyArray_CheckExact(value)
        and cnp.PyArray_TYPE(value) <= cnp.NPY_ULONGLONG
        and cnp.PyArray_ISBEHAVED_RO(value)
    )


def are_usual_floats(list arrays):
    """Whether all are usual arrays of one dtype, or tensors of such, and there is one at least."""
    cdef int kind = -1
    for value in arrays:
        if isinstance(value, TensorBase):
            value = (<TensorBase>value)._data
        if kind < 0:
            kind = float_type(value)
            if kind < 0:
                return False
        elif float_type(value) != kind:
            return False
    return kind >= 0


def usual_floats(dict arrays, tuple optional):
    """The values as a list if they are usual arrays, or None where their name is in `optional`; None if not."""
    cdef int kind = -1
    for name, value in arrays.items():
        if value is None:
            if name not in optional:
                return None
        elif kind < 0:
            kind = float_type(value)
            if kind < 0:
                return None
        elif float_type(value) != kind:
            return None
    return list(arrays.values())


def fits_cell(int gates, tuple states, x, w_ih, w_hh, b_ih, b_hh):
    """Whether a recurrent cell of so many gates takes these usual arrays, or tensors of such, all of one dtype:
    x (B, D), w_ih (gates H, D), w_hh (gates H, H), b_ih and b_hh (gates H) or None, each state (B, H)."""
    cdef cnp.ndarray input = array_of(x), square = array_of(w_hh)
    cdef Py_ssize_t B, D, H, rows
    cdef int kind = float_type(input)
    if kind < 0 or cnp.PyArray_NDIM(input) != 2 or float_type(square) != kind or cnp.PyArray_NDIM(square) != 2:
        return False
    B, D, H = cnp.PyArray_DIM(input, 0), cnp.PyArray_DIM(input, 1), cnp.PyArray_DIM(square, 1)
    rows = gates * H
    for state in states:
        if not has_size(state, kind, B, H):
            return False
    return (
        cnp.PyArray_DIM(square, 0) == rows
        and has_size(w_ih, kind, rows, D)
        and (b_ih is None or has_size(b_ih, kind, rows, -1))
        and (b_hh is None or has_size(b_hh, kind, rows, -1))
    )


cdef inline cnp.ndarray array_of(object value):
    """The array of a tensor; else the value, which the caller asks whether it is an array."""
    return (<TensorBase>value)._data if isinstance(value, TensorBase) else <cnp.ndarray>value


cdef bint has_size(object value, int kind, Py_ssize_t rows, Py_ssize_t columns):
    """Whether it is a usual array, or a tensor of one, of that dtype and (rows, columns), or (rows) for -1 columns."""
    cdef cnp.ndarray array = array_of(value)
    return (
        float_type(array) == kind
        and cnp.PyArray_NDIM(array) == (1 if columns < 0 else 2)
        and cnp.PyArray_DIM(array, 0) == rows
        and (columns < 0 or cnp.PyArray_DIM(array, 1) == columns)
    )


def usual_operands(a, b):
    """What operands() in ops/broadcasting.py returns, for two usual arrays, or one and a Python number; else None."""
    cdef int of_a = float_type(a), of_b = float_type(b)
    if of_a < 0 and of_b >= 0 and is_number(a):
        of_a, a = of_b, number(a, b)
    elif of_b < 0 and of_a >= 0 and is_number(b):
        of_b, b = of_a, number(b, a)
    if of_a < 0 or of_a != of_b:
        return None
    dtype = a.dtype
    shape = shape_of(a)
    if has_shape(b, shape):
        form = (shape, dtype)
        return a, b, result_of(a, b), form, form
    other = shape_of(b)
    common = broadcast(shape, other)
    if common is None:
        return None
    # In the order of the operand that is not repeated, if there is one.
    y = empty_like(a) if common == shape else empty_like(b) if common == other else empty(common, dtype)
    return a, b, y, (shape, dtype), (other, dtype)


def usual_classes(value, tuple shape, long long classes):
    """Whether the value is an int64 array of that shape, without gaps or with one dimension, of numbers from 0 to
    classes - 1."""
    cdef const char* labels
    cdef Py_ssize_t i, step = sizeof(long long)
    cdef bint inside = True
    if (
        not cnp.PyArray_CheckExact(value)
        or cnp.PyArray_TYPE(value) != cnp.NPY_INT64
        or not cnp.PyArray_ISBEHAVED_RO(value)
        or not has_shape(value, shape)
    ):
        return False
    if not cnp.PyArray_IS_C_CONTIGUOUS(value):
        if cnp.PyArray_NDIM(value) != 1:
            return False
        step = cnp.PyArray_STRIDE(value, 0)
    labels = <const char*>cnp.PyArray_DATA(value)
    for i in range(cnp.PyArray_SIZE(value)):
        inside &= (<const unsigned long long*>(labels + i * step))[0] < <unsigned long long>classes
    return inside


def plain_part(x, index):
    """x[index] as an array, for an index of whole numbers, slices and None alone that fits; else None."""
    if type(index) is tuple:
        for each in <tuple>index:
            if type(each) is not int and type(each) is not slice and each is not None:
                return None
        index = <tuple>index + (Ellipsis,)
    elif type(index) is int or type(index) is slice:
        index = (index, Ellipsis)
    else:
        return None
    try:
        return x[index]
    except (IndexError, TypeError, ValueError, OverflowError):
        return None


def usual_numbers(index, cnp.ndarray x not None, Py_ssize_t dim):
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


def along(cnp.ndarray array not None, Py_ssize_t dim):
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


def for_all(cnp.ndarray numbers not None, Py_ssize_t A, Py_ssize_t B):
    """A vector of int64 as (A, M, B), the same for all a and b."""
    cdef cnp.npy_intp sizes[3]
    cdef cnp.npy_intp strides[3]
    sizes[0], sizes[1], sizes[2] = A, cnp.PyArray_DIM(numbers, 0), B
    strides[0], strides[1], strides[2] = 0, cnp.PyArray_STRIDE(numbers, 0), 0
    return strided(numbers, 3, sizes, strides)


def flat(cnp.ndarray array not None):
    """The array with one dimension: a view where the layout allows one."""
    cdef cnp.npy_intp size = cnp.PyArray_SIZE(array)
    cdef cnp.PyArray_Dims shape
    shape.ptr, shape.len = &size, 1
    if not are_one(array, 0, cnp.PyArray_NDIM(array)):
        array = copy_of(array)
    return cnp.PyArray_Newshape(array, &shape, cnp.NPY_CORDER)


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


def empty_reduced(x, tuple ones, tuple shape):
    """An array for what a reduction makes of x, and the same array with dimensions of size 1 in place of the reduced."""
    y = empty(shape, <object>cnp.PyArray_DESCR(x))
    return y, y if ones is shape or PyTuple_GET_SIZE(ones) == PyTuple_GET_SIZE(shape) else with_shape(y, ones)


def repeated(cnp.ndarray array not None, tuple ones, tuple shape):
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


cdef object usual_pair(object a, object b):
    """The array for what two usual arrays of one shape give element by element; else None."""
    cdef int kind = float_type(a)
    if kind < 0 or float_type(b) != kind or not cnp.PyArray_SAMESHAPE(<cnp.ndarray>a, <cnp.ndarray>b):
        return None
    return result_of(<cnp.ndarray>a, <cnp.ndarray>b)


cdef object result_of(cnp.ndarray a, cnp.ndarray b):
    """The array for what two usual arrays of one shape give element by element: in their order, if they share one."""
    cdef int d
    if not cnp.PyArray_IS_C_CONTIGUOUS(a):
        for d in range(cnp.PyArray_NDIM(a)):
            if cnp.PyArray_STRIDE(a, d) != cnp.PyArray_STRIDE(b, d):
                break
        else:
            return empty_like(a)
    return new_like(a)


cdef object usual_product(object left, object right):
    """The array for the product of two usual arrays that are matrices, or batches of one rank of them, and fit; else
    None."""
    cdef cnp.npy_intp sizes[MOST_DIMENSIONS_OF_VIEWS]
    cdef cnp.ndarray a, b
    cdef int kind = float_type(left), rank
    if kind < 0 or float_type(right) != kind:
        return None
    a, b = <cnp.ndarray>left, <cnp.ndarray>right
    rank = cnp.PyArray_NDIM(a)
    if rank < 2 or cnp.PyArray_NDIM(b) != rank:
        return None
    if not find_product_sizes(rank, cnp.PyArray_DIMS(a), cnp.PyArray_DIMS(b), sizes):
        return None
    return pydl_new_array(<object>cnp.PyArray_DESCR(a), rank, sizes)


cdef object usual_factors(object left, object right):
    """Two usual arrays that fit, of which one is a vector or has fewer dimensions, as (batches of) matrices of one
    rank; the array for their product; and the same as it is returned. Else None."""
    cdef cnp.npy_intp of_a[MOST_DIMENSIONS_OF_VIEWS]
    cdef cnp.npy_intp of_b[MOST_DIMENSIONS_OF_VIEWS]
    cdef cnp.npy_intp sizes[MOST_DIMENSIONS_OF_VIEWS]
    cdef cnp.ndarray a, b, product
    cdef int kind = float_type(left), rank_a, rank_b, rank
    if kind < 0 or float_type(right) != kind:
        return None
    a, b = <cnp.ndarray>left, <cnp.ndarray>right
    rank_a, rank_b = cnp.PyArray_NDIM(a), cnp.PyArray_NDIM(b)
    if rank_a == 0 or rank_b == 0:
        return None
    rank = max(rank_a, rank_b, 2)
    find_matrices(a, rank, True, of_a)
    find_matrices(b, rank, False, of_b)
    if not find_product_sizes(rank, of_a, of_b, sizes):
        return None
    product = pydl_new_array(<object>cnp.PyArray_DESCR(a), rank, sizes)
    a = a if rank_a == rank else with_sizes(a, rank, of_a)
    b = b if rank_b == rank else with_sizes(b, rank, of_b)
    if rank_a > 1 and rank_b > 1:
        return a, b, product, product
    # Without the row or the column that stands for a vector.
    if rank_a == 1:
        sizes[rank - 2] = sizes[rank - 1]
    return a, b, product, with_sizes(product, rank - (rank_a == 1) - (rank_b == 1), sizes)


cdef void find_matrices(cnp.ndarray array, int rank, bint is_left, cnp.npy_intp* sizes) noexcept:
    """The sizes of a factor as batches of matrices: a vector is a row on the left, a column on the right."""
    cdef int own = cnp.PyArray_NDIM(array), d, column = own == 1 and not is_left
    for d in range(rank):
        sizes[d] = 1
    for d in range(own):
        sizes[rank - own - column + d] = cnp.PyArray_DIM(array, d)


cdef bint find_product_sizes(int rank, const cnp.npy_intp* a, const cnp.npy_intp* b, cnp.npy_intp* sizes) noexcept:
    """The sizes of the product of (batches of) matrices that are broadcast against each other; false if they do not
    fit."""
    cdef int d
    if a[rank - 1] != b[rank - 2]:
        return False
    for d in range(rank - 2):
        if a[d] != b[d] and a[d] != 1 and b[d] != 1:
            return False
        sizes[d] = b[d] if a[d] == 1 else a[d]
    sizes[rank - 2], sizes[rank - 1] = a[rank - 2], b[rank - 1]
    return True


cpdef bint is_number(object value):
    """Whether it is a Python float, or an integer that every float dtype has."""
    return type(value) is float or (type(value) is int and -(1 << 24) <= value <= (1 << 24))


cdef object number(object value, object like):
    """An array without dimensions, of the dtype of `like`."""
    cdef cnp.ndarray array = pydl_new_array(<object>cnp.PyArray_DESCR(<cnp.ndarray>like), 0, NULL)
    cnp.PyArray_SETITEM(array, <char*>cnp.PyArray_DATA(array), value)
    return array


cdef object broadcast(tuple a, tuple b):
    """The common shape; None if there is none."""
    cdef Py_ssize_t i, lead, size, other
    if PyTuple_GET_SIZE(a) < PyTuple_GET_SIZE(b):
        a, b = b, a
    lead = PyTuple_GET_SIZE(a) - PyTuple_GET_SIZE(b)
    cdef list shape = list(a)
    for i in range(PyTuple_GET_SIZE(b)):
        size, other = <object>PyTuple_GET_ITEM(a, lead + i), <object>PyTuple_GET_ITEM(b, i)
        if size == 1:
            shape[lead + i] = other
        elif other != 1 and other != size:
            return None
    return tuple(shape)


def has_form(array, tuple form):
    """Whether the array has the shape and dtype of the pair (shape, dtype)."""
    return has_shape(array, <tuple><object>PyTuple_GET_ITEM(form, 0)) and (
        array.dtype is <object>PyTuple_GET_ITEM(form, 1)
    )
