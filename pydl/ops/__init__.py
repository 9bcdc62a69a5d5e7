"""The operations, by family. Each file holds the formula, the pure-Python reference and the gradient of one."""

# Activations
from .relu import relu as relu
