"""Which sources are compiled for which instruction sets, with which flags, and which of them together."""

from __future__ import annotations

import os
import platform
from pathlib import Path

# A value-changing flag such as -ffast-math is deliberately absent: NaN and infinities must keep their meaning.
# The kernels say themselves what is a vector and what is unrolled, so most are as fast when they are compiled for size,
# and the module is a third smaller. These are not: some are faster when the compiler looks for more.
# Their instructions stay in the order of the source: processors that reorder them gain nothing from another order, and
# alike functions stay alike, of which deflate makes a wheel 4 % smaller.
FOR_SIZE, FOR_SPEED = "-Os -fno-schedule-insns2", "-O2 -fpeel-loops"
FAST = (
    *("avg_pool_lines", "batch_norm", "batch_norm_backward", "conv2d_tile", "conv2d_weight_gradient"),
    *("element_chain", "gather", "gemm", "gemm_tile", "hardtanh", "mean"),
    # loops over single numbers
    *("argmax", "cummax", "huber_loss", "kl_div", "kthvalue", "l1_loss", "mse_loss", "nll_loss", "sort_topk"),
    "var",
    # of the runtime: part of every call
    *("arena", "arrays", "fail", "kernel_call", "native_kernel", "pocket", "team", "threads"),
)
# Loops over whole numbers that the compiler makes vectors of, if it is told not to count the costs.
VECTORIZED = ("dropout",)
# Unwind tables are left out for functions that never throw; each function has a section, for make_small.
FLAGS = (
    "-std=c++17 -fPIC -fvisibility=hidden -ffunction-sections "
    "-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-dwarf2-cfi-asm "
    "-ffp-contract=fast -fno-math-errno -fno-trapping-math "
    "-Wall -Wextra -Wno-maybe-uninitialized -Wno-ignored-optimization-argument"
)
# Kernels never throw (csrc/runtime/fail.h): without any tables the wheel is a twentieth smaller.
KERNEL_FLAGS = "-fno-exceptions"
# SSE2 is for processors from before 2013: it is compiled for size and without the kernels of special cases (see
# has_special_kernels in csrc/conv2d/shape.h).
SPECIAL = ("conv2d_depthwise", "conv2d_depthwise_stride", "conv2d_depthwise_repeated", "conv2d_depthwise_weight")
# In float64 these are bound by memory, or hardly anything chooses them: AVX-512 takes the float64 kernels of AVX2,
# which keeps the wheel small.
FLOAT32_ALONE = (
    "adaptive_avg_pool3d",
    "amax.cpp",
    "avg_pool2d",
    "avg_pool_lines",
    "avg_pool_spread",
    "batch_norm",
    "conv2d_channels_last",
    "cross_entropy_probabilities",
    "gru",
    "logsumexp",
    "lstm",
    "max_pool2d",
    "mean.cpp",
    "norm.cpp",
    "rnn",
    "scaled_dot_product_attention",
    "sum.cpp",
    "winograd",
)
# These are bound by memory or seldom what a network waits for: AVX-512 takes both kernels of AVX2.
WITHOUT_AVX512 = (
    "adadelta adagrad adamax adaptive_max_pool3d argmax avg_pool3d "
    "clip_grad_value cross cummax cumsum eq gather group_norm huber_loss keep_steps kl_div kthvalue l1_loss "
    "logical_and max_pool3d maximum minimum nan_to_num nll_loss pad remainder rms_norm rmsprop sort_topk "
    "sum_to unfold var"
)
SMALL_SOURCE = 4200  # bytes
BATCH = 8
TOGETHER = "_and_others"  # what a file that joins several is called after the first of them
VARIANTS = {
    "x86_64": {
        "sse2": "-msse2",
        "avx2": "-mavx2 -mfma",
        "avx512": "-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mprefer-vector-width=512",
    },
    "aarch64": {"neon": ""},
}
ALIASES = {"amd64": "x86_64", "arm64": "aarch64"}
# For any other processor: what the compiler makes of its own vector extensions. Contraction is off because the
# scalar and the vector form of an expression must round alike.
GENERIC = {"generic": "-DPYDL_GENERIC -ffp-contract=off"}


def variants() -> dict[str, list[str]]:
    """The instruction sets to compile the kernels for, each with its flags."""
    machine = platform.machine().lower()
    own = VARIANTS.get(ALIASES.get(machine, machine), GENERIC)
    known = own | GENERIC
    chosen = os.environ.get("PYDL_BUILD_ISA")
    names = chosen.split(",") if chosen else list(own)
    for name in names:
        if name not in known:
            raise SystemExit(f"PYDL_BUILD_ISA: {name} is not one of {', '.join(known)}")
    return {name: known[name].split() for name in names}


def optimization(source: Path, isa: str, sanitize: str | None) -> list[str]:
    """Whether a source is compiled for speed or for size."""
    if sanitize:
        return []
    if source.stem in VECTORIZED and isa != "sse2":
        return [*FOR_SPEED.split(), "-fvect-cost-model=dynamic"]
    return (FOR_SPEED if is_fast(source) and isa != "sse2" else FOR_SIZE).split()


def is_fast(source: Path) -> bool:
    """Whether a source, or the first of several that are compiled together, is one of FAST."""
    return source.stem.removesuffix(TOGETHER) in FAST


def in_avx512(source: Path) -> bool:
    """Whether a source, or the first of several that are compiled together, is compiled for AVX-512."""
    return source.stem.removesuffix(TOGETHER) not in WITHOUT_AVX512.split()


def in_float64(source: Path) -> bool:
    """Whether a source, or the first of several that are compiled together, is compiled for AVX-512 in float64."""
    return not any(name in source.name for name in FLOAT32_ALONE)


def batches(sources: list[Path], folder: Path) -> list[Path]:
    """Small sources several at a time, for most of their time goes into reading the same headers; large ones alone."""
    small = [s for s in sources if s.stat().st_size < SMALL_SOURCE and s.stem not in VECTORIZED]
    folder.mkdir(parents=True, exist_ok=True)
    joined = []
    kinds: dict[tuple[bool, ...], list[Path]] = {}
    for source in small:
        kinds.setdefault((is_fast(source), in_float64(source), in_avx512(source)), []).append(source)
    for alike in kinds.values():
        for first in range(0, len(alike), BATCH):
            path = folder / f"{alike[first].stem}{TOGETHER}.cpp"
            text = "".join(f'#include "{source}"\n' for source in alike[first : first + BATCH])
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
            joined.append(path)
    return joined + [source for source in sources if source not in small]
