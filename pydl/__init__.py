"""pydl: the deep-learning library for CPUs that a person can read.

Every operation exists twice, as a native kernel and as a pure-Python reference, under one name: see pydl.ops.
"""

from typing import TYPE_CHECKING

from . import loading as _loading  # isort: skip  # noqa: F401  before anybody else needs the native modules
from . import methods as _methods  # noqa: F401  gives Tensor its methods
from . import ops as ops
from ._compiled import is_grad_enabled as is_grad_enabled
from .config import __version__ as __version__
from .config import get_num_threads as get_num_threads
from .config import set_num_threads as set_num_threads
from .config import show_config as show_config
from .creation import arange as arange
from .creation import empty as empty
from .creation import empty_like as empty_like
from .creation import eye as eye
from .creation import full as full
from .creation import full_like as full_like
from .creation import linspace as linspace
from .creation import logspace as logspace
from .creation import ones as ones
from .creation import ones_like as ones_like
from .creation import rand as rand
from .creation import rand_like as rand_like
from .creation import randn as randn
from .creation import randn_like as randn_like
from .creation import zeros as zeros
from .creation import zeros_like as zeros_like
from .dtypes import bool as bool
from .dtypes import double as double
from .dtypes import e as e
from .dtypes import float as float
from .dtypes import float32 as float32
from .dtypes import float64 as float64
from .dtypes import inf as inf
from .dtypes import int as int
from .dtypes import int8 as int8
from .dtypes import int16 as int16
from .dtypes import int32 as int32
from .dtypes import int64 as int64
from .dtypes import long as long
from .dtypes import nan as nan
from .dtypes import pi as pi
from .dtypes import short as short
from .dtypes import uint8 as uint8
from .op import get_backend as get_backend
from .op import use_backend as use_backend
from .ops.conv2d_winograd import get_winograd as get_winograd
from .ops.conv2d_winograd import set_winograd as set_winograd
from .random import manual_seed as manual_seed
from .sampling import bernoulli as bernoulli
from .sampling import multinomial as multinomial
from .sampling import normal as normal
from .sampling import randint as randint
from .sampling import randperm as randperm
from .tensor import Tensor as Tensor
from .tensor import enable_grad as enable_grad
from .tensor import from_numpy as from_numpy
from .tensor import inference_mode as inference_mode
from .tensor import is_tensor as is_tensor
from .tensor import no_grad as no_grad
from .tensor import set_grad_enabled as set_grad_enabled
from .tensor import tensor as tensor

if TYPE_CHECKING:
    from . import audio as audio
    from . import bench as bench
    from . import data as data
    from . import decoding as decoding
    from . import lab as lab
    from . import nn as nn
    from . import optim as optim
    from . import plot as plot
    from . import training as training
    from .inspection import profile as profile
    from .inspection import summary as summary
    from .ops import *  # noqa: F403
    from .recording.recorded_function import capture as capture
    from .recording.recorded_step import capture_step as capture_step
    from .serialization import load as load
    from .serialization import load_metadata as load_metadata
    from .serialization import save as save
    from .training import Trainer as Trainer
    from .training import diagnose as diagnose

# Imported on first use, so that `import pydl` stays quick: name -> (module, name in it or None for the module itself).
_LAZY = {
    **{name: (name, None) for name in ("audio", "bench", "data", "decoding", "lab", "nn", "optim", "plot", "training")},
    **{name: ("serialization", name) for name in ("load", "load_metadata", "save")},
    "Trainer": ("training", "Trainer"),
    "capture": ("recording.recorded_function", "capture"),
    "capture_step": ("recording.recorded_step", "capture_step"),
    "diagnose": ("training", "diagnose"),
    "profile": ("inspection", "profile"),
    "summary": ("inspection", "summary"),
}


def __getattr__(name: str) -> object:
    import importlib

    if name in _LAZY:
        module, attribute = _LAZY[name]
        found = importlib.import_module(f"{__name__}.{module}")
        value = found if attribute is None else getattr(found, attribute)
    elif name in ops.NAMES:
        value = getattr(ops, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *ops.NAMES})
