"""Spectra and what is made of them: against PyTorch, scipy and librosa where they are, and numbers worked by hand."""

import numpy as np
import pytest

from pydl import audio

X = np.random.default_rng(0).standard_normal((2, 700)).astype(np.float32)


@pytest.mark.parametrize("window", ["hann", "hamming"])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_windows(window, periodic, size):
    torch = pytest.importorskip("torch")
    ours, theirs = getattr(audio, f"{window}_window"), getattr(torch, f"{window}_window")
    expected = theirs(size, periodic=periodic, dtype=torch.float64).numpy()
    np.testing.assert_allclose(ours(size, periodic), expected, atol=1e-15)


def test_windows_by_hand():
    np.testing.assert_allclose(audio.hann_window(4), [0, 0.5, 1, 0.5], atol=1e-15)
    np.testing.assert_allclose(audio.hann_window(5, periodic=False), [0, 0.5, 1, 0.5, 0], atol=1e-15)
    np.testing.assert_allclose(audio.hamming_window(4), [0.08, 0.54, 1, 0.54], atol=1e-15)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("mode", ["reflect", "replicate", "constant"])
@pytest.mark.parametrize(("n_fft", "hop", "length"), [(256, 80, 200), (200, None, None), (33, 7, 20), (1, 1, 1)])
def test_stft_is_that_of_pytorch(center, mode, n_fft, hop, length):
    torch = pytest.importorskip("torch")
    window = audio.hann_window(length or n_fft) + 0.1
    ours = audio.stft(X, n_fft, hop, length, window, center, mode)
    theirs = torch.stft(
        torch.from_numpy(X), n_fft, hop, length, torch.from_numpy(window.astype(np.float32)), center, mode,
        return_complex=True,
    )  # fmt: skip
    np.testing.assert_allclose(ours, theirs.numpy(), atol=3e-5)


def test_stft_by_the_formula():
    x = X[0].astype(np.float64)
    w = audio.hamming_window(16)
    k, n = np.arange(9)[:, None], np.arange(16)
    wave = np.exp(-2j * np.pi * k * n / 16)
    expected = np.stack([wave @ (w * x[t * 5 : t * 5 + 16]) for t in range((700 - 16) // 5 + 1)], axis=1)
    np.testing.assert_allclose(audio.stft(x, 16, 5, window=w, center=False), expected, atol=1e-12)


def test_a_tone_is_in_its_bin():
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    X = np.abs(audio.stft(tone, 256, 80, window=audio.hann_window(256), center=False))
    assert (X.argmax(0) == 32).all()
    np.testing.assert_allclose(X[32], 64, rtol=1e-6)  # half the amplitude times the sum of the window


def test_mel_by_hand():
    assert audio.hz_to_mel(700.0) == pytest.approx(2595 * np.log10(2))
    np.testing.assert_allclose(audio.hz_to_mel(np.float64([60, 110, 1000, 6400]), "slaney"), [0.9, 1.65, 15, 42])
    assert audio.mel_to_hz(3, "slaney") == pytest.approx(200)
    f = np.linspace(0, 20000, 50)
    for scale in ("htk", "slaney"):
        np.testing.assert_allclose(audio.mel_to_hz(audio.hz_to_mel(f, scale), scale), f, atol=1e-9)
    # Three mels from 0 to 600 Hz on slaney's scale: corners at 0, 150, 300, 450, 600 Hz, frequencies 100 Hz apart.
    bank = audio.melscale_fbanks(7, 0, 600, 3, 1200, mel_scale="slaney")
    expected = [[0, 0, 0], [2 / 3, 0, 0], [2 / 3, 1 / 3, 0], [0, 1, 0], [0, 1 / 3, 2 / 3], [0, 0, 2 / 3], [0, 0, 0]]
    np.testing.assert_allclose(bank, expected, atol=1e-6)
    scaled = audio.melscale_fbanks(7, 0, 600, 3, 1200, "slaney", "slaney")
    np.testing.assert_allclose(scaled, bank / 150, rtol=1e-6)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("norm", [None, "slaney"])
def test_mel_filters_are_those_of_librosa(scale, norm):
    librosa = pytest.importorskip("librosa")
    theirs = librosa.filters.mel(sr=16000, n_fft=400, n_mels=40, fmin=20, fmax=7600, htk=scale == "htk", norm=norm)
    np.testing.assert_allclose(audio.melscale_fbanks(201, 20, 7600, 40, 16000, norm, scale).T, theirs, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.8, 1.0, 1.15])
def test_vocal_tract(alpha):
    """A throat shorter by alpha has its resonance in the filter where it was at 1/alpha of the frequency."""
    settings = (513, 0, 4000, 30, 8000)
    plain, warped = audio.melscale_fbanks(*settings), audio.vocal_tract_fbanks(*settings, alpha)
    if alpha == 1:
        np.testing.assert_array_equal(plain, warped)
    for hertz in (500, 1500, 2000):
        here, there = plain[round(hertz / 4000 * 512)], warped[round(hertz * alpha / 4000 * 512)]
        assert np.abs(here.argmax() - there.argmax()) <= 1
        np.testing.assert_allclose(here, there, atol=0.1)
    assert warped[-1].sum() == 0
    assert (warped.sum(0) > 0).all()


def test_log_mel_by_the_formula():
    bank = audio.melscale_fbanks(129, 60, 3800, 20, 8000)
    window = audio.hann_window(200)
    y = audio.log_mel_spectrogram(X, bank, 80, window)
    assert y.dtype == np.float32
    assert y.shape == (2, 20, 1 + 700 // 80)
    power = np.abs(audio.stft(X.astype(np.float64), 256, 80, 200, window, True, "constant")) ** 2
    np.testing.assert_allclose(y, np.log(np.einsum("nft,fm->nmt", power, bank)), atol=1e-4)
    silence = audio.log_mel_spectrogram(np.zeros(400, np.float32), bank, 80, window, floor=1e-5)
    np.testing.assert_allclose(silence, np.log(1e-5), rtol=1e-6)
    assert np.isneginf(audio.log_mel_spectrogram(np.zeros(400), bank, 80, window, floor=0)).all()


def test_mfcc():
    dct = audio.create_dct(20, 20)
    np.testing.assert_allclose(dct.T @ dct, np.eye(20), atol=1e-12)
    np.testing.assert_allclose(audio.create_dct(2, 2), [[0.5**0.5, 0.5**0.5], [0.5**0.5, -(0.5**0.5)]], atol=1e-12)
    np.testing.assert_allclose(audio.create_dct(2, 2, None), [[2, 2**0.5], [2, -(2**0.5)]])
    y = np.random.default_rng(2).standard_normal((3, 20, 7))
    c = audio.mfcc(y, 13)
    assert c.shape == (3, 13, 7)
    fft = pytest.importorskip("scipy.fft")
    np.testing.assert_allclose(c, fft.dct(y, type=2, norm="ortho", axis=1)[:, :13], atol=1e-12)


def test_deltas():
    ramp = np.arange(8.0)
    np.testing.assert_allclose(audio.compute_deltas(ramp)[2:-2], 1)
    # At the first frame: (1 (1 - 0) + 2 (2 - 0)) / (2 (1 + 4))
    assert audio.compute_deltas(ramp)[0] == pytest.approx(0.5)
    np.testing.assert_allclose(audio.compute_deltas(ramp, 3, "constant")[[0, -1]], [0.5, -3])
    y = np.random.default_rng(3).standard_normal((2, 4, 9))
    weights = np.array([2, 1, 0, -1, -2]) / 10
    expected = [[np.convolve(line, weights, "valid") for line in each] for each in y]
    np.testing.assert_allclose(audio.compute_deltas(y)[..., 2:-2], expected, atol=1e-12)


def test_spec_augment():
    x = np.ones((50, 100, 40), np.float32)
    hide = audio.SpecAugment(time_masks=2, time_width=15, band_masks=1, band_width=5, value=-3)
    y = hide(x, np.random.default_rng(0))
    assert y.dtype == np.float32
    assert set(np.unique(y)) == {-3, 1}
    hidden = y == -3
    times, bands = hidden.all(2).sum(1), hidden.all(1).sum(1)
    assert times.max() <= 30
    assert times.max() > 15, "two stretches"
    assert bands.max() == 5
    assert bands.min() == 0
    assert (hidden == (hidden.all(2)[:, :, None] | hidden.all(1)[:, None, :])).all()
    np.testing.assert_array_equal(y, hide(x, np.random.default_rng(0)))
    assert (x == 1).all(), "the input stays"
    assert (audio.SpecAugment(2, 10_000, 2, 10_000, time_share=0.1)(x, np.random.default_rng(1)).sum(2) > 0).any()
    np.testing.assert_array_equal(audio.SpecAugment(0, 5, 0, 5)(x, np.random.default_rng(1)), x)
    assert "time_masks=2" in repr(hide)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: audio.stft(X, 2048), "stft: input has 700 samples, too few to continue them by 1024"),
        (lambda: audio.stft(X, 1024, center=False), "stft: input has 700 samples, fewer than a frame"),
        (lambda: audio.stft(X, 64, 16, 65), "stft: win_length is 65, longer than a frame"),
        (lambda: audio.stft(X, 64, 16, 32, np.ones(64)), r"stft: window has shape \(64,\) but must be \(32,\)"),
        (lambda: audio.stft(X, 64, 0), "stft: hop_length must be at least 1"),
        (lambda: audio.stft(1.0, 64), "stft: input must be"),
        (lambda: audio.melscale_fbanks(9, 300, 200, 4, 8000), "melscale_fbanks: f_min is 300 and f_max 200"),
        (lambda: audio.melscale_fbanks(9, 0, 5000, 4, 8000), "melscale_fbanks: f_max must be from 0 to 4000"),
        (lambda: audio.melscale_fbanks(9, 0, 4000, 4, 8000, mel_scale="bark"), "mel_scale must be 'htk' or 'slaney'"),
        (lambda: audio.vocal_tract_fbanks(9, 0, 4000, 4, 8000, 3), "vocal_tract_fbanks: alpha must be from 0.5 to 2"),
        (lambda: audio.vocal_tract_fbanks(9, 0, 4000, 4, 8000, 0.5, 4000), "leaves nothing above"),
        (lambda: audio.hz_to_mel(-1.0), "hz_to_mel: frequency must be at least 0"),
        (
            lambda: audio.log_mel_spectrogram(X, np.ones(9, np.float32), 80, [1.0]),
            r"fbanks must be \(n_freqs, n_mels\)",
        ),
        (lambda: audio.log_mel_spectrogram(X, np.ones((9, 2), np.float32), 80, np.ones(16), 64), "n_fft 64 gives 33"),
        (lambda: audio.mfcc(np.ones((4, 5)), 6), "mfcc: n_mfcc is 6, more than the 4 bands"),
        (lambda: audio.mfcc(np.ones(4)), r"mfcc: log_mel must be \(..., n_mels, frames\)"),
        (lambda: audio.compute_deltas(np.ones((4, 0))), r"compute_deltas: specgram must be \(..., frames\)"),
        (lambda: audio.compute_deltas(np.ones((4, 2)), 7, "reflect"), "compute_deltas: specgram must be"),
        (lambda: audio.SpecAugment(time_share=2), "SpecAugment: time_share must be from 0 to 1"),
        (lambda: audio.SpecAugment()(X, np.random.default_rng(0)), r"SpecAugment: features must be \(N, T, M\)"),
    ],
)
def test_wrong_calls(call, message):
    with pytest.raises(ValueError, match=message):
        call()
