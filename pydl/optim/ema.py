"""EMA: a moving average of the weights, which often predicts better than the weights themselves.

    average = decay average + (1 - decay) w      after each step; the first step's is w itself

Source    Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30 (1992);
          the formula is that of torch.optim.swa_utils.get_ema_multi_avg_fn
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any

from ..arguments import Array, check_list, check_range
from ..tensor import Tensor


class EMA:
    """Averages of `parameters`, which `update()` takes after each optimizer step.

        ema = EMA(model.parameters(), decay=0.999)
        for batch in loader: ...; optimizer.step(); ema.update()
        with ema: evaluate(model)          # the averages are in the model inside, the weights again afterwards

    decay: the share of the old average, from 0 to 1. Errors: TypeError for what are no Tensors.
    """

    def __init__(self, parameters: Iterable[Any], decay: float = 0.999) -> None:
        self.parameters = check_list("EMA", "parameters", parameters, "a list of Tensors")
        for each in self.parameters:
            if not isinstance(each, Tensor):
                raise TypeError(f"EMA: parameters must be Tensors, not {type(each).__name__}")
        self.decay = check_range("EMA", "decay", decay, 0, 1)
        self.averages: list[Array] = [each.data.copy() for each in self.parameters]
        self.n_averaged = 0
        self.weights: list[Array] | None = None

    def update(self) -> None:
        """Takes the weights of now into the averages."""
        for average, each in zip(self.averages, self.parameters, strict=True):
            if self.n_averaged == 0:
                average[...] = each.data
            else:
                average += (1 - self.decay) * (each.data - average)
        self.n_averaged += 1

    def __enter__(self) -> EMA:
        if self.weights is not None:
            raise RuntimeError("EMA: the averages are in the model already")
        self.weights = [each.data.copy() for each in self.parameters]
        self._put(self.averages)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.weights is not None
        self._put(self.weights)
        self.weights = None

    def _put(self, arrays: list[Array]) -> None:
        for each, array in zip(self.parameters, arrays, strict=True):
            each.data[...] = array
            each.bump_version()

    def state_dict(self) -> dict[str, Any]:
        """{"n_averaged": a number, "averages": arrays}, the averages' own memory."""
        return {"n_averaged": self.n_averaged, "averages": list(self.averages)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a copy of what state_dict() gave. Errors: ValueError where it is of other parameters."""
        averages = state_dict["averages"]
        if [each.shape for each in averages] != [each.shape for each in self.averages]:
            raise ValueError("EMA: the state is of parameters of other shapes")
        for own, new in zip(self.averages, averages, strict=True):
            own[...] = new
        self.n_averaged = int(check_range("EMA", "n_averaged", state_dict["n_averaged"], 0))
