"""What type checkers are told is what is there. mypy itself checks the rest of it."""

import ast
import inspect
from pathlib import Path

import pytest

import pydl
import pydl.nn.functional
from pydl.methods import METHODS

STUB = Path(pydl.__file__).with_name("methods.pyi")
CLASS = next(node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.ClassDef))
TYPED = {node.name: node for node in CLASS.body if isinstance(node, ast.FunctionDef)}  # of overloads the last


def parameters_of(node):
    """name -> whether it may be left out, without self."""
    arguments = node.args.args[1:]
    required = len(arguments) - len(node.args.defaults)
    parameters = {argument.arg: i >= required for i, argument in enumerate(arguments)}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        parameters[argument.arg] = default is not None
    return parameters | ({node.args.vararg.arg: True} if node.args.vararg else {})


def test_every_method_of_tensor_is_typed():
    assert set(TYPED) == set(METHODS)


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if hasattr(method, "tensor_names")])
def test_a_methods_type_has_its_parameters(name):
    _, *parameters = inspect.signature(METHODS[name].__wrapped__).parameters.values()
    optional = {each.name: each.default is not each.empty or each.kind == each.VAR_POSITIONAL for each in parameters}
    typed = parameters_of(TYPED[name])
    if name in ("max", "min"):
        optional["dim"] = False  # the overload for a pair, where dim is given
    if name.startswith("__"):  # an operator has no options
        optional = {key: False for key, may_be_left_out in optional.items() if not may_be_left_out}
    assert typed == optional


def public():
    """Every public function and method: (name, function)."""
    modules = [
        pydl,
        pydl.nn,
        pydl.nn.functional,
        pydl.nn.init,
        pydl.ops,
        pydl.optim,
        pydl.data,
        pydl.decoding,
        pydl.training,
        pydl.lab,
        pydl.audio,
    ]
    for module in modules:
        for name in dir(module):
            value = getattr(module, name)
            if name.startswith("_") or not getattr(value, "__module__", "").startswith("pydl"):
                continue
            if inspect.isclass(value):
                for attribute, member in vars(value).items():
                    listed = value is pydl.Tensor and attribute in METHODS  # typed by the stub
                    if inspect.isfunction(member) and not listed and (attribute == "__init__" or attribute[0] != "_"):
                        yield f"{value.__qualname__}.{attribute}", member
            elif hasattr(value, "__wrapped__") or inspect.isfunction(value):
                yield name, inspect.unwrap(value)


def test_every_public_function_is_typed():
    functions = dict(public())
    assert len(functions) > 200, "the walk finds the public names"
    untyped = {
        name
        for name, function in functions.items()
        for each in ("return", *inspect.signature(function).parameters)
        if each not in ("self", "cls") and each not in function.__annotations__
    }
    assert not untyped
