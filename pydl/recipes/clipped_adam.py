"""Adam for recurrent networks: on a gradient that is made shorter where it is very long, as it is at times."""

from __future__ import annotations

from typing import Any

from pydl.optim import Adam, clip_grad_norm_


class ClippedAdam(Adam):
    """Adam; before each step all gradients together get at most the length `longest`."""

    def __init__(self, parameters: Any, lr: float, longest: float) -> None:
        super().__init__(parameters, lr=lr)
        self.longest = longest

    def step(self, closure: Any = None) -> Any:
        clip_grad_norm_([each for group in self.param_groups for each in group["params"]], self.longest)
        return super().step(closure)
