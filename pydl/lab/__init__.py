"""Seeing how and why learning works: measurements of gradients, and the experiments of `pydl lab NAME`."""

from .adding_problem import train_adder as train_adder
from .band import unsaturated_band as unsaturated_band
from .band import widest_band as widest_band
from .cliff import descend_cliff as descend_cliff
from .convolution_matrix import convolution_matrix as convolution_matrix
from .gradcheck import gradcheck as gradcheck
from .gradient_flow import gradient_flow as gradient_flow
from .gradients_through_time import gradient_lengths as gradient_lengths
from .step import step as step
