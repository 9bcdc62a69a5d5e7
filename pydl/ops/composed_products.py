"""Products that are made of matmul, mul and sum, and have their gradients.

addmm, addmv, baddbmm   beta input + alpha (product of the other two)      addbmm: summed over the batch
addr                    beta input + alpha (outer product)
tensordot   sums of products over the last `dims` dimensions of a and the first of b, or over two lists of dimensions
inner       sums of products over the last dimension of both             vdot: of two vectors
kron        y[i K + k, j L + l] = a[i, j] b[k, l], and so on for any number of dimensions
trace       the sum of a matrix's diagonal
dist        the norm of a - b
cov         sum over n of (x[i, n] - mean[i]) (x[j, n] - mean[j]) / (N - correction)      corrcoef: of deviations 1
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_dims, check_integer, check_number, check_rank
from ..tensor import Tensor, as_tensor
from .add import add
from .broadcasting import broadcast_shape
from .div import div
from .matmul import matmul
from .mean import mean
from .mul import mul
from .norm import norm
from .outer import bmm, dot, mm, mv, outer
from .reshape import reshape, unsqueeze
from .sqrt import sqrt
from .sub import sub
from .sum import sum
from .transpose import matrix_transpose, permute
from .triu import diagonal


def _plus(name: str, input: Any, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    old, new = check_number(name, "beta", beta), check_number(name, "alpha", alpha)
    x = as_tensor(name, input)
    if broadcast_shape(name, x.data, product.data) != product.shape:
        raise ValueError(f"{name}: input has shape {x.shape} but must broadcast to the product's {product.shape}")
    scaled = product if new == 1 else mul(product, new)
    if old == 0:  # then NaN in input does not count
        return scaled
    return add(x if old == 1 else mul(x, old), scaled)


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""
    return _plus("addmm", input, mm(mat1, mat2), beta, alpha)


def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec)."""
    return _plus("addmv", input, mv(mat, vec), beta, alpha)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2)."""
    return _plus("addr", input, outer(vec1, vec2), beta, alpha)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2), matrix by matrix."""
    return _plus("baddbmm", input, bmm(batch1, batch2), beta, alpha)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * the sum of the products of pairs of matrices."""
    return _plus("addbmm", input, sum(bmm(batch1, batch2), 0), beta, alpha)


def tensordot(a: Any, b: Any, dims: Any = 2) -> Tensor:
    """Sums of products over `dims` dimensions: a number, or (those of a, those of b)."""
    x, z = as_tensor("tensordot", a), as_tensor("tensordot", b)
    if isinstance(dims, tuple | list):
        if len(dims) != 2:
            raise ValueError(f"tensordot: dims must be a number or two lists of dimensions, not {len(dims)} of them")
        mine, others = (check_dims("tensordot", each, t.ndim) for each, t in zip(dims, (x, z), strict=True))
    else:
        count = check_integer("tensordot", "dims", dims, 0)
        if count > min(x.ndim, z.ndim):
            raise ValueError(f"tensordot: dims is {count}, but a has shape {x.shape} and b {z.shape}")
        mine, others = tuple(range(x.ndim - count, x.ndim)), tuple(range(count))
    summed = [x.shape[d] for d in mine]
    if summed != [z.shape[d] for d in others]:
        raise ValueError(f"tensordot: a {x.shape} and b {z.shape} differ along the dimensions {mine} and {others}")
    rest = [[d for d in range(t.ndim) if d not in each] for t, each in ((x, mine), (z, others))]
    rows, columns = [x.shape[d] for d in rest[0]], [z.shape[d] for d in rest[1]]
    K = math.prod(summed)
    left = reshape(permute(x, [*rest[0], *mine]), [math.prod(rows), K])
    right = reshape(permute(z, [*others, *rest[1]]), [K, math.prod(columns)])
    return reshape(matmul(left, right), [*rows, *columns])


def inner(input: Any, other: Any) -> Tensor:
    """Sums of products over the last dimension of both."""
    x, z = as_tensor("inner", input), as_tensor("inner", other)
    if not x.ndim or not z.ndim:
        return mul(x, z)
    if x.shape[-1] != z.shape[-1]:
        raise ValueError(f"inner: input {x.shape} and other {z.shape} differ in the last dimension")
    return tensordot(x, z, ((x.ndim - 1,), (z.ndim - 1,)))


def vdot(input: Any, other: Any) -> Tensor:
    """The sum of products of two vectors, as dot."""
    return dot(input, other)


def kron(input: Any, other: Any) -> Tensor:
    """The Kronecker product: every element of input times all of other."""
    x, z = as_tensor("kron", input), as_tensor("kron", other)
    rank = max(x.ndim, z.ndim)
    a, b = ((1,) * (rank - t.ndim) + t.shape for t in (x, z))
    left = reshape(x, [each for n in a for each in (n, 1)])
    right = reshape(z, [each for n in b for each in (1, n)])
    return reshape(mul(left, right), [n * m for n, m in zip(a, b, strict=True)])


def trace(input: Any) -> Tensor:
    """The sum of the diagonal of a matrix."""
    x = as_tensor("trace", input)
    check_rank("trace", "input", x.shape, 2, layout="a matrix")
    return sum(diagonal(x))


def dist(input: Any, other: Any, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    return norm(sub(input, other), check_number("dist", "p", p))


def cov(input: Any, *, correction: int = 1) -> Tensor:
    """The covariances of variables, the rows of (V, N); of one row its variance."""
    x, lost = as_tensor("cov", input), check_integer("cov", "correction", correction, -(2**31))
    x = x if x.dtype.kind == "f" else x.to(np.float32)
    if x.ndim > 2:
        raise ValueError(f"cov: input must be (V, N) or (N), but has shape {x.shape}")
    rows = reshape(x, [1, -1]) if x.ndim < 2 else x
    apart = sub(rows, mean(rows, 1, True))
    product = div(matmul(apart, matrix_transpose(apart)), float(max(rows.shape[1] - lost, 0)))
    return product if len(rows) != 1 else reshape(product, ())


def corrcoef(input: Any) -> Tensor:
    """The correlations of variables, the rows of (V, N): from -1 to 1."""
    c = cov(input)
    if c.ndim == 0:
        return div(c, c)
    scale = sqrt(diagonal(c))
    return div(div(c, unsqueeze(scale, 1)), unsqueeze(scale, 0)).clamp(-1.0, 1.0)
