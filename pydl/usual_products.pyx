"""Products of usual arrays: the arrays for the results of vectors, matrices and batches of them."""

cimport numpy as cnp


cdef bint have_ranks(object left, object right, int rank, int other):
    """Whether two usual arrays have so many dimensions, and batches as many matrices."""
    cdef cnp.ndarray a, b
    if float_type(left) < 0 or float_type(right) < 0:
        return False
    a, b = <cnp.ndarray>left, <cnp.ndarray>right
    return (
        cnp.PyArray_NDIM(a) == rank
        and cnp.PyArray_NDIM(b) == other
        and (rank < 3 or cnp.PyArray_DIM(a, 0) == cnp.PyArray_DIM(b, 0))
    )


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
    """Two usual arrays that fit, of which one is a vector or has fewer dimensions, as the kernel takes them: two vectors,
    or (batches of) matrices of one rank; the array for their product; and the same as it is returned. Else None."""
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
    if rank_a == 1 and rank_b == 1:
        if cnp.PyArray_DIM(a, 0) != cnp.PyArray_DIM(b, 0):
            return None
        sizes[0] = 1  # of no dimension, which compilers do not see
        product = pydl_new_array(<object>cnp.PyArray_DESCR(a), 0, sizes)
        return a, b, product, product
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


cdef object usual_pairs(object left, object right):
    """Two usual vectors as a column and as they are, and the array for the products of all pairs; else None."""
    cdef cnp.npy_intp sizes[2]
    if float_type(left) != float_type(right):
        return None
    sizes[0], sizes[1] = cnp.PyArray_DIM(<cnp.ndarray>left, 0), 1
    column = with_sizes(<cnp.ndarray>left, 2, sizes)
    sizes[1] = cnp.PyArray_DIM(<cnp.ndarray>right, 0)
    y = pydl_new_array(<object>cnp.PyArray_DESCR(<cnp.ndarray>left), 2, sizes)
    return column, right, y, y
