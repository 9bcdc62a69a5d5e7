"""logical_not: the opposite of a truth value.

    y = (x = 0)

Shapes    x (*), y (*, bool): any shape
Gradient  none: the result is not a number
Source    Boole, "An investigation of the laws of thought", 1854, chapter III
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array
from ..op import op
from .eq import compare
from .logical_and import negated


@op("input")
def logical_not(input: Any) -> Any:
    """Whether input is 0 or False, element by element."""
    x = check_array("logical_not", "input", input)
    return negated(x) if x.dtype.kind == "b" else compare("logical_not", np.equal, x, 0)
