"""elementary: functions of each element, and their derivatives."""

import math

import numpy as np
from run import Bench, out, randn

from pydl.ops.elementary import ATAN, COS, ERF, LOG10, SIN, elementary_backward, elementary_forward

SHAPES = [(1_000_000, form) for form in (ERF, SIN, COS, ATAN, LOG10)]
FORMS = {SIN: np.sin, COS: np.cos, ATAN: np.arctan, LOG10: np.log10}
SLOPES = {SIN: np.cos, ATAN: lambda x: 1 / (1 + x * x)}


def elementary_numpy(x, form, y):
    y[...] = [math.erf(each) for each in x.tolist()] if form == ERF else FORMS[form](x)


def elementary_backward_numpy(dy, x, y, form, dx):
    dx[...] = dy * SLOPES[form](x)


BENCHES = [
    Bench(
        elementary_forward,
        SHAPES,
        small=(1_000, ERF),
        arguments=lambda n, form: (randn(n), form, out(n)),
        numpy=elementary_numpy,
        bytes=lambda n, form: 8 * n,
    ),
    Bench(
        elementary_backward,
        [(1_000_000, form) for form in SLOPES],
        small=(1_000, ATAN),
        arguments=lambda n, form: (randn(n), randn(n), randn(n), form, out(n)),
        numpy=elementary_backward_numpy,
        bytes=lambda n, form: 16 * n,
    ),
]
