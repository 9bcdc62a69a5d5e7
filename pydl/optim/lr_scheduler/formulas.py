"""Learning rates that are a formula of the number of steps made."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any

from ...arguments import check_callable, check_integer, check_list, check_number, check_range
from ..optimizer import Optimizer
from .scheduler import LRScheduler


class StepLR(LRScheduler):
    """lr = base_lr gamma^floor(t / step_size): a fall every step_size steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = check_integer("StepLR", "step_size", step_size, 1)
        self.gamma = check_range("StepLR", "gamma", gamma, 0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """lr = base_lr gamma^t."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = check_range("ExponentialLR", "gamma", gamma, 0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (base_lr - eta_min) (1 + cos(pi t / T_max)) / 2: half a cosine down to eta_min, then up again.

    Source: Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017 (without restarts).
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = check_integer("CosineAnnealingLR", "T_max", T_max, 1)
        self.eta_min = check_range("CosineAnnealingLR", "eta_min", eta_min, 0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        share = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """lr = base_lr gamma^(the number of milestones that are not after step t)."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        steps = check_list("MultiStepLR", "milestones", milestones, "a list of steps")
        self.milestones = sorted(check_integer("MultiStepLR", "each milestone", each, 0) for each in steps)
        self.gamma = check_range("MultiStepLR", "gamma", gamma, 0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        factor = self.gamma ** bisect_right(self.milestones, self.last_epoch)
        return [base * factor for base in self.base_lrs]


class ConstantLR(LRScheduler):
    """lr = base_lr factor in the first total_iters steps, then base_lr."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        self.factor = check_range("ConstantLR", "factor", factor, 0, 1)
        self.total_iters = check_integer("ConstantLR", "total_iters", total_iters, 0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * (self.factor if self.last_epoch < self.total_iters else 1.0) for base in self.base_lrs]


class LinearLR(LRScheduler):
    """lr = base_lr (start_factor + (end_factor - start_factor) min(t / total_iters, 1)): a warm-up, as it stands.

    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour" (2017), for warming up.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = check_range("LinearLR", "start_factor", start_factor, 0, 1)
        self.end_factor = check_range("LinearLR", "end_factor", end_factor, 0, 1)
        self.total_iters = check_integer("LinearLR", "total_iters", total_iters, 1)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        share = min(self.last_epoch / self.total_iters, 1.0)
        factor = self.start_factor + (self.end_factor - self.start_factor) * share
        return [base * factor for base in self.base_lrs]


class PolynomialLR(LRScheduler):
    """lr = base_lr (1 - min(t / total_iters, 1))^power."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = check_integer("PolynomialLR", "total_iters", total_iters, 1)
        self.power = check_range("PolynomialLR", "power", power, 0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        left = 1.0 - min(self.last_epoch / self.total_iters, 1.0)
        return [base * left**self.power for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr = eta_min + (base_lr - eta_min) (1 + cos(pi t / T)) / 2, t and T counted anew after T steps, T_mult as many.

    T is T_0 at first. Source: Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_0 = check_integer("CosineAnnealingWarmRestarts", "T_0", T_0, 1)
        self.T_mult = check_integer("CosineAnnealingWarmRestarts", "T_mult", T_mult, 1)
        self.eta_min = check_range("CosineAnnealingWarmRestarts", "eta_min", eta_min, 0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t, period = self.last_epoch, self.T_0
        if self.T_mult == 1:
            t %= period
        while t >= period:
            t, period = t - period, period * self.T_mult
        share = (1 + math.cos(math.pi * t / period)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]


class LambdaLR(LRScheduler):
    """lr = base_lr lr_lambda(t), for one function or a list of one for each group. They are no part of state_dict()."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        name, count = type(self).__name__, len(self._checked(optimizer).param_groups)
        functions = lr_lambda if isinstance(lr_lambda, list | tuple) else [lr_lambda] * count
        if len(functions) != count:
            raise ValueError(f"{name}: lr_lambda has {len(functions)} functions, but there are {count} groups")
        self.lr_lambdas = [check_callable(name, "lr_lambda", each) for each in functions]
        super().__init__(optimizer, last_epoch)

    def get_factors(self) -> list[float]:
        """What the functions give for this step."""
        name = type(self).__name__
        return [check_number(name, "what lr_lambda returns", each(self.last_epoch)) for each in self.lr_lambdas]

    def get_lr(self) -> list[float]:
        return [base * factor for base, factor in zip(self.base_lrs, self.get_factors(), strict=True)]

    def state_dict(self) -> dict[str, Any]:
        return {key: value for key, value in super().state_dict().items() if key != "lr_lambdas"}


class MultiplicativeLR(LambdaLR):
    """lr(t) = lr(t - 1) lr_lambda(t) and lr(0) = base_lr, for one function or a list of one for each group."""

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return list(self.base_lrs)
        if not hasattr(self, "_last_lr"):  # going on from last_epoch
            self._last_lr = [group["lr"] for group in self.optimizer.param_groups]
        return [rate * factor for rate, factor in zip(self._last_lr, self.get_factors(), strict=True)]
