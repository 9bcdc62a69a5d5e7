"""Modules in a row: Sequential runs them one after another, ModuleList only holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..arguments import check_list
from .module import Module


class ModuleList(Module):
    """A list of modules whose parameters are found, named "0.weight", "1.weight" and so on."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend([] if modules is None else modules)

    def _place(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{type(self).__name__}: index {index} is out of range, there are {len(self)} modules")
        return list(self._modules)[index]

    def _replace(self, modules: list[Any]) -> None:
        for name in list(self._modules):
            delattr(self, name)
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._modules[self._place(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._place(index), module)

    def __delitem__(self, index: int | slice) -> None:
        if not isinstance(index, slice):
            self._place(index)
        modules = list(self)
        del modules[index]
        self._replace(modules)

    def append(self, module: Module) -> ModuleList:
        """Adds a module at the end; returns the list."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Adds modules at the end; returns the list."""
        if isinstance(modules, Module) and not isinstance(modules, ModuleList):
            raise TypeError(f"{type(self).__name__}: a list of modules is needed, not one {type(modules).__name__}")
        for module in check_list(type(self).__name__, "modules", modules, "a list of modules"):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Adds a module before the one at `index`."""
        modules = list(self)
        modules.insert(index, module)
        self._replace(modules)


class Sequential(ModuleList):
    """Modules that run one after another, each on what the one before gave.

    Sequential(a, b, c) names them "0", "1", "2"; Sequential({"first": a, "second": b}) names them as the dict does.
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(modules):
                self.add_module(str(i), module)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(dict(list(self._modules.items())[index]))
        return super().__getitem__(index)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)
        return input
