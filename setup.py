"""Builds the native modules: pydl._native (kernels, once per instruction set) and pydl._compiled (Cython).

Environment:
    PYDL_BUILD_ISA   variants to build, comma-separated (default: all of this architecture; generic: for any)
    PYDL_SANITIZE    address,undefined: a build for finding memory errors
    CXX              the C++ compiler (default: g++, then clang++)
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))
import link_order  # noqa: E402

sys.path.remove(str(ROOT))  # nobody else is to find things here, such as pydl's sources

# A value-changing flag such as -ffast-math is deliberately absent: NaN and infinities must keep their meaning.
# The kernels say themselves what is a vector and what is unrolled, so most are as fast when they are compiled for size,
# and the module is a third smaller. These are not: some are faster when the compiler looks for more.
FOR_SIZE, FOR_SPEED = "-Os", "-O2 -fpeel-loops"
FAST = (
    *("batch_norm", "batch_norm_backward", "conv2d_tile", "conv2d_weight_gradient"),
    *("gather", "gemm", "gemm_tile", "hardtanh", "mean", "sum"),
    *("arena", "kernel_call", "native_kernel", "pocket", "team", "threads"),  # of the runtime: part of every call
)
# Loops over whole numbers that the compiler makes vectors of, if it is told not to count the costs.
VECTORIZED = ("dropout",)
# Unwind tables are left out for functions that never throw (107 kB of the wheel); each function has a section, for
# make_small.
FLAGS = (
    "-std=c++17 -fPIC -fvisibility=hidden -ffunction-sections "
    "-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-dwarf2-cfi-asm "
    "-ffp-contract=fast -fno-math-errno -fno-trapping-math "
    "-Wall -Wextra -Wno-maybe-uninitialized -Wno-ignored-optimization-argument"
)
# SSE2 is for processors from before 2013: it is compiled for size and without the kernels of special cases (see
# has_special_kernels in csrc/conv2d_shape.h).
SPECIAL = ("conv2d_depthwise", "conv2d_depthwise_stride", "conv2d_depthwise_weight")
# In float64 these are bound by memory, or hardly anything chooses them: AVX-512 takes the float64 kernels of AVX2,
# which keeps the wheel small.
FLOAT32_ALONE = (
    "adaptive_avg_pool3d",
    "avg_pool2d",
    "avg_pool_lines",
    "batch_norm",
    "conv2d_channels_last",
    "cross_entropy_probabilities",
    "lstm_recurrence",
    "max_pool2d",
    "scaled_dot_product_attention",
    "winograd",
)
# These are bound by memory or seldom what a network waits for: AVX-512 takes both kernels of AVX2.
WITHOUT_AVX512 = (
    "adadelta adagrad adamax adaptive_max_pool3d amax argmax avg_pool3d binary_cross_entropy blend "
    "clip_grad_value cummax cumsum elementary gather group_norm gru_cell hardtanh huber_loss keep_steps kl_div "
    "l1_loss max_pool3d maximum minimum mish nll_loss norm prelu remainder rms_norm rmsprop rnn_cell "
    "softplus sort_topk unfold"
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


def find_compiler() -> list[str]:
    """The C++ compiler's command, or one sentence on what to install."""
    chosen = os.environ.get("CXX", "").strip()
    for command in [chosen] if chosen else ["g++", "clang++"]:
        if shutil.which(shlex.split(command)[0]):
            return shlex.split(command)
    if chosen:
        raise SystemExit(f"pydl is built with the C++17 compiler that CXX names, and {chosen} was not found.")
    raise SystemExit("pydl is built with a C++17 compiler, and none was found: install one (Debian: apt install g++).")


def find_openmp(compiler: list[str]) -> tuple[list[str], list[str]]:
    """The flags that compile and link OpenMP, or one sentence where the compiler lacks it or C++17."""
    choices = [(["-fopenmp"], ["-fopenmp"])]
    if sys.platform == "darwin":  # Apple's Clang has the pragmas but neither header nor library: Homebrew has
        for prefix in ("/opt/homebrew/opt/libomp", "/usr/local/opt/libomp"):
            choices.append((["-Xpreprocessor", "-fopenmp", f"-I{prefix}/include"], [f"-L{prefix}/lib", "-lomp"]))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.cpp")
        source.write_text("#include <omp.h>\n#include <optional>\nint main() { return omp_get_max_threads() < 1; }\n")
        for compile_flags, link_flags in choices:
            command = [*compiler, "-std=c++17", *compile_flags, str(source), "-o", str(Path(folder, "probe"))]
            if subprocess.run([*command, *link_flags], capture_output=True).returncode == 0:
                return compile_flags, link_flags
    raise SystemExit(
        f"pydl needs C++17 and OpenMP, and {compiler[0]} could not build a program that uses them: "
        "install GCC 9 or newer with libgomp (Debian: apt install g++), or Clang with libomp-dev (macOS: brew install "
        "libomp)."
    )


def find_python_headers() -> str:
    """The folder of Python.h, or one sentence on how to get it."""
    folder = sysconfig.get_paths()["include"]
    if not Path(folder, "Python.h").exists():
        raise SystemExit(
            f"pydl is built with the headers of Python, and {folder} has no Python.h: install them (Debian: apt "
            "install python3-dev)."
        )
    return folder


class BuildNative(build_ext):
    """Compiles csrc/*.cpp once per instruction set and csrc/runtime/*.cpp once, then links them as one module."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()  # pydl._compiled beside the kernels

    def run(self) -> None:
        # build_ext --inplace builds as if it were not in place and copies the modules in the end.
        self.in_place = self.inplace or getattr(self, "editable_mode", False)
        if self.in_place:
            # pip install -e would throw its own folder away, and everything would be compiled again after a change.
            tag = f"{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
            self.build_temp = str(ROOT / "build" / f"temp.{tag}")
        os.environ["CXX"] = shlex.join(find_compiler())  # for setuptools too, which links and compiles the tape
        super().run()

    def build_extension(self, extension: Extension) -> None:
        find_python_headers()
        if extension.name == "pydl._native":
            compile_flags, link_flags = find_openmp(find_compiler())
            extension.extra_objects = self.compile_native(compile_flags)
            extension.extra_link_args += link_flags
            if not os.environ.get("PYDL_SANITIZE"):
                order = None if self.in_place else Path(self.build_temp, "order")
                extension.extra_link_args += make_small(extension.extra_objects, order)
            # Objects of another choice of variants may be older than the module they are to replace: always link.
            Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
        super().build_extension(extension)

    def compile_native(self, openmp: list[str]) -> list[str]:
        import numpy
        import pybind11

        sanitize = os.environ.get("PYDL_SANITIZE")
        flags = [*FLAGS.split(), *openmp, "-I", str(ROOT / "csrc")]
        if sanitize:
            flags += [f"-fsanitize={sanitize}", "-fno-omit-frame-pointer", "-g1", "-O1"]
        else:
            flags += ["-DNDEBUG", "-O2"]
        includes = [pybind11.get_include(), numpy.get_include(), find_python_headers()]
        runtime = [f for path in includes for f in ("-isystem", path)]
        folder = Path(self.build_temp, "sanitized" if sanitize else "native").resolve()
        kernel_sources = batches(sorted(ROOT.glob("csrc/*.cpp")), folder)
        tasks = [
            (source, folder / "runtime", flags + runtime + optimization(source, "runtime", sanitize))
            for source in ROOT.glob("csrc/runtime/*.cpp")
        ]
        for isa, isa_flags in variants().items():
            define = [*flags, f"-DPYDL_ISA={isa}", *isa_flags]
            # What is left out is found in the variant below, if that is built too.
            single = ["-DPYDL_FLOAT32_ALONE"] if isa == "avx512" and "avx2" in variants() else []
            tasks += [
                (source, folder / isa, define + optimization(source, isa, sanitize) + single * (not in_float64(source)))
                for source in kernel_sources
                if not (isa == "sse2" and source.stem in SPECIAL) and (in_avx512(source) or not single)
            ]
        # The longest first: the joined ones, whose own text is short, and then by size.
        tasks.sort(key=lambda task: (task[0].parent != folder, -task[0].stat().st_size, task[1], task[0]))
        with ThreadPoolExecutor(self.parallel or os.cpu_count()) as pool:
            return sorted(pool.map(lambda task: compile_one(find_compiler(), *task), tasks))


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


def compile_one(compiler: list[str], source: Path, folder: Path, flags: list[str]) -> str:
    """Compiles a source unless its object is newer than all it was made from; returns the object's path."""
    folder.mkdir(parents=True, exist_ok=True)
    target, needs = folder / f"{source.stem}.o", folder / f"{source.stem}.d"
    command = [*compiler, *flags, "-MMD", "-MF", str(needs), "-c", str(source), "-o", str(target)]
    record = folder / f"{source.stem}.command"
    if not is_current(target, needs, record, command):
        done = subprocess.run(command, capture_output=True, text=True)
        sys.stderr.write(done.stderr)
        if done.returncode != 0:
            raise SystemExit(f"pydl: {source.name} could not be compiled for {folder.name}.")
        record.write_text(shlex.join(command))
    return str(target)


def is_current(target: Path, needs: Path, record: Path, command: list[str]) -> bool:
    """Whether the object was made by this command from files that have not changed since."""
    if not (target.exists() and needs.exists() and record.exists()) or record.read_text() != shlex.join(command):
        return False
    sources = needs.read_text().replace("\\\n", " ").split(": ", 1)[1].split()
    made = target.stat().st_mtime
    return all(os.path.exists(source) and os.path.getmtime(source) <= made for source in sources)


def make_small(objects: list[str], order: Path | None) -> list[str]:
    """Options for a linker that keeps one copy of equal functions, of which templates make many; if there is any.

    For a wheel, which is compressed, the linker also gets an order that puts alike functions side by side.
    """
    if sys.platform != "linux" or not shutil.which("ld.gold"):
        return []
    options = ["-fuse-ld=gold", "-Wl,--icf=all", "-Wl,--gc-sections"]
    if order:
        order.write_bytes(b"\n".join(link_order.function_order(objects)))
        options.append(f"-Wl,--section-ordering-file={order}")
    return options


def extensions() -> list[Extension]:
    import numpy
    from Cython.Build import cythonize

    sanitize = os.environ.get("PYDL_SANITIZE")
    strip = ["-Wl,-s"] if sys.platform == "linux" else []
    native_link = [f"-fsanitize={sanitize}"] if sanitize else strip
    native = Extension("pydl._native", sources=[], extra_link_args=native_link, language="c++")
    compiled = Extension(
        "pydl._compiled",
        sources=["pydl/_compiled.pyx"],
        include_dirs=[numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        extra_compile_args=["-Os", "-g0", "-fno-exceptions", "-fno-asynchronous-unwind-tables"],
        extra_link_args=strip,
        language="c++",  # so that one compiler is enough
    )
    return [native, *cythonize([compiled], language_level=3, quiet=True)]


if __name__ == "__main__":  # the tests import this file
    zlib.Z_DEFAULT_COMPRESSION = zlib.Z_BEST_COMPRESSION  # what zipfile takes for a wheel, which has no option for it
    sys.path.insert(0, str(ROOT))
    from small_wheel import SmallWheel  # not before: the tests may have a setuptools without bdist_wheel

    sys.path.remove(str(ROOT))
    setup(ext_modules=extensions(), cmdclass={"bdist_wheel": SmallWheel, "build_ext": BuildNative})
