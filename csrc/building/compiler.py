"""The C++ compiler: which one there is, what it needs, and one source at a time."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType


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


def stable_include(folder: Path, package: ModuleType) -> str:
    """A link to a package's headers, named after its version.

    pip builds in an environment with another path each time, and with that in its command a source would be compiled
    again.
    """
    link = folder / "headers" / f"{package.__name__}-{package.__version__}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(package.get_include())
    return str(link)


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
