"""The operations, by family. Each file holds the formula, the pure-Python reference and the gradient of one."""
# ruff: noqa: I001  grouped by family, not by name

# Activations
from .relu import relu as relu

# Reductions
from .amax import amax as amax
from .amax import amin as amin
from .argmax import argmax as argmax
from .argmax import argmin as argmin
from .max import max as max
from .max import min as min
from .mean import mean as mean
from .sum import sum as sum

# Products
from .linear import linear as linear
from .matmul import matmul as matmul
