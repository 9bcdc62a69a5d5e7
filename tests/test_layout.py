"""The rules of the house: one word names an operation in every folder. CONTRIBUTING.md explains them."""

import ast
import re
from pathlib import Path

import pytest

import pydl.ops
import pydl.optim
from pydl import _native
from pydl.cli import load_kernels
from pydl.op import KERNELS

load_kernels()  # as `pydl check` does, so what it leaves out is missed here

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "pydl"
SOURCES = sorted(PACKAGE.rglob("*.py"))
NATIVE = sorted([*ROOT.glob("csrc/**/*.cpp"), *ROOT.glob("csrc/**/*.h")])

# What a folder may import from the package: arrows run one way.
BELOW = {
    "ops": {"ops", "op", "tensor", "_compiled", "arguments", "random", "sparse", "_native"},
    "nn": {"nn", "ops", "op", "tensor", "_compiled", "arguments", "random"},
    "optim": {"optim", "op", "sparse", "tensor", "_compiled", "arguments", "random"},
    "audio": {"audio", "ops", "arguments", "replacing"},
    "decoding": {"decoding", "ops", "tensor", "arguments"},
    "data": {"data", "audio", "random", "arguments", "replacing", "tensor"},
}


def names(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


def decorated(path, decorator):
    """The functions in a file that carry @decorator(...)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for each in node.decorator_list
        if isinstance(each, ast.Call) and getattr(each.func, "id", "") == decorator
    ]


def assert_file(name):
    assert (ROOT / name).exists(), f"there is no {name}"


OPS = [path for path in sorted(PACKAGE.glob("ops/*.py")) if decorated(path, "op")]
WITH_KERNELS = [path for path in SOURCES if decorated(path, "kernel") and path.parent.name in ("ops", "optim")]


@pytest.mark.parametrize("path", OPS, ids=names(OPS))
def test_op_file(path):
    document = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert document.startswith(f"{path.stem}: "), f"the docstring does not begin with {path.stem}:"
    for heading in ("Shapes", "Gradient", "Source"):
        assert re.search(rf"^{heading}\b", document, re.M), f"the docstring has no {heading}"
    functions = [
        node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    assert path.stem in functions, f"the file has no function {path.stem}"
    assert_file(f"tests/test_{path.stem}.py")
    assert hasattr(pydl.ops, path.stem), f"pydl/ops/__init__.py does not import {path.stem}"


@pytest.mark.parametrize("path", WITH_KERNELS, ids=names(WITH_KERNELS))
def test_kernel_file(path):
    assert list(ROOT.glob(f"csrc/{path.stem}*.cpp")), f"there is no csrc/{path.stem}.cpp"
    assert_file(f"benchmarks/bench_{path.stem}.py")
    assert_file(f"tests/test_{path.stem}.py")


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_kernel_exists_twice(name):
    kernel = KERNELS[name]
    assert kernel.sample is not None, f"@{name}.samples does not say how arguments are drawn"
    for isa in _native.isas:
        native = _native.kernels(isa).get(name)
        assert native is not None, (
            f"{name} is not in the {isa} build: write its PYDL_KERNEL, then python setup.py build_ext --inplace"
        )
        assert tuple(native.arguments) == kernel.arguments


def test_every_native_kernel_has_a_reference():
    for isa in _native.isas:
        assert set(_native.kernels(isa)) <= set(KERNELS)


@pytest.mark.parametrize("path", NATIVE, ids=names(NATIVE))
def test_native_source(path):
    text = path.read_text(encoding="utf-8")
    if path.name != "team.cpp":
        assert not re.search(r"#pragma omp|omp\.h|\bomp_\w+\(", text), "OpenMP belongs into runtime/team.cpp"
    if path.parent.name not in ("simd", "runtime"):
        assert not re.search(r"\b_mm\d*_|immintrin|arm_neon|__AVX|__SSE|__aarch64__", text), (
            "intrinsics belong into csrc/simd"
        )
        assert not re.search(r"#include <(vector|algorithm|functional|iostream|cmath|string|memory)>", text), (
            "standard-library code in a kernel could be linked into another instruction set's variant"
        )
    assert len(text.splitlines()) <= 400, "a file is read in one sitting"


@pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))
def test_python_source(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, "a file is read in one sitting"
    assert not re.search(r"util|helper|common|misc", path.stem), "a file is named after what it is"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert path.stem == "__main__" or ast.get_docstring(tree), "a file opens with one sentence on what it is"
    allowed = BELOW.get(path.relative_to(PACKAGE).parts[0])
    if allowed is None:
        return
    package = ("pydl", *path.relative_to(PACKAGE).parent.parts)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            full = (*base, *((node.module or "").split(".") if node.module else ()))
            targets = [(*full, alias.name) for alias in node.names] if full == ("pydl",) else [full]
            for target in targets:
                if target[0] == "pydl" and len(target) > 1:
                    assert target[1] in allowed, f"{'.'.join(target)} is not below {path.parent.name}"
