"""outer: the products of all pairs; and dot, mv, mm and bmm: matmul of given numbers of dimensions.

    y[i, j] = a[i] b[j]

Shapes    outer: a (I), b (J), y (I, J)
          dot: two vectors; mv: a matrix and a vector; mm: two matrices; bmm: two batches of as many matrices
Gradient  da = dy b, db = dy^T a; those of matmul
Source    Golub, Van Loan, "Matrix Computations", 4th edition (2013), section 1.1
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_array, check_floats, check_rank
from ..op import empty, op
from .matmul import gradient_of_factors, matmul, matmul_forward
from .mul import mul, mul_forward


@op("input", "vec2")
def outer(input: Any, vec2: Any) -> Any:
    """The products of all pairs: (I) and (J) give (I, J)."""
    a, b = check_array("outer", "input", input), check_array("outer", "vec2", vec2)
    check_rank("outer", "input", a, 1, layout="a vector")
    check_rank("outer", "vec2", b, 1, layout="a vector")
    product = mul.function(a[:, None], b)
    if type(product) is not tuple:  # of integers, without a gradient
        return product
    y, of_product, _ = product

    def gradient(dy, needs):
        da, db = of_product(dy, needs)
        return None if da is None else da[:, 0], db

    return y, gradient, _saves("vec2")


def _outer_gradient(dy: Any, needs: tuple[bool, bool], a: Any, b: Any) -> Any:
    """Of vectors of one dtype."""
    da = db = None
    if needs[0]:
        da = empty(a.shape, a.dtype)
        matmul_forward(dy, b[:, None], da[:, None])
    if needs[1]:
        db = empty(b.shape, b.dtype)
        matmul_forward(a[None], dy, db[None])
    return da, db


def _saves(key: str) -> Any:
    return (key, 0), ("input", 1)


outer.shorten(mul_forward, _outer_gradient, _saves("vec2"), factors=(1,))


def _matmul(name: str, input: Any, other: Any, first: int, second: int, key: str) -> Any:
    words = {1: "a vector", 2: "a matrix", 3: "(B, M, N)"}
    a, b = check_floats(name, **{"input": input, key: other})
    check_rank(name, "input", a, first, layout=words[first])
    check_rank(name, key, b, second, layout=words[second])
    if first == 3 and a.shape[0] != b.shape[0]:
        raise ValueError(f"{name}: input has {a.shape[0]} matrices but {key} has {b.shape[0]} ({a.shape}, {b.shape})")
    y, gradient, _ = matmul.function(a, b)
    return y, gradient, _saves(key)


@op("input", "tensor")
def dot(input: Any, tensor: Any) -> Any:
    """The sum of products of two vectors."""
    return _matmul("dot", input, tensor, 1, 1, "tensor")


@op("input", "vec")
def mv(input: Any, vec: Any) -> Any:
    """A matrix times a vector."""
    return _matmul("mv", input, vec, 2, 1, "vec")


@op("input", "mat2")
def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices."""
    return _matmul("mm", input, mat2, 2, 2, "mat2")


@op("input", "mat2")
def bmm(input: Any, mat2: Any) -> Any:
    """The products of pairs of matrices, (B, M, K) and (B, K, N)."""
    return _matmul("bmm", input, mat2, 3, 3, "mat2")


dot.shorten(matmul_forward, gradient_of_factors, _saves("tensor"), factors=(1, 1))
mv.shorten(matmul_forward, gradient_of_factors, _saves("vec"), factors=(2, 1))
mm.shorten(matmul_forward, gradient_of_factors, _saves("mat2"), factors=(2, 2))
bmm.shorten(matmul_forward, gradient_of_factors, _saves("mat2"), factors=(3, 3))
