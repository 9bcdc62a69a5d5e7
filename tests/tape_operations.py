"""Small operations with known gradients, for the tests of the tape."""

import numpy as np

import pydl
from pydl.op import op


@op("a", "b")
def product(a, b):
    """a * b of one shape; its gradient needs both."""
    return a * b, lambda dy, needs: (dy * b, dy * a), ("a", "b")


@op("a", "b")
def total(a, b):
    """a + b of one shape; hands the very same array to both."""
    return np.asarray(a + b), lambda dy, needs: (dy, dy), ()


@op("x")
def halves(x):
    """Two results: x / 2 and x / 4."""

    def gradient(dys, needs):
        parts = [dy * factor for dy, factor in zip(dys, (0.5, 0.25), strict=True) if dy is not None]
        return np.asarray(sum(parts))

    return [np.asarray(x / 2), np.asarray(x / 4)], gradient, ()


@op("x")
def rooted(x):
    """sqrt(x); its gradient needs the output."""
    y = np.sqrt(x)
    return y, lambda dy, needs: dy / (2 * y), ("output",)


def leaf(*values):
    return pydl.tensor(np.array(values), requires_grad=True)
