"""Learning rates that change from step to step.

scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=len(loader) * epochs)
for batch in loader: ...; optimizer.step(); scheduler.step()
"""

from .composed import ChainedScheduler as ChainedScheduler
from .composed import SequentialLR as SequentialLR
from .cyclic import CyclicLR as CyclicLR
from .formulas import ConstantLR as ConstantLR
from .formulas import CosineAnnealingLR as CosineAnnealingLR
from .formulas import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from .formulas import ExponentialLR as ExponentialLR
from .formulas import LambdaLR as LambdaLR
from .formulas import LinearLR as LinearLR
from .formulas import MultiplicativeLR as MultiplicativeLR
from .formulas import MultiStepLR as MultiStepLR
from .formulas import PolynomialLR as PolynomialLR
from .formulas import StepLR as StepLR
from .one_cycle import OneCycleLR as OneCycleLR
from .plateau import ReduceLROnPlateau as ReduceLROnPlateau
from .scheduler import LRScheduler as LRScheduler
