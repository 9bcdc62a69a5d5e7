"""fuse_conv_bn_eval: one layer that does the work of two."""

import numpy as np
import pytest
from checks import check_refused

from pydl import nn

PAIRS = {
    "Linear": (lambda: nn.Linear(4, 6, dtype=np.float64), nn.BatchNorm1d, (3, 4)),
    "Conv1d": (lambda: nn.Conv1d(4, 6, 3, groups=2, dtype=np.float64), nn.BatchNorm1d, (2, 4, 7)),
    "Conv2d": (lambda: nn.Conv2d(4, 6, 3, padding=1, bias=False, dtype=np.float64), nn.BatchNorm2d, (2, 4, 5, 5)),
    "Conv3d": (lambda: nn.Conv3d(4, 6, 2, dtype=np.float64), nn.BatchNorm3d, (2, 4, 3, 3, 3)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 6, 3, groups=2, dtype=np.float64), nn.BatchNorm2d, (2, 4, 5, 5)),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("affine", [True, False])
def test_the_same_outputs(name, affine):
    make, norm, shape = PAIRS[name]
    rng = np.random.default_rng(0)
    layer, bn = make(), norm(6, affine=affine, dtype=np.float64)
    for value in (bn.running_mean, *bn.parameters()):
        value.data[...] = rng.standard_normal(6)
    bn.running_var.data[...] = rng.uniform(0.5, 2, 6)
    layer.eval()
    bn.eval()
    x = rng.standard_normal(shape)
    fused = nn.fuse_conv_bn_eval(layer, bn, transpose="Transpose" in name)
    np.testing.assert_allclose(fused(x).detach().numpy(), bn(layer(x)).detach().numpy(), rtol=1e-10, atol=1e-12)
    assert type(fused) is type(layer)
    assert fused.weight is not layer.weight


def test_refuses():
    conv, bn = nn.Conv2d(1, 2, 3).eval(), nn.BatchNorm2d(2).eval()
    check_refused(lambda: nn.fuse_conv_bn_eval(bn, conv), TypeError, "fuse_conv_bn_eval: needs a convolution and a bat")
    check_refused(lambda: nn.fuse_conv_bn_eval(conv, nn.BatchNorm2d(3).eval()), ValueError,
                  "fuse_conv_bn_eval: conv has 2 output channels but bn has 3")  # fmt: skip
    check_refused(lambda: nn.fuse_conv_bn_eval(conv, bn.train()), ValueError, "both layers must be in evaluation mode")
