"""elementary: functions that are slow in numpy."""

import math

import numpy as np
from run import Bench, out, randn

from pydl.ops.elementary import COS, ERF, SIN, elementary_forward

SHAPES = [(1_000_000, form) for form in (ERF, SIN, COS)]
FORMS = {SIN: np.sin, COS: np.cos}


def elementary_numpy(x, form, y):
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
