"""Modules and parameters by name: ModuleDict, ParameterList, ParameterDict."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from ..arguments import check_list, show
from ..tensor import Tensor
from .module import Module
from .parameter import Parameter


class ModuleDict(Module):
    """A dict of modules whose parameters are found, named "key.weight" and so on."""

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        self.update({} if modules is None else modules)

    def update(self, modules: Mapping[str, Module]) -> None:
        """Adds the modules of a dict."""
        if not isinstance(modules, Mapping | ModuleDict):
            raise TypeError(f"ModuleDict: modules must be a dict of modules, not {type(modules).__name__}")
        for name, module in modules.items():
            self[name] = module

    def __setitem__(self, key: str, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"ModuleDict: {show(key)} must be a Module, not {type(module).__name__}")
        self.add_module(key, module)

    def __getitem__(self, key: str) -> Any:
        if key not in self._modules:
            raise KeyError(f"ModuleDict: there is no module {key!r}; it has {', '.join(self._modules)}")
        return self._modules[key]

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> ValuesView[Any]:
        """The modules."""
        return self._modules.values()

    def items(self) -> ItemsView[str, Any]:
        """(name, module) for all of them."""
        return self._modules.items()


class ParameterList(Module):
    """A list of parameters that are found, named "0", "1" and so on; Tensors and arrays become Parameters."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend([] if values is None else values)

    def append(self, value: Any) -> ParameterList:
        """Adds a parameter at the end; returns the list."""
        if not isinstance(value, Tensor) and not hasattr(value, "dtype"):
            raise TypeError(f"ParameterList: a Parameter or an array is needed, not {type(value).__name__}")
        self.register_parameter(str(len(self)), value if isinstance(value, Parameter) else Parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Adds parameters at the end; returns the list."""
        if isinstance(values, Tensor) or hasattr(values, "dtype"):
            raise TypeError(f"ParameterList: values must be a list of parameters, not {type(values).__name__}")
        for value in check_list("ParameterList", "values", values, "a list of parameters"):
            self.append(value)
        return self

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"ParameterList: index {index} is out of range, there are {len(self)} parameters")
        return list(self._parameters.values())[index]


class ParameterDict(Module):
    """A dict of parameters that are found, named by their keys; Tensors and arrays become Parameters."""

    def __init__(self, parameters: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.update({} if parameters is None else parameters)

    def update(self, parameters: Mapping[str, Any]) -> None:
        """Adds the parameters of a dict."""
        if not isinstance(parameters, Mapping | ParameterDict):
            raise TypeError(f"ParameterDict: parameters must be a dict of them, not {type(parameters).__name__}")
        for name, parameter in parameters.items():
            self[name] = parameter

    def __setitem__(self, key: str, parameter: Any) -> None:
        if not isinstance(parameter, Tensor) and not hasattr(parameter, "dtype"):
            raise TypeError(
                f"ParameterDict: {show(key)} must be a Parameter or an array, not {type(parameter).__name__}"
            )
        self.register_parameter(key, parameter if isinstance(parameter, Parameter) else Parameter(parameter))

    def __getitem__(self, key: str) -> Any:
        if key not in self._parameters:
            raise KeyError(f"ParameterDict: there is no parameter {key!r}; it has {', '.join(self._parameters)}")
        return self._parameters[key]

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self._parameters

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._parameters.keys()

    def values(self) -> ValuesView[Any]:
        """The parameters."""
        return self._parameters.values()

    def items(self) -> ItemsView[str, Any]:
        """(name, parameter) for all of them."""
        return self._parameters.items()
