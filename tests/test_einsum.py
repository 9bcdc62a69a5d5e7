"""einsum, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

import pydl

rng = np.random.default_rng(0)
SIZES = {"a": 3, "b": 2, "i": 3, "j": 4, "k": 5, "B": 2}
EQUATIONS = {
    "ij->ji": None,
    "ij->": None,
    "ij": None,
    "ba": None,  # without an arrow the order of the alphabet
    "ii->i": [(3, 3)],
    "ii": [(3, 3)],
    "iji->j": [(3, 4, 3)],
    "i,j->ij": None,
    "i,i": None,
    "ij,jk": None,
    "ij,jk->ki": None,
    "ij,ij->i": None,
    "ij,ij->ij": None,
    "Bij,Bjk->Bik": None,
    "Bij,Bkj->B": None,
    "Bij,jk->kBi": None,
    "Bij,k->j": None,
    "ij,jk,ka->ia": None,
    "a,b,i->iab": None,
    "ij,j,i->": None,
    "...ij,...jk->...ik": [(2, 1, 3, 4), (6, 4, 5)],
    "...i->i...": [(2, 3, 4)],
    "...i,...i": [(2, 3, 4), (4,)],
    "i...,j->j...": [(3, 2, 2), (4,)],
    "ij , jk -> ik": None,
    "ij,jk->ik": [(3, 1), (4, 5)],
    "ij,ik->i": [(1, 4), (3, 5)],
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_as_in_pytorch(equation):
    left = equation.replace(" ", "").split("->")[0]
    shapes = EQUATIONS[equation] or [tuple(SIZES[each] for each in term) for term in left.split(",")]
    operands = [rng.standard_normal(shape) for shape in shapes]
    check_torch(lambda *x: pydl.einsum(equation, *x), lambda *x: torch.einsum(equation, *x), *operands)
    check_gradient(lambda *x: pydl.einsum(equation, *x), *operands)


def test_nothing_to_sum():
    x, y = np.ones((2, 0), np.float32), np.ones((0, 3), np.float32)
    assert pydl.einsum("ij,jk", x, y).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert pydl.einsum("ij,jk", [x, y]).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.einsum("ij,jk", np.ones((2, 3))), ValueError, "einsum: 'ij,jk' has 2 terms, but there are 1 "),
        (lambda: pydl.einsum("ijk", np.ones((2, 3))), ValueError, "einsum: 'ijk' does not fit an operand of shape (2"),
        (lambda: pydl.einsum("i", np.ones((2, 3))), ValueError, "einsum: 'i' does not fit an operand of shape (2, 3)"),
        (lambda: pydl.einsum("i1", np.ones((2, 3))), ValueError, "einsum: 'i1' may hold letters and one '...' only"),
        (lambda: pydl.einsum("ij,jk", np.ones((2, 3)), np.ones((4, 2))), ValueError,
         "einsum: 'j' is 3 in one place and 4 in another"),
        (lambda: pydl.einsum("ij->ik", np.ones((2, 3))), ValueError, "einsum: 'ik' must name letters of the operands"),
        (lambda: pydl.einsum("ii", np.ones((2, 3))), ValueError, "einsum: 'i' is 2 in one place and 3 in another"),
        (lambda: pydl.einsum(3, np.ones((2, 3))), TypeError, "einsum: equation must be text, not 3"),
        (lambda: pydl.einsum("i", np.ones(3, int)), TypeError, "einsum: operands has dtype int64 but must be float32"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
