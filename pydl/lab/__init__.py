"""Seeing how and why learning works: measurements of gradients, and the experiments of `pydl lab NAME`."""

from .band import unsaturated_band as unsaturated_band
from .band import widest_band as widest_band
from .convolution_matrix import convolution_matrix as convolution_matrix
from .gradcheck import gradcheck as gradcheck
from .gradient_flow import gradient_flow as gradient_flow
from .step import step as step
