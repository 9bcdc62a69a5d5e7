"""Module: a part of a network that owns parameters, buffers and other modules.

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(784, 30)

        def forward(self, x):
            return self.hidden(x).relu()

What is assigned to an attribute is found by its kind: a Parameter is learned and saved, a Module brings its own ones
(names are joined with dots: "hidden.weight"), a buffer (register_buffer) is saved but not learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .._compiled import HookHandle
from ..arguments import Array, check_callable, check_dtype, check_flag, check_float_dtype, is_device, show
from ..tensor import Tensor
from .parameter import Parameter
from .state import check_state

CHANGES = [0]  # how often any module got or lost a part, a hook or another setting: recordings look again then


class LoadResult(NamedTuple):
    """What load_state_dict found: names without a value, and values without a name."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """The base class of layers and networks. See the top of this file."""

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]  # of Module or None
    _not_saved: set[str]
    _forward_pre_hooks: list[Callable[..., Any]]
    _forward_hooks: list[Callable[..., Any]]

    def __init__(self) -> None:
        # Past __setattr__, which looks into these tables.
        self.__dict__.update(_parameters={}, _buffers={}, _modules={}, _not_saved=set())
        self.__dict__.update(_forward_pre_hooks=[], _forward_hooks=[], training=True)

    # Running it

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """The computation; every subclass gives its own. Call the module itself, which runs the hooks too."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(); give the class one")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        if not self._forward_pre_hooks and not self._forward_hooks:
            return self.forward(*inputs, **options)
        for hook in list(self._forward_pre_hooks):
            replaced = hook(self, inputs)
            if replaced is not None:
                inputs = replaced if isinstance(replaced, tuple) else (replaced,)
        output = self.forward(*inputs, **options)
        for hook in list(self._forward_hooks):
            replaced = hook(self, inputs, output)
            if replaced is not None:
                output = replaced
        return output

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Calls hook(module, inputs) before forward(); what it returns replaces the inputs."""
        CHANGES[0] += 1
        self._forward_pre_hooks.append(check_callable("register_forward_pre_hook", "hook", hook))
        return HookHandle(self._forward_pre_hooks, hook)

    def register_forward_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Calls hook(module, inputs, output) after forward(); what it returns replaces the output."""
        CHANGES[0] += 1
        self._forward_hooks.append(check_callable("register_forward_hook", "hook", hook))
        return HookHandle(self._forward_hooks, hook)

    # What it owns. Attributes live in __dict__, where Python finds them fastest; the three tables list them by kind.

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self.add_module(name, value)
        elif name in self._owned("_parameters"):
            self._refuse_unless_none("_parameters", name, value)
            self.register_parameter(name, None)
        elif name in self._buffers:
            self.register_buffer(name, value, persistent=name not in self._not_saved)
        elif name in self._modules:
            self._refuse_unless_none("_modules", name, value)
            self.add_module(name, None)
        else:
            if self.__dict__.get(name, CHANGES) is not value:
                CHANGES[0] += 1
            object.__setattr__(self, name, value)

    def _refuse_unless_none(self, kind: str, name: str, value: Any) -> None:
        if value is not None:
            needs = {"_parameters": "Parameter", "_modules": "Module"}[kind]
            given = type(value).__name__
            raise TypeError(f"{type(self).__name__}: {name} must be a {needs} or None, not {given}")

    def __delattr__(self, name: str) -> None:
        CHANGES[0] += 1
        object.__delattr__(self, name)
        for table in (self._parameters, self._buffers, self._modules):
            table.pop(name, None)
        self._not_saved.discard(name)

    def __getattr__(self, name: str) -> Any:
        # Reached only for what does not exist.
        if "_parameters" not in self.__dict__:
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}; "
                "its __init__ must call super().__init__() before anything else"
            )
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _owned(self, table: str) -> dict[str, Any]:
        if table not in self.__dict__:
            raise AttributeError(
                f"{type(self).__name__}: call super().__init__() at the start of __init__, before anything is assigned"
            )
        owned: dict[str, Any] = self.__dict__[table]
        return owned

    def _register(self, kind: str, name: str, value: Any) -> None:
        table = self._owned(kind)
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"{type(self).__name__}: {show(name)} cannot be a name; it must be text without dots")
        if callable(getattr(type(self), name, None)):
            raise ValueError(f"{type(self).__name__}: {name!r} is the name of a method; choose another one")
        for other in ("_parameters", "_buffers", "_modules"):
            if other != kind:
                self.__dict__[other].pop(name, None)
        CHANGES[0] += 1
        table[name] = value
        self.__dict__[name] = value

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter, as an assignment does; None reserves the name ("no bias")."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"{type(self).__name__}: {name} must be a Parameter or None, not {type(param).__name__}")
        self._register("_parameters", name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a Tensor that is part of the state but not learned. persistent=False: not saved either."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"{type(self).__name__}: {name} must be a Tensor or None, not {type(tensor).__name__}")
        keep = check_flag(type(self).__name__, "persistent", persistent)
        self._register("_buffers", name, tensor)
        if keep:
            self._not_saved.discard(name)
        else:
            self._not_saved.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a module, as an assignment does."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: {name} must be a Module or None, not {type(module).__name__}")
        self._register("_modules", name, module)

    register_module = add_module

    # Walking through it. What is shared is visited once, under its first name.

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) for the modules that belong to this one directly."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules that belong to this one directly."""
        return (module for _, module in self.named_children())

    def named_modules(self, memo: set[int] | None = None, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """(dotted name, module) for this module and all below it."""
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        memo.add(id(self))
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, _join(prefix, name))

    def modules(self) -> Iterator[Module]:
        """This module and all below it."""
        return (module for _, module in self.named_modules())

    def _named(self, table: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix=prefix) if recurse else [(prefix, self)]:
            for name, value in module.__dict__[table].items():
                if value is not None and id(value) not in seen:
                    seen.add(id(value))
                    yield _join(path, name), value

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) for all that is learned here and below."""
        return self._named("_parameters", prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All that is learned here and below."""
        return (value for _, value in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, buffer) for all buffers here and below."""
        return self._named("_buffers", prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers here and below."""
        return (value for _, value in self.named_buffers(recurse=recurse))

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Calls fn on every module below, then on this one; returns this one."""
        check_callable("apply", "fn", fn, "a function of a Module")
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # Its state

    def _state(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        # Every name counts here, also a second one of something shared.
        for name, value in (*self._parameters.items(), *self._buffers.items()):
            if value is not None and name not in self._not_saved:
                yield prefix + name, value
        for name, module in self._modules.items():
            if module is not None:
                yield from module._state(f"{prefix}{name}.")

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """{dotted name: Tensor} of all parameters and buffers. The Tensors share their memory: copy what is to stay."""
        if not isinstance(prefix, str):
            raise TypeError(f"state_dict: prefix must be text, not {type(prefix).__name__}")
        return {name: value.detach() for name, value in self._state(prefix)}

    def load_state_dict(self, state_dict: Mapping[str, Tensor | Array], strict: bool = True) -> LoadResult:
        """Copies values into the parameters and buffers of the same names, converting the dtype.

        strict=False: names that occur on one side only are left alone. Errors, after which nothing has changed:
        RuntimeError that lists the missing and unexpected names and the shapes that differ, TypeError for values that
        are no arrays of numbers.
        """
        own = dict(self._state(""))
        arrays, missing, unexpected = check_state(
            type(self).__name__, own, state_dict, check_flag("load_state_dict", "strict", strict)
        )
        for name, array in arrays.items():
            own[name].data[...] = array
            own[name].bump_version()
        return LoadResult(missing, unexpected)

    def train(self, mode: bool = True) -> Module:
        """Makes it behave as in training (dropout drops) or, with mode=False, as in use. Returns the module."""
        training = check_flag("train", "mode", mode)
        for module in self.modules():
            module.__dict__["training"] = training
        return self

    def eval(self) -> Module:
        """train(False)."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Freezes all parameters, or lets them learn. Returns the module."""
        for param in self.parameters():
            param.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters, or sets them to zeros."""
        for param in self.parameters():
            if set_to_none:
                param.grad = None
            elif param.grad is not None:
                param.grad.zero_()
                if type(param.grad) is Tensor:
                    param.grad = param.grad.detach()  # another one of the same memory: the optimizer knows old ones

    def to(self, dtype: Any) -> Module:
        """Converts floating-point parameters, their gradients and buffers to float32 or float64. Returns the module.

        "cpu", where it is anyway, is taken, too.
        """
        if is_device("to", dtype):
            return self
        dtype = check_float_dtype("to", check_dtype("to", dtype))
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor.dtype.kind == "f" and tensor.dtype != dtype:
                tensor.data = tensor.data.astype(dtype)
                if tensor.grad is not None:
                    tensor.grad = Tensor(tensor.grad.data.astype(dtype))
        return self

    def cpu(self) -> Module:
        """The module itself, which is there."""
        return self

    def float(self) -> Module:
        """to(float32)."""
        return self.to(np.float32)

    def double(self) -> Module:
        """to(float64)."""
        return self.to(np.float64)

    # What it looks like and costs

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """How many products forward() adds up for these inputs, without those of modules below; 0 if none are large.

        pydl.summary and pydl.profile count with it. A layer with weights gives its own.
        """
        return 0

    def extra_repr(self) -> str:
        """The settings that stand in repr(), as in Linear(in_features=2, ...)."""
        return ""

    def __repr__(self) -> str:
        settings = self.extra_repr()
        if not self._modules:
            return f"{type(self).__name__}({settings})"
        lines = [settings] if settings else []
        for name, module in self._modules.items():
            lines.append(f"({name}): {module!r}")
        body = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {body}\n)"


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
