"""JAX's side of the comparison: everything in one `jit`, state donated, results waited for.

`compiled.py` makes runs of functions; the other files say what the functions are.
"""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax

from . import functions, recurrent, training

KINDS = functions.KINDS | recurrent.KINDS | training.KINDS


def set_up(threads: int) -> dict[str, str]:
    # XLA sizes its pool by the processors this process may use; the worker is pinned to as many as it has threads.
    jax.config.update("jax_default_matmul_precision", "highest")
    jax.config.update("jax_enable_x64", True)  # for the rows in float64; the others say float32
    # What it compiled is there the next time, as torch.compile's is: compiling is a third of what a comparison takes.
    cache = os.path.join(tempfile.gettempdir(), f"pydl-bench-jax-{os.getuid()}")
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    return {"jax": jax.__version__, "jaxlib": jax.lib.__version__}
