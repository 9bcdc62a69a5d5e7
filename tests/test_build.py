"""setup.py: what it says where a part is missing, what it builds where, and when it compiles again."""

import importlib.util
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("setuptools")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def build():
    specification = importlib.util.spec_from_file_location("pydl_setup", ROOT / "setup.py")
    module = importlib.util.module_from_spec(specification)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # setuptools' own
        path = sys.path.copy()
        specification.loader.exec_module(module)
        assert sys.path == path, "other processes would find sources without native modules"
    return module


@pytest.fixture
def compiler(build):
    try:
        return build.compiler.find_compiler()
    except SystemExit:
        pytest.skip("no C++ compiler")


def program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_no_compiler(build, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(SystemExit, match=r"a C\+\+17 compiler, and none was found: install one .*apt install g\+\+"):
        build.compiler.find_compiler()
    monkeypatch.setenv("CXX", "g++-of-another-machine -m64")
    with pytest.raises(SystemExit, match=r"that CXX names, and g\+\+-of-another-machine -m64 was not found"):
        build.compiler.find_compiler()


def test_compiler_of_the_environment_comes_first(build, monkeypatch, tmp_path):
    mine = program(tmp_path / "mine", "exit 0")
    monkeypatch.setenv("CXX", f"{mine} -m64")
    assert build.compiler.find_compiler() == [mine, "-m64"]


def test_clang_where_there_is_no_gcc(build, monkeypatch, tmp_path):
    program(tmp_path / "clang++", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert build.compiler.find_compiler() == ["clang++"]


def test_no_openmp(build, tmp_path):
    without = program(tmp_path / "without", "echo 'omp.h: no such file' >&2; exit 1")
    with pytest.raises(SystemExit, match=r"needs C\+\+17 and OpenMP, and .*without could not build .*: install GCC 9"):
        build.compiler.find_openmp([without])


def test_openmp(build, compiler):
    assert build.compiler.find_openmp(compiler)[0][-1:] in (["-fopenmp"], ["-I/opt/homebrew/opt/libomp/include"])


def test_sources_that_are_compiled_together_have_names_of_their_own(build, compiler, tmp_path):
    sources = build.sources.batches(sorted(ROOT.glob("csrc/*.cpp")), tmp_path)
    joined = [source for source in sources if source.parent == tmp_path]
    assert joined
    flags = [
        *build.sources.FLAGS.split(),
        *build.compiler.find_openmp(compiler)[0],
        "-fsyntax-only",
        "-I",
        str(ROOT / "csrc"),
    ]
    for source in joined:
        command = [*compiler, *flags, *build.sources.GENERIC["generic"].split(), "-DPYDL_ISA=generic", str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_no_python_headers(build, monkeypatch, tmp_path):
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(SystemExit, match=r"has no Python\.h: install them .*python3-dev"):
        build.compiler.find_python_headers()


@pytest.mark.parametrize(
    ("machine", "chosen", "names"),
    [
        ("x86_64", None, ["sse2", "avx2", "avx512"]),
        ("AMD64", "avx2", ["avx2"]),
        ("arm64", None, ["neon"]),
        ("riscv64", None, ["generic"]),
        ("x86_64", "generic,sse2", ["generic", "sse2"]),
    ],
)
def test_variants(build, monkeypatch, machine, chosen, names):
    monkeypatch.setattr(build.sources.platform, "machine", lambda: machine)
    monkeypatch.delenv("PYDL_BUILD_ISA", raising=False)
    if chosen:
        monkeypatch.setenv("PYDL_BUILD_ISA", chosen)
    assert list(build.sources.variants()) == names


def test_unknown_variant(build, monkeypatch):
    monkeypatch.setattr(build.sources.platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("PYDL_BUILD_ISA", "neon")
    with pytest.raises(SystemExit, match="PYDL_BUILD_ISA: neon is not one of sse2, avx2, avx512, generic"):
        build.sources.variants()


def test_compiles_again_only_after_a_change(build, compiler, monkeypatch, tmp_path):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    source, header = tmp_path / "answer.cpp", tmp_path / "answer.h"
    header.write_text("int answer();\n")
    source.write_text('#include "answer.h"\nint answer() { return 42; }\n')
    target = Path(build.compiler.compile_one(compiler, source, tmp_path / "sse2", ["-O1"]))

    def compiled(flags):
        os.utime(target, (1e9, 1e9))  # older than anything, unless it is made anew
        for path in (source, target.with_suffix(".d"), target.with_suffix(".command")):
            os.utime(path, (1e8, 1e8))
        os.utime(header, (header_time, header_time))
        build.compiler.compile_one(compiler, source, tmp_path / "sse2", flags)
        return target.stat().st_mtime > 1e9

    header_time = 1e8
    assert not compiled(["-O1"])
    assert compiled(["-O0"]), "other flags"
    assert not compiled(["-O0"])
    header_time = 1.1e9
    assert compiled(["-O0"]), "a newer header"
    header_time = 1e8
    shutil.rmtree(tmp_path / "sse2")
    source.write_text("int answer() { return }\n")
    with pytest.raises(SystemExit, match=r"answer\.cpp could not be compiled for sse2"):
        build.compiler.compile_one(compiler, source, tmp_path / "sse2", ["-O1"])


def test_headers_have_the_same_path_in_each_build_environment(build, tmp_path):
    def package(folder, version):
        (tmp_path / folder).mkdir()
        return SimpleNamespace(__name__="answers", __version__=version, get_include=lambda: str(tmp_path / folder))

    first = build.compiler.stable_include(tmp_path, package("one", "1.0"))
    second = build.compiler.stable_include(tmp_path, package("two", "1.0"))
    assert first == second
    assert Path(second).resolve() == tmp_path / "two"
    assert build.compiler.stable_include(tmp_path, package("three", "1.1")) != first


def test_functions_that_are_alike_stand_side_by_side(build):
    kinds = [random.Random(kind).randbytes(5000) for kind in range(4)]
    order = build.link_order.alike_together([kind + bytes([last]) for last in range(3) for kind in kinds])
    assert sorted(order) == list(range(12))
    assert [function % 4 for function in order] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_function_sections(build, compiler, tmp_path):
    source = tmp_path / "two.cpp"
    source.write_text("int one() { return 1; }\nint two() { return 2; }\n")
    command = [*compiler, "-O1", "-ffunction-sections", "-c", str(source), "-o", str(tmp_path / "two.o")]
    subprocess.run(command, check=True)
    if not (tmp_path / "two.o").read_bytes().startswith(b"\x7fELF\x02"):
        pytest.skip("not an ELF file of 64 bits")
    assert build.link_order.function_order([str(tmp_path / "two.o")]) == [b".text._Z3onev", b".text._Z3twov"]
