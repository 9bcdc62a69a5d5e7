"""Builds the native modules: pydl._native (kernels, once per instruction set) and pydl._compiled (Cython).

Environment:
    PYDL_BUILD_ISA   variants to build, comma-separated (default: all of this architecture; generic: for any)
    PYDL_SANITIZE    address,undefined: a build for finding memory errors
    CXX              the C++ compiler (default: g++, then clang++)
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
import zlib
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "csrc"))
from building import compiler, link_order, sources  # noqa: E402

sys.path.remove(str(ROOT / "csrc"))  # nobody else is to find things here


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
        # For setuptools too, which links and compiles the tape.
        os.environ["CXX"] = shlex.join(compiler.find_compiler())
        super().run()

    def build_extension(self, extension: Extension) -> None:
        compiler.find_python_headers()
        if extension.name == "pydl._native":
            compile_flags, link_flags = compiler.find_openmp(compiler.find_compiler())
            extension.extra_objects = self.compile_native(compile_flags)
            extension.extra_link_args += link_flags
            if not os.environ.get("PYDL_SANITIZE"):
                for_others = not self.in_place and find_spec("zopfli")  # see building/small_wheel.py
                order = Path(self.build_temp, "order") if for_others else None
                extension.extra_link_args += make_small(extension.extra_objects, order)
            # Objects of another choice of variants may be older than the module they are to replace: always link.
            Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
        super().build_extension(extension)

    def compile_native(self, openmp: list[str]) -> list[str]:
        import numpy
        import pybind11

        sanitize = os.environ.get("PYDL_SANITIZE")
        flags = [*sources.FLAGS.split(), *openmp, "-I", str(ROOT / "csrc")]
        if sanitize:
            # Without the checks of each pointer, which are half of the compiler's time: an address outside of what was
            # allocated is found where it is read or written, and vectors may lie anywhere.
            flags += [f"-fsanitize={sanitize}", "-fno-sanitize=null,alignment,pointer-overflow,object-size"]
            flags += ["-fno-omit-frame-pointer", "-g1", "-O1"]
        else:
            flags += ["-DNDEBUG", "-O2"]
        folder = Path(self.build_temp, "sanitized" if sanitize else "native").resolve()
        includes = [compiler.stable_include(folder, package) for package in (pybind11, numpy)]
        runtime = [f for path in [*includes, compiler.find_python_headers()] for f in ("-isystem", path)]
        kernel_sources = sources.batches(sorted(ROOT.glob("csrc/*.cpp")), folder)
        tasks = [
            (source, folder / "runtime", flags + runtime + sources.optimization(source, "runtime", sanitize))
            for source in ROOT.glob("csrc/runtime/*.cpp")
        ]
        for isa, isa_flags in sources.variants().items():
            define = [*flags, *sources.KERNEL_FLAGS.split(), f"-DPYDL_ISA={isa}", *isa_flags]
            # What is left out is found in the variant below, if that is built too.
            has_below = isa == "avx512" and "avx2" in sources.variants()
            for source in kernel_sources:
                if (isa == "sse2" and source.stem in sources.SPECIAL) or (has_below and not sources.in_avx512(source)):
                    continue
                single = ["-DPYDL_FLOAT32_ALONE"] if has_below and not sources.in_float64(source) else []
                tasks.append((source, folder / isa, define + sources.optimization(source, isa, sanitize) + single))
        # The longest first: the joined ones, whose own text is short, and then by size.
        tasks.sort(key=lambda task: (task[0].parent != folder, -task[0].stat().st_size, task[1], task[0]))
        with ThreadPoolExecutor(self.parallel or os.cpu_count()) as pool:
            return sorted(pool.map(lambda task: compiler.compile_one(compiler.find_compiler(), *task), tasks))


def make_small(objects: list[str], order: Path | None) -> list[str]:
    """Options for a linker that keeps one copy of equal functions, of which templates make many; if there is any.

    For a wheel that is given to others the linker also gets an order that puts alike functions side by side.
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
        extra_compile_args=[*sources.FOR_SIZE.split(), "-g0", "-fno-exceptions", "-fno-asynchronous-unwind-tables"],
        extra_link_args=strip,
        language="c++",  # so that one compiler is enough
    )
    return [native, *cythonize([compiled], language_level=3, quiet=True)]


if __name__ == "__main__":  # the tests import this file
    zlib.Z_DEFAULT_COMPRESSION = zlib.Z_BEST_COMPRESSION  # what zipfile takes for a wheel, which has no option for it
    from building.small_wheel import SmallWheel  # not before: the tests may have a setuptools without bdist_wheel

    setup(ext_modules=extensions(), cmdclass={"bdist_wheel": SmallWheel, "build_ext": BuildNative})
