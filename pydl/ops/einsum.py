"""Sums of products of tensors, written with letters for their indices.

    einsum("bij,bjk->bik", x, y)      z[b, i, k] = sum over j of x[b, i, j] y[b, j, k]

Letters that are not behind the arrow are summed over; without an arrow, the letters that occur once are kept, in the
order of the alphabet. A letter twice in one term is its diagonal, "..." stands for all dimensions without letters.
Sizes of 1 are repeated. Terms are joined from left to right, each pair by one product of matrices, or where that would
have one row and one column by a product and a sum.

Gradient  of matmul, mul, sum and permute, which they are made of
Source    Einstein, "Die Grundlage der allgemeinen Relativitätstheorie", Annalen der Physik 49 (1916), section 5
"""

from __future__ import annotations

import math
from typing import Any

from .._compiled import remembered
from ..arguments import check_float, show
from ..tensor import Tensor, as_tensor
from .expand import expand
from .matmul import matmul
from .mul import mul
from .reshape import reshape
from .sum import sum
from .transpose import permute
from .triu import diagonal

REST = "".join(chr(0x3C8 - k) for k in range(24))  # letters for the dimensions of "...", whose last is the last one


def _letters(term: str, shape: tuple[int, ...]) -> str:
    """The term with letters in place of "..."."""
    named = term.replace("...", "", 1)
    rest = len(shape) - len(named)
    if not all("a" <= each.lower() <= "z" for each in named):
        raise ValueError(f"einsum: {term!r} may hold letters and one '...' only")
    if rest < 0 or (rest > 0) > ("..." in term) or rest > len(REST):
        raise ValueError(f"einsum: {term!r} does not fit an operand of shape {shape}")
    return term.replace("...", REST[len(REST) - rest :])


@remembered
def _parsed(equation: str, *shapes: tuple[int, ...]) -> tuple[tuple[str, ...], str, dict[str, int]]:
    """The terms, the letters that are kept, and the size of each letter."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ValueError(f"einsum: {equation!r} has {len(terms)} terms, but there are {len(shapes)} operands")
    terms = [_letters(term, shape) for term, shape in zip(terms, shapes, strict=True)]
    everything, sizes = "".join(terms), dict[str, int]()
    for term, shape in zip(terms, shapes, strict=True):
        for letter, size in zip(term, shape, strict=True):
            if sizes.setdefault(letter, size) == 1:
                sizes[letter] = size
            if size not in (1, sizes[letter]):
                raise ValueError(f"einsum: {letter!r} is {sizes[letter]} in one place and {size} in another")
    rest = "".join(each for each in REST if each in sizes)
    kept = rest + "".join(sorted(each for each in sizes if everything.count(each) == 1 and each not in rest))
    kept = right.replace("...", rest) if arrow else kept
    if len(set(kept)) != len(kept) or not set(kept) <= set(everything):
        raise ValueError(f"einsum: {right!r} must name letters of the operands, each once")
    return tuple(terms), kept, sizes


def _plain(x: Tensor, term: str, kept: str) -> tuple[Tensor, str]:
    """Without letters that occur twice or that nobody else needs."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            i, j = term.index(letter), term.rindex(letter)
            x, term = diagonal(x, 0, i, j), term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    gone = tuple(i for i, letter in enumerate(term) if letter not in kept)
    return (sum(x, gone), "".join(each for each in term if each in kept)) if gone else (x, term)


def _arranged(x: Tensor, places: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
    """x with its dimensions in the order of these places, in this shape."""
    x = permute(x, places) if places else x
    return x if x.shape == shape else reshape(x, shape)


@remembered
def _order(term: str, order: str) -> tuple[int, ...]:
    """Where the letters of `order` are in the term; () where they are in their places."""
    places = [term.index(letter) for letter in order if letter in term]
    return () if places == sorted(places) else tuple(places)


@remembered
def _pair(a: str, b: str, needed: str, shape: tuple[int, ...], other: tuple[int, ...]) -> tuple[Any, ...]:
    """How two terms are joined: what they are as factors, the term of the result, and its shape after a matmul."""
    sizes = dict(zip(a + b, shape + other, strict=True))
    batch = "".join(each for each in a if each in b and each in needed)
    summed = "".join(each for each in a if each in b and each not in needed)
    rows, columns = "".join(e for e in a if e not in b), "".join(e for e in b if e not in a)
    term = batch + rows + columns
    if batch and not rows and not columns:  # a sum for each of many: products of matrices of one row are slower
        term = batch + summed
    if not summed or term == batch + summed:
        left, right = (tuple(sizes[letter] if letter in own else 1 for letter in term) for own in (a, b))
        return (_order(a, term), left), (_order(b, term), right), term, None
    lead = [sizes[each] for each in batch]
    M, K, N = (math.prod(sizes[each] for each in group) for group in (rows, summed, columns))
    left, right = (*lead, M, K), (*lead, K, N)
    ways = _order(a, batch + rows + summed), _order(b, batch + summed + columns)
    return (ways[0], left), (ways[1], right), term, tuple(sizes[each] for each in term)


def _join(x: Tensor, a: str, y: Tensor, b: str, needed: str) -> tuple[Tensor, str]:
    """The sum of the products of two terms over the letters that only they have."""
    left, right, term, shape = _pair(a, b, needed, x.shape, y.shape)
    x, y = _arranged(x, *left), _arranged(y, *right)
    if shape is None:
        return mul(x, y), term
    z = matmul(x, y)
    return z if z.shape == shape else reshape(z, shape), term


def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum of products that the equation describes. See the top of this file."""
    if not isinstance(equation, str):
        raise TypeError(f"einsum: equation must be text, not {show(equation)}")
    if len(operands) == 1 and isinstance(operands[0], tuple | list):
        operands = tuple(operands[0])
    tensors = [as_tensor("einsum", each) for each in operands]
    for tensor in tensors:
        check_float("einsum", "operands", tensor.data)
    terms, kept, sizes = _parsed(equation, *[x.shape for x in tensors])
    for n, term in enumerate(terms):
        wide = tuple([sizes[each] for each in term])
        tensors[n] = tensors[n] if tensors[n].shape == wide else expand(tensors[n], wide)
    y, done = _plain(tensors[0], terms[0], "".join((kept, *terms[1:])))
    for n in range(1, len(terms)):
        needed = "".join((kept, *terms[n + 1 :]))
        y, done = _plain(*_join(y, done, *_plain(tensors[n], terms[n], needed + done), needed), needed)
    return _arranged(y, _order(done, kept), tuple([sizes[each] for each in kept]))
