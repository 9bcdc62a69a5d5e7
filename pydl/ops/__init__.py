"""The operations, by family. Each file holds the formula, the pure-Python reference and the gradient of one."""

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
