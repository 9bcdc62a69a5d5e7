"""elementary: functions that are slow in numpy."""

import math

import numpy as np
from run import Bench, out, randn

from pydl.ops.elementary import COS, ERF, EXP2, RECIPROCAL_ROOT, SIN, elementary_forward

SHAPES = [(1_000_000, form) for form in (RECIPROCAL_ROOT, ERF, EXP2, SIN, COS)]
FORMS = {RECIPROCAL_ROOT: lambda x: 1 / np.sqrt(x), EXP2: np.exp2, SIN: np.sin, COS: np.cos}


def elementary_numpy(x, form, y):
    with np.errstate(all="ignore"):
        y[...] = [math.erf(each) for each in x.tolist()] if form == ERF else FORMS[form](x)


BENCHES = [
    Bench(
        elementary_forward,
        SHAPES,
        small=(1_000, ERF),
        arguments=lambda n, form: (randn(n), form, out(n)),
        numpy=elementary_numpy,
        bytes=lambda n, form: 8 * n,
    )
]
