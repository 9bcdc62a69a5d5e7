"""Other sample rates: against the formula summed over all samples, and against scipy's polyphase filter."""

import math

import numpy as np
import pytest

from pydl.audio import resample


def by_the_formula(x, old, new, width=6, rolloff=0.99):
    divisor = math.gcd(old, new)
    old, new = old // divisor, new // divisor
    b = rolloff * min(old, new)
    t = np.arange(-(-len(x) * new // old))[:, None] / new - np.arange(len(x)) / old
    h = b / old * np.sinc(b * t) * np.cos(np.pi * b * t / (2 * width)) ** 2 * (np.abs(b * t) < width)
    return h @ x


@pytest.mark.parametrize("rates", [(8000, 7200), (9, 10), (3, 1), (1, 2), (44100, 8000), (8000, 44100), (7, 5)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_formula(rates, dtype):
    x = np.random.default_rng(0).standard_normal((2, 3, 301)).astype(dtype)
    y = resample(x, *rates)
    assert y.dtype == dtype
    expected = np.array([[by_the_formula(line.astype(np.float64), *rates) for line in each] for each in x])
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, atol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("rates", [(10, 9), (2, 3), (5, 1)])
def test_scipy(rates):
    signal = pytest.importorskip("scipy.signal")
    old, new = rates
    x = np.random.default_rng(1).standard_normal(200)
    b, reach = 0.99 * min(old, new), 6 * max(old, new)
    t = np.arange(-reach - 5, reach + 6) / (old * new)
    h = b / old * np.sinc(b * t) * np.cos(np.pi * b * t / 12) ** 2 * (np.abs(b * t) < 6)
    expected = signal.upfirdn(h, x, new, 1)[reach + 5 :: old]
    y = resample(x, old, new)
    np.testing.assert_allclose(y, expected[: len(y)], atol=1e-12)


@pytest.mark.parametrize("new", [6000, 16000, 11025])
def test_a_tone_stays_a_tone(new):
    t = np.arange(8000) / 8000
    y = resample(np.sin(2 * np.pi * 440 * t), 8000, new)
    expected = np.sin(2 * np.pi * 440 * np.arange(len(y)) / new)
    inside = slice(new // 50, -new // 50)
    np.testing.assert_allclose(y[inside], expected[inside], atol=2e-3)


def test_what_the_new_rate_cannot_hold_is_gone():
    t = np.arange(8000) / 8000
    assert np.abs(resample(np.sin(2 * np.pi * 3000 * t), 8000, 4000)[50:-50]).max() < 2e-3


def test_edges():
    x = np.float32([1, 2, 3])
    same = resample(x, 8000, 8000)
    assert same is not x
    np.testing.assert_array_equal(same, x)
    assert resample(np.zeros(0), 3, 2).shape == (0,)
    assert resample(x[:1], 100, 1).shape == (1,)
    assert resample([1, 2, 3], 1, 2).dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 2, 3), r"waveform must be \(..., N\)"),
        (([1.0], 0, 3), "orig_freq must be at least 1"),
        (([1.0], 3, 2, 0), "lowpass_filter_width must be at least 1"),
        (([1.0], 3, 2, 6, 0.0), "rolloff must be above 0"),
        (([1.0], 999983, 999979), "no common divisor"),
    ],
)
def test_wrong_calls(arguments, message):
    with pytest.raises(ValueError, match=f"resample: .*{message}"):
        resample(*arguments)
