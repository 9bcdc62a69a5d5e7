"""matmul: the product of matrices, batches of matrices and vectors.

    y[..., m, n] = sum_k a[..., m, k] b[..., k, n]

Shapes    a (*, M, K), b (*, K, N), y (*, M, N); leading dimensions are broadcast against each other. A vector a (K)
          stands for one row and a vector b (K) for one column; that dimension is not in y.
Gradient  da = dy b^T, db = a^T dy, summed over the leading dimensions along which a or b was broadcast
Source    Goto, van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34 (2008), for the native
          kernel's loops
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import remembered
from ..arguments import check_floats
from ..op import empty, kernel, op

Shape = tuple[int, ...]


@kernel(writes="y")
def matmul_forward(a, b, y):
    """A leading dimension that is 1 in y but not in a or b is summed over, which is what the gradients need.

    Two vectors and an array without dimensions are a row, a column and their product.
    """
    if a.ndim == 1:
        a, b, y = a[None], b[:, None], y[None, None]
    M, K = a.shape[-2:]
    N = b.shape[-1]
    y[...] = 0.0
    for batch in np.ndindex(np.broadcast_shapes(a.shape[:-2], b.shape[:-2])):
        A, B, Y = entry(a, batch), entry(b, batch), entry(y, batch)
        for m in range(M):
            for n in range(N):
                for k in range(K):
                    Y[m, n] += A[m, k] * B[k, n]


def entry(x, batch):
    """The matrix of x at a place in the batch; x is repeated along dimensions of size 1."""
    return x[tuple(0 if size == 1 else i for i, size in zip(batch, x.shape[:-2], strict=True))]


@matmul_forward.samples
def _(draw):
    small = draw.choice((0, 9), (1, 4))
    M, K, N = (draw.integer(*small) for _ in range(3))
    # Shapes that take the kernel's different ways: wide, tall, a long sum.
    shape = draw.choice("small", "small", "wide", "tall", "deep", "square", "vectors")
    if shape == "vectors":
        return {"a": draw.array((K,)), "b": draw.array((K,)), "y": draw.out(())}
    if shape == "wide":
        N = draw.integer(30, 300)
    elif shape == "tall":
        M = draw.integer(30, 300)
    elif shape == "deep":
        M, K, N = draw.integer(1, 6), draw.choice(300, 2100), draw.integer(1, 3)
    elif shape == "square":
        M, K, N = draw.integer(10, 30), draw.integer(10, 20), draw.integer(10, 40)
    batch = draw.shape(rank=draw.integer(0, 2) if shape == "small" else 0, high=3)
    of_a = tuple(draw.choice(size, size, 1) for size in batch)
    of_b = tuple(size if other == 1 else draw.choice(size, size, 1) for size, other in zip(batch, of_a, strict=True))
    of_y = tuple(draw.choice(size, size, 1) for size in batch)
    a, b = draw.array((*of_a, M, K)), draw.array((*of_b, K, N))
    return {"a": a, "b": b, "y": draw.out((*of_y, M, N))}


@op("input", "other")
def matmul(input: Any, other: Any) -> Any:
    """The matrix product of two tensors, like torch.matmul. See the top of this file."""
    left, right, a, b, y, shape = as_matrices(input, other)
    matmul_forward(a, b, y)
    return y.reshape(shape), lambda dy, needs: gradient_of_factors(dy, needs, left, right), _SAVES


def gradient_of_factors(dy: Any, needs: tuple[bool, bool], a: Any, b: Any) -> Any:
    """Of factors as they were given: as matrices, and back, where they are none of one rank."""
    of_a, of_b = a.shape, b.shape
    if len(of_a) != len(of_b) or len(of_a) == 1:
        a_shape, b_shape, full, _ = product_shapes(of_a, of_b)
        a, b, dy = a.reshape(a_shape), b.reshape(b_shape), dy.reshape(full)
    da = db = None
    if needs[0]:
        da = empty(a.shape, a.dtype)
        matmul_forward(dy, b.swapaxes(-1, -2), da)
        da = da if da.shape == of_a else da.reshape(of_a)
    if needs[1]:
        db = empty(b.shape, b.dtype)
        matmul_forward(a.swapaxes(-1, -2), dy, db)
        db = db if db.shape == of_b else db.reshape(of_b)
    return da, db


_SAVES = ("other", 0), ("input", 1)
matmul.shorten(matmul_forward, gradient_of_factors, _SAVES, factors=())


def as_matrices(input: Any, other: Any) -> tuple[Any, ...]:
    """The factors; these as (batches of) matrices of one rank; the array for their product; and y's shape."""
    left, right = check_floats("matmul", input=input, other=other)
    of_a, of_b, full, shape = product_shapes(left.shape, right.shape)
    a = left if left.shape == of_a else left.reshape(of_a)
    b = right if right.shape == of_b else right.reshape(of_b)
    return left, right, a, b, empty(full, a.dtype), shape


@remembered
def product_shapes(left: Shape, right: Shape) -> tuple[Shape, Shape, Shape, Shape]:
    """Those of the factors as (batches of) matrices of one rank, of their product, and of y."""
    given = f"(input {left}, other {right})"
    for name, size in (("input", left), ("other", right)):
        if not size:
            raise ValueError(f"matmul: {name} is a scalar but must have at least 1 dimension {given}")
    a, b = (1, *left) if len(left) == 1 else left, (*right, 1) if len(right) == 1 else right
    if a[-1] != b[-2]:
        raise ValueError(f"matmul: input has {a[-1]} columns but other has {b[-2]} rows; they must be equal {given}")
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    try:
        batch = np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise ValueError(
            f"matmul: the leading dimensions {left[:-2]} of input and {right[:-2]} of other cannot be broadcast "
            f"against each other {given}"
        ) from None
    rows, columns = (() if len(left) == 1 else a[-2:-1]), (() if len(right) == 1 else b[-1:])
    return a, b, (*batch, a[-2], b[-1]), (*batch, *rows, *columns)
