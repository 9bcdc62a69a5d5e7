"""Layers, networks and losses: each file holds one, with the names and layouts of PyTorch and of its parameters."""

from . import functional as functional
from . import init as init

# Building blocks
from .containers import ModuleList as ModuleList
from .containers import Sequential as Sequential

# Layers
from .linear import Linear as Linear
from .module import Module as Module
from .parameter import Parameter as Parameter
