"""diagnose: look a training over for the classic mistakes.

    trainer.fit((x, y), epochs=5)
    pydl.diagnose(trainer)

    - dead_relu: 83 % of the units of ReLU '1' (ReLU) are dead, 0 for all 256 rows, and learn no more; begin anew ...

It looks for softmax before cross-entropy, forgotten zero_grad, prediction in training mode, parameters that the
optimizer does not have, sorted data, dead ReLUs, sigmoids and tanhs that wide first weights have saturated, learning
rates that are too high, and numbers that are not finite. Wrong shapes and labels are errors of the loss itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data import DataLoader
from ..inspection.layer_profile import unchanged
from . import mistakes
from .batches import apply, as_loader, generators_of, split
from .mistakes import Finding
from .not_finite import layer_calls
from .trainer import Trainer, forgotten_parameters

ROWS = 256  # what the layers are looked at with


@dataclass
class Diagnosis:
    """What diagnose() returns; print it. True if something was found."""

    findings: list[Finding] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.findings)

    def __str__(self) -> str:
        lines = [f"- {each.mistake}: {each.sentence}" for each in self.findings]
        return "\n".join(lines) or "No mistake was found."

    __repr__ = __str__


def diagnose(trainer: Trainer, data: Any = None) -> Diagnosis:
    """Looks for the mistakes named at the top of this file, prints a sentence for each, and returns them.

    data: as for fit(); by default those of the last fit(). After a loop of one's own, make a Trainer(model, loss,
    optimizer) and give the data. Model, optimizer and random numbers stay as they are.
    """
    if not isinstance(trainer, Trainer):
        raise TypeError(f"diagnose: trainer must be a Trainer, not {type(trainer).__name__}")
    loader = trainer.data if data is None else as_loader("diagnose", data, 32, shuffle=True)
    if loader is None or len(loader) == 0:
        raise ValueError("diagnose: there are no data; give those to train with")
    report = Diagnosis()
    forgotten = forgotten_parameters(trainer.model, trainer.optimizer)
    if forgotten:
        told = f"the optimizer does not have {', '.join(forgotten)}, which will not learn; give it model.parameters()"
        report.findings.append(Finding("parameters", told, forgotten[0], len(forgotten)))
    report.findings += mistakes.forgotten_zero_grad(trainer.optimizer)
    with unchanged(trainer.model, trainer.optimizer, generators_of(loader)):
        trainer.model.zero_grad()
        report.findings += mistakes.sorted_data(loader)
        inputs, targets = split("diagnose", sample(loader))
        report.findings += mistakes.train_mode(trainer, inputs)
        trainer.model.eval()
        with layer_calls(trainer.model) as calls:
            loss = trainer.loss(apply(trainer.model, inputs), targets)
        broken = list(mistakes.not_finite(trainer.model, inputs, float(loss.item())))
        report.findings += broken
        if not broken:
            report.findings += mistakes.activation_before_loss(loss, calls)
            report.findings += mistakes.hidden_units(calls)
            rising = list(mistakes.rising_loss(trainer))
            report.findings += rising or mistakes.steps_too_long(trainer, inputs, targets)
    print(report)
    return report


def sample(loader: Any) -> Any:
    """One batch, of as many rows as give a picture where the loader can make one."""
    if isinstance(loader, DataLoader) and loader.batch_sampler is None:
        rows, draw = min(ROWS, len(loader.dataset)), np.random.default_rng(0)
        loader = DataLoader(
            loader.dataset, rows, True, collate_fn=loader.collate_fn, generator=draw, transform=loader.transform
        )
    return next(iter(loader))
