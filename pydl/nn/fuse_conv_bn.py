"""A batch normalisation made part of the layer before it, for use after training.

    w' = s w,   b' = s (b - mean) + beta,   s = gamma / sqrt(var + eps)      for each output channel

Source    Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
          CVPR 2018, section 3.2
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from .batch_norm import _BatchNorm
from .module import Module
from .parameter import Parameter


def fuse_conv_bn_eval(conv: Module, bn: Module, transpose: bool = False) -> Module:
    """A new layer that does what conv (a convolution or Linear) and bn after it do in evaluation mode.

    transpose: conv is a transposed convolution, whose weight has the output channels second.
    Errors: TypeError for other layers, ValueError in training mode, without running statistics or for other sizes.
    """
    name = "fuse_conv_bn_eval"
    layer: Any = conv
    if not isinstance(bn, _BatchNorm) or not isinstance(getattr(conv, "weight", None), Parameter):
        raise TypeError(f"{name}: needs a convolution and a batch norm, not {type(conv).__name__}, {type(bn).__name__}")
    if conv.training or bn.training or bn.running_mean is None:
        raise ValueError(f"{name}: both layers must be in evaluation mode, with running statistics; call eval() first")
    groups = getattr(conv, "groups", 1)
    weight = layer.weight.data
    channels = weight.shape[1] * groups if transpose else weight.shape[0]
    if channels != bn.num_features:
        raise ValueError(f"{name}: conv has {channels} output channels but bn has {bn.num_features}")
    mean, variance = (each.data.astype(np.float64) for each in (bn.running_mean, bn.running_var))
    scale = (1.0 if bn.weight is None else bn.weight.data) / np.sqrt(variance + bn.eps)
    shift = 0.0 if bn.bias is None else bn.bias.data
    bias = 0.0 if layer.bias is None else layer.bias.data
    fused = copy.deepcopy(layer)
    if transpose:  # (I, O / groups, *), the inputs group by group
        inputs = weight.shape[0]
        factor = np.repeat(scale.reshape(groups, -1), inputs // groups, 0).reshape(
            *weight.shape[:2], *(1,) * (weight.ndim - 2)
        )
    else:
        factor = scale.reshape(-1, *(1,) * (weight.ndim - 1))
    fused.weight = Parameter((weight * factor).astype(weight.dtype))
    fused.bias = Parameter((scale * (bias - mean) + shift).astype(weight.dtype))
    result: Module = fused
    return result
