"""Seeing how and why learning works: measurements of gradients, and the experiments of `pydl lab NAME`."""

from .band import unsaturated_band as unsaturated_band
from .band import widest_band as widest_band
from .gradcheck import gradcheck as gradcheck
from .gradient_flow import gradient_flow as gradient_flow
