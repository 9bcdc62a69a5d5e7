import numpy as np
import pytest
from checks import check_kernel

from pydl.ops.conv2d_channels_last import channels_last
from pydl.ops.max_pool2d_channels_last import max_pool2d_channels_last


def test_native_equals_reference():
    check_kernel(max_pool2d_channels_last, examples=80)


@pytest.mark.parametrize(
    "change",
    [
        {"x": np.zeros((2, 3, 6, 6), np.float32)},
        {"y": np.zeros((2, 3, 3, 3), np.float32)},
        {"y": channels_last(np.zeros((2, 4, 3, 3), np.float32))},
        {"y": channels_last(np.zeros((2, 3, 5, 3), np.float32))},
        {"kernel": (7, 2)},
        {"stride": (0, 2)},
        {"padding": (-1, 0)},
    ],
    ids=str,
)
def test_native_kernel_checks_what_it_is_given(change):
    given = {
        "x": channels_last(np.zeros((2, 3, 6, 6), np.float32)),
        "y": channels_last(np.zeros((2, 3, 3, 3), np.float32)),
        "kernel": (2, 2),
        "stride": (2, 2),
        "padding": (0, 0),
        "dilation": (1, 1),
    }
    with pytest.raises(ValueError, match=r"^(pooling|max_pool2d_channels_last): "):
        max_pool2d_channels_last.native(*(given | change).values())
