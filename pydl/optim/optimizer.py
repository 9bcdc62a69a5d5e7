"""Optimizer: what all update rules share: parameter groups, their state, and the walk over both.

A rule updates many parameters in one kernel call. Parameters go together where they share the dtype and what the rule
counts for each of them (the number of steps, say), so that an ordinary model is one call a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

import numpy as np

from .._compiled import batches, moved
from ..arguments import Array, check_list, check_range, show
from ..sparse import SparseRows
from ..tensor import Tensor, enable_grad


def _is_number(value: Any) -> bool:
    """Whether it is one that a float can hold."""
    try:
        return isinstance(value, int | float | np.number) and not isinstance(value, bool) and not math.isnan(value)
    except OverflowError:
        return False


# An option's range: what it must be, in words, and the test.
Range = tuple[str, Callable[[Any], bool]]
at_least_zero: Range = ("a number of at least 0", lambda value: _is_number(value) and value >= 0)
any_number: Range = ("a number", _is_number)
flag: Range = ("True or False", lambda value: isinstance(value, bool | int | np.bool_))
fraction: Range = ("a number from 0 to below 1", lambda value: _is_number(value) and 0 <= value < 1)


# What learning-rate schedulers keep in a group, beside the rule's own options.
SCHEDULED = ("initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum")


class Optimizer:
    """The base class. A subclass gives its defaults to __init__ and says in `update` how a batch of parameters moves.

    params: Tensors that need gradients, or dicts {"params": tensors, "lr": ...} whose other keys replace the defaults
    for these tensors. maximize=True, where a rule has it: steps up the gradient, not down it.
    Errors: ValueError for no parameters, one given twice, one that is not a leaf or read-only, an option that does not
    exist or is out of its range; TypeError for what is not a Tensor of float32 or float64.
    """

    # What options must be. Those that are not listed may be anything.
    RANGES: ClassVar[dict[str, Range]] = {
        **dict.fromkeys(("lr", "weight_decay", "eps", "momentum"), at_least_zero),
        **dict.fromkeys(("nesterov", "amsgrad", "centered", "maximize", "decoupled_weight_decay"), flag),
    }
    # What parameters of one kernel call have in common in their states, besides the dtype: see batches().
    COUNTED: ClassVar[str] = ""

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = {}
        # For pydl.diagnose: how many steps there were, and how many of them found the gradients of the one before,
        # added up with their own, because nobody called zero_grad().
        self.steps = self.leftover_steps = 0
        self._last_gradient = (0, 0)
        self.param_groups: list[dict[str, Any]] = []
        if isinstance(params, Tensor | np.ndarray | dict | str) or not isinstance(params, Iterable):
            raise TypeError(f"{self.name}: params must be a list of Tensors or of dicts, not {type(params).__name__}")
        groups = list(params)
        if not groups:
            raise ValueError(f"{self.name}: params is empty; give it model.parameters()")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    @property
    def name(self) -> str:
        """The rule's name, as errors carry it."""
        return type(self).__name__

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds parameters with their own options: {"params": tensors, "lr": ...}."""
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f"{self.name}: a parameter group must be a dict with the key 'params'")
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else check_list(self.name, "params", params, "Tensors")
        for key in param_group:
            if key != "params" and key not in self.defaults:
                raise ValueError(f"{self.name}: there is no option {key!r}; it has {', '.join(self.defaults)}")
        group = {"params": params, **self.defaults, **{k: v for k, v in param_group.items() if k != "params"}}
        self.check_options(group)
        known = {id(each) for other in self.param_groups for each in other["params"]}
        for i, each in enumerate(params):
            self._check_parameter(each, i)
            if id(each) in known:
                raise ValueError(f"{self.name}: parameter {i} of the group was given already; each belongs once")
            known.add(id(each))
        self.param_groups.append(group)

    def _check_parameter(self, value: Any, i: int) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"{self.name}: parameter {i} must be a Tensor, not {type(value).__name__}")
        if value.dtype.type not in (np.float32, np.float64):
            raise TypeError(f"{self.name}: parameter {i} has dtype {value.dtype} but must be float32 or float64")
        if not value.is_leaf:
            raise ValueError(f"{self.name}: parameter {i} was computed from others; only leaves can be optimized")
        if not value.data.flags.writeable:
            raise ValueError(f"{self.name}: parameter {i} is read-only memory; give a copy of it")

    def check_options(self, group: dict[str, Any]) -> None:
        """Refuses options that are out of their range."""
        for key, (needs, holds) in self.RANGES.items():
            if key in group and not holds(group[key]):
                raise ValueError(f"{self.name}: {key} must be {needs}, not {show(group[key])}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates every parameter that has a gradient. closure: computes the loss again; its result is returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._count_step()
        for group in self.param_groups:
            sparse: list[Tensor] = []
            set_aside = partial(self._set_aside, group, sparse)
            for params, weights, gradients, states in batches(group["params"], self.state, self.COUNTED, set_aside):
                if group.get("maximize"):
                    gradients = [np.asarray(np.negative(each)) for each in gradients]
                try:
                    self.update(group, weights, gradients, states)
                except TypeError:
                    now, kept = weights[0].dtype, [each for state in states for each in state.values()]
                    if all(getattr(each, "dtype", now) == now for each in kept):
                        raise
                    raise TypeError(f"{self.name}: parameters are {now} now; make a new optimizer") from None
                moved(params, weights)
            for param in sparse:
                self._move_rows(group, param)
        return loss

    def _count_step(self) -> None:
        self.steps += 1
        for param in self.param_groups[0]["params"][:1]:
            if isinstance(param.grad, Tensor):
                # backward() adds to the same Tensor, and counts that, until zero_grad() puts another one in its place.
                now = (id(param.grad), param.grad.version.count)
                self.leftover_steps += now[0] == self._last_gradient[0] and now[1] > self._last_gradient[1]
                self._last_gradient = now

    def takes_sparse(self, group: dict[str, Any]) -> bool:
        """Whether the rule leaves rows without a gradient alone, so that it may move the others by themselves."""
        return False

    def _set_aside(self, group: dict[str, Any], sparse: list[Tensor], param: Tensor) -> None:
        """Keeps a parameter with a sparse gradient for later; refuses any other that has not the parameter's shape."""
        grad = param.grad
        if isinstance(grad, SparseRows):
            if not self.takes_sparse(group):
                raise ValueError(
                    f"{self.name}: does not take sparse gradients with these options; SparseAdam does, Adagrad without "
                    "weight_decay, SGD without momentum and weight_decay"
                )
            sparse.append(param)
            return
        raise ValueError(
            f"{self.name}: the gradient of a parameter is {grad.dtype} {grad.shape}, "
            f"but the parameter is {param.dtype} {param.shape}"
        )

    def _move_rows(self, group: dict[str, Any], param: Tensor) -> None:
        """A step for those rows of a table that its sparse gradient has."""
        grad: Any = param.grad
        rows, weights = grad.rows, param.data[grad.rows]
        kept = self.state.setdefault(param, {})
        state = {key: value[rows] if isinstance(value, np.ndarray) else value for key, value in kept.items()}
        self.update(group, [weights], [-grad.data if group.get("maximize") else grad.data], [state])
        param.data[rows] = weights
        for key, value in state.items():
            if isinstance(value, np.ndarray):
                if key not in kept:
                    kept[key] = np.full(param.shape, group.get("initial_accumulator_value", 0), param.dtype)
                kept[key][rows] = value
            else:
                kept[key] = value
        moved([param], [param.data])

    def update(
        self, group: dict[str, Any], weights: list[Array], gradients: list[Array], states: list[dict[str, Any]]
    ) -> None:
        """Moves the weights, which are C-contiguous and of one dtype, in place, and their states with them."""
        raise NotImplementedError(f"{self.name} must say how parameters move")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients, or sets them to zeros."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    param.grad.data[...] = 0
                    self._last_gradient = (0, 0)

    def state_dict(self) -> dict[str, Any]:
        """{"state": {i: {name: array or number}}, "param_groups": [options, with "params": [i, ...]]}.

        Parameters are numbered in the order of the groups. The arrays are the optimizer's own, not copies.
        """
        number = {param: i for i, param in enumerate(self._all_params())}
        groups = [{**group, "params": [number[param] for param in group["params"]]} for group in self.param_groups]
        return {"state": {number[param]: dict(state) for param, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what state_dict() gave; arrays are copied. Errors: ValueError where it is of other parameters."""
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= state_dict.keys():
            raise TypeError(
                f"{self.name}: the state must be a dict with 'state' and 'param_groups', as of state_dict()"
            )
        groups, params = state_dict["param_groups"], self._all_params()
        sizes, own = [len(group["params"]) for group in groups], [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ValueError(f"{self.name}: the state has groups of {sizes} parameters, this optimizer of {own}")
        state = {}
        for i, entries in state_dict["state"].items():
            if not 0 <= int(i) < len(params):
                raise ValueError(f"{self.name}: the state has a parameter {i}, this optimizer {len(params)} of them")
            param = params[int(i)]
            state[param] = {key: self._loaded(key, value, int(i), param) for key, value in entries.items()}
        options = []
        for group, new in zip(self.param_groups, groups, strict=True):
            unknown = [key for key in new if key != "params" and key not in self.defaults and key not in SCHEDULED]
            if unknown:
                raise ValueError(f"{self.name}: the state has options that do not exist here: {', '.join(unknown)}")
            options.append({**group, **{key: value for key, value in new.items() if key != "params"}})
            self.check_options(options[-1])
        self.state = state
        for group, new in zip(self.param_groups, options, strict=True):
            group.update(new)

    def _loaded(self, key: str, value: Any, i: int, param: Tensor) -> Any:
        array = value.data if isinstance(value, Tensor) else value
        if key == "step":  # a number; PyTorch has an array of one
            number = array.item() if isinstance(array, np.ndarray) and array.size == 1 else array
            return int(check_range(self.name, f"step of parameter {i}", number, 0))
        if key == "mu_product":
            number = array.item() if isinstance(array, np.ndarray) and array.size == 1 else array
            return check_range(self.name, f"{key} of parameter {i}", number, 0, 1)
        if array is None:
            return None
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{self.name}: {key} of parameter {i} must be an array, not {type(array).__name__}")
        if array.shape != param.shape:
            raise ValueError(
                f"{self.name}: {key} of parameter {i} has shape {array.shape}, the parameter {param.shape}"
            )
        return np.array(array, param.dtype, order="C")

    def _all_params(self) -> list[Tensor]:
        return [param for group in self.param_groups for param in group["params"]]

    def __repr__(self) -> str:
        lines = [f"{self.name} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {value}" for key, value in sorted(group.items()) if key != "params"]
        return "\n".join([*lines, ")"])
