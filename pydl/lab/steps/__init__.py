"""A network forward and backward as formulas, one step at a time: `pydl lab step`."""

from .run import step as step
from .steps import Steps as Steps
