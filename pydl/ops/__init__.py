"""The operations, by family. Each file holds the formula, the pure-Python reference and the gradient of one."""

# Arithmetic
from .add import add as add
from .div import div as div
from .mul import mul as mul
from .neg import neg as neg

# Activations
from .relu import relu as relu
from .sub import sub as sub
from .sum_to import sum_to as sum_to
