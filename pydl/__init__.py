"""pydl: the deep-learning library for CPUs that a person can read.

Every operation exists twice, as a native kernel and as a pure-Python reference, under one name: see pydl.ops.
"""

from . import methods as _methods  # noqa: F401  gives Tensor its methods
from . import ops as ops
from .config import __version__ as __version__
from .config import get_num_threads as get_num_threads
from .config import set_num_threads as set_num_threads
from .config import show_config as show_config
from .op import get_backend as get_backend
from .op import use_backend as use_backend
from .random import manual_seed as manual_seed
from .tape import is_grad_enabled as is_grad_enabled
from .tensor import Tensor as Tensor
from .tensor import arange as arange
from .tensor import enable_grad as enable_grad
from .tensor import from_numpy as from_numpy
from .tensor import full as full
from .tensor import no_grad as no_grad
from .tensor import ones as ones
from .tensor import rand as rand
from .tensor import randn as randn
from .tensor import tensor as tensor
from .tensor import zeros as zeros

_LAZY = ("bench", "cli", "data", "lab", "nn", "optim", "training")


def __getattr__(name: str) -> object:
    """Sub-packages and what they give to the top level are imported on first use: `import pydl` stays quick."""
    import importlib

    if name in _LAZY:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
